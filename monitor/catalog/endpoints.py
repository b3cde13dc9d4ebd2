"""What a catalogue holds: providers, regions and endpoints, and the form of the files that declare them.

A file's entries are dense: one may declare many hosts by a template, and leave to `defaults` what it shares
with the others. `monitor.catalog.expand` turns them into endpoints, each complete in itself.
"""

import datetime as dt
from typing import Literal

import msgspec

from monitor.types import Scope

AddressKind = Literal["unicast", "anycast", "unknown"]
Role = Literal["api", "web", "telemetry", "control", "cdn", "auth", "media", "gateway", "ech-outer"]
RegionVerified = Literal["full", "code", "listed", "none"]
Verified = Literal["full", "pattern", "host", "third-party", "outdated", "none"]
ConcealerKind = Literal["resolver", "vpn", "relay"]


class Provider(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who operates endpoints. ``operator_country`` is where the company sits, not where it processes."""

    id: str
    name: str
    operator_country: str | None = None


class Region(msgspec.Struct, frozen=True):
    """One vendor's region. Codes mean nothing without their vendor: eu-west-1 is Dublin or London.

    Coordinates are degrees, approximate. ``verified``: "full", "code" (the code is, its place is not),
    "listed" (as a public list has it) or "none" (from memory).
    """

    vendor: str
    code: str
    country: str
    city: str | None
    latitude: float | None
    longitude: float | None
    kind: str
    source: str
    verified: RegionVerified


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a file says of one endpoint, or of a family of them; null where the file's defaults say it.

    ``host`` is a name, a pattern or a template, several of them, or templates by the regions they hold for.
    ``*`` stands for any part of one label, a leading ``*.`` for one or more labels, ``{region}`` for each of
    ``regions``: names of the file's region lists or codes of ``vendor`` (by default the provider), or a
    mapping of codes that are no vendor's to their country.
    """

    host: str | tuple[str, ...] | dict[str, str] | None = None
    cidr: str | tuple[str, ...] | None = None
    provider: str | None = None
    service: str | None = None
    scope: Scope | None = None
    region: str | None = None
    regions: str | dict[str, str] | None = None
    vendor: str | None = None
    countries: tuple[str, ...] | None = None
    possible: bool | None = None
    not_llm: bool | None = None
    cname_only: bool | None = None
    address: AddressKind | None = None
    role: Role | None = None
    behind: tuple[str, ...] | None = None
    voice: bool | None = None
    source: str | None = None
    date: dt.date | None = None
    verified: Verified | None = None
    note: str | None = None


class ConcealerEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a file says of one service that hides what goes through it; null where its defaults say it.

    ``kind``: "resolver" (DNS over HTTPS, TLS or QUIC), "vpn" or "relay" (which forwards single requests or
    connections). ``host`` are names and patterns as in `Entry`, ``cidr`` addresses that serve nothing else.
    """

    kind: ConcealerKind
    service: str
    host: str | tuple[str, ...] = ()
    cidr: str | tuple[str, ...] = ()
    source: str | None = None
    date: dt.date | None = None
    verified: Verified | None = None
    note: str | None = None


class CatalogFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One catalogue file. ``region_lists`` are codes (or earlier lists' names) separated by spaces."""

    providers: tuple[Provider, ...] = ()
    defaults: Entry = Entry()
    region_lists: dict[str, str] = {}
    endpoints: tuple[Entry, ...] = ()
    concealing: tuple[ConcealerEntry, ...] = ()


class Endpoint(msgspec.Struct, frozen=True):
    """One name, pattern or address range, and what reaching it means.

    ``match`` is the host pattern or CIDR prefix. ``countries`` are ISO 3166-1 codes, sorted, with the
    meaning that `monitor.types.Attribution` gives them by scope. ``possible`` marks a host that mixes LLM
    and other traffic, ``cname_only`` a name that connections do not ask for, ``not_llm`` a close call that is
    no LLM endpoint. ``address`` says what the place of its address is worth. ``behind`` are the providers
    that an ECH outer name may hide. ``voice``: calls are arranged there, whose media names nobody.
    ``verified``: "full" (the provider says so), "pattern" (the form is
    documented, this instance is not), "host" (its place is the operator's), "third-party" (somebody else says
    so: public lists, code samples), "outdated", or "none" (from memory).
    """

    match: str
    provider: str | None
    service: str | None
    scope: Scope
    region: str | None
    vendor: str | None
    countries: tuple[str, ...]
    possible: bool
    not_llm: bool
    cname_only: bool
    address: AddressKind
    role: Role
    behind: tuple[str, ...]
    voice: bool
    source: str
    date: dt.date
    verified: Verified
    note: str | None
    declared_in: str
    declared_by_user: bool

    @property
    def is_range(self) -> bool:
        """Whether ``match`` is a CIDR prefix, not a name or a pattern."""
        return "/" in self.match


class Concealer(msgspec.Struct, frozen=True):
    """One name, pattern or address range of a service that hides what goes through it.

    It is no LLM endpoint: what goes through it may be for one. ``verified`` is as in `Endpoint`.
    """

    match: str
    kind: ConcealerKind
    service: str
    source: str
    date: dt.date
    verified: Verified
    note: str | None
    declared_in: str
    declared_by_user: bool

"""What the names of a connection say: each name is looked up, and so is its alias chain.

Only live names count: those that the connection carried, else those that the client had resolved. The outer
name of an encrypted hello is never one of them.
"""

from collections.abc import Sequence

import msgspec

from monitor.catalog import Catalog
from monitor.endpoints import Endpoint
from monitor.types import Name

MAX_NAMES = 32  # of one question
MAX_ALIASES = 16  # of one chain (RFC 1034 section 3.6.2 asks for short ones)


class Question(msgspec.Struct, frozen=True):
    """What is known of a server: its names, its address, and the outer name where ECH hides the inner one."""

    names: tuple[Name, ...] = ()
    address: str | None = None
    outer_name: str | None = None


class Reading(msgspec.Struct, frozen=True):
    """One name, the entry that it fits, and the entries of its aliases.

    ``alias`` is set where the name itself is in no entry and that alias of it gave the entry.
    """

    name: Name
    endpoint: Endpoint | None
    alias: str | None
    aliases: tuple[tuple[str, Endpoint], ...]

    @property
    def llm(self) -> Endpoint | None:
        """The entry, where it is one of an LLM provider."""
        return self.endpoint if self.endpoint is not None and not self.endpoint.not_llm else None


def read(question: Question, catalog: Catalog) -> list[Reading]:
    """The readings of the names that count, the innermost first."""
    live = [name for name in _named(question, catalog) if name.state == "live"]
    carried = [name for name in live if name.source != "dns"]
    resolved = {name.value: name.cnames for name in live if name.source == "dns"}
    readings: dict[str, Reading] = {}
    for name in (carried or live)[:MAX_NAMES]:
        if name.value not in readings:
            chain = name.cnames or resolved.get(name.value, ())
            readings[name.value] = _read_one(name, chain, catalog)
    return list(readings.values())


def hearsay(question: Question, catalog: Catalog) -> list[Reading]:
    """The readings of names that the address had once, or for other clients, where they are LLM endpoints."""
    names = [name for name in _named(question, catalog) if name.state != "live"]
    readings = [_read_one(name, name.cnames, catalog) for name in names[:MAX_NAMES]]
    return [reading for reading in readings if reading.llm is not None]


def outer_names(question: Question, catalog: Catalog) -> list[tuple[str, Endpoint | None]]:
    """The names on the outside of an encrypted hello, with the entry that says what they may hide."""
    outer = {} if question.outer_name is None else {question.outer_name: _outer(question.outer_name, catalog)}
    for name in question.names[:MAX_NAMES]:
        endpoint = _outer(name.value, catalog)
        if endpoint is not None:
            outer[name.value] = endpoint
    return list(outer.items())


def _named(question: Question, catalog: Catalog) -> Sequence[Name]:
    return [
        name
        for name in question.names
        if name.value != question.outer_name and _outer(name.value, catalog) is None
    ]


def _outer(name: str, catalog: Catalog) -> Endpoint | None:
    endpoint = catalog.match_name(name)
    return endpoint if endpoint is not None and endpoint.role == "ech-outer" else None


def _read_one(name: Name, chain: Sequence[str], catalog: Catalog) -> Reading:
    matches = [(alias, catalog.match_name(alias)) for alias in chain[:MAX_ALIASES]]
    aliases = tuple((alias, endpoint) for alias, endpoint in matches if endpoint is not None)
    endpoint = catalog.match_name(name.value)
    if endpoint is not None:
        return Reading(name, endpoint, None, aliases)
    for alias, candidate in aliases:
        if not candidate.cname_only and not candidate.not_llm:
            return Reading(name, candidate, alias, aliases)
    return Reading(name, None, None, aliases)

"""What the names of a connection say: each name is looked up, and so is its alias chain.

Only live names count: those that the connection carried, else those that the client had resolved, else the
one name that a resolver had, which asks for clients that are not seen. The outer name of an encrypted hello
is never one of them, and what a proxy's address is called says nothing at all.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from monitor.attribution.private import is_private
from monitor.catalog import Catalog
from monitor.catalog.endpoints import Endpoint
from monitor.catalog.hostmatch import parse_address
from monitor.types import Name

MAX_NAMES = 32  # of one question
MAX_ALIASES = 16  # of one chain (RFC 1034 section 3.6.2 asks for short ones)


class Question(msgspec.Struct, frozen=True):
    """What is known of a server: its names, its address, and the outer name where ECH hides the inner one."""

    names: tuple[Name, ...] = ()
    address: str | None = None
    outer_name: str | None = None


def is_llm(endpoint: Endpoint) -> bool:
    """Whether an entry is one of an LLM provider, and not a close call or an outer name."""
    return not endpoint.not_llm and endpoint.role != "ech-outer"


class Reading(msgspec.Struct, frozen=True):
    """One name, the entry that it fits, and the entries of its aliases.

    ``alias`` is set where the name itself is in no entry and that alias of it gave the entry.
    """

    name: Name
    endpoint: Endpoint | None
    alias: str | None = None
    aliases: tuple[tuple[str, Endpoint], ...] = ()

    @property
    def llm(self) -> Endpoint | None:
        """The entry, where it is one of an LLM provider."""
        return self.endpoint if self.endpoint is not None and is_llm(self.endpoint) else None


class Readings(msgspec.Struct, frozen=True):
    """All that the names of a question say.

    ``live`` are the names that count, the innermost first; ``hearsay`` are LLM endpoints' names that the
    address had once, or for other clients; ``outer`` are names on the outside of an encrypted hello, with
    the entry that says what they may hide. ``beside`` are names that the client had resolved to the address
    of a connection that carried another name, one that the client was never told this address for; a
    private address is an intermediary's for all it is known, so none are of it.
    """

    live: tuple[Reading, ...]
    hearsay: tuple[Reading, ...] = ()
    outer: tuple[tuple[str, Endpoint | None], ...] = ()
    beside: tuple[Reading, ...] = ()


def read(question: Question, catalog: Catalog) -> Readings:
    """Look up every name of a question."""
    carried: dict[str, Reading] = {}
    resolved: dict[str, Reading] = {}
    others: list[Reading] = []
    outer: dict[str, Endpoint | None] = {}
    if question.outer_name is not None:
        outer[question.outer_name] = catalog.match_name(question.outer_name)
    for name in question.names[:MAX_NAMES]:
        endpoint = catalog.match_name(name.value)
        if name.value in outer or (endpoint is not None and endpoint.role == "ech-outer"):
            outer[name.value] = endpoint
        elif name.state != "live":
            others.append(_follow(Reading(name, endpoint), name.cnames, catalog))
        elif name.source == "dns":
            resolved.setdefault(name.value, Reading(name, endpoint))
        else:
            carried.setdefault(name.value, Reading(name, endpoint or _by_address(name.value, catalog)))
    proxied = any(name.source == "connect" for name in question.names)
    counted = carried if carried or proxied else resolved or _by_resolvers(others)
    followed = (_follow(reading, _chain(reading.name, resolved), catalog) for reading in counted.values())
    told = {*resolved, *(other.name.value for other in others if other.name.state == "stale")}
    beside: Iterable[Reading] = ()
    if carried and told.isdisjoint(carried) and not is_private(question.address or ""):
        beside = (_follow(reading, reading.name.cnames, catalog) for reading in resolved.values())
    return Readings(
        live=tuple(followed),
        hearsay=() if proxied else tuple(_hearsay(others, counted)),
        outer=tuple(outer.items()),
        beside=() if proxied else tuple(beside),
    )


def _by_resolvers(others: Sequence[Reading]) -> dict[str, Reading]:
    """The one name that resolvers were told for the address; none where there are more."""
    told = [other for other in others if other.name.state == "resolver"]
    return {told[0].name.value: told[0]} if len(told) == 1 else {}


def _hearsay(others: Sequence[Reading], counted: Mapping[str, Reading]) -> Iterator[Reading]:
    """The names of LLM endpoints that do not count."""
    for other in others:
        if other.llm is not None and counted.get(other.name.value) is not other:
            yield other


def _by_address(text: str, catalog: Catalog) -> Endpoint | None:
    """The entry of an address that stands in a name's place, as in `CONNECT 192.0.2.1:443`."""
    literal = text.removeprefix("[").removesuffix("]")
    return catalog.match_address(literal) if parse_address(literal) is not None else None


def _chain(name: Name, resolved: dict[str, Reading]) -> Sequence[str]:
    """The aliases of a name: its own, or those of the same name as the client resolved it."""
    if name.cnames or name.value not in resolved:
        return name.cnames
    return resolved[name.value].name.cnames


def _follow(reading: Reading, chain: Sequence[str], catalog: Catalog) -> Reading:
    """The reading with the entries of the alias chain; the first one that can speaks for an unlisted name."""
    if not chain:
        return reading
    matches = [(alias, catalog.match_name(alias)) for alias in chain[:MAX_ALIASES]]
    aliases = tuple((alias, endpoint) for alias, endpoint in matches if endpoint and is_llm(endpoint))
    if reading.endpoint is not None:
        return Reading(reading.name, reading.endpoint, None, aliases)
    for alias, candidate in aliases:
        if not candidate.cname_only:
            return Reading(reading.name, candidate, alias, aliases)
    return Reading(reading.name, None, None, aliases)

"""Which built-in endpoints a user's own entries stand before: meant, or an entry that is wider than it looks.

The user's entries are asked first, so one pattern can silence many built-in endpoints without a word. An own
entry inside a built-in one (a name of a pattern, a part of a range) refines it, and is not told.
"""

import ipaddress
from collections.abc import Iterator, Sequence

from monitor.catalog.endpoints import Endpoint
from monitor.catalog.expand import Declared, Remark
from monitor.catalog.hostmatch import NameIndex, Network

SHOWN = 5  # built-in endpoints that one warning names
_ANY = "0-any-0"  # a label in a pattern's star that nobody would write into an entry of their own
_MEND = "make it narrower, unless that is meant"


def shadows(own: Sequence[Declared], built_in: Sequence[Endpoint]) -> Iterator[Remark]:
    """One remark for each own entry that stands before built-in endpoints, in the order of the entries."""
    found: dict[str, list[str]] = {}
    names = _names(own)
    ranges = [(ipaddress.ip_network(one.endpoint.match), one) for one in own if one.endpoint.is_range]
    for endpoint in built_in:
        if endpoint.is_range:
            winner = _holder(ipaddress.ip_network(endpoint.match), ranges)
        else:
            winner = names.match(endpoint.match.replace("*", _ANY))
        if winner is not None:
            found.setdefault(winner.endpoint.match, []).append(endpoint.match)
    for one in own:
        hidden = found.pop(one.endpoint.match, None)
        if hidden:
            yield Remark(one.place, f"{one.endpoint.match} stands before {_listed(hidden)}", _MEND)


def _names(own: Sequence[Declared]) -> NameIndex[Declared]:
    index: NameIndex[Declared] = NameIndex()
    for one in own:
        if not one.endpoint.is_range:
            index.add(one.endpoint.match, one)
    index.seal()
    return index


def _holder(network: Network, ranges: Sequence[tuple[Network, Declared]]) -> Declared | None:
    """The own range that holds all of a built-in one."""
    for wide, one in ranges:
        if wide.prefixlen <= network.prefixlen and network.network_address in wide:
            return one
    return None


def _listed(hidden: Sequence[str]) -> str:
    if len(hidden) == 1:
        return f"the built-in endpoint {hidden[0]}"
    more = f" and {len(hidden) - SHOWN} more" if len(hidden) > SHOWN else ""
    return f"{len(hidden)} built-in endpoints: {', '.join(hidden[:SHOWN])}{more}"

"""Tells whether an address is where LLM endpoints are known to be hosted. Pure.

Such ranges may be a hundred thousand (clouds publish theirs), and are asked only for connections without a
name: they are sorted by their first number when first needed, and read when an address begins like them.
"""

import ipaddress
from collections.abc import Iterable, Sequence
from functools import cached_property, lru_cache

from monitor.catalog.hostmatch import parse_address

CACHE = 65_536  # addresses whose answers are kept
_V4_BITS, _V6_BITS = 32, 128
_FIRST_BITS = {_V4_BITS: 8, _V6_BITS: 16}  # of the number that an address in text begins with
_WIDE = {_V4_BITS: "wide.", _V6_BITS: "wide:"}  # prefixes shorter than that

_Table = dict[int, set[int]]  # what is left of networks' numbers, by how much is shifted away


class Hosting:
    """Address prefixes in CIDR notation, as the native engine's Interest takes them."""

    def __init__(self, prefixes: Sequence[str]) -> None:
        self._prefixes = prefixes
        self._tables: dict[str, _Table] = {}
        self.holds = lru_cache(CACHE)(self._look_up)

    @cached_property
    def _by_start(self) -> dict[str, list[str]]:
        starts: dict[str, list[str]] = {}
        for prefix in self._prefixes:
            address, _, length = prefix.partition("/")
            if ":" in address:
                start = f"{address.partition(':')[0].lower().lstrip('0')}:"
                bits = _V6_BITS
            else:
                start = f"{address.partition('.')[0]}."
                bits = _V4_BITS
            starts.setdefault(start if int(length) >= _FIRST_BITS[bits] else _WIDE[bits], []).append(prefix)
        return starts

    def _look_up(self, text: str) -> bool:
        address = parse_address(text)
        if address is None:
            return False
        number, bits = int(address), address.max_prefixlen
        first = number >> bits - _FIRST_BITS[bits]
        start = f"{first}." if bits == _V4_BITS else f"{first:x}:".lstrip("0")
        return any(
            number >> shift in networks
            for each in (start, _WIDE[bits])
            for shift, networks in self._table(each).items()
        )

    def _table(self, start: str) -> _Table:
        """Return the prefixes that begin with a number. As many tables as beginnings, never as addresses."""
        if start not in self._by_start:
            return {}
        if start not in self._tables:
            self._tables[start] = _read(self._by_start[start])
        return self._tables[start]


def _read(prefixes: Iterable[str]) -> _Table:
    table: _Table = {}
    for prefix in prefixes:
        address, _, length = prefix.partition("/")
        parsed = ipaddress.ip_address(address)
        shift = parsed.max_prefixlen - int(length)
        table.setdefault(shift, set()).add(int(parsed) >> shift)
    return table

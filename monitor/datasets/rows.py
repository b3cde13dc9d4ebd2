"""The rows that published files are read into, and the prefixes in them. Pure.

A prefix is kept as numbers in the space of IPv6, IPv4 in its first 2^32 addresses, as the MMDB tree has it.
"""

import datetime as dt
import ipaddress
import re
from collections.abc import Iterator

import msgspec

ADDRESS_BITS = 128
IPV4_BITS = 96  # what stands above an IPv4 address in the tree
MIN_IPV4_LENGTH = 8  # no provider holds more
MIN_IPV6_LENGTH = 16
MAX_ROWS = 2_000_000
_PREFIX = re.compile(r"[0-9A-Fa-f:.]{2,45}/[0-9]{1,3}")
_BYTE = "(0|[1-9][0-9]{0,2})"
_IPV4 = re.compile(rf"{_BYTE}\.{_BYTE}\.{_BYTE}\.{_BYTE}/{_BYTE}")
_IPV6 = re.compile(rf"([0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)/{_BYTE}")
_SHOWN = 60  # characters of a bad value that a message quotes


class RefusedError(Exception):
    """A file that is not taken: what is wrong, and what a person can do."""

    def __init__(self, problem: str, mend: str = "check that it is the right file") -> None:
        super().__init__(f"{problem}; {mend}")
        self.problem = problem
        self.mend = mend


class Prefix(msgspec.Struct, frozen=True):
    """A prefix: its first address and its length, both in the space of IPv6."""

    first: int
    length: int


class Row(msgspec.Struct, frozen=True):
    """One line of a published file.

    ``region`` is the vendor's code as in regions.csv. ``everywhere``: the file says that the prefix has no
    one place. ``generic``: the service is only the provider's name for all it has.
    """

    prefix: Prefix
    region: str | None
    service: str | None
    everywhere: bool = False
    generic: bool = False
    anycast: bool = False


class Published(msgspec.Struct, frozen=True):
    """What a file says, and the day on which it says it was published."""

    rows: tuple[Row, ...]
    date: dt.date | None = None

    @property
    def prefixes(self) -> int:
        """How many different prefixes there are."""
        return len({row.prefix for row in self.rows})


class PrefixReader:
    """Reads prefixes, each text once. Refuses what no provider can hold."""

    def __init__(self) -> None:
        self._known: dict[str, Prefix] = {}

    def read(self, text: str) -> Prefix:
        """The prefix. Raises RefusedError."""
        known = self._known.get(text)
        if known is None:
            known = self._known[text] = read_prefix(text)
        return known


def read_prefix(text: str) -> Prefix:
    """A prefix in CIDR notation. Raises RefusedError for what is none, or cannot be a provider's."""
    prefix = _read_ipv4(text) or _read_ipv6(text)
    if prefix is None:
        raise RefusedError(f"{quoted(text)} is no prefix")
    ipv4 = ":" not in text
    if prefix.length < (MIN_IPV4_LENGTH + IPV4_BITS if ipv4 else MIN_IPV6_LENGTH):
        raise RefusedError(f"{text} is wider than any provider's prefix")
    if any(overlap(prefix, other) for other in (_NOT_PUBLIC_IPV4 if ipv4 else _NOT_PUBLIC_IPV6)):
        raise RefusedError(f"{text} is not in public address space")
    return prefix


def overlap(one: Prefix, other: Prefix) -> bool:
    """Whether two prefixes have addresses in common."""
    shift = ADDRESS_BITS - min(one.length, other.length)
    return one.first >> shift == other.first >> shift


def _read_ipv4(text: str) -> Prefix | None:
    match = _IPV4.fullmatch(text)
    if match is None:
        return None
    a, b, c, d, length = map(int, match.groups())
    first = a << 24 | b << 16 | c << 8 | d
    if max(a, b, c, d) > 255 or length > 32 or first & ((1 << (32 - length)) - 1):
        return None
    return Prefix(first, length + IPV4_BITS)


def _read_ipv6(text: str) -> Prefix | None:
    match = _IPV6.fullmatch(text)
    length = int(match[2]) if match is not None else 0
    if match is None or length > ADDRESS_BITS:
        return None
    try:
        first = int(ipaddress.IPv6Address(match[1]))
    except ValueError:
        return None
    return None if first & ((1 << (ADDRESS_BITS - length)) - 1) else Prefix(first, length)


def _prefixes(text: str) -> tuple[Prefix, ...]:
    found = (_read_ipv4(each) or _read_ipv6(each) for each in text.split())
    return tuple(each for each in found if each is not None)


def quoted(text: str) -> str:
    """A value as a message can show it: short, on one line."""
    return ascii(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")


def read_day(text: str) -> dt.date | None:
    """The day at the start of an ISO date or time; None when there is none."""
    try:
        return dt.date.fromisoformat(text[:10])
    except ValueError:
        return None


def all_prefixes(text: str) -> Iterator[str]:
    """Everything in a text that looks like a prefix."""
    return (match[0] for match in _PREFIX.finditer(text))


# Special purposes: RFC 6890 and the IANA registries; of IPv6 only 2000::/3 is handed out.
_NOT_PUBLIC_IPV4 = _prefixes(
    "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 "
    "192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/3"
)
_NOT_PUBLIC_IPV6 = _prefixes("::/3 4000::/2 8000::/1 2001::/32 2001:db8::/32 2002::/16 3fff::/20")

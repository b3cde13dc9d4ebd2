"""Finds the entry that a host name or an address belongs to; the most specific one wins.

Names are matched label by label, without regular expressions: the work for one name is bounded by its
length (RFC 1035: 253 characters, 127 labels) and by how many patterns share a literal suffix.
"""

import ipaddress
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Generic, TypeVar

T = TypeVar("T")

MAX_NAME = 253  # RFC 1035 section 2.3.4, without the root's dot
MAX_PATTERNS = 256  # with one literal suffix
ANSWERS_KEPT = 65_536
MAX_ADDRESS = 64  # an IPv6 address with a zone, with room to spare
Part = tuple[str, str, str]  # of one label: before the star, the star, after it
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def normal_name(text: str) -> str | None:
    """The name in lower case and without the trailing dot; None for what cannot be a host's name."""
    name = text.removesuffix(".")
    if not name or len(name) > MAX_NAME or not name.isascii():
        return None  # lower() would fold some letters beyond ASCII into ASCII ones
    if name[0] == "." or name[-1] == "." or ".." in name:
        return None
    return name.lower()


class HostPattern(Generic[T]):
    """One pattern. ``rank`` orders them: literal labels, then literal characters, then labels, then text."""

    def __init__(self, text: str, value: T) -> None:
        self.text = text
        self.value = value
        labels = text.split(".")
        starred = [index for index, label in enumerate(labels) if "*" in label]
        self.suffix = ".".join(labels[starred[-1] + 1 :])
        self.open = labels[0] == "*"  # fits one or more labels
        self.head = [label.partition("*") for label in labels[self.open : starred[-1] + 1]]
        literal_characters = len(text) - text.count(".") - text.count("*")
        self.specificity = (len(labels) - len(starred), literal_characters, len(labels))
        self.rank = (self.specificity, text)

    def matches(self, labels: list[str]) -> bool:
        """Whether the labels to the left of the literal suffix fit."""
        spare = len(labels) - len(self.head)
        if spare < 1 if self.open else spare != 0:
            return False
        return all(_fits(part, label) for part, label in zip(self.head, labels[spare:], strict=True))

    def overlaps(self, other: "HostPattern[T]") -> bool:
        """Whether one name can fit both, given that their literal suffixes are the same."""
        if self.open != other.open or len(self.head) != len(other.head):
            return False
        return all(_meet(left, right) for left, right in zip(self.head, other.head, strict=True))


class NameIndex(Generic[T]):
    """Values by exact names and by patterns."""

    def __init__(self) -> None:
        self._exact: dict[str, T] = {}
        self._patterns: dict[str, list[HostPattern[T]]] = {}

    def add(self, text: str, value: T) -> None:
        """Add a name or a pattern, in lower case. The order of patterns counts after `seal`."""
        if "*" not in text:
            self._exact[text] = value
            return
        pattern = HostPattern(text, value)
        self._patterns.setdefault(pattern.suffix, []).append(pattern)

    def seal(self) -> None:
        """Order the patterns, most specific first."""
        for patterns in self._patterns.values():
            patterns.sort(key=lambda pattern: pattern.rank, reverse=True)

    def match(self, name: str) -> T | None:
        """The value of the most specific entry for a name in the form of `normal_name`."""
        exact = self._exact.get(name)
        if exact is not None:
            return exact
        best: HostPattern[T] | None = None
        dot = name.find(".")
        while dot >= 0:
            patterns = self._patterns.get(name[dot + 1 :])
            if patterns:
                labels = name[:dot].split(".")
                fit = next((pattern for pattern in patterns if pattern.matches(labels)), None)
                if fit is not None and (best is None or fit.rank > best.rank):
                    best = fit
            dot = name.find(".", dot + 1)
        return best.value if best else None

    def crowds(self) -> Iterator[HostPattern[T]]:
        """The first pattern too many of each literal suffix."""
        for patterns in self._patterns.values():
            yield from patterns[MAX_PATTERNS : MAX_PATTERNS + 1]

    def ties(self) -> Iterator[tuple[HostPattern[T], HostPattern[T]]]:
        """Pairs of patterns that fit one name although neither is more specific. Call after `seal`."""
        for patterns in self._patterns.values():
            for index, pattern in enumerate(patterns):
                for other in patterns[index + 1 :]:
                    if other.specificity != pattern.specificity:
                        break
                    if pattern.overlaps(other):
                        yield pattern, other


class AddressIndex(Generic[T]):
    """Values by address prefix; the longest wins."""

    def __init__(self) -> None:
        self._networks: dict[tuple[int, int], dict[int, T]] = {}
        self._lengths: dict[int, list[int]] = {4: [], 6: []}

    def add(self, network: Network, value: T) -> None:
        """Add a prefix."""
        shift = network.max_prefixlen - network.prefixlen
        networks = self._networks.setdefault((network.version, shift), {})
        networks[int(network.network_address) >> shift] = value
        if shift not in self._lengths[network.version]:
            self._lengths[network.version].append(shift)
            self._lengths[network.version].sort()

    def match(self, text: str) -> T | None:
        """The value of the longest prefix that holds the address; None for what is no address."""
        address = parse_address(text)
        if address is None:
            return None
        number = int(address)
        for shift in self._lengths[address.version]:
            value = self._networks[address.version, shift].get(number >> shift)
            if value is not None:
                return value
        return None


class Addresses:
    """A set of networks. ``hold`` tells whether an address is in one; answers are kept, up to a bound."""

    def __init__(self, networks: Iterable[Network]) -> None:
        index: AddressIndex[bool] = AddressIndex()
        for network in networks:
            index.add(network, value=True)
        self.hold = lru_cache(ANSWERS_KEPT)(lambda address: index.match(address) is not None)


def parse_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address, an IPv4-mapped one (RFC 4291 section 2.5.5.2) as IPv4; None for what is no address."""
    if len(text) > MAX_ADDRESS or (":" not in text and not text[-1:].isdigit()):
        return None  # most names; to have them refused below takes ten times longer
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _fits(part: Part, label: str) -> bool:
    prefix, star, suffix = part
    if not star:
        return label == prefix
    return len(label) >= len(prefix) + len(suffix) and label.startswith(prefix) and label.endswith(suffix)


def _meet(left: Part, right: Part) -> bool:
    """Whether one label can fit both."""
    if not left[1]:
        return _fits(right, left[0])
    if not right[1]:
        return _fits(left, right[0])
    prefixes = left[0].startswith(right[0]) or right[0].startswith(left[0])
    return prefixes and (left[2].endswith(right[2]) or right[2].endswith(left[2]))

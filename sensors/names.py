"""Tells whether names and addresses are among those of an interest, as `hostmatch.rs` does. Pure."""

import ipaddress
from collections.abc import Sequence

MAX_NAME = 253  # RFC 1035 section 2.3.4, without the root's dot

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class NameSet:
    """Names and patterns, in lower case. A first label "*" fits one or more; elsewhere it is part of one."""

    def __init__(self, names: Sequence[str]) -> None:
        self._exact = {name for name in names if "*" not in name}
        self._patterns = [name.split(".") for name in names if "*" in name]

    def fits(self, text: str) -> bool:
        """Whether a name, in any case, with or without its last dot, is one of them."""
        name = text.removesuffix(".").lower()
        if not name or len(name) > MAX_NAME or not text.isascii() or "" in name.split("."):
            return False
        return name in self._exact or any(_matches(labels, name.split(".")) for labels in self._patterns)


class AddressSet:
    """Networks, in CIDR notation. Raises ValueError for what is none."""

    def __init__(self, prefixes: Sequence[str]) -> None:
        self._networks: list[Network] = [ipaddress.ip_network(prefix) for prefix in prefixes]

    def fits(self, text: str) -> bool:
        """Whether an address is in one of them."""
        if not self._networks:
            return False
        address = ipaddress.ip_address(text)
        return any(address in network for network in self._networks)


def _matches(pattern: list[str], labels: list[str]) -> bool:
    """Whether a name fits, label by label from the right."""
    is_open = pattern[0] == "*"
    head = pattern[1:] if is_open else pattern
    spare = len(labels) - len(head)
    if spare < 1 if is_open else spare != 0:
        return False
    return all(_label_fits(part, label) for part, label in zip(head, labels[spare:], strict=True))


def _label_fits(part: str, label: str) -> bool:
    before, star, after = part.partition("*")
    if not star:
        return part == label
    return len(label) >= len(before) + len(after) and label.startswith(before) and label.endswith(after)

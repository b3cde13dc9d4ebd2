"""Tells which connections hide others: encrypted DNS, VPNs and relays. Pure; asked only of what is no LLM's.

What a connection says of itself comes first (the tunnel that it opens, the protocols that it offers), then
its names, then an address that serves nothing else, then the port that is set aside for encrypted DNS. If
DNS gave several names for the address, they tell something only where all of them do.
"""

import ipaddress
from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType

from monitor.attribution.readings import MAX_ALIASES
from monitor.catalog import Concealer
from monitor.catalog.concealers import names_of
from monitor.catalog.hostmatch import AddressIndex, normal_name
from monitor.types import Concealment, Connection, Hello, Name
from sensors.observations import Carrier, FlowKey, Transport

Port = tuple[Transport, int]

CARRIERS: Mapping[Carrier, Concealment] = MappingProxyType({
    "wireguard": "vpn",
    "openvpn": "vpn",
    "ike": "vpn",
})  # fmt: skip
ALPNS: Mapping[str, Concealment] = MappingProxyType({
    "dot": "dot",  # RFC 7858, as IANA registers it
    "doq": "doq",  # RFC 9250
    "dq": "doq",  # its drafts, up to "doq-i12"
    **{f"doq-i{draft:02}": "doq" for draft in range(13)},
    "masque": "relay",
})  # fmt: skip
PORTS: Mapping[Port, Concealment] = MappingProxyType({
    ("tcp", 853): "dot",  # RFC 7858 section 3.1
    ("udp", 853): "doq",  # RFC 9250 section 4.1.1
})  # fmt: skip
RESOLVER_PORTS: Mapping[Port, Concealment] = MappingProxyType({
    **PORTS,
    ("udp", 784): "doq",  # of drafts, and still served
    ("udp", 8853): "doq",
    ("tcp", 443): "doh",  # RFC 8484; HTTP/3 over UDP
    ("udp", 443): "doh",
})  # fmt: skip
CACHE = 65_536  # names and addresses whose answers are kept


class Concealing:
    """The known concealers, ready to be asked. Of two that name the same, the first counts."""

    def __init__(self, concealers: Sequence[Concealer]) -> None:
        known = {each.match: each for each in reversed(concealers)}
        self._matches = tuple(sorted(known))
        self._names = names_of(list(known.values()))
        self._addresses: AddressIndex[Concealer] = AddressIndex()
        for match, concealer in known.items():
            if "/" in match:
                self._addresses.add(ipaddress.ip_network(match), concealer)
        self._by_name = lru_cache(CACHE)(self._look_name_up)
        self._by_address = lru_cache(CACHE)(self._addresses.match)

    def names(self) -> tuple[str, ...]:
        """Every host name and pattern by which a connection may conceal, as `NameIndex` takes them."""
        return tuple(match for match in self._matches if "/" not in match)

    def prefixes(self) -> tuple[str, ...]:
        """Every address prefix by which a connection may conceal, as CIDR text."""
        return tuple(match for match in self._matches if "/" in match)

    def find(self, text: str) -> Concealer | None:
        """The concealer of a host name, or of an address: a proxy may be asked for either."""
        return self._find_name(text) or self._addresses.match(text)

    def kind(self, connection: Connection) -> Concealment | None:
        """How a connection hides others; None where nothing says that it does."""
        flow, hello = connection.flow, connection.hello
        said = _said(hello)
        if said is not None:
            return said
        for concealer in (self._named(connection.names), self._placed(connection)):
            kind = _kind(concealer, flow, hello) if concealer is not None else None
            if kind is not None:
                return kind
        return None if _in_clear(hello) else PORTS.get((flow.transport, flow.server_port))

    def _named(self, names: Sequence[Name]) -> Concealer | None:
        """The concealer that the carried names tell of, or else all that DNS gave."""
        live = [name for name in names if name.state == "live"]
        carried = [name for name in live if name.source != "dns"]
        found = [self._by_name(name) for name in carried or live]
        known = [concealer for concealer in found if concealer is not None]
        return known[0] if known and (carried or len(known) == len(found)) else None

    def _placed(self, connection: Connection) -> Concealer | None:
        """The concealer at the server's address, unless that is a proxy's, which says whom it connects to."""
        if any(name.source == "connect" for name in connection.names):
            return None
        return self._by_address(connection.flow.server)

    def _find_name(self, text: str) -> Concealer | None:
        normal = normal_name(text)
        return self._names.match(normal) if normal is not None else None

    def _look_name_up(self, name: Name) -> Concealer | None:
        """Look up a name, which may be an address where a connection carried it, and its aliases."""
        find = self._find_name if name.source == "dns" else self.find
        aliases = map(self._find_name, name.cnames[:MAX_ALIASES])
        return find(name.value) or next(filter(None, aliases), None)


def _said(hello: Hello | None) -> Concealment | None:
    """How a first message itself says that it hides others."""
    if hello is None:
        return None
    carried = CARRIERS.get(hello.carrier)
    return carried or next((ALPNS[protocol] for protocol in hello.alpn if protocol in ALPNS), None)


def _kind(concealer: Concealer, flow: FlowKey, hello: Hello | None) -> Concealment | None:
    """How a connection to a concealer hides others; a resolver does so only where it is asked in cipher."""
    if concealer.kind != "resolver":
        return concealer.kind
    if _in_clear(hello):
        return None
    by_port = RESOLVER_PORTS.get((flow.transport, flow.server_port))
    return by_port or ("doh" if hello is not None else None)


def _in_clear(hello: Hello | None) -> bool:
    """Whether a first message was read that is plain HTTP."""
    return hello is not None and hello.carrier == "http"

"""Where tshark found a frame's innermost packet: the flow's ends, the VLAN, and the tunnels around it.

The list of protocols in a frame is walked from the outside in, and the values of each layer are taken in
turn. What an ICMP error quotes is no packet of its own, so the walk ends there.
"""

from typing import Final, NamedTuple

from sensors.tshark_facts import Facts, address_bytes, first, is_set, number

MAX_LAYERS: Final = 128  # of one frame; what is nested deeper is not looked at
TCP, UDP = 6, 17

# tshark's names for protocols that carry no flow, and ours.
FLOWLESS: Final = {
    "arp": "arp",
    "cdp": "cdp",
    "cfm": "cfm",
    "dtp": "dtp",
    "eapol": "eapol",
    "eigrp": "eigrp",
    "esp": "esp",
    "icmp": "icmp",
    "icmpv6": "icmpv6",
    "igmp": "igmp",
    "ipcp": "link-control",
    "ipv6cp": "link-control",
    "ipx": "ipx",
    "isis": "isis",
    "lcp": "link-control",
    "lldp": "lldp",
    "loop": "loop-test",
    "ospf": "ospf",
    "pap": "link-control",
    "pim": "pim",
    "pppoed": "pppoe-discovery",
    "ptp": "ptp",
    "slow": "slow-protocols",
    "stp": "stp",
    "udld": "udld",
    "vrrp": "vrrp",
    "vtp": "vtp",
}
_ENDS_OF_WALK = frozenset({"icmp", "icmpv6"})
_TUNNELS = {
    "erspan": "erspan",
    "etherip": "etherip",
    "geneve": "geneve",
    "gre": "gre",
    "gtp": "gtpu",
    "mpls": "mpls",
    "pppoes": "pppoe",
    "teredo": "teredo",
    "vxlan": "vxlan",
}
_NETWORKS = frozenset({"ip", "ipv6"})
_TRANSPORTS = frozenset({"tcp", "udp"})
_EXTENSION = "ipv6."  # tshark names the extension headers so


class Place(NamedTuple):
    """A TCP segment or UDP datagram on its way. ``above`` are the protocols that it carries."""

    transport: int
    source: bytes
    source_port: int
    target: bytes
    target_port: int
    ip_bytes: int
    vlan: int | None
    tunnel: str | None
    above: tuple[str, ...]


class _Network(NamedTuple):
    source: bytes
    target: bytes
    ip_bytes: int


def locate(facts: Facts) -> Place | str:
    """Return the innermost TCP or UDP packet of a frame, or what the frame is counted as.

    That is the name of a protocol without flows, or a colon and the reason for not decoding it.
    """
    walk = _Walk(facts)
    protocols = first(facts.protocols).split(":")[:MAX_LAYERS]
    for index, protocol in enumerate(protocols):
        walk.enter(protocol)
        if protocol in _ENDS_OF_WALK:
            break
        if walk.place is not None and protocol in _TRANSPORTS:
            walk.place = walk.place._replace(above=tuple(protocols[index + 1 :]))
    return walk.outcome()


class _Walk:
    """The state of going through a frame's layers."""

    def __init__(self, facts: Facts) -> None:
        self.place: Place | None = None
        self._facts = facts
        self._met: dict[str, int] = {}  # how many layers of a protocol there were
        self._network: _Network | None = None
        self._tunnels: list[str] = []
        self._before = ""
        self._flowless: str | None = None

    def enter(self, protocol: str) -> None:
        """Go one layer further in."""
        turn = self._met.get(protocol, 0)
        self._met[protocol] = turn + 1
        if protocol in _NETWORKS:
            self._enter_network(protocol, turn)
        elif protocol in _TUNNELS:
            self._enter_tunnel(protocol, turn)
        elif protocol == "ppp" and self._before == "gre":
            self._tunnels[-1] = "pptp"
        elif protocol == "eth":
            self.place = self._network = None
        elif protocol == "tcp":
            self.place = self._transport(TCP, turn)
        elif protocol == "udp":
            self.place = self._transport(UDP, turn)
        elif protocol in FLOWLESS and self.place is None:
            self._flowless = FLOWLESS[protocol]
        self._before = protocol

    def outcome(self) -> Place | str:
        """Say what the frame is."""
        facts = self._facts
        if self.place is not None:
            return self.place
        if self._flowless is not None:
            return self._flowless
        if number(facts.ip_offset, -1) or is_set(facts.ip_more[-1:]) or facts.ip6_part:
            return "ip-fragment"
        if facts.malformed:
            return f":malformed-{self._before or 'frame'}"
        if number(facts.captured_bytes) < number(facts.wire_bytes):
            return ":truncated-frame"
        return ":unknown-ethertype" if self._network is None else ":unknown-ip-protocol"

    def _enter_network(self, protocol: str, turn: int) -> None:
        facts = self._facts
        if self._before in _NETWORKS or self._before.startswith(_EXTENSION):
            self._tunnels.append("ipip")
        self.place = None
        if protocol == "ip":
            ends, ip_bytes = (facts.ip_source, facts.ip_target), number(facts.ip_bytes, turn)
        else:
            ends, ip_bytes = (facts.ip6_source, facts.ip6_target), number(facts.ip6_bytes, turn) + 40
        source, target = (address_bytes(values[turn]) if turn < len(values) else None for values in ends)
        self._network = None
        if source is not None and target is not None:
            self._network = _Network(source, target, ip_bytes)

    def _enter_tunnel(self, protocol: str, turn: int) -> None:
        facts = self._facts
        name = _TUNNELS[protocol]
        numbers = {"vxlan": facts.vxlan, "geneve": facts.geneve, "erspan": facts.erspan}.get(protocol, ())
        if turn < len(numbers):
            name = f"{name}:{number(numbers, turn)}"
        if protocol == "erspan" and self._before == "gre":
            self._tunnels[-1] = name
        elif protocol != self._before:
            self._tunnels.append(name)

    def _transport(self, transport: int, turn: int) -> Place | None:
        facts, network = self._facts, self._network
        ports = facts.udp_source, facts.udp_target
        if transport == TCP:
            ports = facts.tcp_source, facts.tcp_target
        if network is None or turn >= min(map(len, ports)):
            return None
        vlan = number(facts.vlan) if facts.vlan else None
        tunnel = "/".join(self._tunnels) or None
        return Place(
            transport,
            network.source,
            number(ports[0], turn),
            network.target,
            number(ports[1], turn),
            network.ip_bytes,
            vlan,
            tunnel,
            (),
        )

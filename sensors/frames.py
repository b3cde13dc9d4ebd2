"""From frames to TCP and UDP segments. Every packet goes through here, so the plain path is short.

Every frame ends up in one count: decoded by the innermost protocol, or undecoded by reason; fragments once
their datagram is settled. The layers are tables (links.py, NETWORKS, transports.py), followed in that order,
and again inside every tunnel (tunnels.py).
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import NamedTuple

from dpkt.ethernet import ETH_TYPE_IP, ETH_TYPE_IP6
from dpkt.ip import IP_PROTO_FRAGMENT, IP_PROTO_TCP, IP_PROTO_UDP

from sensors.captured import Frame
from sensors.cargo import Cargo, TunnelNames
from sensors.flowless import FLOWLESS_NETWORKS, FLOWLESS_TRANSPORTS
from sensors.fragments import Fragment, FragmentTable
from sensors.ip import Packet, Part, inner_transport, ipv4, ipv6
from sensors.limits import Limits
from sensors.links import LINKS, through_shims, unknown_link
from sensors.observations import Count
from sensors.transports import TRANSPORTS, Ports
from sensors.tunnels import IP_TUNNELS, NETWORK_TUNNELS
from sensors.udp_tunnels import UDP_TUNNELS, inside_udp
from sensors.undecoded import Undecoded

NETWORKS: dict[int, Callable[[bytes, int, int], Packet]] = {ETH_TYPE_IP: ipv4, ETH_TYPE_IP6: ipv6}


class Segment(NamedTuple):
    """A TCP segment or a UDP datagram, whole or as far as it was captured."""

    ts_ns: int
    ip_bytes: int  # of the IP packet on the wire, or of all its fragments
    transport: int  # 6 or 17
    source: bytes  # 4 or 16 bytes
    source_port: int
    target: bytes
    target_port: int
    vlan: int | None  # the outermost identifier
    flags: int  # TCP's; 0 for UDP
    seq: int  # TCP's; 0 for UDP
    payload: bytes
    missing_bytes: int  # of the payload, cut off by the snap length
    tunnel: str | None  # what it was found in, outermost first: "vxlan:42/gre"


class _Tally:
    """A count that grows."""

    __slots__ = ("bytes", "packets")

    def __init__(self) -> None:
        self.packets = self.bytes = 0


class FrameDecoder:
    """Decodes frames one after the other, and keeps the accounts."""

    def __init__(self, limits: Limits) -> None:
        self._decoded: defaultdict[str, _Tally] = defaultdict(_Tally)
        self._undecoded: defaultdict[str, _Tally] = defaultdict(_Tally)
        self._transports = {IP_PROTO_TCP: self._decoded["tcp"], IP_PROTO_UDP: self._decoded["udp"]}
        self._fragments = FragmentTable(limits.fragments, self._count_undecoded)
        self._tunnels = TunnelNames()

    @property
    def overlapping_datagrams(self) -> int:
        """How many reassembled datagrams had bytes that came twice."""
        return self._fragments.overlapping_datagrams

    @property
    def unnamed_packets(self) -> int:
        """How many packets were found in a tunnel when no further name could be kept: it is "other"."""
        return self._tunnels.unnamed_packets

    @property
    def pending(self) -> Count:
        """The packets whose datagram still waits for fragments: in neither account yet."""
        return self._fragments.pending

    def decoded(self) -> dict[str, Count]:
        """What was read, by protocol; bytes are those of the frames on the wire."""
        return _counts(self._decoded)

    def undecoded(self) -> dict[str, Count]:
        """What could not be read, by reason (see undecoded.py; "fragment-" for datagrams not made whole)."""
        return _counts(self._undecoded)

    def finish(self) -> None:
        """Settle what still waits for fragments: nothing more will come."""
        self._fragments.drop_all()

    def expire(self, now_ns: int) -> None:
        """Settle what waited too long for fragments."""
        self._fragments.expire(now_ns)

    def decode(self, frame: Frame) -> Segment | None:
        """Return the segment in a frame, or in the datagram that it completes; None for every other frame."""
        ts_ns, linktype, data, wire_bytes = frame
        try:
            layer = protocol, at, vlan = LINKS.get(linktype, unknown_link)(data, wire_bytes)
            network = NETWORKS.get(protocol)
            if network is None:
                layer = protocol, at, vlan = through_shims(data, layer, wire_bytes)
                network = NETWORKS.get(protocol)
                if network is None:
                    return self._follow(Cargo(frame, layer))
            protocol, at, end, ip_bytes, source, target, part = network(data, at, wire_bytes)
            transport = TRANSPORTS.get(protocol)
            if transport is None or part is not None:
                if part is not None or protocol not in FLOWLESS_TRANSPORTS:
                    return self._follow(Cargo(frame, layer))
                self._count_decoded(FLOWLESS_TRANSPORTS[protocol], 1, wire_bytes)
                return None
            source_port, target_port, flags, seq, payload, missing_bytes = transport(data, at, end)
        except Undecoded as undecoded:
            self._count_undecoded(undecoded.reason, 1, wire_bytes)
            return None
        if target_port in UDP_TUNNELS:
            return self._follow(Cargo(frame, layer))
        tally = self._transports[protocol]
        tally.packets += 1
        tally.bytes += wire_bytes
        return tuple.__new__(  # the plain constructor takes twice as long
            Segment,
            (
                ts_ns, ip_bytes, protocol, source, source_port, target, target_port, vlan, flags, seq,
                payload, missing_bytes, None,
            ),
        )  # fmt: skip

    def _follow(self, cargo: Cargo) -> Segment | None:
        """Decode a frame that is not plain, from behind its link layer on: with tunnels, a fragment, no flow.

        Plain frames would come to the same here, only slower. It ends because cargo allows so many tunnels.
        """
        try:
            while self._reach_transport(cargo):
                transport = TRANSPORTS.get(cargo.protocol)
                if transport is not None:
                    ports = transport(cargo.data, cargo.at, cargo.end)
                    inner = inside_udp(ports) if cargo.protocol == IP_PROTO_UDP else None
                    if inner is None:
                        return self._segment(cargo, ports)
                    cargo.enter(ports[4], inner)
                    continue
                tunnel = IP_TUNNELS.get(cargo.protocol)
                if tunnel is None:
                    self._settle(cargo, FLOWLESS_TRANSPORTS.get(cargo.protocol), "unknown-ip-protocol")
                    break
                cargo.open(tunnel)
        except Undecoded as undecoded:
            self._count_undecoded(undecoded.reason, cargo.packets, cargo.wire_bytes)
        return None

    def _reach_transport(self, cargo: Cargo) -> bool:
        """Go on to what an IP packet carries, made whole; tell whether there is such a packet (by now)."""
        while (network := NETWORKS.get(cargo.protocol)) is None:
            tunnel = NETWORK_TUNNELS.get(cargo.protocol)
            if tunnel is None:
                self._settle(cargo, FLOWLESS_NETWORKS.get(cargo.protocol), "unknown-ethertype")
                return False
            cargo.open(tunnel)
        part = cargo.read_ip(network)
        return part is None or self._reassemble(cargo, part)

    def _reassemble(self, cargo: Cargo, part: Part) -> bool:
        """Put a fragment to the others; go on with the datagram if it is whole now."""
        identification, offset, more = part
        # The first fragment's next header counts in IPv6; others may differ (RFC 8200 section 4.5).
        key_protocol = cargo.protocol if len(cargo.source) == 4 else IP_PROTO_FRAGMENT
        tunnel = self._tunnels.intern(cargo.tunnel)
        fragment = Fragment(
            cargo.ts_ns,
            offset,
            more,
            cargo.protocol,
            cargo.data[cargo.at : cargo.end],
            cargo.end - cargo.at,
            cargo.ip_bytes,
            cargo.packets,
            cargo.wire_bytes,
        )
        key = cargo.source, cargo.target, identification, key_protocol, cargo.vlan, tunnel
        whole = self._fragments.add(key, fragment)
        if whole is not None:
            protocol, cargo.data, cargo.end, cargo.packets, cargo.ip_bytes, cargo.wire_bytes = whole
            cargo.protocol, cargo.at = inner_transport(cargo.data, protocol, cargo.end, len(cargo.source))
        return whole is not None

    def _segment(self, cargo: Cargo, ports: Ports) -> Segment:
        """Count a segment and hand it out."""
        source_port, target_port, flags, seq, payload, missing_bytes = ports
        tally = self._transports[cargo.protocol]
        tally.packets += cargo.packets
        tally.bytes += cargo.wire_bytes
        return Segment(
            cargo.ts_ns,
            cargo.ip_bytes,
            cargo.protocol,
            cargo.source,
            source_port,
            cargo.target,
            target_port,
            cargo.vlan,
            flags,
            seq,
            payload,
            missing_bytes,
            self._tunnels.intern(cargo.tunnel),
        )

    def _settle(self, cargo: Cargo, name: str | None, otherwise: str) -> None:
        """Count packets without a flow: by the protocol's name, or as unknown."""
        if name is None:
            self._count_undecoded(otherwise, cargo.packets, cargo.wire_bytes)
        else:
            self._count_decoded(name, cargo.packets, cargo.wire_bytes)

    def _count_decoded(self, name: str, packets: int, wire_bytes: int) -> None:
        self._decoded[name].packets += packets
        self._decoded[name].bytes += wire_bytes

    def _count_undecoded(self, reason: str, packets: int, wire_bytes: int) -> None:
        self._undecoded[reason].packets += packets
        self._undecoded[reason].bytes += wire_bytes


def _counts(tallies: Mapping[str, _Tally]) -> dict[str, Count]:
    return {name: Count(each.packets, each.bytes) for name, each in sorted(tallies.items()) if each.packets}

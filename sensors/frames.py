"""From frames to TCP and UDP segments. Every packet goes through here, so the plain path is short.

Every frame ends up in one count: decoded by protocol, or undecoded by reason; fragments once their datagram
is settled. The layers are tables (links.py, NETWORKS, transports.py), followed in that order.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import NamedTuple

from dpkt.ethernet import ETH_TYPE_IP, ETH_TYPE_IP6
from dpkt.ip import IP_PROTO_FRAGMENT, IP_PROTO_TCP, IP_PROTO_UDP

from sensors.captured import Frame
from sensors.flowless import FLOWLESS_NETWORKS, FLOWLESS_TRANSPORTS
from sensors.fragments import Datagram, Fragment, FragmentTable
from sensors.ip import Packet, Part, inner_transport, ipv4, ipv6
from sensors.limits import Limits
from sensors.links import LINKS, through_shims, unknown_link
from sensors.observations import Count
from sensors.transports import TRANSPORTS
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

    @property
    def overlapping_datagrams(self) -> int:
        """How many reassembled datagrams had bytes that came twice."""
        return self._fragments.overlapping_datagrams

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
        packets = 1
        try:
            protocol, at, vlan = LINKS.get(linktype, unknown_link)(data, wire_bytes)
            network = NETWORKS.get(protocol)
            if network is None:
                protocol, at, vlan = through_shims(data, (protocol, at, vlan), wire_bytes)
                network = NETWORKS.get(protocol)
                if network is None:
                    self._settle(FLOWLESS_NETWORKS.get(protocol), "unknown-ethertype", packets, wire_bytes)
                    return None
            packet = network(data, at, wire_bytes)
            protocol, at, end, ip_bytes, source, target, part = packet
            if part is not None:
                whole = self._reassemble(frame, packet, part, vlan)
                if whole is None:
                    return None
                protocol, data, end, packets, ip_bytes, wire_bytes = whole
                protocol, at = inner_transport(data, protocol, end, len(source))
            transport = TRANSPORTS.get(protocol)
            if transport is None:
                self._settle(FLOWLESS_TRANSPORTS.get(protocol), "unknown-ip-protocol", packets, wire_bytes)
                return None
            source_port, target_port, flags, seq, payload, missing_bytes = transport(data, at, end)
        except Undecoded as undecoded:
            self._count_undecoded(undecoded.reason, packets, wire_bytes)
            return None
        tally = self._transports[protocol]
        tally.packets += packets
        tally.bytes += wire_bytes
        return tuple.__new__(  # the plain constructor takes twice as long
            Segment,
            (
                ts_ns, ip_bytes, protocol, source, source_port, target, target_port, vlan, flags, seq,
                payload, missing_bytes,
            ),
        )  # fmt: skip

    def _reassemble(self, frame: Frame, packet: Packet, part: Part, vlan: int | None) -> Datagram | None:
        protocol, start, end, ip_bytes, source, target, _ = packet
        identification, offset, more = part
        # The first fragment's next header counts in IPv6; others may differ (RFC 8200 section 4.5).
        key_protocol = protocol if len(source) == 4 else IP_PROTO_FRAGMENT
        fragment = Fragment(
            frame.ts_ns,
            offset,
            more,
            protocol,
            frame.data[start:end],
            end - start,
            ip_bytes,
            frame.wire_bytes,
        )
        return self._fragments.add((source, target, identification, key_protocol, vlan), fragment)

    def _settle(self, name: str | None, otherwise: str, packets: int, wire_bytes: int) -> None:
        """Count packets without a flow: by the protocol's name, or as unknown."""
        tally = self._undecoded[otherwise] if name is None else self._decoded[name]
        tally.packets += packets
        tally.bytes += wire_bytes

    def _count_undecoded(self, reason: str, packets: int, wire_bytes: int) -> None:
        self._undecoded[reason].packets += packets
        self._undecoded[reason].bytes += wire_bytes


def _counts(tallies: Mapping[str, _Tally]) -> dict[str, Count]:
    return {name: Count(each.packets, each.bytes) for name, each in sorted(tallies.items()) if each.packets}

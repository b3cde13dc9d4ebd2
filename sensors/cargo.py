"""What is left of a frame to decode while it is taken out of its tunnels, and what it came in.

Tunnels are followed to a bounded depth. Their names ("vxlan:42/gre", outermost first) tell flows apart, so
their number is bounded too.
"""

from collections.abc import Callable
from typing import NamedTuple

from dpkt.ethernet import ETH_TYPE_IP, ETH_TYPE_IP6, ETH_TYPE_PPP, ETH_TYPE_TEB

from sensors.captured import Frame
from sensors.ip import MAX_DATAGRAM_BYTES, Packet, Part
from sensors.links import Layer, Link, ethernet, ppp, through_shims
from sensors.undecoded import Undecoded

MAX_NESTING = 8  # tunnels in one frame
MAX_TUNNELS = 16_384  # names that are kept; what comes later is OTHER
OTHER = "other"

# By network: where the field for a packet's length is, and the bytes of the header that it does not count.
_LENGTHS = {ETH_TYPE_IP: (2, 0), ETH_TYPE_IP6: (4, 40)}
_LINKS: dict[int, Link] = {ETH_TYPE_TEB: ethernet, ETH_TYPE_PPP: ppp}  # links that tunnels carry


class Inner(NamedTuple):
    """What a tunnel's header leads to: a protocol (EtherType) from ``at`` to ``end`` on the wire."""

    protocol: int
    at: int
    end: int
    tunnel: str  # the tunnel's name


Tunnel = Callable[[bytes, int], Inner]  # takes the data from the header on, and their bytes on the wire


class TunnelNames:
    """The names of tunnels, each kept once; beyond ``MAX_TUNNELS`` of them every other is ``OTHER``."""

    def __init__(self) -> None:
        self.unnamed_packets = 0  # that got no name of their own
        self._names: dict[str, str] = {}

    def intern(self, name: str | None) -> str | None:
        """Return the name as it is kept; None, which stands for no tunnel, stays None."""
        if name is None:
            return None
        kept = self._names.get(name)
        if kept is None:
            if len(self._names) >= MAX_TUNNELS:
                self.unnamed_packets += 1
                return OTHER
            kept = self._names[name] = name
        return kept


class Cargo:
    """A packet on its way out of its tunnels.

    ``data`` holds it from ``at`` to ``end`` (as on the wire; less may have been captured), ``protocol`` says
    what stands there: an EtherType before a network header, an IP protocol behind it.
    """

    __slots__ = (
        "at", "data", "depth", "end", "ip_bytes", "mirrored", "packets", "protocol", "source", "target",
        "ts_ns", "tunnel", "vlan", "wire_bytes",
    )  # fmt: skip

    def __init__(self, frame: Frame, layer: Layer) -> None:
        self.ts_ns, _, self.data, self.wire_bytes = frame
        self.protocol, self.at, self.vlan = layer
        self.end = self.wire_bytes
        self.packets = 1
        self.depth = 0
        self.tunnel: str | None = None
        self.mirrored = False  # in an Ethernet frame that a tunnel carries
        self.ip_bytes = 0
        self.source = self.target = b""

    def open(self, tunnel: Tunnel) -> None:
        """Go into a tunnel whose header stands at ``at``. Raises Undecoded."""
        data = self.data[self.at : self.end]
        self.enter(data, tunnel(data, self.end - self.at))

    def enter(self, data: bytes, inner: Inner) -> None:
        """Go on with what a tunnel carries, of which ``data`` holds what was captured. Raises Undecoded."""
        self.depth += 1
        if self.depth > MAX_NESTING:
            raise Undecoded("too-deep-nesting")
        protocol, at, end, name = inner
        self.tunnel = name if self.tunnel is None else f"{self.tunnel}/{name}"
        self.data = data[at:end]
        self.end = end - at
        link = _LINKS.get(protocol)
        layer = (protocol, 0, None) if link is None else link(self.data, self.end)
        self.protocol, self.at, vlan = through_shims(self.data, layer, self.end)
        self.vlan = vlan if self.vlan is None else self.vlan
        self.mirrored = self.mirrored or protocol == ETH_TYPE_TEB

    def read_ip(self, network: Callable[[bytes, int, int], Packet]) -> Part | None:
        """Read the IP header at ``at``; return which part of a datagram the packet is. Raises Undecoded."""
        packet = network(self.data, self.at, self._end_on_the_wire())
        self.protocol, self.at, self.end, self.ip_bytes, self.source, self.target, part = packet
        return part

    def _end_on_the_wire(self) -> int:
        """A mirror may cut frames before it wraps them: there the IP header knows the end (AWS, ERSPAN).

        Where the snap length cut that header, the end may be as far as a packet reaches.
        """
        if not self.mirrored or self.protocol not in _LENGTHS:
            return self.end
        length_at, header_bytes = _LENGTHS[self.protocol]
        length = self.data[self.at + length_at : self.at + length_at + 2]
        if len(length) == 2:
            return max(self.end, self.at + header_bytes + int.from_bytes(length, "big"))
        is_cut = self.end >= self.at + length_at + 2
        return self.at + header_bytes + MAX_DATAGRAM_BYTES if is_cut else self.end

"""The tapped link: IP packets go in at a time of its own clock, and come out as frames of a capture.

Its clock only moves when a conversation says so, and identifiers are counted, never drawn.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address

from scapy.layers.inet import IP, fragment
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import CookedLinuxV2, Dot1Q, Ether
from scapy.packet import Packet

from pcaps.builder.container import Record

Wrap = Callable[[Packet], Packet]  # takes a frame, gives the frame that carries it through a tunnel

START_NS = 1_773_133_200_000_000_000  # 2026-03-10T09:00:00Z
SECOND_NS, MS_NS, US_NS = 1_000_000_000, 1_000_000, 1_000
_FIRST_PORT = 49_152
GATEWAY_MAC = "02:00:5e:10:00:01"


def noise(label: str, size: int) -> bytes:
    """Return ``size`` bytes that look random and depend on ``label`` alone."""
    return hashlib.shake_256(label.encode()).digest(size)


class Network:
    """An egress link with a tap. ``vlan`` tags frames; ``cooked`` captures as Linux "any" does (SLL2)."""

    def __init__(self, *, vlan: int | None = None, cooked: bool = False) -> None:
        self.now_ns = START_NS
        self._vlan = vlan
        self._cooked = cooked
        self._wrap: Wrap | None = None
        self._identifications: dict[str, int] = {}
        self._ports: dict[str, int] = {}
        self._records: list[Record] = []

    @property
    def records(self) -> list[Record]:
        """The frames so far, in the order of their times."""
        return sorted(self._records, key=lambda record: record.ts_ns)

    def next_port(self, client: str) -> int:
        """Return the client's next port, from 49152 up, as if nothing else ran there."""
        self._ports[client] = self._ports.get(client, _FIRST_PORT - 1) + 1
        return self._ports[client]

    def wait(self, *, seconds: float = 0, ms: float = 0, us: float = 0) -> None:
        """Let time pass, in whole microseconds."""
        self.now_ns += round(seconds * 1_000_000 + ms * 1_000 + us) * US_NS

    @contextmanager
    def at(self, seconds: float) -> Iterator[None]:
        """Do what follows from ``seconds`` after the start on, beside whatever else happens then."""
        before, self.now_ns = self.now_ns, START_NS
        self.wait(seconds=seconds)
        yield
        self.now_ns = max(before, self.now_ns)

    @contextmanager
    def inside(self, wrap: Wrap) -> Iterator[None]:
        """Do what follows in a network of its own, with its own machines, that the tap sees in a tunnel."""
        before = self._wrap, self._identifications, self._ports
        self._wrap, self._identifications, self._ports = wrap, {}, {}
        yield
        self._wrap, self._identifications, self._ports = before

    def send(self, client: str, server: str, segment: Packet, *, down: bool = False) -> None:
        """Carry a transport segment between the two, up or down, past the tap."""
        self._capture(client, self._packet(client, server, segment, down=down), down=down)

    def send_fragments(self, client: str, server: str, segment: Packet, *, mtu: int) -> None:
        """Carry a segment down over IPv4 in fragments, the last one first (RFC 791 section 3.2)."""
        packet = self._packet(client, server, segment, down=True)
        packet.flags = 0
        for piece in reversed(fragment(packet, fragsize=mtu - 20)):  # type: ignore[no-untyped-call]
            self._capture(client, piece, down=True)
            self.wait(us=40)

    def _packet(self, client: str, server: str, segment: Packet, *, down: bool) -> Packet:
        source, destination = (server, client) if down else (client, server)
        if ip_address(client).version == 6:
            return IPv6(src=source, dst=destination, hlim=54 if down else 64) / segment
        self._identifications[source] = self._identifications.get(source, 0) + 1
        identification = self._identifications[source]
        ttl = 54 if down else 64
        return IP(src=source, dst=destination, ttl=ttl, id=identification, flags="DF") / segment

    def _capture(self, client: str, packet: Packet, *, down: bool) -> None:
        mac = "02:00:" + ":".join(f"{byte:02x}" for byte in ip_address(client).packed[-4:])
        source, destination = (GATEWAY_MAC, mac) if down else (mac, GATEWAY_MAC)
        if self._cooked:
            kind = 0 if down else 4  # to us, or sent by us
            address = bytes.fromhex(source.replace(":", "")) + bytes(2)
            link: Packet = CookedLinuxV2(pkttype=kind, lladdrtype=1, lladdrlen=6, src=address, ifindex=2)
        else:
            link = Ether(src=source, dst=destination)
        if self._vlan is not None:
            link /= Dot1Q(vlan=self._vlan)
        frame = link / packet if self._wrap is None else self._wrap(link / packet)
        self._records.append(Record(self.now_ns, bytes(frame)))

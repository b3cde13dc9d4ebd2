"""Builds frames byte by byte, and decodes lists of them with the accounts closed."""

import struct
from collections.abc import Iterable
from ipaddress import ip_address

from sensors.capture import Frame
from sensors.frames import FrameDecoder, Segment
from sensors.limits import Limits

ETHERNET, RAW, NULL, COOKED, COOKED_V2 = 1, 101, 0, 113, 276
LINKTYPES = (0, 1, 9, 12, 14, 101, 104, 108, 113, 228, 229, 276)
IPV4, IPV6, VLAN, PROVIDER_VLAN = 0x0800, 0x86DD, 0x8100, 0x88A8
TCP, UDP, HOP_BY_HOP, ROUTING, FRAGMENT, AH, NONE, DESTINATION = 6, 17, 0, 43, 44, 51, 59, 60
IPIP, SIX_IN_IP, GRE, ETHERIP = 4, 41, 47, 97
GTP_U, VXLAN, GENEVE = 2152, 4789, 6081
CLIENT, SERVER = ip_address("10.20.1.5").packed, ip_address("203.0.113.7").packed
CLIENT6, SERVER6 = ip_address("2001:db8::5").packed, ip_address("2001:db8:1::7").packed
CLIENT_PORT, SERVER_PORT, SEQ = 50_000, 443, 0x01020304
SECOND_NS = 1_000_000_000


def ethernet(payload: bytes, ethertype: int = IPV4, *tags: tuple[int, int]) -> bytes:
    """An Ethernet II frame; ``tags`` are (EtherType, tag control information), outermost first."""
    shims = b"".join(struct.pack("!HH", kind, tag) for kind, tag in tags)
    return b"\x02" * 12 + shims + struct.pack("!H", ethertype) + payload


def ieee8023(payload: bytes, length: int | None = None) -> bytes:
    """An IEEE 802.3 frame with a length field, padded as the shortest frame is."""
    return ethernet(payload, len(payload) if length is None else length).ljust(60, b"\0")


def ipv4(
    payload: bytes,
    protocol: int = TCP,
    *,
    identification: int = 7,
    flags: int = 0x4000,
    options: bytes = b"",
    total: int | None = None,
) -> bytes:
    """An IPv4 packet; ``flags`` is the field of flags and fragment offset."""
    header_bytes = 20 + len(options)
    total = header_bytes + len(payload) if total is None else total
    version = 0x40 | header_bytes // 4
    head = struct.pack("!BBHHHBBH", version, 0, total, identification, flags, 64, protocol, 0)
    return head + CLIENT + SERVER + options + payload


def ipv6(payload: bytes, protocol: int = TCP, length: int | None = None) -> bytes:
    """An IPv6 packet; ``payload`` begins with its extension headers, if any."""
    length = len(payload) if length is None else length
    return struct.pack("!IHBB", 0x60000000, length, protocol, 64) + CLIENT6 + SERVER6 + payload


def extension(following: int, size: int = 8) -> bytes:
    """A hop-by-hop, routing or destination options header of padding."""
    return bytes((following, size // 8 - 1)).ljust(size, b"\0")


def authentication(following: int, size: int = 24) -> bytes:
    """An authentication header (RFC 4302)."""
    return bytes((following, size // 4 - 2)).ljust(size, b"\0")


def fragment_header(following: int, offset: int, *, more: bool, identification: int = 7) -> bytes:
    """An IPv6 fragment header (RFC 8200 section 4.5)."""
    return struct.pack("!BxHI", following, offset | more, identification)


def tcp(payload: bytes = b"", *, flags: int = 0x18, options: bytes = b"", offset: int | None = None) -> bytes:
    """A TCP segment from client to server."""
    words = (20 + len(options)) // 4 if offset is None else offset
    ports = struct.pack("!HHII", CLIENT_PORT, SERVER_PORT, SEQ, 0)
    return ports + struct.pack("!BBHHH", words << 4, flags, 8192, 0, 0) + options + payload


def udp(payload: bytes = b"", length: int | None = None, port: int = SERVER_PORT) -> bytes:
    """A UDP datagram from client to server."""
    length = 8 + len(payload) if length is None else length
    return struct.pack("!HHHH", CLIENT_PORT, port, length, 0) + payload


def gre(payload: bytes, protocol: int = IPV4, flags: int = 0, options: bytes = b"") -> bytes:
    """A GRE packet; ``options`` are checksum, key and sequence number, as the flags say."""
    return struct.pack("!HH", flags, protocol) + options + payload


def vxlan(payload: bytes, vni: int = 42) -> bytes:
    """A VXLAN datagram; ``payload`` is an Ethernet frame."""
    return udp(struct.pack("!II", 0x08000000, vni << 8) + payload, port=VXLAN)


def frame(data: bytes, linktype: int = ETHERNET, *, ts_ns: int = 0, cut: int | None = None) -> Frame:
    """A frame that was captured whole, or ``cut`` by a snap length."""
    return Frame(ts_ns, linktype, data[:cut], len(data))


class Decoded:
    """What frames came to. Closing the accounts is checked on the way and at the end."""

    def __init__(self, frames: Iterable[Frame], limits: Limits | None = None) -> None:
        self.decoder = FrameDecoder(limits or Limits())
        self.segments: list[Segment] = []
        packets = wire_bytes = 0
        for each in frames:
            segment = self.decoder.decode(each)
            packets, wire_bytes = packets + 1, wire_bytes + each.wire_bytes
            assert self._total() == (packets, wire_bytes)
            if segment is not None:
                self.segments.append(segment)
        self.decoder.finish()
        assert self.decoder.pending.packets == 0
        assert self._total() == (packets, wire_bytes)

    def _total(self) -> tuple[int, int]:
        decoder = self.decoder
        counts = [*decoder.decoded().values(), *decoder.undecoded().values(), decoder.pending]
        return sum(count.packets for count in counts), sum(count.bytes for count in counts)

    @property
    def packets(self) -> dict[str, int]:
        """Packets by protocol or reason."""
        both = {**self.decoder.decoded(), **self.decoder.undecoded()}
        return {name: count.packets for name, count in both.items()}


def outcome(data: bytes, linktype: int = ETHERNET, cut: int | None = None) -> str:
    """The one account that a frame ends up in."""
    ((name, packets),) = Decoded([frame(data, linktype, cut=cut)]).packets.items()
    assert packets == 1
    return name


def segment_of(data: bytes, linktype: int = ETHERNET, cut: int | None = None) -> Segment:
    """The segment in a frame."""
    (segment,) = Decoded([frame(data, linktype, cut=cut)]).segments
    return segment

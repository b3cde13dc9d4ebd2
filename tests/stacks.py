"""Random stacks of layers for hypothesis: a flow's packet in tunnels in tunnels, in fragments at any of them.

A layer turns IP packets into IP packets; in between they may be in a link's frames. All is valid as built;
damage is done to it afterwards.
"""

import struct
from collections.abc import Callable, Sequence

from hypothesis import strategies as st

from sensors.capture import Frame
from tests import frames_kit as kit
from tests.captures_kit import START_NS
from tests.frames_kit import AH, ETHERIP, FRAGMENT, GRE, HOP_BY_HOP, IPIP, IPV4, IPV6, SIX_IN_IP, UDP
from tests.hello_bytes import hello_body, message, record, sni

Wrap = Callable[[bytes], bytes]
Inside = tuple[int, bytes]  # an IP protocol, and what it carries

TEB, PPP, MPLS, PPPOE, SGT = 0x6558, 0x880B, 0x8847, 0x8864, 0x8909
ERSPAN_2, ERSPAN_3 = 0x88BE, 0x22EB
SEQUENCE, PPTP = 0x1000, 0x3001
PAYLOADS = (b"", b"hello", bytes(range(200)), b"\x16\3\1" + struct.pack("!H", 600) + bytes(600))
HELLO = record(message(hello_body(sni(b"api.openai.com"))))
identifiers = st.sampled_from((0, 1, 2, 42, 2**24 - 1))
tags = st.lists(
    st.tuples(st.sampled_from((0x8100, 0x88A8, 0x9100)), st.sampled_from((0, 7, 0xE12C))), max_size=3
)


def ethertype(packet: bytes) -> int:
    """The EtherType of an IP packet."""
    return IPV4 if packet[0] >> 4 == 4 else IPV6


def mpls(packet: bytes, labels: int = 1) -> bytes:
    """A packet beneath a stack of labels."""
    return b"\0\1\0\x40" * (labels - 1) + b"\0\1\1\x40" + packet


def ppp(packet: bytes) -> bytes:
    """A packet in PPP."""
    return (b"\0\x21" if ethertype(packet) == IPV4 else b"\0\x57") + packet


def pppoe(packet: bytes) -> bytes:
    """A packet in a PPPoE session."""
    inside = ppp(packet)
    return struct.pack("!HHH", 0x1100, 9, len(inside)) + inside


def sgt(packet: bytes) -> bytes:
    """A packet with Cisco's metadata."""
    return struct.pack("!HHHH", 0x0101, 1, 5, ethertype(packet)) + packet


@st.composite
def links(draw: st.DrawFn) -> Wrap:
    """Something that puts an IP packet into an Ethernet frame."""
    around = draw(tags)
    wraps: tuple[Wrap, ...] = (
        lambda packet: kit.ethernet(packet, ethertype(packet), *around),
        lambda packet: kit.ethernet(sgt(packet), SGT, *around),
        lambda packet: kit.ethernet(mpls(packet, 1 + len(around)), MPLS, *around),
        lambda packet: kit.ethernet(mpls(bytes(4) + kit.ethernet(packet, ethertype(packet))), MPLS),
        lambda packet: kit.ethernet(pppoe(packet), PPPOE, *around),
    )
    return draw(st.sampled_from(wraps))


def erspan(frame: bytes, session: int, kind: int) -> bytes:
    """A frame in ERSPAN of a type, in GRE."""
    if kind == 1:
        return kit.gre(frame, ERSPAN_2)
    if kind == 2:
        head = struct.pack("!HHI", 0x1000, session & 0x3FF, 0)
        return kit.gre(head + frame, ERSPAN_2, SEQUENCE, bytes(4))
    head = struct.pack("!HHIHH", 0x2000, session & 0x3FF, 0, 0, kind & 1)
    return kit.gre(head + bytes(8 * (kind & 1)) + frame, ERSPAN_3, SEQUENCE, bytes(4))


def pptp(packet: bytes) -> bytes:
    """A packet in PPTP's GRE."""
    inside = ppp(packet)
    return kit.gre(inside, PPP, PPTP, struct.pack("!HHI", len(inside), 9, 1))


def geneve(inside: bytes, protocol: int, identifier: int, options: int) -> bytes:
    """A GENEVE datagram with so many words of options."""
    head = struct.pack("!BBHI", options, 0, protocol, identifier << 8)
    return kit.udp(head + bytes(4 * options) + inside, port=kit.GENEVE)


def gtp_u(packet: bytes, extensions: int) -> bytes:
    """A GTP-U datagram with so many extension headers."""
    options = bytes(3) + b"\x85" + b"\1\0\0\x85" * (extensions - 1) + b"\1\0\0\0" if extensions else b""
    head = struct.pack("!BBHI", 0x34 if extensions else 0x30, 255, len(options) + len(packet), 5)
    return kit.udp(head + options + packet, port=kit.GTP_U)


def around_packets(number: int, words: int) -> Sequence[Callable[[bytes], Inside]]:
    """The tunnels that carry IP packets."""
    named = {IPV4: 0x0C000001, IPV6: 0x0C000002}
    return (
        lambda packet: (IPIP if ethertype(packet) == IPV4 else SIX_IN_IP, packet),
        lambda packet: (GRE, kit.gre(packet, ethertype(packet), 0xB000, bytes(12))),
        lambda packet: (GRE, kit.gre(mpls(packet, 1 + words), MPLS)),
        lambda packet: (GRE, pptp(packet)),
        lambda packet: (
            GRE,
            kit.gre(struct.pack("!HHIHH", 0x2000, 5, 0, 0, 2 << 10) + packet, ERSPAN_3),
        ),
        lambda packet: (
            UDP,
            kit.udp(struct.pack("!II", named[ethertype(packet)], number << 8) + packet, port=4_790),
        ),
        lambda packet: (UDP, geneve(packet, ethertype(packet), number, words)),
        lambda packet: (UDP, gtp_u(packet, words)),
    )


def around_frames(number: int, words: int) -> Sequence[Callable[[bytes], Inside]]:
    """The tunnels that carry Ethernet frames."""
    return (
        lambda frame: (GRE, kit.gre(frame, TEB)),
        lambda frame: (GRE, erspan(frame, number, 1 + words)),
        lambda frame: (ETHERIP, b"\x30\0" + frame),
        lambda frame: (UDP, kit.vxlan(frame, number)),
        lambda frame: (UDP, kit.udp(struct.pack("!II", 0x88000009, number << 8) + frame, port=8_472)),
        lambda frame: (UDP, geneve(frame, TEB, number, words)),
    )


@st.composite
def tunnels(draw: st.DrawFn) -> Callable[[bytes], Inside]:
    """Something that puts an IP packet into a tunnel."""
    number, words = draw(identifiers), draw(st.integers(0, 3))
    if draw(st.booleans()):
        return draw(st.sampled_from(around_packets(number, words)))
    link, tunnel = draw(links()), draw(st.sampled_from(around_frames(number, words)))
    return lambda packet: tunnel(link(packet))


def fragments(inside: Inside, at: int, *, v4: bool, identification: int) -> list[bytes]:
    """The two IP packets that carry what should be in one."""
    protocol, data = inside
    if v4:
        first = kit.ipv4(data[:at], protocol, identification=identification, flags=0x2000)
        return [first, kit.ipv4(data[at:], protocol, identification=identification, flags=at >> 3)]
    return [
        kit.ipv6(
            kit.fragment_header(protocol, start, more=not start, identification=identification) + part,
            FRAGMENT,
        )
        for start, part in ((0, data[:at]), (at, data[at:]))
    ]


def whole(inside: Inside, *, v4: bool, chained: bool) -> bytes:
    """The IP packet that carries something, maybe behind an extension header."""
    protocol, data = inside
    if v4 and chained:
        return kit.ipv4(kit.authentication(protocol) + data, AH, options=bytes(8))
    if chained:
        return kit.ipv6(kit.extension(protocol, 16) + data, HOP_BY_HOP)
    return kit.ipv4(data, protocol) if v4 else kit.ipv6(data, protocol)


@st.composite
def ip_layers(draw: st.DrawFn) -> Callable[[Inside], list[bytes]]:
    """Something that puts a transport's data into one IP packet, or two fragments."""
    v4, chained, identification = draw(st.booleans()), draw(st.booleans()), draw(st.integers(0, 3))
    eighths = draw(st.one_of(st.none(), st.integers(1, 120)))

    def layer(inside: Inside) -> list[bytes]:
        if eighths is None or eighths * 8 >= len(inside[1]):
            return [whole(inside, v4=v4, chained=chained)]
        return fragments(inside, eighths * 8, v4=v4, identification=identification)

    return layer


leaves = st.one_of(
    st.sampled_from(PAYLOADS).map(lambda payload: (kit.TCP, kit.tcp(payload))),
    st.just((kit.TCP, kit.tcp(HELLO))),
    st.builds(
        lambda payload, port: (UDP, kit.udp(payload, port=port)),
        st.sampled_from(PAYLOADS),
        st.sampled_from((53, 443, 4_789)),
    ),
)


@st.composite
def stacks(draw: st.DrawFn, most: int) -> list[bytes]:
    """The Ethernet frames of one segment in up to so many tunnels."""
    packets = draw(ip_layers())(draw(leaves))
    for _ in range(draw(st.integers(0, most))):
        tunnel, layer = draw(tunnels()), draw(ip_layers())
        packets = [outer for packet in packets for outer in layer(tunnel(packet))]
    link = draw(links())
    return [link(packet) for packet in packets]


@st.composite
def damaged(draw: st.DrawFn, most: int) -> list[Frame]:
    """The frames of some stacks, out of order, some twice, some with other bytes, some cut."""
    frames = [data for stack in draw(st.lists(stacks(most), min_size=1, max_size=3)) for data in stack]
    order = draw(st.lists(st.sampled_from(frames), min_size=1, max_size=12))
    return [captured(draw(hurt(data)), index, draw(cuts)) for index, data in enumerate(order)]


cuts = st.one_of(st.none(), st.integers(14, 300))


@st.composite
def hurt(draw: st.DrawFn, data: bytes) -> bytes:
    """Frame data of which a few bytes may be others, or the end may be missing on the wire too."""
    changed = bytearray(data)
    for place in draw(st.lists(st.integers(0, min(len(data), 250) - 1), max_size=3)):
        changed[place] = draw(st.one_of(st.sampled_from((0, 1, 4, 0x45, 0xFF)), st.integers(0, 255)))
    return bytes(changed[: draw(cuts)])


def captured(data: bytes, index: int, cut: int | None = None) -> Frame:
    """A frame of a capture, by its place in it."""
    return kit.frame(data, ts_ns=START_NS + index * 1_000_000, cut=cut)

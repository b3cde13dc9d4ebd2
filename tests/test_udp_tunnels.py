"""Tunnels over UDP: what fits is followed, whatever does not stays an ordinary datagram."""

import struct

import pytest

from sensors.observations import Count
from sensors.udp_tunnels import MAX_GTP_EXTENSIONS
from tests.frames_kit import (
    GENEVE,
    GTP_U,
    SERVER_PORT,
    UDP,
    VXLAN,
    Decoded,
    ethernet,
    frame,
    ipv4,
    ipv6,
    outcome,
    segment_of,
    tcp,
    udp,
)

V4, V6 = ipv4(tcp(b"hello")), ipv6(tcp(b"hello"))
FRAME = ethernet(V4)
TEB, IPV4, MPLS = 0x6558, 0x0800, 0x8847


def carried(payload: bytes, port: int) -> bytes:
    return ethernet(ipv4(udp(payload, port=port), UDP))


def vxlan(
    head: int = 0x08000000, identifier: int = 42 << 8, inside: bytes = FRAME, port: int = VXLAN
) -> bytes:
    return carried(struct.pack("!II", head, identifier) + inside, port)


def geneve(
    inside: bytes = FRAME, protocol: int = TEB, head: int = 0, identifier: int = 7 << 8, options: bytes = b""
) -> bytes:
    head |= len(options) // 4 << 8
    return carried(struct.pack("!HHI", head, protocol, identifier) + options + inside, GENEVE)


def gtp_u(
    inside: bytes = V4, flags: int = 0x30, kind: int = 255, options: bytes = b"", off: int = 0
) -> bytes:
    length = len(options) + len(inside) + off
    return carried(struct.pack("!BBHI", flags, kind, length, 5) + options + inside, GTP_U)


def extensions(count: int) -> bytes:
    """The options of a GTP-U header with so many extension headers."""
    return bytes(3) + b"\x85" + b"\1\0\0\x85" * (count - 1) + b"\1\0\0\0"


@pytest.mark.parametrize(
    ("data", "tunnel"),
    [
        (vxlan(), "vxlan:42"),
        (vxlan(port=8_472), "vxlan:42"),
        (vxlan(port=4_790), "vxlan:42"),
        (vxlan(0x88480009), "vxlan:42"),  # a group policy
        (vxlan(0x0C000003), "vxlan:42"),  # the protocol is named
        (vxlan(0x0C000001, inside=V4), "vxlan:42"),
        (vxlan(0x0C000002, inside=V6), "vxlan:42"),
        (vxlan(0x0C000005, inside=b"\0\1\1\x40" + V6), "vxlan:42/mpls"),
        (geneve(), "geneve:7"),
        (geneve(V4, IPV4), "geneve:7"),
        (geneve(V6, 0x86DD, options=bytes(252)), "geneve:7"),
        (geneve(head=0x00C0), "geneve:7"),  # control, critical
        (gtp_u(), "gtpu"),
        (gtp_u(V6), "gtpu"),
        (gtp_u(flags=0x32, options=bytes(4)), "gtpu"),
        (gtp_u(flags=0x31, options=bytes(3) + b"\x85"), "gtpu"),  # that type counts with its flag only
        (gtp_u(flags=0x34, options=bytes(4)), "gtpu"),
        (gtp_u(flags=0x34, options=extensions(1)), "gtpu"),
        (gtp_u(flags=0x37, options=extensions(MAX_GTP_EXTENSIONS)), "gtpu"),
        (gtp_u(flags=0x34, options=bytes(3) + b"\x85\2" + bytes(7)), "gtpu"),
    ],
)
def test_what_fits(data: bytes, tunnel: str) -> None:
    segment = segment_of(data)
    assert (segment.payload, segment.tunnel) == (b"hello", tunnel)


@pytest.mark.parametrize(
    "data",
    [
        vxlan(0x00000000),  # no identifier
        vxlan(0x08000001),  # what is reserved is set
        vxlan(0x18000000),
        vxlan(identifier=42 << 8 | 1),
        vxlan(inside=b""),
        vxlan(0x0C000004),  # a protocol that is not read
        vxlan(0x0C010003),
        vxlan(port=4_788),
        carried(b"\x08\0\0\0\0\0\1", VXLAN),
        geneve(head=0x4000),  # a version
        geneve(head=0x0001),
        geneve(identifier=7 << 8 | 1),
        geneve(protocol=0x0806),
        geneve(protocol=0x9999),
        geneve(inside=b""),
        geneve(inside=b"", options=bytes(8)),
        geneve(head=0x3F00),  # options beyond the datagram
        carried(b"\0\0\x65\x58\0\0\7", GENEVE),
        gtp_u(kind=1, inside=bytes(4)),  # an echo request
        gtp_u(flags=0x20),  # GTP'
        gtp_u(flags=0x50),  # a version
        gtp_u(flags=0x38),
        gtp_u(off=1),
        gtp_u(off=-1),
        gtp_u(inside=b""),
        gtp_u(inside=b"\x10" + bytes(30)),  # no IP packet
        gtp_u(inside=b"", flags=0x32, options=bytes(3)),
        gtp_u(inside=b"", flags=0x34, options=bytes(3)),
        gtp_u(inside=b"", flags=0x34, options=bytes(3) + b"\x85"),
        gtp_u(flags=0x34, options=bytes(3) + b"\x85\0"),  # an extension of no length
        gtp_u(flags=0x34, options=bytes(3) + b"\x85\xff"),  # one beyond the datagram
        gtp_u(flags=0x34, options=extensions(MAX_GTP_EXTENSIONS + 1)),
        carried(b"\x30\xff\0\0\0\0\0", GTP_U),
        carried(b"", GTP_U),
    ],
)
def test_what_does_not_fit_is_an_ordinary_datagram(data: bytes) -> None:
    run = Decoded([frame(data)])
    assert run.packets == {"udp": 1}
    assert [(each.payload, each.tunnel) for each in run.segments] == [(data[42:], None)]


def test_only_the_target_port_counts() -> None:
    head = struct.pack("!II", 0x08000000, 0) + FRAME
    from_port = struct.pack("!HHHH", VXLAN, SERVER_PORT, 8 + len(head), 0)
    segment = segment_of(ethernet(ipv4(from_port + head, UDP)))
    assert (segment.source_port, segment.payload, segment.tunnel) == (VXLAN, head, None)


def test_tcp_to_such_a_port_is_tcp() -> None:
    ports = struct.pack("!HH", 50_000, VXLAN)
    segment = segment_of(ethernet(ipv4(ports + tcp(struct.pack("!II", 0x08000000, 0) + FRAME)[4:])))
    assert (segment.transport, segment.target_port, segment.tunnel) == (6, VXLAN, None)


@pytest.mark.parametrize(
    ("data", "account"),
    [
        (vxlan(inside=b"x"), "malformed-ethernet"),
        (vxlan(inside=ethernet(bytes(28), 0x0806)), "arp"),
        (vxlan(inside=ethernet(V4, 0x9999)), "unknown-ethertype"),
        (vxlan(inside=ethernet(V6)), "malformed-ipv4"),
        (geneve(V4[:19], IPV4), "malformed-ipv4"),
        (gtp_u(V4 + b"?"), "tcp"),
        (gtp_u(V4[:-1]), "malformed-ipv4"),
    ],
)
def test_what_is_inside_is_judged_there(data: bytes, account: str) -> None:
    assert outcome(data) == account


@pytest.mark.parametrize(
    ("data", "cut", "account"),
    [
        (vxlan(), 49, "udp"),  # the header is not whole
        (vxlan(), 50, "truncated-ethernet"),
        (geneve(), 49, "udp"),
        (geneve(options=bytes(8)), 54, "truncated-ethernet"),
        (gtp_u(), 49, "udp"),
        (gtp_u(), 50, "truncated-gtpu"),
        (gtp_u(), 51, "truncated-ipv4"),
        (gtp_u(flags=0x32, options=bytes(4)), 53, "truncated-gtpu"),
        (gtp_u(flags=0x34, options=extensions(1)), 53, "truncated-gtpu"),
        (gtp_u(flags=0x34, options=extensions(1)), 54, "truncated-gtpu"),
        (gtp_u(flags=0x34, options=extensions(1)), 57, "truncated-gtpu"),
        (gtp_u(flags=0x34, options=extensions(1)), 58, "truncated-gtpu"),
        (gtp_u(flags=0x34, options=extensions(1)), 59, "truncated-ipv4"),
    ],
)
def test_what_the_snap_length_cut(data: bytes, cut: int, account: str) -> None:
    assert outcome(data, cut=cut) == account


def test_networks_are_kept_apart() -> None:
    run = Decoded([frame(vxlan(identifier=number << 8)) for number in (1, 2, 1)])
    assert [segment.tunnel for segment in run.segments] == ["vxlan:1", "vxlan:2", "vxlan:1"]
    assert run.segments[0].tunnel is run.segments[2].tunnel
    assert run.decoder.decoded() == {"tcp": Count(3, 3 * len(vxlan()))}

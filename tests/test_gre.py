"""GRE, ERSPAN and PPTP: what the flags say is skipped; malformed, truncated and unknown differ."""

import struct

import pytest

from tests.frames_kit import (
    GRE,
    IPV4,
    IPV6,
    Decoded,
    ethernet,
    frame,
    gre,
    ipv4,
    ipv6,
    outcome,
    segment_of,
    tcp,
)

TEB, PPP, ERSPAN_2, ERSPAN_3 = 0x6558, 0x880B, 0x88BE, 0x22EB
CHECKSUM, ROUTING, KEY, SEQUENCE, STRICT, ACKNOWLEDGEMENT = 0x8000, 0x4000, 0x2000, 0x1000, 0x0800, 0x0080
PPTP = KEY | 1
V4, V6 = ipv4(tcp(b"hello")), ipv6(tcp(b"hello"))
FRAME = ethernet(V4)
PACKET = b"\0\x21" + V4  # in PPP


def carried(payload: bytes, protocol: int = IPV4, flags: int = 0, options: bytes = b"") -> bytes:
    return ethernet(ipv4(gre(payload, protocol, flags, options), GRE))


def erspan_2(version: int = 1, session: int = 5) -> bytes:
    return struct.pack("!HHI", version << 12 | 300, 0xFC00 | session, 7)


def erspan_3(*, version: int = 2, frame_type: int = 0, subheader: bool = False) -> bytes:
    head = struct.pack("!HHIHH", version << 12, 5, 9, 0, frame_type << 10 | subheader)
    return head + bytes(8 if subheader else 0)


def pptp(payload: bytes, flags: int = PPTP | SEQUENCE, length: int | None = None) -> bytes:
    length = len(payload) if length is None else length
    words = (flags & (SEQUENCE | ACKNOWLEDGEMENT)).bit_count()
    return carried(payload, PPP, flags, struct.pack("!HH", length, 9) + bytes(4 * words))


@pytest.mark.parametrize(
    "flags", [CHECKSUM, KEY, SEQUENCE, CHECKSUM | KEY, KEY | SEQUENCE, CHECKSUM | KEY | SEQUENCE]
)
def test_the_optional_fields_are_skipped(flags: int) -> None:
    options = b"\xff" * 4 * flags.bit_count()
    for payload, protocol in ((V4, IPV4), (V6, IPV6), (FRAME, TEB)):
        segment = segment_of(carried(payload, protocol, flags, options))
        assert (segment.payload, segment.tunnel) == (b"hello", "gre")


def test_reserved_bits_are_ignored() -> None:
    assert segment_of(carried(V4, IPV4, 0x03F8)).tunnel == "gre"


@pytest.mark.parametrize(
    ("data", "tunnel"),
    [
        (carried(FRAME, ERSPAN_2), "erspan"),  # type I: no sequence number, no header
        (carried(erspan_2() + FRAME, ERSPAN_2, SEQUENCE, bytes(4)), "erspan:5"),
        (carried(erspan_2(session=0) + FRAME, ERSPAN_2, SEQUENCE, bytes(4)), "erspan:0"),
        (carried(erspan_3() + FRAME, ERSPAN_3, SEQUENCE, bytes(4)), "erspan:5"),
        (carried(erspan_3(subheader=True) + FRAME, ERSPAN_3, SEQUENCE, bytes(4)), "erspan:5"),
        (carried(erspan_3(frame_type=2) + V4, ERSPAN_3, SEQUENCE, bytes(4)), "erspan:5"),
        (pptp(PACKET), "pptp"),
        (pptp(b"\xff\x03" + PACKET), "pptp"),
        (pptp(PACKET, PPTP | SEQUENCE | ACKNOWLEDGEMENT), "pptp"),
    ],
)
def test_what_is_built_on_it(data: bytes, tunnel: str) -> None:
    segment = segment_of(data)
    assert (segment.payload, segment.tunnel, segment.vlan) == (b"hello", tunnel, None)


@pytest.mark.parametrize(
    ("data", "account"),
    [
        (ethernet(ipv4(b"\0\0\x08", GRE)), "malformed-gre"),
        (carried(b"", IPV4, CHECKSUM | KEY, bytes(7)), "malformed-gre"),
        (carried(b""), "malformed-ipv4"),
        (carried(V4, IPV4, ROUTING, bytes(4)), "unknown-gre"),
        (carried(V4, IPV4, STRICT), "unknown-gre"),
        (carried(V4, IPV4, 2), "unknown-gre"),  # a version
        (carried(b"", 0), "unknown-gre-protocol"),  # a keepalive
        (carried(V4, 0x883E), "unknown-gre-protocol"),
        (carried(V4, PPP), "unknown-gre-protocol"),  # PPP needs PPTP's header
        (carried(ethernet(bytes(28), 0x0806), TEB), "arp"),
        (carried(erspan_2()[:7], ERSPAN_2, SEQUENCE, bytes(4)), "malformed-erspan"),
        (carried(erspan_2(version=2) + FRAME, ERSPAN_2, SEQUENCE, bytes(4)), "unknown-erspan"),
        (carried(erspan_3()[:11], ERSPAN_3, SEQUENCE, bytes(4)), "malformed-erspan"),
        (carried(erspan_3(subheader=True)[:19], ERSPAN_3, SEQUENCE, bytes(4)), "malformed-erspan"),
        (carried(erspan_3(version=1) + FRAME, ERSPAN_3, SEQUENCE, bytes(4)), "unknown-erspan"),
        (carried(erspan_3(frame_type=1) + FRAME, ERSPAN_3, SEQUENCE, bytes(4)), "unknown-erspan"),
        (carried(erspan_3(frame_type=2), ERSPAN_3, SEQUENCE, bytes(4)), "malformed-ip"),
        (pptp(b"", PPTP | ACKNOWLEDGEMENT), "link-control"),
        (pptp(b"\xff\x03\xc0\x21" + bytes(8)), "link-control"),
        (pptp(b"\0\xfd" + bytes(40)), "unknown-ppp-protocol"),  # encrypted (RFC 3078)
        (pptp(PACKET, length=len(PACKET) + 1), "malformed-gre"),
        (pptp(PACKET, PPTP & ~KEY | SEQUENCE), "malformed-gre"),
        (pptp(PACKET, PPTP | SEQUENCE | CHECKSUM), "malformed-gre"),
        (carried(V4, IPV4, PPTP | SEQUENCE, bytes(8)), "unknown-gre-protocol"),
        (carried(b"", PPP, PPTP | SEQUENCE, bytes(3)), "malformed-gre"),
        (carried(b"", PPP, PPTP | SEQUENCE, bytes(7)), "malformed-gre"),
    ],
)
def test_what_carries_no_flow(data: bytes, account: str) -> None:
    assert outcome(data) == account


@pytest.mark.parametrize(
    ("data", "cut", "account"),
    [
        (carried(V4), 37, "truncated-gre"),
        (carried(V4, IPV4, KEY, bytes(4)), 41, "truncated-gre"),
        (carried(erspan_2() + FRAME, ERSPAN_2, SEQUENCE, bytes(4)), 49, "truncated-erspan"),
        (carried(erspan_3() + FRAME, ERSPAN_3), 49, "truncated-erspan"),
        (carried(erspan_3(subheader=True) + FRAME, ERSPAN_3), 57, "truncated-erspan"),
        (carried(erspan_3(frame_type=2) + V4, ERSPAN_3), 50, "truncated-ip"),
        (pptp(PACKET), 41, "truncated-gre"),
        (pptp(PACKET), 45, "truncated-gre"),
        (pptp(PACKET), 47, "truncated-ppp"),
    ],
)
def test_what_the_snap_length_cut(data: bytes, cut: int, account: str) -> None:
    assert outcome(data, cut=cut) == account


def test_sessions_are_kept_apart_and_bytes_are_those_of_the_frames() -> None:
    frames = [carried(erspan_2(session=number) + FRAME, ERSPAN_2, SEQUENCE, bytes(4)) for number in (1, 2)]
    run = Decoded([frame(each) for each in frames])
    assert [segment.tunnel for segment in run.segments] == ["erspan:1", "erspan:2"]
    assert run.decoder.decoded()["tcp"].bytes == 2 * len(frames[0])

"""TCP and UDP headers: lengths are checked, and bytes that the snap length cut are counted."""

import pytest

from tests.frames_kit import RAW, UDP, ethernet, ipv4, outcome, segment_of, tcp, udp


@pytest.mark.parametrize("size", range(0, 44, 4))
def test_tcp_options(size: int) -> None:
    segment = segment_of(ipv4(tcp(b"hello", flags=0xC2, options=b"\x01" * size)), RAW)
    assert (segment.payload, segment.flags, segment.seq) == (b"hello", 0xC2, 0x01020304)


def test_udp_without_payload() -> None:
    segment = segment_of(ipv4(udp(), UDP), RAW)
    assert (segment.payload, segment.missing_bytes, segment.flags, segment.seq) == (b"", 0, 0, 0)


def test_udp_ends_where_its_length_says() -> None:
    assert segment_of(ipv4(udp(b"hello+surplus", 8 + 5), UDP), RAW).payload == b"hello"


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (ipv4(tcp(offset=4)), "malformed-tcp"),
        (ipv4(tcp(offset=6)), "malformed-tcp"),  # longer than the packet
        (ipv4(tcp()[:19]), "malformed-tcp"),
        (ipv4(b""), "malformed-tcp"),
        (ipv4(udp(b"hello", 7), UDP), "malformed-udp"),
        (ipv4(udp(b"hello", 0), UDP), "malformed-udp"),
        (ipv4(udp(b"hello", 14), UDP), "malformed-udp"),
        (ipv4(udp()[:7], UDP), "malformed-udp"),
    ],
)
def test_malformed(packet: bytes, reason: str) -> None:
    assert outcome(packet, RAW) == reason
    assert outcome(ethernet(packet).ljust(60, b"\0")) == reason  # padding does not lengthen a packet


@pytest.mark.parametrize(
    ("packet", "cut", "reason"),
    [
        (ipv4(tcp(b"hello")), 39, "truncated-tcp"),
        (ipv4(tcp(b"hello")), 20, "truncated-tcp"),
        (ipv4(udp(b"hello"), UDP), 27, "truncated-udp"),
    ],
)
def test_headers_that_the_snap_length_cut(packet: bytes, cut: int, reason: str) -> None:
    assert outcome(packet, RAW, cut) == reason


@pytest.mark.parametrize(
    ("packet", "cut", "payload", "missing"),
    [
        (ipv4(tcp(b"hello")), 45, b"hello", 0),
        (ipv4(tcp(b"hello")), 42, b"he", 3),
        (ipv4(tcp(b"hello")), 40, b"", 5),
        (ipv4(tcp(b"hello", options=bytes(12))), 45, b"", 5),  # options are not needed
        (ipv4(udp(b"hello"), UDP), 31, b"hel", 2),
        (ipv4(udp(b"hello"), UDP), 28, b"", 5),
    ],
)
def test_payload_that_the_snap_length_cut(packet: bytes, cut: int, payload: bytes, missing: int) -> None:
    segment = segment_of(packet, RAW, cut)
    assert (segment.payload, segment.missing_bytes, segment.ip_bytes) == (payload, missing, len(packet))

"""IPv4 and IPv6: options and extension headers are followed, lengths are checked, padding is ignored."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors.ip import MAX_EXTENSIONS
from tests.frames_kit import (
    AH,
    CLIENT,
    CLIENT6,
    DESTINATION,
    FRAGMENT,
    HOP_BY_HOP,
    IPV6,
    NONE,
    RAW,
    ROUTING,
    SERVER,
    SERVER6,
    TCP,
    UDP,
    Decoded,
    authentication,
    ethernet,
    extension,
    fragment_header,
    frame,
    ipv4,
    ipv6,
    outcome,
    segment_of,
    tcp,
    udp,
)

ESP, ICMP, ICMPV6, SCTP = 50, 1, 58, 132


def test_an_ipv4_segment_in_full() -> None:
    segment = segment_of(ethernet(ipv4(tcp(b"hello"))))
    assert segment == (0, 45, TCP, CLIENT, 50_000, SERVER, 443, None, 0x18, 0x01020304, b"hello", 0, None)


def test_an_ipv6_datagram_in_full() -> None:
    segment = segment_of(ethernet(ipv6(udp(b"hello"), UDP), IPV6))
    assert segment == (0, 53, UDP, CLIENT6, 50_000, SERVER6, 443, None, 0, 0, b"hello", 0, None)


@pytest.mark.parametrize("size", range(0, 44, 4))
def test_ipv4_options(size: int) -> None:
    segment = segment_of(ethernet(ipv4(tcp(b"hello"), options=b"\x01" * size)))
    assert (segment.payload, segment.ip_bytes) == (b"hello", 45 + size)


def test_ethernet_padding_is_no_payload() -> None:
    assert segment_of(ethernet(ipv4(tcp())).ljust(60, b"\xff")).payload == b""
    assert segment_of(ethernet(ipv6(udp(b"x"), UDP), IPV6) + b"\xff" * 9).payload == b"x"


def test_segmentation_offload_leaves_no_length() -> None:
    payload = bytes(100_000)
    for data, ethertype, header_bytes in (
        (ipv4(tcp(payload), total=0), 0x0800, 40),
        (ipv6(tcp(payload), length=0), IPV6, 60),
    ):
        segment = segment_of(ethernet(data, ethertype))
        assert (len(segment.payload), segment.ip_bytes) == (100_000, 100_000 + header_bytes)


@pytest.mark.parametrize("order", list(itertools.permutations((HOP_BY_HOP, ROUTING, DESTINATION, AH))))
def test_ipv6_extension_headers_in_any_order(order: tuple[int, ...]) -> None:
    following, payload = TCP, tcp(b"hello")
    for kind in reversed(order):
        header = authentication(following) if kind == AH else extension(following, 16)
        following, payload = kind, header + payload
    segment = segment_of(ethernet(ipv6(payload, following), IPV6))
    assert (segment.payload, segment.ip_bytes) == (b"hello", 40 + 3 * 16 + 24 + 25)


def test_an_atomic_fragment_is_whole() -> None:
    payload = extension(FRAGMENT) + fragment_header(UDP, 0, more=False) + udp(b"hello")
    assert segment_of(ipv6(payload, HOP_BY_HOP), RAW).payload == b"hello"


def test_ipv4_behind_an_authentication_header() -> None:
    assert segment_of(ipv4(authentication(TCP) + tcp(b"hello"), AH), RAW).payload == b"hello"


@pytest.mark.parametrize(
    ("packet", "name"),
    [
        (ipv4(bytes(8), ICMP), "icmp"),
        (ipv4(bytes(8), 2), "igmp"),
        (ipv4(bytes(20), ESP), "esp"),
        (ipv4(b"", ICMP), "icmp"),
        (ipv6(bytes(8), ICMPV6), "icmpv6"),
        (ipv6(extension(ICMPV6) + bytes(8), HOP_BY_HOP), "icmpv6"),
        (ipv6(authentication(ESP) + bytes(20), AH), "esp"),
        (ipv6(b"", NONE), "ipv6-none"),
        (ipv4(bytes(12), SCTP), "unknown-ip-protocol"),
        (ipv4(bytes(12), HOP_BY_HOP), "unknown-ip-protocol"),  # of IPv6 only
        (ipv6(bytes(12), SCTP), "unknown-ip-protocol"),
        (ipv6(extension(TCP) + tcp(), HOP_BY_HOP, length=0), "unknown-jumbogram"),
    ],
)
def test_other_protocols(packet: bytes, name: str) -> None:
    assert outcome(packet, RAW) == name


@pytest.mark.parametrize(
    "packet",
    [
        b"\x44" + ipv4(tcp())[1:],  # header of 16 bytes
        b"\x65" + ipv4(tcp())[1:],
        ipv4(tcp())[:19],
        ipv4(tcp(), options=bytes(8))[:26],
        ipv4(tcp(), total=19),
        ipv4(tcp(), total=41),  # longer than the frame
        ipv4(bytes(9), flags=0x2000),  # a fragment that is not the last, of 9 bytes
        ipv4(b"", flags=0x2000),
        ipv4(bytes(16), flags=0x1FFF),  # beyond 65535 bytes
        ipv4(authentication(TCP, 16)[:8], AH),
        ipv4(bytes(4), AH),
    ],
)
def test_malformed_ipv4(packet: bytes) -> None:
    assert outcome(ethernet(packet)) == "malformed-ipv4"


@pytest.mark.parametrize(
    "packet",
    [
        b"\x40" + ipv6(tcp())[1:],
        ipv6(tcp())[:39],
        ipv6(tcp(), length=21),
        ipv6(bytes(7), DESTINATION),
        ipv6(extension(TCP, 16)[:8], DESTINATION),
        ipv6(authentication(TCP, 16)[:12], AH),
        ipv6(fragment_header(TCP, 0, more=True) + bytes(9), FRAGMENT),
        ipv6(fragment_header(TCP, 8, more=False), FRAGMENT),
        ipv6(fragment_header(TCP, 0xFFF8, more=False) + bytes(8), FRAGMENT),
        ipv6(extension(DESTINATION) * MAX_EXTENSIONS + extension(TCP) + tcp(), DESTINATION),
        ipv6((fragment_header(FRAGMENT, 0, more=False)) * 20, FRAGMENT),
    ],
)
def test_malformed_ipv6(packet: bytes) -> None:
    assert outcome(ethernet(packet, IPV6)) == "malformed-ipv6"


@pytest.mark.parametrize(
    ("packet", "cut", "reason"),
    [
        (ipv4(tcp()), 19, "truncated-ipv4"),
        (ipv4(tcp(), options=bytes(8)), 27, "truncated-ipv4"),
        (ipv4(authentication(TCP) + tcp(), AH), 27, "truncated-ipv4"),
        (ipv6(tcp()), 39, "truncated-ipv6"),
        (ipv6(extension(TCP) + tcp(), DESTINATION), 47, "truncated-ipv6"),
        (ipv6(extension(TCP, 264) + tcp(), DESTINATION), 100, "truncated-tcp"),
        (ipv6(extension(DESTINATION, 264) + extension(TCP) + tcp(), DESTINATION), 100, "truncated-ipv6"),
    ],
)
def test_headers_that_the_snap_length_cut(packet: bytes, cut: int, reason: str) -> None:
    assert outcome(packet, RAW, cut) == reason


@given(st.sampled_from((ipv4(tcp(b"hello")), ipv6(extension(UDP) + udp(b"hello"), HOP_BY_HOP))), st.data())
def test_damaged_headers_are_counted_and_never_raise(packet: bytes, data: st.DataObject) -> None:
    damaged = bytearray(packet)
    places = st.lists(st.tuples(st.integers(0, len(packet) - 1), st.integers(0, 255)), max_size=4)
    for place, value in data.draw(places):
        damaged[place] = value
    cut = data.draw(st.integers(0, len(packet)))
    assert sum(Decoded([frame(bytes(damaged), RAW, cut=cut)]).packets.values()) == 1

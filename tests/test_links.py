"""Link layers: every one leads to the same segment, and tells malformed, truncated and unknown apart."""

import struct

import pytest

from tests.frames_kit import (
    COOKED,
    COOKED_V2,
    ETHERNET,
    IPV4,
    IPV6,
    PROVIDER_VLAN,
    VLAN,
    ethernet,
    ieee8023,
    ipv4,
    ipv6,
    outcome,
    segment_of,
    tcp,
)

V4, V6 = ipv4(tcp(b"hello")), ipv6(tcp(b"hello"))
SNAP = b"\xaa\xaa\x03\0\0\0"
CISCO = b"\xaa\xaa\x03\0\0\x0c"
QINQ, SGT = 0x9100, 0x8909
GROUP_2 = b"\1\1\0\1\0\2"


def cooked(protocol: int, hardware: int = 1) -> bytes:
    return struct.pack("!HHH8xH", 0, hardware, 6, protocol)


def cooked_v2(protocol: int, hardware: int = 1) -> bytes:
    return struct.pack("!HxxIHBB8x", protocol, 3, hardware, 0, 6)


CARRIERS = [
    ("Ethernet", ETHERNET, ethernet(b"", IPV4), ethernet(b"", IPV6)),
    ("raw", 101, b"", b""),
    ("raw, as BSD numbers it", 12, b"", b""),
    ("raw, as OpenBSD numbers it", 14, b"", b""),
    ("IPv4 alone", 228, b"", None),
    ("IPv6 alone", 229, None, b""),
    ("cooked", COOKED, cooked(IPV4), cooked(IPV6)),
    ("cooked v2", COOKED_V2, cooked_v2(IPV4), cooked_v2(IPV6)),
    ("loopback, little-endian", 0, struct.pack("<I", 2), struct.pack("<I", 30)),
    ("loopback, big-endian", 0, struct.pack(">I", 2), struct.pack(">I", 24)),
    ("PPP", 9, b"\0\x21", b"\0\x57"),
    ("PPP in HDLC framing", 9, b"\xff\x03\0\x21", b"\xff\x03\0\x57"),
    ("PPP, protocol compressed", 9, b"\xff\x03\x21", b"\x57"),
    ("Cisco HDLC", 104, b"\x0f\0\x08\0", b"\x8f\0\x86\xdd"),
    (
        "Cisco security group",
        ETHERNET,
        ethernet(GROUP_2 + b"\x08\0", SGT),
        ethernet(GROUP_2 + b"\x86\xdd", SGT),
    ),
    ("OpenBSD loopback", 108, struct.pack(">I", 2), struct.pack(">I", 28)),
]


@pytest.mark.parametrize(
    ("linktype", "before"), [(link, v4) for _, link, v4, _ in CARRIERS if v4 is not None]
)
def test_ipv4_over_every_link(linktype: int, before: bytes) -> None:
    segment = segment_of(before + V4, linktype)
    assert (segment.payload, segment.ip_bytes, segment.vlan) == (b"hello", 45, None)


@pytest.mark.parametrize(
    ("linktype", "before"), [(link, v6) for _, link, _, v6 in CARRIERS if v6 is not None]
)
def test_ipv6_over_every_link(linktype: int, before: bytes) -> None:
    segment = segment_of(before + V6, linktype)
    assert (segment.payload, segment.ip_bytes, segment.vlan) == (b"hello", 65, None)


@pytest.mark.parametrize(
    ("data", "vlan"),
    [
        (ethernet(V4, IPV4, (VLAN, 100)), 100),
        (ethernet(V4, IPV4, (VLAN, 0xE000 | 100)), 100),  # with a priority
        (ethernet(V4, IPV4, (VLAN, 0xE000)), None),  # a priority tag names no VLAN
        (ethernet(V4, IPV4, (VLAN, 0), (VLAN, 7)), 7),
        (ethernet(V4, IPV4, (PROVIDER_VLAN, 300), (VLAN, 7)), 300),
        (ethernet(V4, IPV4, (QINQ, 300), (VLAN, 7), (VLAN, 8)), 300),
        (ethernet(V6, IPV6, (VLAN, 4094)), 4094),
        (ethernet(SNAP + b"\x08\0" + V4, len(V4) + 8, (VLAN, 9)), 9),
        (ieee8023(SNAP + b"\x08\0" + V4), None),
    ],
)
def test_the_outermost_vlan_is_kept(data: bytes, vlan: int | None) -> None:
    segment = segment_of(data)
    assert (segment.payload, segment.vlan) == (b"hello", vlan)


def test_security_groups_and_vlans_in_any_order() -> None:
    tag = struct.pack("!H", 77)
    assert segment_of(ethernet(GROUP_2 + b"\x81\0" + tag + b"\x08\0" + V4, SGT)).vlan == 77
    assert segment_of(ethernet(GROUP_2 + b"\x08\0" + V4, SGT, (VLAN, 77))).vlan == 77
    assert (
        segment_of(ethernet(GROUP_2 + struct.pack("!H", 8 + len(V4)) + SNAP + b"\x08\0" + V4, SGT)).vlan
        is None
    )


def test_what_a_link_says_to_itself() -> None:
    for linktype, data in (
        (9, b"\xff\x03\xc0\x21\x09\0\0\x08" + bytes(4)),  # LCP
        (9, b"\x80\x21\x01\0\0\x04"),  # IPCP
        (104, b"\x8f\0\x80\x35" + bytes(18)),  # Cisco's keepalive
    ):
        assert outcome(data, linktype) == "link-control"
    assert outcome(ethernet(bytes(40), 0x8863)) == "pppoe-discovery"


def test_a_vlan_tag_behind_a_cooked_header() -> None:
    assert segment_of(cooked(VLAN) + struct.pack("!HH", 12, IPV4) + V4, COOKED).vlan == 12


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (ethernet(bytes(28), 0x0806), "arp"),
        (ethernet(bytes(28), 0x8035), "rarp"),
        (ethernet(bytes(28), 0x0806, (VLAN, 5)), "arp"),
        (ethernet(bytes(46), 0x88CC), "lldp"),
        (ethernet(bytes(46), 0x8809), "slow-protocols"),
        (ethernet(bytes(46), 0x888E), "eapol"),
        (ieee8023(b"\x42\x42\x03" + bytes(35)), "stp"),
        (ieee8023(b"\xfe\xfe\x03" + bytes(35)), "isis"),
        (ieee8023(b"\xff\xff" + bytes(40)), "ipx"),
        (ieee8023(CISCO + b"\x20\0" + bytes(30)), "cdp"),
        (ieee8023(CISCO + b"\x01\x0b" + bytes(30)), "stp"),
    ],
)
def test_protocols_without_a_flow(data: bytes, name: str) -> None:
    assert outcome(data) == name


@pytest.mark.parametrize(
    ("linktype", "data", "reason"),
    [
        (147, V4, "unknown-linktype"),
        (9, V4, "unknown-ppp-protocol"),  # 0x45, compressed to one byte
        (9, b"\xff\x03\x00\xfd" + bytes(20), "unknown-ppp-protocol"),  # compressed, or encrypted
        (9, b"\x00\x20" + V4, "malformed-ppp"),  # an even protocol number
        (9, b"\xff\x03", "malformed-ppp"),
        (9, b"\0", "malformed-ppp"),
        (9, b"", "malformed-ppp"),
        (104, b"\x0f\0\x99\x99" + V4, "unknown-ethertype"),
        (104, b"\x0f\0\xfe\xfe" + V4, "unknown-ethertype"),
        (104, b"\x0f\0\x00\xfe" + V4, "unknown-ethertype"),  # no LLC here
        (104, b"\x45\0\x08\0" + V4, "malformed-hdlc"),
        (104, b"\x0f\0\x08", "malformed-hdlc"),
        (ETHERNET, ethernet(V4, 0x6558), "unknown-ethertype"),  # only tunnels carry bridged frames
        (ETHERNET, ethernet(V4, 0x880B), "unknown-ethertype"),
        (ETHERNET, ethernet(b"\2\1\0\1\0\2\x08\0" + V4, SGT), "unknown-ethertype"),
        (ETHERNET, ethernet(b"\1\2\0\1\0\2\x08\0" + V4, SGT), "unknown-ethertype"),
        (ETHERNET, ethernet(b"\1\1\0\1\0\2\x08", SGT), "malformed-sgt"),
        (ETHERNET, ieee8023(b"\x06\x06\x03" + V4), "unknown-ethertype"),
        (ETHERNET, ieee8023(CISCO + b"\x7f\x7f" + bytes(30)), "unknown-ethertype"),
        (COOKED, cooked(0x0001) + V4, "unknown-ethertype"),
        (COOKED, cooked(IPV4, 824) + V4, "unknown-ethertype"),  # netlink: not an EtherType
        (COOKED_V2, cooked_v2(IPV4, 803) + V4, "unknown-ethertype"),  # radiotap
        (0, struct.pack("<I", 7) + V4, "unknown-ethertype"),
        (ETHERNET, b"\x02" * 13, "malformed-ethernet"),
        (ETHERNET, b"", "malformed-ethernet"),
        (ETHERNET, ieee8023(bytes(20), 1_501), "malformed-ethernet"),
        (ETHERNET, ieee8023(bytes(20), 1_535), "malformed-ethernet"),
        (ETHERNET, ieee8023(bytes(20), 47), "malformed-ethernet"),  # longer than the frame
        (ETHERNET, ieee8023(b"\x42\x42\x03", 2), "malformed-llc"),
        (ETHERNET, ieee8023(SNAP + b"\x08\0", 7), "malformed-llc"),
        (ETHERNET, ieee8023(SNAP + b"\0\x42" + bytes(30)), "malformed-llc"),  # an EtherType below 1536
        (ETHERNET, ethernet(b"\0\x01\x08", VLAN), "malformed-vlan"),
        (ETHERNET, ethernet(V4, IPV4, *[(VLAN, 1)] * 8), "malformed-vlan"),
        (COOKED, cooked(IPV4)[:15], "malformed-cooked"),
        (COOKED_V2, cooked_v2(IPV4)[:19], "malformed-cooked"),
        (0, b"\x02\0\0", "malformed-loopback"),
        (101, b"", "malformed-ip"),
        (101, b"\x50" + V4[1:], "malformed-ip"),
        (228, V6, "malformed-ipv4"),
        (229, V4, "malformed-ipv6"),
    ],
)
def test_what_cannot_be_decoded(linktype: int, data: bytes, reason: str) -> None:
    assert outcome(data, linktype) == reason


def test_the_most_tags_that_are_followed() -> None:
    assert segment_of(ethernet(V4, IPV4, *[(VLAN, 1)] * 7)).vlan == 1


@pytest.mark.parametrize(
    ("linktype", "data", "cut", "reason"),
    [
        (ETHERNET, ethernet(V4), 13, "truncated-ethernet"),
        (ETHERNET, ethernet(V4, IPV4, (VLAN, 1)), 17, "truncated-vlan"),
        (ETHERNET, ieee8023(b"\x42\x42\x03" + bytes(35)), 16, "truncated-llc"),
        (ETHERNET, ieee8023(SNAP + b"\x08\0" + V4), 21, "truncated-llc"),
        (COOKED, cooked(IPV4) + V4, 15, "truncated-cooked"),
        (COOKED, cooked(4) + b"\x42\x42\x03", 18, "truncated-llc"),
        (COOKED_V2, cooked_v2(IPV4) + V4, 19, "truncated-cooked"),
        (0, struct.pack("<I", 2) + V4, 3, "truncated-loopback"),
        (101, V4, 0, "truncated-ip"),
        (9, b"\xff\x03\0\x21" + V4, 3, "truncated-ppp"),
        (9, b"\0\x21" + V4, 0, "truncated-ppp"),
        (9, b"\xff\x03\0\x21" + V4, 1, "truncated-ppp"),  # not yet protocol 0xff
        (9, b"\x57", 0, "truncated-ppp"),  # one byte is a protocol
        (104, b"\x0f\0\x08\0" + V4, 3, "truncated-hdlc"),
        (ETHERNET, ethernet(GROUP_2 + b"\x08\0" + V4, SGT), 21, "truncated-sgt"),
    ],
)
def test_what_the_snap_length_cut(linktype: int, data: bytes, cut: int, reason: str) -> None:
    assert outcome(data, linktype, cut) == reason


def test_llc_behind_a_cooked_header() -> None:
    assert outcome(cooked(4) + b"\x42\x42\x03" + bytes(35), COOKED) == "stp"

"""Tunnels: the flow inside is the same as without them, whatever the encapsulation and its nesting."""

from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.contrib.erspan import ERSPAN_I, ERSPAN_II, ERSPAN_III
from scapy.contrib.etherip import EtherIP
from scapy.contrib.geneve import GENEVE, GeneveOptions
from scapy.contrib.gtp import GTP_U_Header, GTPPDUSessionContainer
from scapy.contrib.mpls import MPLS, EoMCW
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import GRE, GRE_PPTP, Dot1Q, Ether
from scapy.layers.ppp import PPP, PPPoE
from scapy.layers.vxlan import VXLAN
from scapy.packet import Raw

from sensors.cargo import MAX_NESTING
from sensors.observations import Count
from sensors.tunnels import MAX_LABELS
from tests import frames_kit as kit
from tests.frames_kit import (
    ETHERIP,
    IPIP,
    RAW,
    SIX_IN_IP,
    Decoded,
    ethernet,
    frame,
    ipv4,
    outcome,
    segment_of,
    udp,
)

ADDRESSES: Any = {"src": "10.20.1.5", "dst": "203.0.113.7"}
ADDRESSES6: Any = {"src": "2001:db8::5", "dst": "2001:db8:1::7"}
MACS: Any = {"src": "02:00:00:00:00:01", "dst": "02:00:00:00:00:02"}  # else scapy asks the system's routes
PORTS: Any = {"sport": 50_000, "dport": 443}
OPTION = GeneveOptions(classid=0x0108, type=1, length=2, data=b"12345678")
ETHER, OUTER, OUTER6 = Ether(**MACS), IP(src="192.0.2.1", dst="192.0.2.2"), IPv6(**ADDRESSES6)
GRE_FULL: Any = {"chksum_present": 1, "key_present": 1, "key": 7, "seqnum_present": 1}
sequenced = partial(GRE, seqnum_present=1)

V4 = IP(**ADDRESSES) / TCP(**PORTS, seq=77, flags="PA") / Raw(b"hello")
V6 = IPv6(**ADDRESSES6) / UDP(**PORTS) / Raw(b"hello")
MPLS_STACK = MPLS(label=16, s=0) / MPLS(label=17, s=1)


def udp_to(port: int) -> Any:
    """Return a tunnel's datagram, of which only the target port is fixed."""
    return OUTER / UDP(sport=61_234, dport=port)


# What stands before the inner packet, and the tunnel's name; the inner packet is IP in all of them.
TUNNELS: list[tuple[Any, str]] = [
    (ETHER / OUTER / GRE(), "gre"),
    (ETHER / OUTER6 / GRE(), "gre"),
    (ETHER / OUTER / GRE(**GRE_FULL), "gre"),
    (ETHER / OUTER / GRE() / ETHER, "gre"),
    (ETHER / OUTER / GRE() / MPLS_STACK, "gre/mpls"),
    (ETHER / OUTER / GRE(proto=0x88BE) / ERSPAN_I() / ETHER, "erspan"),
    (ETHER / OUTER / sequenced() / ERSPAN_II(session_id=1_023) / ETHER, "erspan:1023"),
    (ETHER / OUTER / sequenced() / ERSPAN_III(session_id=5) / ETHER, "erspan:5"),
    (ETHER / OUTER / GRE_PPTP(seqnum_present=1) / PPP(), "pptp"),
    (ETHER / OUTER / GRE_PPTP(seqnum_present=1, acknum_present=1) / PPP(), "pptp"),
    (ETHER / udp_to(4_789) / VXLAN(vni=42, flags=8) / ETHER, "vxlan:42"),
    (ETHER / udp_to(4_789) / VXLAN(vni=42, flags=8) / ETHER / Dot1Q(vlan=0), "vxlan:42"),
    (ETHER / OUTER6 / UDP(sport=1, dport=4_789) / VXLAN(vni=0, flags=8) / ETHER, "vxlan:0"),
    (ETHER / udp_to(8_472) / VXLAN(vni=2**24 - 1, flags=8) / ETHER, "vxlan:16777215"),
    (ETHER / udp_to(4_789) / VXLAN(vni=42, flags=0x88, gpid=9, gpflags=0x08) / ETHER, "vxlan:42"),
    (ETHER / udp_to(4_790) / VXLAN(vni=42) / ETHER, "vxlan:42"),
    (ETHER / udp_to(4_790) / VXLAN(vni=42, flags=0x0C), "vxlan:42"),
    (ETHER / udp_to(6_081) / GENEVE(vni=7) / ETHER, "geneve:7"),
    (ETHER / udp_to(6_081) / GENEVE(vni=7, options=[OPTION, OPTION]), "geneve:7"),
    (ETHER / udp_to(6_081) / GENEVE(vni=7, critical=1, options=[OPTION]) / ETHER, "geneve:7"),
    (ETHER / udp_to(2_152) / GTP_U_Header(teid=5), "gtpu"),
    (ETHER / udp_to(2_152) / GTP_U_Header(teid=5, S=1, seq=9), "gtpu"),
    (ETHER / udp_to(2_152) / GTP_U_Header(teid=5) / GTPPDUSessionContainer(type=0, QFI=5), "gtpu"),
    (ETHER / OUTER, "ipip"),
    (ETHER / OUTER6, "ipip"),
    (ETHER / OUTER / EtherIP() / ETHER, "etherip"),
    (ETHER / MPLS_STACK, "mpls"),
    (ETHER / Dot1Q(vlan=0, type=0x8848) / MPLS(s=1), "mpls"),
    (ETHER / MPLS_STACK / EoMCW(seq=4) / ETHER, "mpls"),
    (ETHER / PPPoE(sessionid=9) / PPP(), "pppoe"),
    (ETHER / PPPoE(sessionid=9) / PPP(proto=0x0281) / MPLS(s=1), "pppoe/mpls"),
    (ETHER / PPPoE(sessionid=9) / PPP() / OUTER, "pppoe/ipip"),
    (
        ETHER
        / OUTER
        / sequenced()
        / ERSPAN_II(session_id=5)
        / ETHER
        / udp_to(4_789)
        / VXLAN(flags=8)
        / ETHER,
        "erspan:5/vxlan:0",
    ),
    (ETHER / OUTER / GRE() / udp_to(6_081) / GENEVE() / ETHER / MPLS(s=1) / OUTER, "gre/geneve:0/mpls/ipip"),
]


@pytest.mark.parametrize(
    ("before", "tunnel"), TUNNELS, ids=[f"{i}-{name}" for i, (_, name) in enumerate(TUNNELS)]
)
def test_the_flow_inside_is_as_without_the_tunnel(before: Any, tunnel: str) -> None:
    for packet in (V4, V6):
        data = bytes(before / packet)
        segment = segment_of(data)
        assert segment == segment_of(bytes(packet), RAW)._replace(tunnel=tunnel)
        assert (segment.payload, segment.ip_bytes) == (b"hello", len(packet))
        run = Decoded([frame(data)])
        assert run.decoder.decoded() == {"tcp" if packet is V4 else "udp": Count(1, len(data))}


def test_the_outermost_vlan_is_kept() -> None:
    inner = VXLAN(flags=8) / ETHER / Dot1Q(vlan=7) / V4
    assert segment_of(bytes(ETHER / udp_to(4_789) / inner)).vlan == 7
    assert segment_of(bytes(ETHER / Dot1Q(vlan=300) / udp_to(4_789) / inner)).vlan == 300
    assert segment_of(bytes(ETHER / Dot1Q(vlan=300) / PPPoE() / PPP() / V4)).vlan == 300


@pytest.mark.parametrize(
    ("data", "account"),
    [
        (ethernet(b"\0\1\0\x40" + bytes(20), 0x8847), "malformed-mpls"),  # no bottom of the stack
        (ethernet(b"\0\1\1", 0x8847), "malformed-mpls"),
        (ethernet(b"\0\1\1\x40", 0x8847), "malformed-mpls"),  # nothing beneath
        (ethernet(bytes(4) * MAX_LABELS + b"\0\1\1\x40" + bytes(V4), 0x8847), "too-deep-nesting"),
        (ethernet(b"\0\1\1\x40\x10" + bytes(40), 0x8847), "unknown-mpls-payload"),  # RFC 5586
        (ethernet(b"\0\1\1\x40" + ethernet(bytes(V4)), 0x8847), "unknown-mpls-payload"),  # no control word
        (ethernet(b"\0\1\1\x40" + bytes(4) + ethernet(bytes(40), 0x9999), 0x8847), "unknown-mpls-payload"),
        (ethernet(b"\0\1\1\x40" + bytes(4) + ethernet(bytes(28), 0x0806), 0x8847), "arp"),
        (ethernet(b"\x11\0\0\1\0", 0x8864), "malformed-pppoe"),
        (ethernet(b"\x21\0\0\1\0\2\0\x21", 0x8864), "malformed-pppoe"),
        (ethernet(b"\x11\x09\0\1\0\2\0\x21", 0x8864), "malformed-pppoe"),  # a code of the discovery stage
        (ethernet(b"\x11\0\0\1\0\3\0\x21", 0x8864), "malformed-pppoe"),  # longer than the frame
        (ethernet(b"\x11\0\0\1\0\0", 0x8864), "malformed-ppp"),
        (ethernet(b"\x11\0\0\1\0\2\0\x21" + bytes(V4), 0x8864), "malformed-ipv4"),  # the rest is padding
        (ethernet(b"\x11\0\0\1\0\x0a\xc0\x21" + bytes(40), 0x8864), "link-control"),
        (ethernet(ipv4(b"\x30", ETHERIP)), "malformed-etherip"),
        (ethernet(ipv4(b"\x20\0" + ethernet(bytes(V4)), ETHERIP)), "malformed-etherip"),
        (ethernet(ipv4(b"", IPIP)), "malformed-ipv4"),
        (ethernet(ipv4(bytes(V6), IPIP)), "malformed-ipv4"),
        (ethernet(ipv4(ipv4(bytes(8), 1), IPIP)), "icmp"),
        (ethernet(ipv4(ipv4(bytes(8), 132), IPIP)), "unknown-ip-protocol"),
        (ethernet(ipv4(kit.ipv6(b"", kit.NONE), SIX_IN_IP)), "ipv6-none"),
    ],
)
def test_what_carries_no_flow(data: bytes, account: str) -> None:
    assert outcome(data) == account


@pytest.mark.parametrize(
    ("data", "cut", "account"),
    [
        (ethernet(b"\0\1\1\x40" + bytes(V4), 0x8847), 17, "truncated-mpls"),
        (ethernet(b"\0\1\1\x40" + bytes(V4), 0x8847), 18, "truncated-mpls"),
        (ethernet(b"\0\1\1\x40" + bytes(4) + ethernet(bytes(V4)), 0x8847), 19, "truncated-mpls"),
        (ethernet(b"\0\1\1\x40" + bytes(4) + ethernet(bytes(V4)), 0x8847), 35, "truncated-mpls"),
        (ethernet(b"\0\1\1\x40" + bytes(V4), 0x8847), 19, "truncated-ipv4"),
        (ethernet(b"\x11\0\0\1\0\x2f\0\x21" + bytes(V4), 0x8864), 19, "truncated-pppoe"),
        (ethernet(b"\x11\0\0\1\0\x2f\0\x21" + bytes(V4), 0x8864), 21, "truncated-ppp"),
        (ethernet(ipv4(b"\x30\0" + ethernet(bytes(V4)), ETHERIP)), 35, "truncated-etherip"),
        (ethernet(ipv4(b"\x30\0" + ethernet(bytes(V4)), ETHERIP)), 40, "truncated-ethernet"),
        (ethernet(ipv4(bytes(V4), IPIP)), 40, "truncated-ipv4"),
    ],
)
def test_what_the_snap_length_cut(data: bytes, cut: int, account: str) -> None:
    assert outcome(data, cut=cut) == account


def test_the_payload_is_cut_as_without_a_tunnel() -> None:
    data = bytes(ETHER / udp_to(4_789) / VXLAN(vni=1, flags=8) / ETHER / V4)
    segment = segment_of(data, cut=len(data) - 3)
    assert (segment.payload, segment.missing_bytes, segment.ip_bytes) == (b"he", 3, len(V4))


def test_padding_behind_the_tunnel_is_not_read() -> None:
    data = bytes(ETHER / OUTER / V4) + b"padding"
    assert segment_of(data).payload == b"hello"
    short = ipv4(bytes(V4)[:-5], IPIP)  # the inner packet is cut where the padding begins
    assert outcome(ethernet(short) + b"padding") == "malformed-ipv4"


@pytest.mark.parametrize("nested", range(1, MAX_NESTING + 3))
def test_nesting_is_bounded(nested: int) -> None:
    data = bytes(V4)
    for _ in range(nested):
        data = ipv4(data, IPIP)
    if nested > MAX_NESTING:
        assert outcome(data, RAW) == "too-deep-nesting"
    else:
        assert segment_of(data, RAW).tunnel == "/".join(["ipip"] * nested)


def test_the_deepest_nesting_is_no_recursion() -> None:
    data = b""
    for _ in range(3_000):
        data = ipv4(data, IPIP)
    assert outcome(data, RAW) == "too-deep-nesting"


packets = st.one_of(
    st.binary(max_size=80),
    st.builds(
        lambda protocol, body, flags: ipv4(body, protocol, flags=flags),
        st.sampled_from((1, 4, 6, 17, 47, 51, 132)),
        st.binary(max_size=60),
        st.sampled_from((0, 0, 0x4000, 0x2000, 5)),
    ),
    st.builds(
        lambda port, body: ipv4(udp(body, port=port), 17),
        st.sampled_from((53, 2_152, 4_789, 6_081)),
        st.binary(),
    ),
    st.builds(lambda body: ipv4(kit.tcp(body)), st.binary(max_size=60)),
)


@given(packets, st.integers(0, 200))
@settings(max_examples=400)
def test_the_plain_path_and_the_one_through_tunnels_agree(packet: bytes, size: int) -> None:
    captured = min(size, len(packet))
    plain = Decoded([frame(packet, 228, cut=captured)])
    through = Decoded([frame(ipv4(packet, IPIP), 228, cut=20 + captured)])
    assert through.packets == plain.packets
    names = ["ipip" if each.tunnel is None else f"ipip/{each.tunnel}" for each in plain.segments]
    assert through.segments == [
        each._replace(tunnel=name) for each, name in zip(plain.segments, names, strict=True)
    ]


starts = st.sampled_from([bytes(before / packet) for before, _ in TUNNELS for packet in (V4, V6)])


@given(starts, st.lists(st.tuples(st.integers(0, 150), st.integers(0, 255)), max_size=3), st.data())
@settings(max_examples=400)
def test_damaged_tunnels_keep_the_accounts_closed(
    data: bytes, damage: list[tuple[int, int]], draw: st.DataObject
) -> None:
    damaged = bytearray(data)
    for place, value in damage:
        damaged[place % len(damaged)] = value
    cut = draw.draw(st.integers(0, len(data)))
    assert sum(Decoded([frame(bytes(damaged)), frame(bytes(damaged), cut=cut)]).packets.values()) == 2

"""Where in a frame's layers the flow is, and what a frame without one is counted as."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors.tshark_facts import Facts
from sensors.tshark_place import TCP, UDP, Place, locate
from tests.tshark_help import facts

ENDS = {"ip_source": "10.0.0.1", "ip_target": "10.0.0.2", "ip_bytes": "60"}
TCP_PORTS = {"tcp_source": "40000", "tcp_target": "443"}
OUTER = {"ip_source": ("1.1.1.1", "10.0.0.1"), "ip_target": ("1.1.1.2", "10.0.0.2"), "ip_bytes": ("90", "60")}
UDP_OUTSIDE = {"udp_source": "5000", "udp_target": "4789"}
WALKS: list[tuple[str, Facts, str | None, tuple[str, ...]]] = [
    ("plain", facts("eth:ethertype:ip:tcp:tls", **ENDS, **TCP_PORTS), None, ("tls",)),
    (
        "vxlan",
        facts(
            "eth:ethertype:ip:udp:vxlan:eth:ethertype:ip:tcp", **OUTER, **TCP_PORTS, **UDP_OUTSIDE, vxlan="42"
        ),
        "vxlan:42",
        (),
    ),
    ("gre", facts("eth:ethertype:ip:gre:ip:tcp", **OUTER, **TCP_PORTS), "gre", ()),
    ("pptp", facts("eth:ethertype:ip:gre:ppp:ip:tcp", **OUTER, **TCP_PORTS), "pptp", ()),
    (
        "erspan",
        facts("eth:ethertype:ip:gre:erspan:eth:ethertype:ip:tcp", **OUTER, **TCP_PORTS, erspan="7"),
        "erspan:7",
        (),
    ),
    ("ip in ip", facts("raw:ip:ip:tcp", **OUTER, **TCP_PORTS), "ipip", ()),
    ("mpls", facts("eth:ethertype:mpls:mpls:ip:tcp", **ENDS, **TCP_PORTS), "mpls", ()),
]


@pytest.mark.parametrize(
    ("said", "tunnel", "above"), [row[1:] for row in WALKS], ids=[row[0] for row in WALKS]
)
def test_the_innermost_packet_is_the_flow(said: Facts, tunnel: str | None, above: tuple[str, ...]) -> None:
    place = locate(said)
    assert isinstance(place, Place)
    assert (place.transport, place.source, place.source_port, place.target, place.target_port) == (
        TCP,
        bytes((10, 0, 0, 1)),
        40_000,
        bytes((10, 0, 0, 2)),
        443,
    )
    assert (place.ip_bytes, place.vlan, place.tunnel, place.above) == (60, None, tunnel, above)


def test_ipv6_and_the_outermost_vlan() -> None:
    ends = {"ip6_source": "2001:db8::1", "ip6_target": "2001:db8::2", "ip6_bytes": "20"}
    ports = {"udp_source": "5", "udp_target": "53"}
    place = locate(facts("eth:ethertype:vlan:ethertype:ipv6:udp:dns", vlan=("100", "5"), **ends, **ports))
    assert isinstance(place, Place)
    assert (place.transport, place.ip_bytes, place.vlan, place.above) == (UDP, 60, 100, ("dns",))


COUNTED = [
    ("arp", facts("eth:ethertype:arp"), "arp"),
    ("what an error quotes", facts("eth:ethertype:ip:icmp:ip:tcp", **OUTER, **TCP_PORTS), "icmp"),
    (
        "arp in a tunnel",
        facts("eth:ethertype:ip:udp:vxlan:eth:ethertype:arp", **ENDS, **UDP_OUTSIDE, vxlan="42"),
        "arp",
    ),
    ("a first fragment", facts("eth:ethertype:ip:data", **ENDS, ip_more="1", ip_offset="0"), "ip-fragment"),
    ("a later fragment", facts("eth:ethertype:ip:data", **ENDS, ip_more="0", ip_offset="8"), "ip-fragment"),
    ("an unknown EtherType", facts("eth:ethertype:aoe"), ":unknown-ethertype"),
    ("an unknown IP protocol", facts("eth:ethertype:ip:data", **ENDS), ":unknown-ip-protocol"),
    ("broken", facts("eth:ethertype:ip", malformed="Malformed Packet"), ":malformed-ip"),
    ("cut", facts("eth:ethertype:ip", wire_bytes="1500"), ":truncated-frame"),
    ("no layers", facts(""), ":unknown-ethertype"),
    ("no ports", facts("eth:ethertype:ip:tcp", **ENDS), ":unknown-ip-protocol"),
]


@pytest.mark.parametrize(("said", "wanted"), [row[1:] for row in COUNTED], ids=[row[0] for row in COUNTED])
def test_what_carries_no_flow_is_counted(said: Facts, wanted: str) -> None:
    assert locate(said) == wanted


LAYERS = st.sampled_from(
    ["eth", "ip", "ipv6", "tcp", "udp", "gre", "ppp", "vxlan", "erspan", "mpls", "icmp", "x"]
)


@given(
    st.lists(LAYERS, max_size=200),
    st.lists(st.sampled_from(["10.0.0.1", "x", ""]), max_size=3),
    st.lists(st.sampled_from(["1", "x"]), max_size=3),
)
def test_whatever_is_said_is_placed_or_counted(layers: list[str], ends: list[str], ports: list[str]) -> None:
    addresses = {"ip_source": tuple(ends), "ip_target": tuple(reversed(ends))}
    said = facts(":".join(layers), **addresses, tcp_source=tuple(ports), tcp_target=tuple(ports))
    assert locate(said)

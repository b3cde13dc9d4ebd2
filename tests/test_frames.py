"""Frames to segments: the same fields as dpkt and scapy see, and closed accounts whatever the bytes."""

import itertools
from ipaddress import ip_address
from typing import Any

import dpkt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP, UDP, IPOption, fragment
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, fragment6
from scapy.layers.l2 import (
    ARP,
    LLC,
    SNAP,
    STP,
    CookedLinux,
    CookedLinuxV2,
    Dot1AD,
    Dot1Q,
    Dot3,
    Ether,
    Loopback,
)
from scapy.packet import Raw

from sensors.capture import Frame
from sensors.observations import Count
from tests.frames_kit import LINKTYPES, Decoded, ethernet, frame, ipv4, segment_of, tcp

ADDRESSES: Any = {"src": "10.20.1.5", "dst": "203.0.113.7"}
ADDRESSES6: Any = {"src": "2001:db8::5", "dst": "2001:db8:1::7"}
MACS: Any = {"src": "02:00:00:00:00:01", "dst": "02:00:00:00:00:02"}  # else scapy asks the system's routes
PORTS: Any = {"sport": 50_000, "dport": 443}
in_fragments: Any = fragment
in_fragments6: Any = fragment6


def networks() -> list[Any]:
    """Packets of every kind that is decoded, from scapy's idea of the protocols."""
    transports = [
        TCP(**PORTS, seq=2**32 - 1, flags="S", options=[("MSS", 1460), ("WScale", 7)]),
        TCP(**PORTS, seq=77, flags="PA") / Raw(b"hello"),
        TCP(**PORTS, seq=78, flags="FA"),
        UDP(**PORTS) / Raw(b"datagram"),
        UDP(**PORTS),
    ]
    headers = [
        IP(**ADDRESSES),
        IP(**ADDRESSES, options=[IPOption(b"\x94\x04\x00\x00")]),
        IPv6(**ADDRESSES6),
        IPv6(**ADDRESSES6) / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt(),
    ]
    return [header / transport for header, transport in itertools.product(headers, transports)]


def links() -> list[tuple[int, Any, int | None]]:
    """Link type, header and the VLAN that it names."""
    return [
        (1, Ether(**MACS), None),
        (1, Ether(**MACS) / Dot1Q(vlan=100), 100),
        (1, Ether(**MACS) / Dot1AD(vlan=200) / Dot1Q(vlan=100), 200),
        (1, Dot3(**MACS) / LLC() / SNAP(), None),
        (113, CookedLinux(), None),
        (276, CookedLinuxV2(), None),
        (0, Loopback(), None),
        (101, None, None),
    ]


@pytest.mark.parametrize(("linktype", "link", "vlan"), links())
def test_the_fields_are_those_of_scapy(linktype: int, link: Any, vlan: int | None) -> None:
    for network in networks():
        data = bytes(network if link is None else link / network)
        segment = segment_of(data, linktype)
        parsed = (IPv6 if IPv6 in network else IP)(bytes(network))
        transport = parsed[TCP] if TCP in parsed else parsed[UDP]
        assert segment.source == ip_address(parsed.src).packed
        assert segment.target == ip_address(parsed.dst).packed
        assert (segment.source_port, segment.target_port) == (transport.sport, transport.dport)
        assert segment.payload == bytes(transport.payload)
        assert (segment.ip_bytes, segment.vlan, segment.missing_bytes) == (len(network), vlan, 0)
        if TCP in parsed:
            assert (segment.transport, segment.flags, segment.seq) == (6, int(transport.flags), transport.seq)
        else:
            assert (segment.transport, segment.flags, segment.seq) == (17, 0, 0)


def test_the_fields_are_those_of_dpkt() -> None:
    for network in networks():
        data = bytes(Ether(**MACS) / network)
        segment = segment_of(data)
        packet = dpkt.ethernet.Ethernet(data).data
        transport = packet.data
        assert (segment.source, segment.target) == (packet.src, packet.dst)
        assert (segment.source_port, segment.target_port) == (transport.sport, transport.dport)
        assert segment.payload == bytes(transport.data)
        if isinstance(transport, dpkt.tcp.TCP):
            assert (segment.flags, segment.seq) == (transport.flags, transport.seq)


@pytest.mark.parametrize("size", [100, 1_400, 9_000])
def test_datagrams_that_scapy_fragments(size: int) -> None:
    payload = bytes(range(256)) * (size // 256 + 1)
    four = in_fragments(IP(**ADDRESSES, id=9) / UDP(**PORTS) / Raw(payload), 200)
    six = in_fragments6(IPv6(**ADDRESSES6) / IPv6ExtHdrFragment(id=9) / UDP(**PORTS) / Raw(payload), 256)
    for parts in (four, six):
        assert len(parts) > 1
        run = Decoded(frame(bytes(part), 101) for part in reversed(parts))
        assert [segment.payload for segment in run.segments] == [payload]
        assert run.packets == {"udp": len(parts)}
        assert run.segments[0].ip_bytes == sum(len(part) for part in parts)


def test_frames_without_a_segment_are_counted_by_name() -> None:
    frames = [
        Ether(**MACS) / ARP(psrc="10.0.0.1", hwsrc="02:00:00:00:00:01"),
        Dot3(**MACS) / LLC() / STP(),
        Ether(**MACS, type=0x9999) / Raw(b"?"),
        Ether(**MACS) / IP(**ADDRESSES, proto=132),
    ]
    run = Decoded(frame(bytes(each)) for each in frames)
    assert run.segments == []
    assert set(run.decoder.decoded()) == {"arp", "stp"}
    assert set(run.decoder.undecoded()) == {"unknown-ethertype", "unknown-ip-protocol"}


def test_bytes_are_counted_as_on_the_wire() -> None:
    data = ethernet(ipv4(tcp(b"hello")))
    run = Decoded([frame(data), frame(data, cut=54), frame(data, cut=40)])
    assert run.decoder.decoded() == {"tcp": Count(2, 2 * len(data))}
    assert run.decoder.undecoded() == {"truncated-tcp": Count(1, len(data))}


captured = st.builds(
    lambda ts_ns, linktype, data, cut_bytes: Frame(ts_ns, linktype, data, len(data) + cut_bytes),
    st.integers(0, 100 * 10**9),
    st.sampled_from((*LINKTYPES, 147)),
    st.binary(max_size=200),
    st.sampled_from((0, 0, 0, 1, 1_400, 2**32)),
)


@given(st.lists(captured, max_size=8))
@settings(max_examples=400)
def test_any_bytes_keep_the_accounts_closed(frames: list[Frame]) -> None:
    run = Decoded(frames)
    assert sum(run.packets.values()) == len(frames)


STARTS = [
    bytes(link / network)
    for link in (Ether(**MACS) / Dot1Q(), Dot3(**MACS) / LLC() / SNAP())
    for network in networks()
]


@given(
    st.sampled_from(STARTS),
    st.lists(st.tuples(st.integers(0, 90), st.integers(0, 255)), max_size=3),
    st.data(),
)
@settings(max_examples=300)
def test_damaged_frames_keep_the_accounts_closed(
    data: bytes, damage: list[tuple[int, int]], draw: st.DataObject
) -> None:
    damaged = bytearray(data)
    for place, value in damage:
        damaged[place % len(damaged)] = value
    cut = draw.draw(st.integers(0, len(data)))
    assert sum(Decoded([frame(bytes(damaged)), frame(bytes(damaged), cut=cut)]).packets.values()) == 2

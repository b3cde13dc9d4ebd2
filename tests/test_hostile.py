"""The whole sensor and the whole line against hostile bytes: no exception, and every packet in one count."""

import struct
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.correlator import Correlator
from pcaps import golden
from sensors.engine import Options, open_sensor
from sensors.limits import Limits
from sensors.observations import Accounting, Count, FlowUpdate, Gap, Observation
from sensors.reference import ReferenceSensor

LINK_TYPES = [0, 1, 9, 12, 101, 104, 108, 113, 147, 228, 229, 276]
in_tmp = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])

ETHERNET_IPV4 = bytes(12) + b"\x08\x00"
ETHERNET_IPV6 = bytes(12) + b"\x86\xdd"
GRE_HEADS = [b"\0\0\x08\0", b"\x20\0\x65\x58\0\0\0\1" + ETHERNET_IPV4, b"\0\0\x88\xbe" + ETHERNET_IPV4]
UDP_HEADS = [
    (4_789, b"\x08\0\0\0\0\0\1\0" + ETHERNET_IPV4),
    (6_081, b"\0\0\x08\0\0\0\1\0"),
    (2_152, b"\x30\xff\0\x28\0\0\0\1"),
]


def ipv4(protocol: int, payload: bytes) -> bytes:
    """Return an IPv4 packet; always between the same hosts, so that flows collide."""
    header = struct.pack(
        "!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, 0, b"\x0a\x14\1\5", b"\1\2\3\4"
    )
    return header + payload


def tcp(flags: int, seq: int, payload: bytes) -> bytes:
    """Return a TCP segment to port 443."""
    return struct.pack("!HHIIBBHHH", 50_000, 443, seq, 0, 0x50, flags, 1_000, 0, 0) + payload


def udp(source: int, target: int, payload: bytes) -> bytes:
    """Return a UDP datagram."""
    return struct.pack("!HHHH", source, target, 8 + len(payload), 0) + payload


segments = st.builds(tcp, st.integers(0, 63), st.integers(0, 4_000), st.binary(max_size=200))
hellos = st.binary(max_size=100).map(
    lambda rest: tcp(0x10, 1, b"\x16\x03\x01\x00\x64\x01\x00\x00\x60\x03\x03" + rest)
)
datagrams = st.builds(
    udp, st.sampled_from([53, 443, 50_000]), st.sampled_from([53, 443, 50_001]), st.binary(max_size=300)
)
initials = st.binary(max_size=300).map(lambda rest: udp(50_000, 443, b"\xc3\x00\x00\x00\x01\x08" + rest))
answers = st.binary(max_size=300).map(
    lambda rest: udp(53, 50_000, b"\x00\x01\x81\x80\x00\x01\x00\x02\x00\x00\x00\x00" + rest)
)
packets = st.one_of(
    st.builds(lambda body: ipv4(6, body), segments), st.builds(lambda body: ipv4(17, body), datagrams)
)
tunnels = st.one_of(
    packets.map(lambda packet: ipv4(4, packet)),
    st.builds(lambda head, packet: ipv4(47, head + packet), st.sampled_from(GRE_HEADS), packets),
    st.builds(
        lambda port_and_head, packet: ipv4(17, udp(50_000, port_and_head[0], port_and_head[1] + packet)),
        st.sampled_from(UDP_HEADS),
        packets,
    ),
)
frames = st.one_of(
    st.binary(min_size=1, max_size=120),
    tunnels.map(ETHERNET_IPV4.__add__),
    tunnels.map(lambda packet: ETHERNET_IPV4 + ipv4(47, GRE_HEADS[0] + packet)),
    st.binary(max_size=80).map(ETHERNET_IPV4.__add__),
    st.binary(max_size=80).map(ETHERNET_IPV6.__add__),
    st.builds(lambda body: ETHERNET_IPV4 + ipv4(6, body), st.one_of(segments, hellos)),
    st.builds(lambda body: ETHERNET_IPV4 + ipv4(17, body), st.one_of(datagrams, initials, answers)),
)


def pcap(link_type: int, packets: Sequence[tuple[int, bytes]], snap: int = 65_535) -> bytes:
    """Return a capture file; times are seconds."""
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, snap, link_type)
    records = [struct.pack("<IIII", ts, 0, len(data[:snap]), len(data)) + data[:snap] for ts, data in packets]
    return head + b"".join(records)


def observe(path: Path, limits: Limits | None = None) -> tuple[list[Observation], Accounting]:
    """Return all that the sensor says, after checking that it agrees with itself."""
    sensor = ReferenceSensor([path], Options(limits or Limits()))
    observations = [each for batch in sensor for each in batch]
    accounting = sensor.accounting()
    counts: list[Count] = [*accounting.decoded.values(), *accounting.undecoded.values()]
    assert sum(count.packets for count in counts) == accounting.read.packets
    assert sum(count.bytes for count in counts) == accounting.read.bytes
    correlate = Correlator().feed
    for each in observations:
        correlate(each)
    return observations, accounting


@in_tmp
@given(st.binary(max_size=2_000))
def test_any_bytes_as_a_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "any"
    path.write_bytes(content)
    observe(path)


@in_tmp
@given(
    st.sampled_from(LINK_TYPES),
    st.lists(st.tuples(st.integers(0, 5_000), frames), max_size=40),
    st.integers(14, 300),
)
def test_any_frames_of_any_link_type(
    tmp_path: Path, link_type: int, packets: list[tuple[int, bytes]], snap: int
) -> None:
    path = tmp_path / "frames"
    path.write_bytes(pcap(link_type, packets, snap))
    _, accounting = observe(path)
    assert accounting.read.packets == len(packets)


@in_tmp
@given(st.data())
def test_any_damage_to_a_real_capture(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(golden.traffic(golden.PCAPS / "mlkem-split-hello").read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(24, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "damaged"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    observe(path)


def test_a_syn_flood_reaches_the_ceiling_and_is_told(tmp_path: Path) -> None:
    def syn(index: int) -> bytes:
        source = bytes([10, 20, index >> 8 & 255, index & 255])
        header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, 1, 0, 64, 6, 0, source, b"\1\2\3\4")
        return ETHERNET_IPV4 + header + tcp(2, index, b"")

    path = tmp_path / "flood"
    path.write_bytes(pcap(1, [(1_000, syn(index)) for index in range(3_000)]))
    observations, accounting = observe(path, Limits(flows=1_000))
    ends = [each for each in observations if isinstance(each, FlowUpdate)]
    assert len(ends) == 3_000
    assert sum(each.reason == "evicted" for each in ends) == accounting.counters["evicted-flows"] == 2_000
    gaps = [each for each in observations if isinstance(each, Gap)]
    assert [(gap.reason, gap.packets) for gap in gaps] == [("table", 2_000)]


@pytest.mark.parametrize("cut", range(0, 400, 7))
def test_a_capture_cut_anywhere_keeps_what_stood_before(tmp_path: Path, cut: int) -> None:
    content = golden.traffic(golden.PCAPS / "openai-global").read_bytes()
    path = tmp_path / "cut"
    path.write_bytes(content[: len(content) - cut])
    sensor = open_sensor([path])
    for _ in sensor:
        pass
    accounting = sensor.accounting()
    assert [fault.kind for fault in accounting.faults] == (["truncated"] if accounting.faults else [])
    assert accounting.read.packets > 0

"""The pcap format: every byte order and resolution, cut anywhere, and damaged in the middle."""

import struct
from io import BytesIO
from pathlib import Path

import dpkt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.l2 import Ether
from scapy.utils import RawPcapReader, wrpcap

from sensors.captured import MAX_FRAME_BYTES, Frame
from sensors.pcap import NEAR_SECONDS
from tests.captures_kit import (
    MICRO,
    MODIFIED,
    NANO,
    SECOND_NS,
    START_NS,
    packets,
    pcap,
    pcap_header,
    pcap_record,
    read_bytes,
)

PACKETS = packets()


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("magic", [MICRO, NANO, MODIFIED])
def test_every_byte_order_and_magic(order: str, magic: int, tmp_path: Path) -> None:
    assert read_bytes(pcap(PACKETS, order, magic), tmp_path) == (PACKETS, [])


def test_nanoseconds_are_exact(tmp_path: Path) -> None:
    late = [Frame((2**32 - 1) * SECOND_NS + 999_999_999, 1, b"x", 1)]
    assert read_bytes(pcap(late, magic=NANO), tmp_path) == (late, [])


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("magic", [MICRO, NANO, MODIFIED])
def test_dpkt_reads_the_same(order: str, magic: int, tmp_path: Path) -> None:
    data = pcap(PACKETS, order, magic)
    frames, _ = read_bytes(data, tmp_path)
    theirs = [(round(ts * 1_000_000), bytes(packet)) for ts, packet in dpkt.pcap.Reader(BytesIO(data))]
    assert [(frame.ts_ns // 1_000, frame.data) for frame in frames] == theirs


def test_scapy_reads_and_writes_the_same(tmp_path: Path) -> None:
    path = tmp_path / "scapy.pcap"
    wrpcap(str(path), [Ether(frame.data) for frame in PACKETS])
    frames, faults = read_bytes(path.read_bytes(), tmp_path)
    with RawPcapReader(str(path)) as theirs:
        assert [frame.data for frame in frames] == [packet for packet, _ in theirs]
    assert faults == []


@pytest.mark.parametrize(
    ("network", "linktype"),
    [(1, 1), (276, 276), (0xF000_0001, 1), (0x2400_0065, 101), (0x0224_0002, 0x0224_0002)],
)
def test_the_link_type_may_carry_check_sequence_bits(network: int, linktype: int, tmp_path: Path) -> None:
    frames, _ = read_bytes(pcap_header(network=network) + pcap_record(PACKETS[0]), tmp_path)
    assert frames[0].linktype == linktype


def test_a_frame_is_never_shorter_on_the_wire_than_captured(tmp_path: Path) -> None:
    odd = [
        PACKETS[0]._replace(wire_bytes=0),
        PACKETS[1]._replace(data=b""),
        PACKETS[2]._replace(wire_bytes=10),
    ]
    frames, faults = read_bytes(pcap(odd), tmp_path)
    assert [(len(frame.data), frame.wire_bytes) for frame in frames] == [(60, 60), (0, 61), (62, 62)]
    assert faults == []


def test_records_larger_than_a_chunk_of_the_file(tmp_path: Path) -> None:
    large = [
        Frame(START_NS + index, 1, bytes([index]) * MAX_FRAME_BYTES, MAX_FRAME_BYTES) for index in range(9)
    ]
    assert read_bytes(pcap(large, magic=NANO), tmp_path) == (large, [])


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_file_cut_anywhere(order: str, tmp_path: Path) -> None:
    data = pcap(PACKETS, order)
    ends = [len(pcap(PACKETS[:count], order)) for count in range(len(PACKETS) + 1)]
    for cut in range(1, len(data)):
        frames, faults = read_bytes(data[:cut], tmp_path)
        whole = sum(cut >= end for end in ends) - 1
        assert frames == PACKETS[: max(whole, 0)]
        if whole < 0:
            assert [fault.kind for fault in faults] == ["unreadable"]
        elif cut in ends:
            assert faults == []
        else:
            (fault,) = faults
            assert (fault.kind, fault.offset) == ("truncated", ends[whole])
            assert fault.problem == f"the file ends inside packet {whole + 1}"


DAMAGE = [
    struct.pack("<I", MAX_FRAME_BYTES + 1),  # just longer than a record can be
    b"\xff" * 4,
    struct.pack("<I", 0),
    struct.pack("<I", 200),  # sane, but wrong
]


@pytest.mark.parametrize("damage", DAMAGE[:2])
@pytest.mark.parametrize("magic", [MICRO, NANO, MODIFIED])
@pytest.mark.parametrize("order", ["<", ">"])
def test_records_after_a_corrupt_one_are_kept(order: str, magic: int, damage: bytes, tmp_path: Path) -> None:
    before, broken, after = (pcap_record(frame, order, magic) for frame in PACKETS[:3])
    rest = b"".join(pcap_record(frame, order, magic) for frame in PACKETS[3:])
    broken = broken[:8] + damage[:: 1 if order == "<" else -1] + broken[12:]
    head = pcap_header(order, magic) + before
    frames, (fault,) = read_bytes(head + broken + after + rest, tmp_path)
    assert frames == [PACKETS[0], *PACKETS[2:]]
    assert (fault.kind, fault.offset) == ("corrupt", len(head))
    assert fault.problem == "the record of packet 2 makes no sense"
    assert f"{len(broken)} bytes were skipped" in fault.mend


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_wrong_length_loses_few_packets(damage: bytes, tmp_path: Path) -> None:
    many = packets(40)
    records = [pcap_record(frame) for frame in many]
    records[10] = records[10][:8] + damage + records[10][12:]
    frames, faults = read_bytes(pcap_header() + b"".join(records), tmp_path)
    assert frames[:10] == many[:10]
    assert frames[-25:] == many[-25:]
    assert [fault.kind for fault in faults] == ["corrupt"]


def test_a_hole_of_zeros_is_no_packets(tmp_path: Path) -> None:
    data = pcap(PACKETS)
    hole = data + bytes(5_000_000) + b"".join(pcap_record(frame) for frame in PACKETS)
    frames, (fault,) = read_bytes(hole, tmp_path)
    assert frames == PACKETS * 2
    assert (fault.kind, fault.offset) == ("corrupt", len(data))
    frames, (fault,) = read_bytes(data + bytes(50_000), tmp_path)
    assert frames == PACKETS
    assert fault.problem.endswith("makes no sense, nor what follows")


@pytest.mark.parametrize("jump_seconds", [NEAR_SECONDS + 1, -NEAR_SECONDS - 1])
def test_nothing_is_taken_from_another_time(jump_seconds: int, tmp_path: Path) -> None:
    later = [frame._replace(ts_ns=frame.ts_ns + jump_seconds * SECOND_NS) for frame in PACKETS]
    data = pcap(PACKETS) + b"\xff" * 64 + b"".join(pcap_record(frame) for frame in later)
    frames, faults = read_bytes(data, tmp_path)
    assert frames == PACKETS
    assert [fault.kind for fault in faults] == ["corrupt"]


def test_without_a_good_packet_there_is_no_guess(tmp_path: Path) -> None:
    data = pcap_header() + b"\xff" * 16 + b"".join(pcap_record(frame) for frame in PACKETS)
    frames, (fault,) = read_bytes(data, tmp_path)
    assert frames == []
    assert (fault.kind, fault.offset) == ("corrupt", 24)
    assert "no packet stands before it" in fault.mend


@given(st.binary(max_size=400), st.sampled_from("<>"), st.sampled_from((MICRO, NANO, MODIFIED)))
@settings(max_examples=300)
def test_any_records_give_no_exception(
    tmp_path_factory: pytest.TempPathFactory, records: bytes, order: str, magic: int
) -> None:
    frames, faults = read_bytes(pcap_header(order, magic) + records, tmp_path_factory.getbasetemp())
    taken_bytes = sum(len(frame.data) + (24 if magic == MODIFIED else 16) for frame in frames)
    assert taken_bytes <= len(records)
    assert faults or taken_bytes == len(records)


@given(st.lists(st.tuples(st.integers(24, 450), st.integers(0, 255)), max_size=5))
@settings(max_examples=300)
def test_any_damage_gives_no_exception(
    tmp_path_factory: pytest.TempPathFactory, damage: list[tuple[int, int]]
) -> None:
    data = bytearray(pcap(PACKETS))
    for place, value in damage:
        data[place % len(data)] = value
    frames, _ = read_bytes(bytes(data), tmp_path_factory.getbasetemp())
    assert all(len(frame.data) <= frame.wire_bytes for frame in frames)

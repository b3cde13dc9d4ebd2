"""The pcapng format: sections, interfaces, times of any resolution, cut anywhere, damaged in the middle."""

import struct
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any

import dpkt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.utils import RawPcapNgReader

from sensors.captured import MAX_FAULTS, MAX_FRAME_BYTES, Frame
from sensors.pcapng_section import MAX_INTERFACES
from tests.captures_kit import (
    IF_TSOFFSET,
    IF_TSRESOL,
    SECOND_NS,
    START_NS,
    block,
    enhanced,
    interface,
    obsolete,
    option,
    packets,
    pcapng,
    read_bytes,
    section,
    simple,
)

PACKETS = packets()
NAME_RESOLUTION, STATISTICS, JOURNAL, SECRETS, CUSTOM = 4, 5, 9, 10, 0x0BAD


def blocks(frames: list[Frame], order: str = "<") -> bytes:
    return b"".join(enhanced(frame, order) for frame in frames)


@pytest.mark.parametrize("order", ["<", ">"])
def test_every_byte_order(order: str, tmp_path: Path) -> None:
    assert read_bytes(pcapng(PACKETS, order), tmp_path) == (PACKETS, [])


@pytest.mark.parametrize("order", ["<", ">"])
def test_dpkt_and_scapy_read_the_same(order: str, tmp_path: Path) -> None:
    data = pcapng(PACKETS, order)
    frames, _ = read_bytes(data, tmp_path)
    assert [frame.data for frame in frames] == [
        bytes(packet) for _, packet in dpkt.pcapng.Reader(BytesIO(data))
    ]
    their_reader: Any = RawPcapNgReader(str(tmp_path / "capture"))
    with their_reader as reader:
        theirs = [(packet, info.wirelen, info.linktype) for packet, info in reader]
    assert [(frame.data, frame.wire_bytes, frame.linktype) for frame in frames] == theirs


def test_sections_of_both_byte_orders(tmp_path: Path) -> None:
    data = pcapng(PACKETS[:2], "<") + pcapng(PACKETS[2:4], ">") + pcapng(PACKETS[4:], "<")
    assert read_bytes(data, tmp_path) == (PACKETS, [])


def test_interfaces_belong_to_their_section(tmp_path: Path) -> None:
    first = section() + interface(linktype=101) + interface(linktype=113)
    second = section() + interface(linktype=276)
    data = (
        first
        + enhanced(PACKETS[0], number=1)
        + second
        + enhanced(PACKETS[1])
        + enhanced(PACKETS[2], number=1)
    )
    frames, (fault,) = read_bytes(data, tmp_path)
    assert [frame.linktype for frame in frames] == [113, 276]
    assert fault.kind == "corrupt"
    assert fault.problem == "the block after packet 2 is damaged: interface 1 is not described"


@pytest.mark.parametrize("order", ["<", ">"])
def test_old_and_simple_packet_blocks(order: str, tmp_path: Path) -> None:
    kinds = enhanced(PACKETS[0], order) + obsolete(PACKETS[1], order, number=1) + simple(PACKETS[3], order)
    data = section(order) + interface(order) + interface(order, linktype=101) + kinds
    frames, faults = read_bytes(data, tmp_path)
    assert faults == []
    assert frames[:2] == [PACKETS[0], PACKETS[1]._replace(linktype=101)]
    assert frames[2] == PACKETS[3]._replace(ts_ns=PACKETS[1].ts_ns)  # it has no time of its own


def test_a_simple_packet_ends_at_the_snap_length(tmp_path: Path) -> None:
    data = section() + interface(snap_bytes=50) + simple(Frame(0, 1, bytes(50), 1_500))
    frames, _ = read_bytes(data, tmp_path)
    assert frames == [Frame(0, 1, bytes(50), 1_500)]
    padded = section() + interface(snap_bytes=50) + simple(Frame(0, 1, bytes(52), 51))
    assert [len(frame.data) for frame in read_bytes(padded, tmp_path)[0]] == [50]


@pytest.mark.parametrize("order", ["<", ">"])
def test_other_blocks_are_skipped(order: str, tmp_path: Path) -> None:
    others = b"".join(
        block(kind, bytes(20), order) for kind in (NAME_RESOLUTION, STATISTICS, JOURNAL, SECRETS)
    )
    custom = block(CUSTOM, struct.pack(f"{order}I", 32_473) + bytes(300_000), order)
    data = section(order) + others + interface(order) + custom + blocks(PACKETS, order) + others
    assert read_bytes(data, tmp_path) == (PACKETS, [])


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("exponent", [0, 3, 6, 9, 12, 0x80, 0x80 | 10, 0x80 | 20, 0x80 | 32])
@pytest.mark.parametrize("offset_seconds", [0, 1_700_000_000, -5])
def test_times_of_any_resolution(order: str, exponent: int, offset_seconds: int, tmp_path: Path) -> None:
    ticks = 12_345_678_901
    options = option(2, b"eth0", order) + option(IF_TSRESOL, bytes([exponent]), order)
    options += option(IF_TSOFFSET, struct.pack(f"{order}q", offset_seconds), order) + option(0, b"", order)
    data = section(order) + interface(order, options=options) + enhanced(PACKETS[0], order, ticks=ticks)
    frames, faults = read_bytes(data, tmp_path)
    a_second = 2 ** (exponent & 0x7F) if exponent & 0x80 else 10**exponent
    expected = Fraction(ticks * SECOND_NS, a_second) // 1 + offset_seconds * SECOND_NS
    if 0 <= expected < 2**63:
        assert [frame.ts_ns for frame in frames] == [expected]
        assert faults == []
    else:
        assert frames == []
        assert [fault.problem for fault in faults] == [
            "the block after packet 0 is damaged: its time is out of range"
        ]


def test_options_behind_the_end_do_not_count(tmp_path: Path) -> None:
    options = option(0, b"") + option(IF_TSRESOL, b"\x00")
    data = section() + interface(options=options) + enhanced(PACKETS[0])
    assert read_bytes(data, tmp_path) == (PACKETS[:1], [])


@pytest.mark.parametrize(
    "options",
    [
        option(IF_TSRESOL, b"\x06\x06"),
        option(IF_TSOFFSET, bytes(4)),
        struct.pack("<HH", IF_TSRESOL, 60_000),
    ],
)
def test_an_interface_that_makes_no_sense_keeps_its_number(options: bytes, tmp_path: Path) -> None:
    data = section() + interface(options=options) + interface(linktype=101)
    frames, faults = read_bytes(data + enhanced(PACKETS[0], number=1) + enhanced(PACKETS[1]), tmp_path)
    assert [frame.linktype for frame in frames] == [101]
    assert [fault.kind for fault in faults] == ["corrupt", "corrupt"]


def test_interfaces_are_bounded(tmp_path: Path) -> None:
    data = section() + interface() * (MAX_INTERFACES + 1)
    last, beyond = (
        enhanced(PACKETS[0], number=MAX_INTERFACES - 1),
        enhanced(PACKETS[1], number=MAX_INTERFACES),
    )
    frames, faults = read_bytes(data + last + beyond, tmp_path)
    assert frames == PACKETS[:1]
    assert len(faults) == 2


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_file_cut_anywhere(order: str, tmp_path: Path) -> None:
    data = pcapng(PACKETS, order)
    ends = [len(pcapng(PACKETS[:count], order)) for count in range(len(PACKETS) + 1)]
    boundaries = [len(section(order)), *ends]
    for cut in range(1, len(data)):
        frames, faults = read_bytes(data[:cut], tmp_path)
        whole = max(sum(cut >= end for end in ends) - 1, 0)
        assert frames == PACKETS[:whole]
        if cut < boundaries[0]:
            assert [fault.kind for fault in faults] == ["unreadable"]
        elif cut in boundaries:
            assert faults == []
        else:
            (fault,) = faults
            assert (fault.kind, fault.offset) == ("truncated", max(end for end in boundaries if end < cut))
            assert fault.problem == f"the file ends inside packet {whole + 1}"


DAMAGES = {
    "a length that is not": (4, b"\x07\0\0\0"),
    "a huge length": (4, b"\xff\xff\xff\xff"),
    "a length of zero": (4, b"\0\0\0\0"),
    "a length beyond the end": (4, b"\0\x10\0\0"),
    "a length into the next block": (4, b"\x84\0\0\0"),
    "another length at the end": (-4, b"\x10\0\0\0"),
    "zeros all over": (0, bytes(96)),
    "noise all over": (0, bytes(range(160, 256))),
    "a captured length beyond the block": (20, b"\xff\0\0\0"),
    "an interface that is not there": (8, b"\x09\0\0\0"),
    "a time out of range": (12, b"\xff\xff\xff\xff"),
}


@pytest.mark.parametrize(("at", "damage"), list(DAMAGES.values()), ids=list(DAMAGES))
@pytest.mark.parametrize("order", ["<", ">"])
def test_blocks_after_a_corrupt_one_are_kept(order: str, at: int, damage: bytes, tmp_path: Path) -> None:
    head, broken = section(order) + interface(order) + blocks(PACKETS[:2], order), enhanced(PACKETS[2], order)
    if len(damage) == 4 and order == ">":
        damage = damage[::-1]
    place = at % len(broken)
    broken = broken[:place] + damage[: len(broken) - place] + broken[place + len(damage) :]
    frames, (fault,) = read_bytes(head + broken + blocks(PACKETS[3:], order), tmp_path)
    assert frames == PACKETS[:2] + PACKETS[3:]
    assert (fault.kind, fault.offset) == ("corrupt", len(head))
    assert fault.problem.startswith("the block after packet 2 is damaged: ")
    assert "what follows was used" in fault.mend


def test_a_large_hole_in_the_middle(tmp_path: Path) -> None:
    data = pcapng(PACKETS) + bytes(3_000_000) + blocks(PACKETS)
    frames, (fault,) = read_bytes(data, tmp_path)
    assert frames == PACKETS * 2
    assert "3000000 bytes were skipped" in fault.mend


def test_a_packet_that_looks_like_the_file_itself_is_not_read_into(tmp_path: Path) -> None:
    inner = Frame(START_NS, 1, bytes(3) + pcapng(PACKETS), len(pcapng(PACKETS)) + 3)
    broken = block(99, b"\xff" * 40)[:-4] + b"\xff" * 4
    data = pcapng(PACKETS) + broken + enhanced(inner) + blocks(PACKETS)
    frames, faults = read_bytes(data, tmp_path)
    assert frames == [*PACKETS, inner, *PACKETS]
    assert len(faults) == 1


@pytest.mark.parametrize("options", [b"", option(1, b"a comment")])
def test_a_cut_packet_that_carries_a_capture_is_not_looked_into(options: bytes, tmp_path: Path) -> None:
    carrier = enhanced(Frame(START_NS, 1, pcapng(PACKETS), 900), options=options)
    data = pcapng(PACKETS) + carrier
    for missing in range(1, len(carrier), 4):
        frames, (fault,) = read_bytes(data[:-missing], tmp_path)
        assert frames == PACKETS
        assert (fault.kind, fault.offset) == ("truncated", len(data) - len(carrier))


def test_nothing_is_taken_from_another_day(tmp_path: Path) -> None:
    other = enhanced(PACKETS[0]._replace(ts_ns=START_NS + 100_000 * SECOND_NS))
    frames, (fault,) = read_bytes(pcapng(PACKETS) + b"\xff" * 16 + other, tmp_path)
    assert frames == PACKETS
    assert fault.problem.endswith("its length makes no sense, nor what follows")


def test_a_lost_description_makes_later_interfaces_uncertain(tmp_path: Path) -> None:
    lost = b"\xff" * 20
    packet = enhanced(PACKETS[0], number=1)
    alike = section() + interface() + lost + interface() + packet
    frames, faults = read_bytes(alike, tmp_path)
    assert frames == PACKETS[:1]
    assert len(faults) == 1
    different = section() + interface() + lost + interface(linktype=101) + packet
    frames, faults = read_bytes(different, tmp_path)
    assert frames == []
    assert "which interface it describes is lost" in faults[1].problem
    following = pcapng(PACKETS[1:])
    assert read_bytes(different + following, tmp_path)[0] == PACKETS[1:]


def test_a_lost_section_header_makes_its_interfaces_unknown(tmp_path: Path) -> None:
    header = section()
    for broken in (header[:8] + bytes(4) + header[12:], header[:4] + b"\xff" * 4 + header[8:]):
        frames, faults = read_bytes(
            pcapng(PACKETS) + broken + interface(linktype=101) + blocks(PACKETS), tmp_path
        )
        assert frames == PACKETS
        assert {fault.kind for fault in faults} == {"corrupt"}


def test_a_section_of_an_unknown_version_is_skipped(tmp_path: Path) -> None:
    unknown = section(major=2) + interface(linktype=101) + blocks(PACKETS)
    frames, faults = read_bytes(pcapng(PACKETS[:2]) + unknown + pcapng(PACKETS[2:]), tmp_path)
    assert frames == PACKETS
    assert {fault.kind for fault in faults} == {"corrupt"}


def test_a_packet_longer_than_can_be_is_corrupt(tmp_path: Path) -> None:
    giant = Frame(START_NS, 1, bytes(MAX_FRAME_BYTES + 4), MAX_FRAME_BYTES + 4)
    largest = Frame(START_NS, 1, bytes(MAX_FRAME_BYTES), MAX_FRAME_BYTES)
    for make in (enhanced, simple, obsolete):
        frames, faults = read_bytes(section() + interface() + make(giant) + blocks([largest]), tmp_path)
        assert frames == [largest]
        assert [fault.problem for fault in faults] == [
            "the block after packet 0 is damaged: its packet is longer than can be"
        ]


def test_a_file_made_of_damage_is_given_up(tmp_path: Path) -> None:
    strange = enhanced(PACKETS[0], number=5) * (2 * MAX_FAULTS)
    frames, faults = read_bytes(pcapng(PACKETS) + strange + blocks(PACKETS), tmp_path)
    assert frames == PACKETS
    assert len(faults) == MAX_FAULTS
    assert faults[-1].problem.endswith("reading stopped after packet 5")


@given(st.binary(max_size=400), st.sampled_from("<>"))
@settings(max_examples=300)
def test_any_blocks_give_no_exception(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, order: str
) -> None:
    frames, _ = read_bytes(section(order) + interface(order) + data, tmp_path_factory.getbasetemp())
    assert sum(len(frame.data) + 16 for frame in frames) <= len(data)


@given(st.lists(st.tuples(st.integers(28, 700), st.integers(0, 255)), max_size=5), st.sampled_from("<>"))
@settings(max_examples=300)
def test_any_damage_gives_no_exception(
    tmp_path_factory: pytest.TempPathFactory, damage: list[tuple[int, int]], order: str
) -> None:
    data = bytearray(pcapng(PACKETS, order))
    for place, value in damage:
        data[place % len(data)] = value
    frames, _ = read_bytes(bytes(data), tmp_path_factory.getbasetemp())
    assert all(0 <= frame.ts_ns < 2**63 and len(frame.data) <= frame.wire_bytes for frame in frames)

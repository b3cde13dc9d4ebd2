"""The pcapng format (draft-ietf-opsawg-pcapng): sections of blocks, each with its length at both ends.

A block that makes no sense is reported, and reading goes on at the next plausible one. Interface descriptions
may have been lost with it: packets whose interface is not certain any more are faults, never frames with a
guessed time or link type.
"""

import re
from collections.abc import Iterator

from sensors.captured import COPY_AGAIN, MAX_FRAME_BYTES, FaultLog, Frame, used
from sensors.pcapng_section import (
    INTERFACE,
    MAX_TIME_NS,
    PACKET,
    PACKET_BLOCKS,
    SECOND_NS,
    SECTION_MAGIC,
    TIMED_PACKET_BLOCKS,
    CorruptBlock,
    Section,
    byte_order,
)
from sensors.window import Window

FILE_HEADER_BYTES = 28  # of a section header without options
MAX_BLOCK_BYTES = 16_777_216  # as Wireshark: a longer block is corrupt
NEAR_NS = 86_400 * SECOND_NS  # how far a packet may be from the last good one for reading to go on there
_SMALLEST_BLOCK_BYTES = 12
_LOOKAHEAD_BYTES = MAX_FRAME_BYTES + 65_536  # the longest block that reading may go on at
# What the blocks begin with that reading may go on at: section headers, and types 1 to 6 and 10.
_BLOCK_PATTERNS = {
    "<": re.compile(rb"\x0a\x0d\x0d\x0a|[\x01-\x06\x0a]\0\0\0"),
    ">": re.compile(rb"\x0a\x0d\x0d\x0a|\0\0\0[\x01-\x06\x0a]"),
}


def is_pcapng(head: bytes) -> bool:
    """Tell whether a stream begins with a section header of a version that is understood."""
    return len(head) >= FILE_HEADER_BYTES and byte_order(head) is not None


class PcapngReader:
    """Reads the frames of a stream that begins with a section header. Iterate it once."""

    def __init__(self, window: Window, faults: FaultLog) -> None:
        self._window = window
        self._faults = faults
        self._section = Section(byte_order(window.data) or "<", 0)
        self._packets = 0
        self._last_ns = 0

    def __iter__(self) -> Iterator[Frame]:
        window, new, frame_type = self._window, tuple.__new__, Frame
        at: int | None = 0
        while at is not None:
            data, section, packets, ts_ns = window.data, self._section, self._packets, self._last_ns
            end, interface_of = len(data), section.interfaces.get
            unpack, read_number = section.read_block, section.read_number
            while at + 28 <= end:  # plain packet blocks; all else is for _step
                kind, length, number, high, low, captured_bytes, wire_bytes = unpack(data, at)
                following = at + length
                if kind != PACKET or following > end or length & 3 or not 0 < captured_bytes <= wire_bytes:
                    break
                interface = interface_of(number)
                if interface is None or captured_bytes > length - 32 or captured_bytes > MAX_FRAME_BYTES:
                    break
                linktype, _, factor, divisor, offset_ns = interface
                now_ns = (high << 32 | low) * factor // divisor + offset_ns
                if not 0 <= now_ns <= MAX_TIME_NS or read_number(data, following - 4)[0] != length:
                    break
                yield new(
                    frame_type, (now_ns, linktype, data[at + 28 : at + 28 + captured_bytes], wire_bytes)
                )
                ts_ns, packets, at = now_ns, packets + 1, following
            self._packets, self._last_ns = packets, ts_ns
            frame, at = self._step(at)
            if frame is not None:
                self._packets += 1
                self._last_ns = frame.ts_ns
                yield frame

    def _step(self, at: int) -> tuple[Frame | None, int | None]:
        """Read one block of any kind: the frame that it holds, if any, and where the next block stands."""
        window = self._window
        at = window.fill(at, FILE_HEADER_BYTES)
        left_bytes = len(window.data) - at
        is_section = window.data.startswith(SECTION_MAGIC, at)
        if left_bytes < (FILE_HEADER_BYTES if is_section else _SMALLEST_BLOCK_BYTES):
            if left_bytes or window.damage:
                self._faults.cut_off(window.start + at, self._packets, window.damage)
            return None, None
        length = self._length(at)
        if length is None:
            return None, self._resume(at, "its length makes no sense")
        at = window.fill(at, length)
        if len(window.data) - at < length:
            return None, self._resume_cut(at, length)
        if not _is_closed(window.data, at, length):
            return None, self._resume(at, "its two lengths differ")
        try:
            return self._read_block(at, length), at + length
        except CorruptBlock as corrupt:
            mend = f"{COPY_AGAIN}; it was skipped and what follows was used"
            return None, self._note(window.start + at, corrupt.problem, mend, at + length)

    def _read_block(self, at: int, length: int) -> Frame | None:
        data, section = self._window.data, self._section
        if data.startswith(SECTION_MAGIC, at):
            self._section = Section(byte_order(data, at) or section.order, self._window.start + at)
            return None
        (kind,) = section.read_number(data, at)
        if kind == INTERFACE:
            section.describe(data[at + 8 : at + length - 4])
        return section.frame(data, at, length, self._last_ns) if kind in PACKET_BLOCKS else None

    def _length(self, at: int) -> int | None:
        """Return the length of the block at a position; None when it makes no sense."""
        data, order = self._window.data, self._section.order
        if data.startswith(SECTION_MAGIC, at):
            section_order = byte_order(data, at)
            if section_order is None:
                return None
            order = section_order
        length = int.from_bytes(data[at + 4 : at + 8], "little" if order == "<" else "big")
        return length if _SMALLEST_BLOCK_BYTES <= length <= MAX_BLOCK_BYTES and length % 4 == 0 else None

    def _resume_cut(self, at: int, length: int) -> int | None:
        """Go on behind a block that the stream ends in: the file is cut, or the block's length is wrong.

        A packet is not looked into: it may carry a capture.
        """
        offset, block_bytes = self._window.start + at, 4
        (kind,) = self._section.read_number(self._window.data, at)
        if kind in TIMED_PACKET_BLOCKS and len(self._window.data) - at >= 28:
            captured_bytes = self._section.read_block(self._window.data, at)[5]
            block_bytes = 28 + (captured_bytes + 3 & ~3) if captured_bytes <= length - 32 else 4
        found = None if self._window.damage else self._find(at + block_bytes)
        if found is None:
            self._faults.cut_off(offset, self._packets, self._window.damage)
            return None
        return self._skip(offset, found, "the file ends inside it")

    def _resume(self, at: int, problem: str) -> int | None:
        """Go on behind a block that makes no sense."""
        offset = self._window.start + at
        if self._window.data.startswith(SECTION_MAGIC, at):
            self._section.interfaces.clear()  # they were another section's
        found = self._find(at + 4)
        if found is None:
            return self._note(
                offset, f"{problem}, nor what follows", f"{COPY_AGAIN}; {used(self._packets)}", None
            )
        return self._skip(offset, found, problem)

    def _find(self, at: int) -> int | None:
        return self._window.find(at, _BLOCK_PATTERNS[self._section.order], _LOOKAHEAD_BYTES, self._fits)

    def _skip(self, offset: int, found: int, problem: str) -> int | None:
        self._section.certain = False
        skipped_bytes = self._window.start + found - offset
        mend = f"{COPY_AGAIN}; {skipped_bytes} bytes were skipped and what follows was used"
        return self._note(offset, problem, mend, found)

    def _note(self, offset: int, problem: str, mend: str, following: int | None) -> int | None:
        """Report a corrupt block; return where to go on, or None when this was one too many."""
        self._faults.add(
            "corrupt", offset, f"the block after packet {self._packets} is damaged: {problem}", mend
        )
        if self._faults.full:
            self._faults.stopped(offset, self._packets)
            return None
        return following

    def _fits(self, at: int) -> bool:
        """Tell whether a plausible block stands at a position: whole, and near in time if it is a packet."""
        data, section = self._window.data, self._section
        length = self._length(at) if at + _SMALLEST_BLOCK_BYTES <= len(data) else None
        if length is None or at + length > len(data) or not _is_closed(data, at, length):
            return False
        if data.startswith(SECTION_MAGIC, at):
            return True
        if (self._window.start + at - section.start) % 4:
            return False
        (kind,) = section.read_number(data, at)
        if kind not in PACKET_BLOCKS:
            return True
        try:
            frame = section.frame(data, at, length, self._last_ns)
        except CorruptBlock:
            return False
        return self._packets == 0 or abs(frame.ts_ns - self._last_ns) <= NEAR_NS


def _is_closed(data: bytes, at: int, length: int) -> bool:
    """Tell whether the length at a block's end is that at its beginning."""
    return data[at + 4 : at + 8] == data[at + length - 4 : at + length]

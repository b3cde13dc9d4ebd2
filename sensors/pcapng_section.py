"""A section of a pcapng file (draft-ietf-opsawg-pcapng section 4): its byte order, interfaces and packets.

Everything here works on blocks whose two lengths agree. Times are exact: ticks become nanoseconds by integer
arithmetic, whatever the resolution (a power of ten or of two).
"""

from struct import Struct
from typing import NamedTuple

from sensors.captured import MAX_FRAME_BYTES, Frame

INTERFACE, OBSOLETE_PACKET, SIMPLE_PACKET, PACKET = 1, 2, 3, 6
SECTION_MAGIC = b"\x0a\x0d\x0d\x0a"
TIMED_PACKET_BLOCKS = frozenset({OBSOLETE_PACKET, PACKET})
PACKET_BLOCKS = TIMED_PACKET_BLOCKS | {SIMPLE_PACKET}
MAX_INTERFACES = 4_096  # of one section
MAX_TIME_NS = (1 << 63) - 1
SECOND_NS = 1_000_000_000
_ORDERS = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}
_END_OF_OPTIONS, _IF_TSRESOL, _IF_TSOFFSET = 0, 9, 14


class CorruptBlock(Exception):  # noqa: N818  an outcome of parsing
    """A block whose content makes no sense. ``problem`` is a short clause for people."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


class Interface(NamedTuple):
    """What is needed of an interface. A time in nanoseconds is ``ticks * factor // divisor + offset_ns``."""

    linktype: int
    snap_bytes: int  # 0: no limit
    factor: int = 1_000  # microseconds unless said otherwise
    divisor: int = 1
    offset_ns: int = 0


def byte_order(block: bytes, at: int = 0) -> str | None:
    """Return struct's sign for the byte order of a section header; None when it is not one of version 1."""
    order = _ORDERS.get(block[at + 8 : at + 12])
    if block[at : at + 4] != SECTION_MAGIC or order is None or len(block) < at + 14:
        return None
    return order if Struct(f"{order}H").unpack_from(block, at + 12)[0] == 1 else None


class Section:
    """What is known of the section that is being read. ``start`` is its offset in the stream."""

    def __init__(self, order: str, start: int) -> None:
        self.order = order
        self.start = start
        self.interfaces: dict[int, Interface] = {}
        self.certain = True  # no interface description of this section can have been lost
        self.read_block = Struct(f"{order}IIIIIII").unpack_from  # as a packet block begins
        self.read_number = Struct(f"{order}I").unpack_from
        self._read_short = Struct(f"{order}H").unpack_from
        self._described = 0

    def describe(self, body: bytes) -> None:
        """Take the body of an Interface Description Block. Raises CorruptBlock.

        When a description may have been lost, numbers may have shifted: a further one is only taken as long
        as all are alike, so that the number does not matter.
        """
        number, self._described = self._described, self._described + 1
        if number >= MAX_INTERFACES:
            raise CorruptBlock(f"the section has more than {MAX_INTERFACES} interfaces")
        interface = self._interface(body)
        if not self.certain and set(self.interfaces.values()) != {interface}:
            self.interfaces.clear()
            raise CorruptBlock("which interface it describes is lost")
        self.interfaces[number] = interface

    def frame(self, data: bytes, at: int, length: int, last_ns: int) -> Frame:
        """Return the frame in the packet block at a position. Raises CorruptBlock.

        A Simple Packet Block has no time: it gets ``last_ns``, that of the packet before it.
        """
        (kind,) = self.read_number(data, at)
        if length < (16 if kind == SIMPLE_PACKET else 32):
            raise CorruptBlock("its length is too small")
        if kind == SIMPLE_PACKET:
            return self._simple_frame(data, at, length, last_ns)
        _, _, number, high, low, captured_bytes, wire_bytes = self.read_block(data, at)
        if kind == OBSOLETE_PACKET:
            (number,) = self._read_short(data, at + 8)
        linktype, _, factor, divisor, offset_ns = self._described_interface(number)
        ts_ns = (high << 32 | low) * factor // divisor + offset_ns
        if not 0 <= ts_ns <= MAX_TIME_NS:
            raise CorruptBlock("its time is out of range")
        if captured_bytes > min(length - 32, MAX_FRAME_BYTES):
            raise CorruptBlock("its packet is longer than can be")
        return Frame(
            ts_ns, linktype, data[at + 28 : at + 28 + captured_bytes], max(wire_bytes, captured_bytes)
        )

    def _simple_frame(self, data: bytes, at: int, length: int, ts_ns: int) -> Frame:
        interface = self._described_interface(0)
        (wire_bytes,) = self.read_number(data, at + 8)
        captured_bytes = min(wire_bytes, interface.snap_bytes or wire_bytes, length - 16)
        if captured_bytes > MAX_FRAME_BYTES:
            raise CorruptBlock("its packet is longer than can be")
        return Frame(ts_ns, interface.linktype, data[at + 12 : at + 12 + captured_bytes], wire_bytes)

    def _described_interface(self, number: int) -> Interface:
        interface = self.interfaces.get(number)
        if interface is None:
            raise CorruptBlock(f"interface {number} is not described")
        return interface

    def _interface(self, body: bytes) -> Interface:
        if len(body) < 8:
            raise CorruptBlock("its length is too small")
        (linktype,) = self._read_short(body)
        (snap_bytes,) = self.read_number(body, 4)
        options = self._options(body)
        factor, divisor = _resolution(options.get(_IF_TSRESOL, b"\x06"))
        offset = options.get(_IF_TSOFFSET, bytes(8))
        if len(offset) != 8:
            raise CorruptBlock("its time offset makes no sense")
        (offset_seconds,) = Struct(f"{self.order}q").unpack(offset)
        return Interface(linktype, snap_bytes, factor, divisor, offset_seconds * SECOND_NS)

    def _options(self, body: bytes) -> dict[int, bytes]:
        """Return the options that say what a time means; the first of each counts."""
        found: dict[int, bytes] = {}
        at = 8
        while at + 4 <= len(body):
            (code,), (length,) = self._read_short(body, at), self._read_short(body, at + 2)
            at += 4
            if code == _END_OF_OPTIONS:
                break
            if at + length > len(body):
                raise CorruptBlock("an option is longer than the block")
            if code in (_IF_TSRESOL, _IF_TSOFFSET):
                found.setdefault(code, body[at : at + length])
            at += (length + 3) & ~3
        return found


def _resolution(value: bytes) -> tuple[int, int]:
    """Return factor and divisor from if_tsresol: ticks a second as a power of ten, or of two."""
    if len(value) != 1:
        raise CorruptBlock("its time resolution makes no sense")
    exponent = value[0] & 0x7F
    if value[0] & 0x80:
        return SECOND_NS, 1 << exponent
    return (10 ** (9 - exponent), 1) if exponent <= 9 else (1, 10 ** (exponent - 9))

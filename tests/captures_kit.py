"""Builds capture files byte by byte, and reads them back."""

import hashlib
import struct
from collections.abc import Iterable
from pathlib import Path

from sensors.capture import CaptureReader, Frame
from sensors.observations import Fault

SECOND_NS = 1_000_000_000
START_NS = 1_773_133_200 * SECOND_NS
MICRO, NANO = 0xA1B2C3D4, 0xA1B23C4D
MODIFIED = 0xA1B2CD34
IF_TSRESOL, IF_TSOFFSET = 9, 14


def noise(size: int) -> bytes:
    """Bytes that do not compress."""
    return hashlib.shake_128(b"noise").digest(size)


def packets(count: int = 5, size: int = 60) -> list[Frame]:
    """Frames a millisecond apart, each of its own length and bytes; every third was cut."""
    made = []
    for index in range(count):
        data = bytes([index + 1]) * (size + index)
        made.append(Frame(START_NS + index * 1_000_000, 1, data, len(data) + 40 * (index % 3 == 2)))
    return made


def pcap_header(order: str = "<", magic: int = MICRO, network: int = 1, major: int = 2) -> bytes:
    return struct.pack(f"{order}IHHiIII", magic, major, 4, 0, 0, 65_535, network)


def pcap_record(frame: Frame, order: str = "<", magic: int = MICRO) -> bytes:
    seconds, nanoseconds = divmod(frame.ts_ns, SECOND_NS)
    fraction = nanoseconds if magic == NANO else nanoseconds // 1_000
    head = struct.pack(f"{order}IIII", seconds, fraction, len(frame.data), frame.wire_bytes)
    return head + (b"\xee" * 8 if magic == MODIFIED else b"") + frame.data


def pcap(frames: Iterable[Frame], order: str = "<", magic: int = MICRO) -> bytes:
    """A pcap file of Ethernet frames."""
    return pcap_header(order, magic) + b"".join(pcap_record(frame, order, magic) for frame in frames)


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    """A pcapng block; the body is padded."""
    body += bytes(-len(body) % 4)
    length = struct.pack(f"{order}I", len(body) + 12)
    return struct.pack(f"{order}I", kind) + length + body + length


def section(order: str = "<", major: int = 1) -> bytes:
    return block(0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, major, 0, -1), order)


def option(code: int, value: bytes, order: str = "<") -> bytes:
    return struct.pack(f"{order}HH", code, len(value)) + value + bytes(-len(value) % 4)


def interface(order: str = "<", linktype: int = 1, snap_bytes: int = 0, options: bytes = b"") -> bytes:
    return block(1, struct.pack(f"{order}HHI", linktype, 0, snap_bytes) + options, order)


def enhanced(
    frame: Frame, order: str = "<", *, number: int = 0, ticks: int | None = None, options: bytes = b""
) -> bytes:
    """An Enhanced Packet Block; ``ticks`` are microseconds unless given."""
    ticks = frame.ts_ns // 1_000 if ticks is None else ticks
    head = struct.pack(
        f"{order}IIIII", number, ticks >> 32, ticks & 0xFFFF_FFFF, len(frame.data), frame.wire_bytes
    )
    return block(6, head + frame.data + bytes(-len(frame.data) % 4) + options, order)


def obsolete(frame: Frame, order: str = "<", *, number: int = 0) -> bytes:
    """An obsolete Packet Block that says that 7 packets were dropped."""
    ticks = frame.ts_ns // 1_000
    fields = number, 7, ticks >> 32, ticks & 0xFFFF_FFFF, len(frame.data), frame.wire_bytes
    return block(2, struct.pack(f"{order}HHIIII", *fields) + frame.data, order)


def simple(frame: Frame, order: str = "<") -> bytes:
    """A Simple Packet Block."""
    return block(3, struct.pack(f"{order}I", frame.wire_bytes) + frame.data, order)


def pcapng(frames: Iterable[Frame], order: str = "<") -> bytes:
    """A pcapng file of one section with one Ethernet interface."""
    return section(order) + interface(order) + b"".join(enhanced(frame, order) for frame in frames)


def read_file(path: Path) -> tuple[list[Frame], list[Fault]]:
    """The frames of a file, and its faults."""
    reader = CaptureReader(path)
    return list(reader), reader.faults


def read_bytes(data: bytes, folder: Path) -> tuple[list[Frame], list[Fault]]:
    """The frames of a file that holds ``data``, and its faults."""
    path = folder / "capture"
    path.write_bytes(data)
    return read_file(path)

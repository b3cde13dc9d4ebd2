"""Capture files from frames: pcap, pcapng and gzip, written field by field.

The writers are here, and not a library's, because a rebuild has to give the same bytes everywhere.
"""

import struct
import zlib
from collections.abc import Iterable
from typing import NamedTuple

ETHERNET = 1  # LINKTYPE_ values, https://www.tcpdump.org/linktypes.html
LINUX_SLL2 = 276
_SNAP_BYTES = 262_144
_STORED_BLOCK_BYTES = 65_535  # RFC 1951 section 3.2.4


class Record(NamedTuple):
    """One frame, and when it passed: nanoseconds since the Unix epoch."""

    ts_ns: int
    frame: bytes


def pcap(
    records: Iterable[Record],
    *,
    nanosecond: bool = False,
    big_endian: bool = False,
    link_type: int = ETHERNET,
    snap_bytes: int = _SNAP_BYTES,
) -> bytes:
    """Return a pcap file (draft-ietf-opsawg-pcap). Frames beyond ``snap_bytes`` are cut, as tcpdump does."""
    order = ">" if big_endian else "<"
    magic, tick_ns = (0xA1B23C4D, 1) if nanosecond else (0xA1B2C3D4, 1_000)
    parts = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snap_bytes, link_type)]
    for ts_ns, frame in records:
        seconds, rest_ns = divmod(ts_ns, 1_000_000_000)
        kept = frame[:snap_bytes]
        parts.append(struct.pack(order + "IIII", seconds, rest_ns // tick_ns, len(kept), len(frame)) + kept)
    return b"".join(parts)


def pcapng(records: Iterable[Record], *, link_type: int = ETHERNET) -> bytes:
    """Return a pcapng file (draft-ietf-opsawg-pcapng) with one section, one interface and nanoseconds."""
    nanoseconds = struct.pack("<HHBxxxHH", 9, 1, 9, 0, 0)  # if_tsresol = 10^-9, then the end of the options
    parts = [
        _block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)),
        _block(1, struct.pack("<HHI", link_type, 0, _SNAP_BYTES) + nanoseconds),
    ]
    for ts_ns, frame in records:
        head = struct.pack("<IIIII", 0, ts_ns >> 32, ts_ns & 0xFFFFFFFF, len(frame), len(frame))
        parts.append(_block(6, head + frame + bytes(-len(frame) % 4)))
    return b"".join(parts)


def gzip_stored(data: bytes) -> bytes:
    """Return ``data`` as a gzip file of stored blocks: compressors differ in their output, this cannot."""
    parts = [bytes.fromhex("1f8b08000000000000ff")]  # RFC 1952: no name, no time, unknown system
    for at in range(0, len(data), _STORED_BLOCK_BYTES):
        piece = data[at : at + _STORED_BLOCK_BYTES]
        last = at + len(piece) == len(data)
        parts.append(struct.pack("<BHH", last, len(piece), len(piece) ^ 0xFFFF) + piece)
    parts.append(struct.pack("<II", zlib.crc32(data), len(data)))
    return b"".join(parts)


def _block(kind: int, body: bytes) -> bytes:
    size = len(body) + 12
    return struct.pack("<II", kind, size) + body + struct.pack("<I", size)

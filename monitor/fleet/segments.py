"""The files of a spool: records one behind the other, in segments with numbers.

A record is a mark (4 bytes), the length of its body and the CRC-32 of slot and body (4 bytes each), a slot
(2 bytes), all big-endian, and the body. What does not fit its CRC is damage: reading goes on at the next
record that does.
"""

import os
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from struct import Struct as Layout

import msgspec

from monitor.fleet.parcels import MAX_PARCEL_BYTES

ALL = 0xFFFF  # for what has no slot: it goes to all partitions
HEAD_BYTES = 14
MAX_BODY_BYTES = 2 * MAX_PARCEL_BYTES
MAX_RECORD_BYTES = HEAD_BYTES + MAX_BODY_BYTES

_MARK = b"RSP\x01"
_HEAD = Layout(">4sIIH")
_SUFFIX = ".spool"
_DIGITS = 12


class Place(msgspec.Struct, frozen=True, order=True):
    """Where in a spool: in which segment, and how many bytes from its beginning."""

    segment: int = 0
    offset: int = 0


class Record(msgspec.Struct, frozen=True):
    """A parcel, encoded, and its slot, or ``ALL``. ``end`` is where the next one begins."""

    slot: int
    body: bytes
    end: Place


def packed(slot: int, body: bytes) -> bytes:
    """Return a record as it is written."""
    return _HEAD.pack(_MARK, len(body), _crc(slot, body), slot) + body


def records(data: bytes, start: Place, *, last: bool = False) -> Iterator[tuple[Record, int]]:
    """Yield the records of a piece of a segment, and how many bytes of damage stand before each.

    It ends with the last whole one. What is begun behind that is looked into by nobody: it may be going on;
    but not in the ``last`` piece, where it is damage.
    """
    good_end = at = 0
    while (found := data.find(_MARK, at)) >= 0 and len(data) - found >= HEAD_BYTES:
        _, length, crc, slot = _HEAD.unpack_from(data, found)
        end = found + HEAD_BYTES + length
        if length > MAX_BODY_BYTES or (last and end > len(data)):
            at = found + 1
            continue
        if end > len(data):
            return
        body = data[found + HEAD_BYTES : end]
        if _crc(slot, body) != crc:
            at = found + 1
            continue
        yield Record(slot, body, Place(start.segment, start.offset + end)), found - good_end
        good_end = at = end


def numbers(folder: Path) -> list[int]:
    """Return the numbers of the segments there are, in order. Raises OSError."""
    names = (name for name in os.listdir(folder) if name.endswith(_SUFFIX))  # noqa: PTH208  names are enough
    stems = (name.removesuffix(_SUFFIX) for name in names)
    return sorted(int(stem) for stem in stems if len(stem) == _DIGITS and stem.isascii() and stem.isdecimal())


def path_of(folder: Path, number: int) -> Path:
    """Return the file of a segment."""
    return folder / f"{number:0{_DIGITS}}{_SUFFIX}"


def waiting_bytes(folder: Path, published: Place) -> int:
    """Return how much of a spool waits, where all before a place was published. Raises OSError."""
    waiting = 0
    for number in numbers(folder):
        if number >= published.segment:
            with suppress(FileNotFoundError):
                waiting += path_of(folder, number).stat().st_size
    return max(waiting - published.offset, 0)


def _crc(slot: int, body: bytes) -> int:
    return zlib.crc32(body, zlib.crc32(slot.to_bytes(2)))

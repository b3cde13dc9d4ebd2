"""Parcels on disk, between the sensor, which has no network, and who publishes them. Bounded.

The sensor writes, without waiting for the disk, and the publisher reads in order and says how far it is:
segments before that are removed. Where there is no room for more, the newest are given up, and counted. A
start begins a segment of its own: what a crash tore off stays where it is, is counted, and passed over.
"""

import os
from contextlib import suppress
from pathlib import Path

import msgspec

from monitor.files import InputError, unreadable
from monitor.fleet.position import read_position, write_position
from monitor.fleet.segments import (
    MAX_RECORD_BYTES,
    Place,
    Record,
    numbers,
    packed,
    path_of,
    records,
)
from monitor.ledger.disk import write_all
from monitor.locking import hold

SEGMENTS = 64  # that a full spool has
LEAST_SEGMENT_BYTES = 65_536
READ_BYTES = 4 * MAX_RECORD_BYTES  # at once
FILE_MODE = 0o600

_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


class SpoolWriter:
    """Where the sensor puts parcels. ``problem`` is why the disk took none the last time, or None."""

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        """Raises InputError where another process writes there, or the folder cannot be used."""
        self.problem: str | None = None
        self.bytes = 0  # on the disk
        self.limit_bytes = limit_bytes
        self._folder = folder
        self._segment_bytes = max(limit_bytes // SEGMENTS, LEAST_SEGMENT_BYTES)
        self._lock = _locked(folder, "writer.lock", "writes")
        self._waiting: list[bytes] = []
        self._waiting_bytes = self._counted = 0
        self._file: int | None = None
        self._end = Place()
        try:
            self._next = max([read_position(folder).segment, *numbers(folder)]) + 1
            self._measure()
        except OSError as error:
            os.close(self._lock)
            raise unreadable(folder, error) from None

    def put(self, slot: int, body: bytes, count: int = 0) -> bool:
        """Have a parcel, with so many observations, written by the next ``flush``.

        Tell whether there is room for it; else it is given up.
        """
        record = packed(slot, body)
        if self.bytes + self._waiting_bytes + len(record) > self.limit_bytes:
            self.problem = f"the spool is full: {self.limit_bytes} bytes wait to be published"
            return False
        self._waiting.append(record)
        self._waiting_bytes += len(record)
        self._counted += count
        return True

    def has_room(self) -> bool:
        """Whether half of the bound is free by now."""
        with suppress(OSError):
            self._measure()
        return 2 * self.bytes <= self.limit_bytes

    def flush(self) -> int:
        """Hand what was put to the system. Return how many observations it did not take: they are gone."""
        waiting, counted = b"".join(self._waiting), self._counted
        self._waiting, self._waiting_bytes, self._counted = [], 0, 0
        try:
            self._measure()
            if waiting:
                self._write(waiting)
        except OSError as error:
            self.problem = f"{error.filename or self._folder}: {(error.strerror or 'not written').lower()}"
            return counted
        if waiting:
            self.problem = None
        return 0

    def close(self) -> None:
        """Let the files go."""
        self._close_segment()
        os.close(self._lock)

    def _measure(self) -> None:
        """See how much there is: what was published is gone."""
        self.bytes = 0
        for number in numbers(self._folder):
            with suppress(FileNotFoundError):  # removed meanwhile
                self.bytes += path_of(self._folder, number).stat().st_size

    def _write(self, data: bytes) -> None:
        """Write records behind the others, all or none."""
        file = self._file
        if file is None or self._end.offset >= self._segment_bytes:
            file = self._open_segment()
        try:
            write_all(file, data, self._end.offset)
        except OSError:
            with suppress(OSError):
                os.ftruncate(file, self._end.offset)
            self._close_segment()  # what may stand there is torn off
            raise
        self._end = Place(self._end.segment, self._end.offset + len(data))
        self.bytes += len(data)

    def _open_segment(self) -> int:
        self._close_segment()
        file = self._file = os.open(path_of(self._folder, self._next), _WRITE, FILE_MODE)
        self._end = Place(self._next)
        self._next += 1
        return file

    def _close_segment(self) -> None:
        if self._file is not None:
            file, self._file = self._file, None
            os.close(file)


class Damage(msgspec.Struct):
    """What was passed over: places where records did not fit, or were torn off, and the bytes of it."""

    places: int = 0
    bytes: int = 0


class SpoolReader:
    """Where the publisher takes parcels, in order, each once, and then says how far it is."""

    def __init__(self, folder: Path) -> None:
        """Raises InputError where another process reads there, or the folder cannot be used."""
        self.damage = Damage()
        self._folder = folder
        self._lock = _locked(folder, "reader.lock", "publishes")
        self._place = self._kept = read_position(folder)
        try:
            self._remove_before(self._kept.segment)
        except OSError as error:
            os.close(self._lock)
            raise unreadable(folder, error) from None

    def read(self) -> list[Record]:
        """Return what comes next, some of it; nothing where nothing waits. Raises OSError."""
        while True:
            later = [number for number in numbers(self._folder) if number > self._place.segment]
            data = self._data()  # whole, where a later segment was there before
            found = self._found(data)
            if found or not (later or len(data) == READ_BYTES):
                return found
            if len(data) == READ_BYTES:  # there is a longer piece without any record
                self._damaged(READ_BYTES - MAX_RECORD_BYTES)
                passed = self._place.offset + READ_BYTES - MAX_RECORD_BYTES
                self._place = Place(self._place.segment, passed)
            else:
                self._damaged(len(data))  # torn off, at the end
                self._place = Place(later[0])

    def acknowledge(self, place: Place) -> None:
        """Keep that all before a place was published, and remove older segments.

        Raises OSError, where it may be called again: what is not kept is published again after a start.
        """
        if place == self._kept:
            return
        self._remove_before(place.segment)  # first: it makes room for what follows
        write_position(self._folder, place)
        self._kept = place

    def waiting_bytes(self) -> int:
        """Return how much waits to be published. Raises OSError."""
        waiting = 0
        for number in numbers(self._folder):
            if number >= self._kept.segment:
                with suppress(FileNotFoundError):
                    waiting += path_of(self._folder, number).stat().st_size
        return max(waiting - self._kept.offset, 0)

    def close(self) -> None:
        """Let the lock go."""
        os.close(self._lock)

    def _remove_before(self, segment: int) -> None:
        """Remove the segments before one."""
        for number in numbers(self._folder):
            if number < segment:
                path_of(self._folder, number).unlink(missing_ok=True)

    def _found(self, data: bytes) -> list[Record]:
        """Return the records of what comes next, and go on behind them."""
        found = []
        for record, damaged in records(data, self._place):
            self._damaged(damaged)
            found.append(record)
        if found:
            self._place = found[-1].end
        return found

    def _data(self) -> bytes:
        try:
            file = os.open(path_of(self._folder, self._place.segment), _READ)
        except FileNotFoundError:
            return b""
        try:
            return os.pread(file, READ_BYTES, self._place.offset)
        finally:
            os.close(file)

    def _damaged(self, count: int) -> None:
        if count:
            self.damage.places += 1
            self.damage.bytes += count


def _locked(folder: Path, name: str, does: str) -> int:
    try:
        lock = hold(folder / name)
    except OSError as error:
        raise unreadable(folder / name, error) from None
    if lock is None:
        raise InputError(str(folder), f"another process {does} here", "end that one first")
    return lock

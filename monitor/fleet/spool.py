"""Parcels on disk, between the sensor, which has no network, and who publishes them. Bounded.

The sensor writes, without waiting for the disk, and the publisher reads in order and says how far it is:
segments before that are removed. Where there is no room for more, the newest are given up, and counted. A
start begins a segment of its own: what a crash tore off stays where it is, is counted, and passed over.
What is held does not count before it is released, and is taken back by the next start.
"""

import os
from contextlib import suppress
from pathlib import Path

from monitor.files import InputError, unreadable
from monitor.fleet.holding import Held, take_back, write_held
from monitor.fleet.position import read_position
from monitor.fleet.segments import Place, numbers, packed, path_of, waiting_bytes
from monitor.ledger.disk import write_all
from monitor.locking import hold

SEGMENTS = 64  # that a full spool has
LEAST_SEGMENT_BYTES = 65_536
HARDLY = 16  # parts of the bound: in less than one of them stands what nobody can take, as what was torn off
FILE_MODE = 0o600

_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class SpoolWriter:
    """Where the sensor puts parcels. ``problem`` is why the disk took none the last time, or None."""

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        """Raises InputError where another process writes there, or the folder cannot be used."""
        self.problem: str | None = None
        self.bytes = 0  # on the disk
        self.limit_bytes = limit_bytes
        self._folder = folder
        self._segment_bytes = max(limit_bytes // SEGMENTS, LEAST_SEGMENT_BYTES)
        self._lock = locked(folder, "writer.lock", "writes")
        self._waiting: list[bytes] = []
        self._waiting_bytes = self._counted = 0
        self._file: int | None = None
        self._held_bytes = 0
        self._is_stuck = False  # what is held could not be written the last time
        try:
            self._held = take_back(folder)
            self._next = max([read_position(folder).segment, *numbers(folder)]) + 1
            self._end = Place(self._next)
            self._measure()
        except OSError as error:
            os.close(self._lock)
            raise unreadable(folder, error) from None

    @property
    def whole(self) -> str | None:
        """What was released last as a whole, by this process or one before."""
        return self._held.whole

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
        """Whether half of the bound is free by now, and the disk took what was flushed."""
        with suppress(OSError):
            self._measure()
        return not self._is_stuck and 2 * self.bytes <= self.limit_bytes

    def hold(self) -> bool:
        """Have nothing count that is flushed from here on, before it is released. Tell whether that is so."""
        return self._hold(Held(self._held.number + 1, self._end, self._held.whole))

    def release(self, whole: str | None) -> bool:
        """Have all count that was flushed, on the disk; ``whole`` says what. Tell whether that is so."""
        return not self._is_stuck and self._hold(Held(self._held.number, None, whole))

    @property
    def is_held_much(self) -> bool:
        """Whether there will be no room before what is held is released: hardly anything else waits."""
        if self._held.since is None or 2 * self.bytes <= self.limit_bytes:
            return False
        with suppress(OSError):
            waiting = waiting_bytes(self._folder, read_position(self._folder)) - self._held_bytes
            return HARDLY * waiting <= self.limit_bytes
        return False

    def flush(self) -> int:
        """Hand what was put to the system. Return how many observations it did not take: they are gone.

        What is held is not: it waits for the disk.
        """
        lost, self._is_stuck = 0, False
        try:
            self._measure()
            if self._waiting:
                self._write(b"".join(self._waiting))
                self.problem = None
        except OSError as error:
            self.problem = f"{error.filename or self._folder}: {(error.strerror or 'not written').lower()}"
            self._is_stuck = self._held.since is not None
            if self._is_stuck:
                return 0
            lost = self._counted
        self._waiting, self._waiting_bytes, self._counted = [], 0, 0
        return lost

    def close(self) -> None:
        """Let the files go."""
        with suppress(OSError):  # what is held is taken back
            self._close_segment()
        os.close(self._lock)

    def _hold(self, held: Held) -> bool:
        try:
            if self._held.since is not None and self._file is not None:
                os.fsync(self._file)
            write_held(self._folder, held)
        except OSError as error:
            self.problem = f"{error.filename or self._folder}: {(error.strerror or 'not written').lower()}"
            return False
        self._held, self._held_bytes = held, 0
        return True

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
        self._held_bytes += len(data) if self._held.since is not None else 0

    def _open_segment(self) -> int:
        self._close_segment()
        file = self._file = os.open(path_of(self._folder, self._next), _WRITE, FILE_MODE)
        self._end = Place(self._next)
        self._next += 1
        return file

    def _close_segment(self) -> None:
        if self._file is not None:
            file, self._file = self._file, None
            try:
                if self._held.since is not None:  # it counts with what follows: they stay together
                    os.fsync(file)
            finally:
                os.close(file)


def locked(folder: Path, name: str, does: str) -> int:
    """Return the lock of a side. Raises InputError where another process has it, or nobody can."""
    try:
        lock = hold(folder / name)
    except OSError as error:
        raise unreadable(folder / name, error) from None
    if lock is None:
        raise InputError(str(folder), f"another process {does} here", "end that one first")
    return lock

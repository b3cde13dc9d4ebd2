"""Where the publisher takes parcels off the spool: in order, each once, and no further than they count."""

import os
from pathlib import Path

import msgspec

from monitor.files import InputError, unreadable
from monitor.fleet.holding import read_held
from monitor.fleet.position import read_position, write_position
from monitor.fleet.segments import (
    MAX_RECORD_BYTES,
    Place,
    Record,
    numbers,
    path_of,
    records,
    waiting_bytes,
)
from monitor.fleet.spool import locked

READ_BYTES = 4 * MAX_RECORD_BYTES  # at once

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


class Damage(msgspec.Struct):
    """What was passed over: places where records did not fit, or were torn off, and the bytes of it.

    It is counted up to ``until``, whoever reads it again.
    """

    places: int = 0
    bytes: int = 0
    until: Place = Place()


class SpoolReader:
    """Where the publisher takes parcels, in order, each once, and then says how far it is."""

    def __init__(self, folder: Path, damage: Damage | None = None) -> None:
        """Go on counting ``damage``.

        Raises InputError where another process reads there, or the folder cannot be used.
        """
        self.damage = damage if damage is not None else Damage()
        self._folder = folder
        if not folder.exists():
            raise InputError(str(folder), "no such folder", "start `residency run`, which makes it")
        self._lock = locked(folder, "reader.lock", "publishes")
        self._place = self._kept = read_position(folder)
        try:
            self._remove_before(self._kept.segment)
        except OSError as error:
            os.close(self._lock)
            raise unreadable(folder, error) from None

    def read(self) -> list[Record]:
        """Return what comes next, some of it; nothing where nothing waits. Raises OSError."""
        while True:
            held = read_held(self._folder)
            later = [number for number in numbers(self._folder) if number > self._place.segment]
            data = self._data()  # whole, where a later segment was there before
            if read_held(self._folder) != held:
                continue  # released, or taken back, meanwhile
            if held.since is not None and self._place >= held.since:
                return []
            following = Place(later[0]) if later else None  # where to go on, once that is known
            if held.since is not None and held.since.segment == self._place.segment:
                data, following = data[: held.since.offset - self._place.offset], held.since
            is_last = following is not None and len(data) < READ_BYTES
            found = self._found(data, is_last=is_last)
            if found or not (is_last or len(data) == READ_BYTES):
                return found
            if is_last and following is not None:
                self._damaged(len(data), following)  # torn off, at the end
                self._place = following
            else:  # there is a longer piece without any record
                passed = READ_BYTES - MAX_RECORD_BYTES
                self._place = Place(self._place.segment, self._place.offset + passed)
                self._damaged(passed, self._place)

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
        return waiting_bytes(self._folder, self._kept)

    def close(self) -> None:
        """Let the lock go."""
        os.close(self._lock)

    def _remove_before(self, segment: int) -> None:
        """Remove the segments before one."""
        for number in numbers(self._folder):
            if number < segment:
                path_of(self._folder, number).unlink(missing_ok=True)

    def _found(self, data: bytes, *, is_last: bool) -> list[Record]:
        """Return the records of what comes next, and go on behind them."""
        found = []
        for record, damaged in records(data, self._place, last=is_last):
            self._damaged(damaged, record.end)
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

    def _damaged(self, count: int, until: Place) -> None:
        if count and until > self.damage.until:
            self.damage.places += 1
            self.damage.bytes += count
            self.damage.until = until

"""A sink that appends events to a file, one a line, which the disk holds before they count as taken.

The file is moved aside when it would get too large, and when a period of `rotate_hours` (of UTC, counted
from 1970) ends; of those moved aside the latest are kept. What stands behind the last line break is what a
kill left, and is cut off. An event that is given again stands there again, with the same key.
"""

import datetime as dt
import os
import stat
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from monitor.events import render
from monitor.sink_options import JsonlOptions
from monitor.sinks.protocol import Delivered, Outcome, Parcel, RetryAfter

FILE_MODE = 0o600
HOUR_NS = 3_600_000_000_000
_PIECE_BYTES = 65_536
_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
_STAMP = "%Y%m%dT%H%M%S.%fZ"


class JsonlSink:
    """Appends to one file, which nobody else writes to."""

    def __init__(
        self, options: JsonlOptions, folder: Path, clock_ns: Callable[[], int] = time.time_ns
    ) -> None:
        """Open nothing yet: a file that cannot be opened is tried again with each batch."""
        self.name, self.batch = options.name, options.batch
        self.cut_bytes = 0  # what kills left behind
        self._options, self._clock_ns = options, clock_ns
        self._path = folder / options.path
        self._file = -1

    def deliver(self, parcels: Sequence[Parcel]) -> Outcome:
        """Append the parcels, and have the disk hold them."""
        lines = [render(parcel.event, self._options.format) + b"\n" for parcel in parcels]
        done = 0
        try:
            while done < len(lines):
                self._open()
                self._rotate(len(lines[done]))
                done += self._append(self._fitting(lines[done:]))
        except OSError as error:
            self.close()
            place = error.filename or self._path
            return RetryAfter(f"{place}: {(error.strerror or type(error).__name__).lower()}", None, done)
        return Delivered()

    def close(self) -> None:
        """Close the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _open(self) -> None:
        """Have the file open that stands under the path; repair one that is newly opened."""
        if self._file >= 0:
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(self._file), self._path.stat()):
                    return
            self.close()
        self._file = os.open(self._path, _FLAGS, FILE_MODE)
        if not stat.S_ISREG(os.fstat(self._file).st_mode):
            raise OSError(0, "no plain file", str(self._path))
        self.cut_bytes += _cut_back(self._file)
        _sync_folder(self._path.parent)

    def _rotate(self, more_bytes: int) -> None:
        """Move the file aside where so many bytes more, or the time, ask for it."""
        status = os.fstat(self._file)
        if not status.st_size:
            return
        period_ns = self._options.rotate_hours * HOUR_NS
        now_ns = self._clock_ns()
        too_old = status.st_mtime_ns // period_ns < now_ns // period_ns
        if not too_old and status.st_size + more_bytes <= self._options.rotate_bytes:
            return
        self._path.rename(self._free_name(now_ns))
        self.close()
        self._open()
        for _, old in self._moved_aside()[: -self._options.keep]:
            old.unlink(missing_ok=True)

    def _free_name(self, now_ns: int) -> Path:
        """Return a name that says when, and sorts behind all that there are."""
        moment = dt.datetime.fromtimestamp(now_ns // 1_000_000_000, dt.UTC)
        moment += dt.timedelta(microseconds=now_ns % 1_000_000_000 // 1_000)
        before = [when for when, _ in self._moved_aside()]
        if before and before[-1] >= moment:  # the clock stands still, or went back
            moment = before[-1] + dt.timedelta(microseconds=1)
        return self._path.with_name(f"{self._path.stem}-{moment.strftime(_STAMP)}{self._path.suffix}")

    def _moved_aside(self) -> list[tuple[dt.datetime, Path]]:
        """Return the files that were moved aside, oldest first, and when that was."""
        found = []
        for name in os.listdir(self._path.parent):  # noqa: PTH208  names alone
            start, end = f"{self._path.stem}-", self._path.suffix
            if name.startswith(start) and name.endswith(end):
                stamp = name[len(start) : len(name) - len(end)]
                # Not strptime, which imports a module then: this user may not be able to read it.
                with suppress(ValueError):
                    when = dt.datetime.fromisoformat(stamp)
                    if when.strftime(_STAMP) == stamp:
                        found.append((when, self._path.with_name(name)))
        return sorted(found)

    def _fitting(self, lines: Sequence[bytes]) -> Sequence[bytes]:
        """Return the lines that the file has room for: the first one always."""
        room = self._options.rotate_bytes - os.fstat(self._file).st_size - len(lines[0])
        count = 1
        while count < len(lines) and len(lines[count]) <= room:
            room -= len(lines[count])
            count += 1
        return lines[:count]

    def _append(self, lines: Sequence[bytes]) -> int:
        """Write lines to the disk; return how many. What could not be written whole is cut off again."""
        data = b"".join(lines)
        view, written = memoryview(data), 0
        try:
            while written < len(data):
                written += os.write(self._file, view[written:])
        except OSError:
            _cut_back(self._file)
            whole = data.rfind(b"\n", 0, written) + 1
            if not whole:
                raise
            os.fsync(self._file)
            return data.count(b"\n", 0, whole)
        os.fsync(self._file)
        return len(lines)


def _cut_back(file: int) -> int:
    """Cut a file back to its last whole line; return how many bytes went."""
    size = end = os.fstat(file).st_size
    while end:
        start = max(end - _PIECE_BYTES, 0)
        found = os.pread(file, end - start, start).rfind(b"\n")
        if found >= 0:
            end = start + found + 1
            break
        end = start
    if end < size:
        os.ftruncate(file, end)
    return size - end


def _sync_folder(folder: Path) -> None:
    """Have the disk hold a folder's names."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)

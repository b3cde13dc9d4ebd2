"""The daemon's decisions on disk: `FOLDER/OUTCOME/DAY.jsonl`, one a line, kept for as long as the outcome is.

A line is that of a replay's `decisions.jsonl`, with `sensor` and `owner` at its end; below `coverage` it is a
window of `monitor.windows`. `totals.reason` tells a
verdict at first sight ("active") from an ended connection. The day is that of the connection's latest packet.

Nothing here stops the loop: what cannot be written waits, bounded, and is tried again once a second. A disk
that answers late makes a call late. Lines reach the system with the next `flush` at the latest, so a killed
process loses what was decided since; they reach the disk by ``sync``: those of violations within a second,
or all, or when the system likes.
"""

import errno
import os
from collections import Counter
from pathlib import Path

import msgspec

from monitor.config import Retention, Sync
from monitor.daemon.appending import FolderLock, append, repair, sync
from monitor.daemon.backlog import KINDS, Backlog, Kind, kind_of
from monitor.daemon.days import SECOND_NS, Steady, file_name, is_day_file, is_expired
from monitor.files import InputError
from monitor.types import Decision
from monitor.windows import Window

BACKLOG_BYTES = 33_554_432  # of lines that wait, some 16,000 of them
WRITE_BYTES = 262_144  # lines that wait for no flush
RETRY_NS = SYNC_NS = SECOND_NS
KEY = "decisions.folder"  # in the configuration

_MENDS = {
    errno.ENOSPC: "make room, or shorten decisions.retention_days",
    errno.EDQUOT: "raise the quota, or shorten decisions.retention_days",
    errno.EROFS: "mount it writable",
    errno.EACCES: "give the daemon's user the right to write there",
    errno.EPERM: "give the daemon's user the right to write there",
    errno.ENOENT: "put the folder back",
}


class Writing(msgspec.Struct, frozen=True):
    """How decisions are written. ``sensor`` is the name that stands in each line."""

    sensor: str | None = None
    sync: Sync = "violations"
    backlog_bytes: int = BACKLOG_BYTES


class Repaired(msgspec.Struct, frozen=True):
    """A file whose last line was cut, and how many bytes of it went."""

    path: str
    cut_bytes: int


class Expired(msgspec.Struct, frozen=True):
    """A file that retention deleted."""

    kind: Kind
    name: str
    bytes: int


class StoreCounters(msgspec.Struct, frozen=True):
    """What happened to lines since the start. ``waiting`` are those of now; ``unwritten`` are lost."""

    written: dict[Kind, int] = {}
    waiting: dict[Kind, int] = {}
    unwritten: dict[Kind, int] = {}
    cut_lines: int = 0
    failures: int = 0  # files that could not be written, each time
    sync_failures: int = 0
    expire_failures: int = 0


class DecisionStore:
    """Keeps decisions in a folder that no other daemon writes to.

    ``problem`` is why lines wait, with the mend, or None; ``repaired`` is what the last run had left cut.
    """

    def __init__(self, folder: Path, retention: Retention, now_ns: int, writing: Writing = Writing()) -> None:  # noqa: B008  immutable
        """Take the folder and repair what is in it. Raises InputError where it cannot be used."""
        self.problem: str | None = None
        self._folder = folder
        self._retention = retention
        self._now_ns = now_ns
        self._sync: Sync = writing.sync
        self._encode = msgspec.json.Encoder().encode
        self._sensor = b',"sensor":' + self._encode(writing.sensor) + b',"owner":'
        self._backlog = Backlog(writing.backlog_bytes)
        self._write_bytes = min(WRITE_BYTES, writing.backlog_bytes // 2)
        self._written: Counter[Kind] = Counter()
        self._counts: Counter[str] = Counter()
        self._unsynced: set[Path] = set()
        self._tried_ns = self._synced_ns = now_ns - SECOND_NS
        self._steady = Steady()
        try:
            self._lock = FolderLock(folder, KEY)
            self.repaired = tuple(self._repair())
        except OSError as error:
            raise InputError(str(error.filename or folder), _reason(error), _mend(error)) from None

    def add(self, decision: Decision, owner: msgspec.Struct | None = None) -> None:
        """Take a decision; ``owner`` is the process whose connection it is, where that is known."""
        kind = kind_of(decision)
        latest_ns = decision.ts_ns + decision.connection.totals.duration_ns
        name = file_name(latest_ns, self._now_ns, getattr(self._retention, kind))
        line = self._encode(decision)[:-1] + self._sensor + self._encode(owner) + b"}\n"
        self._backlog.add(kind, name, line)
        if self.problem is None and self._backlog.bytes >= self._write_bytes:
            self._write()

    def add_window(self, window: Window) -> None:
        """Take a statement of how much could be seen."""
        name = file_name(window.until_ns, self._now_ns, self._retention.coverage)
        self._backlog.add("coverage", name, self._encode(window) + b"\n")

    def flush(self, now_ns: int) -> None:
        """Hand what waits to the system: after each batch, or at least once a second."""
        self._now_ns = now_ns
        if self._backlog.bytes and (self.problem is None or self._is_due(self._tried_ns, RETRY_NS)):
            self._write()
        if self._unsynced and self._is_due(self._synced_ns, SYNC_NS):
            self._synchronise()

    def expire(self, now_ns: int) -> tuple[Expired, ...]:
        """Delete files that were kept long enough; return which. Call it more often than once a day.

        After a step of the clock nothing is deleted for a day.
        """
        if not self._steady.believes(now_ns):
            return ()
        found = []
        for kind in KINDS:
            kept_days = getattr(self._retention, kind)
            for path in self._files(kind):
                if is_expired(path.name, now_ns, kept_days):
                    found += self._delete(kind, path)
        return tuple(found)

    def counters(self) -> StoreCounters:
        """Return what happened to lines."""
        waiting = self._backlog.count()
        return StoreCounters(dict(+self._written), waiting, dict(self._backlog.shed), **self._counts)

    def close(self) -> None:
        """Write what waits, and let the folder go."""
        if self._backlog.bytes:
            self._write()
        self._synchronise()
        self._lock.close()

    def _is_due(self, last_ns: int, pause_ns: int) -> bool:
        """Tell whether a pause is over. A clock that went back ends it."""
        return not 0 <= self._now_ns - last_ns < pause_ns

    def _write(self) -> None:
        """Write all that waits, the most important first; keep what failed."""
        self._tried_ns = self._now_ns
        try:
            self._lock.renew()
        except OSError as error:
            self._failed(error)
            return
        except InputError as error:
            self._counts["failures"] += 1
            self.problem = str(error)
            return
        tried = [
            self._append(kind, name, lines)
            for kind in KINDS
            for name, lines in self._backlog.take(kind).items()
        ]
        self.problem = None
        for failure in filter(None, tried[::-1]):  # the first one is the most important
            self._failed(failure)

    def _append(self, kind: Kind, name: str, lines: list[bytes]) -> OSError | None:
        path = self._folder / kind / name
        done = append(path, lines)
        self._written[kind] += done.lines
        self._counts["cut_lines"] += done.cut_bytes > 0
        self._backlog.put_back(kind, name, lines[done.lines :])
        if done.lines and (self._sync == "all" or (self._sync == "violations" and kind == "violation")):
            self._unsynced |= {path, path.parent} if done.made else {path}
        return done.error

    def _failed(self, error: OSError) -> None:
        self._counts["failures"] += 1
        self.problem = f"{error.filename or self._folder}: {_reason(error)}; {_mend(error)}"

    def _synchronise(self) -> None:
        self._synced_ns = self._now_ns
        for path in self._unsynced:
            try:
                sync(path)
            except OSError:
                self._counts["sync_failures"] += 1
        self._unsynced.clear()

    def _repair(self) -> list[Repaired]:
        try:
            cut = [(path, repair(path)) for kind in KINDS for path in self._files(kind)]
        except OSError:
            self._lock.close()
            raise
        found = [Repaired(str(path), size) for path, size in cut if size]
        self._counts["cut_lines"] += len(found)
        return found

    def _files(self, kind: Kind) -> list[Path]:
        """Return the files of a kind, oldest first; none of a folder that cannot be listed, which counts."""
        try:
            names = os.listdir(self._folder / kind)  # noqa: PTH208  names alone
        except FileNotFoundError:
            return []
        except OSError:
            self._counts["expire_failures"] += 1
            return []
        return [self._folder / kind / name for name in sorted(names) if is_day_file(name)]

    def _delete(self, kind: Kind, path: Path) -> list[Expired]:
        try:
            size = path.stat().st_size
            path.unlink()
        except OSError:
            self._counts["expire_failures"] += 1
            return []
        return [Expired(kind, path.name, size)]


def _reason(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()


def _mend(error: OSError) -> str:
    return _MENDS.get(error.errno or 0, "check the disk")

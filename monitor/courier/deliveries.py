"""How far each sink is, and what none of its attempts could deliver: STATE/delivery.db, of one owner.

A sink's state moves only after the sink said what it took, in one transaction with the letters that were
put aside: a crash in between has events delivered twice, with the same key, and never loses one.
"""

import fcntl
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from monitor.courier.letters import DeadLetter, LaneState
from monitor.courier.schema import (
    BUSY_SECONDS,
    DATABASE,
    DEAD_COLUMNS,
    LANE_COLUMNS,
    LOCK,
    TABLES,
    VERSION,
    check_version,
    lane_of,
    letter_of,
)
from monitor.files import InputError, unreadable
from monitor.outbox.schema import explained, is_broken

MAX_DEAD = 10_000  # letters of one sink; the oldest go, and are counted (LaneState.shed)
FILE_MODE, FOLDER_MODE = 0o600, 0o700
PATIENCE, PATIENCE_SECONDS = 5, 0.05

_SET = ", ".join(f"{name} = excluded.{name}" for name in LaneState.__struct_fields__)
_PLACES = ", ".join("?" for _ in ("sink", *LaneState.__struct_fields__))
_SAVE = (
    f"INSERT INTO lanes (sink, {LANE_COLUMNS}) VALUES ({_PLACES})"  # noqa: S608  constants
    f" ON CONFLICT (sink) DO UPDATE SET {_SET}"
)
_DROP = "DELETE FROM drops WHERE sink = ? AND key = ?"
_PUT_ASIDE = "INSERT OR REPLACE INTO dead VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_OVERFLOW = (
    "DELETE FROM dead WHERE sink = :sink AND seq IN"
    " (SELECT seq FROM dead WHERE sink = :sink ORDER BY seq DESC LIMIT -1 OFFSET :most)"
)


class DeliveriesError(Exception):
    """The database did not take, or give, something. It says why."""


class Taken(msgspec.Struct, frozen=True):
    """What became of parcels, beside the cursor's move: put aside, and passed over."""

    aside: Sequence[DeadLetter] = ()
    passed: Sequence[str] = ()  # keys of events that a person had dropped


class Deliveries:
    """The database, opened by its one owner; any thread may use it."""

    def __init__(self, state: Path) -> None:
        """Take it; make it where it is not there. Raises InputError where it cannot be used."""
        self._path = state / DATABASE
        self._lock = threading.Lock()
        self._owned = _own(state)
        try:
            self._connection = self._open()
        except BaseException:
            os.close(self._owned)
            raise

    def lane(self, sink: str, start: int) -> LaneState:
        """Return a sink's state; one that is new begins behind ``start``."""
        with self._using() as db:
            row = db.execute(f"SELECT {LANE_COLUMNS} FROM lanes WHERE sink = ?", (sink,)).fetchone()  # noqa: S608
            if row is not None:
                return lane_of(row)
            state = LaneState(start)
            db.execute(_SAVE, (sink, *msgspec.structs.astuple(state)))
            return state

    def save(self, sink: str, state: LaneState, taken: Taken = Taken()) -> LaneState:  # noqa: B008  immutable
        """Keep a sink's state and what became of parcels; return it with what was shed counted."""
        with self._using() as db:
            db.executemany(_PUT_ASIDE, map(_row, taken.aside))
            db.executemany(_DROP, [(sink, key) for key in taken.passed])
            if taken.aside:
                shed = db.execute(_OVERFLOW, {"sink": sink, "most": MAX_DEAD}).rowcount
                state = msgspec.structs.replace(state, shed=state.shed + shed)
            db.execute(_SAVE, (sink, *msgspec.structs.astuple(state)))
        return state

    def again(self, sink: str, seq: int, limit: int) -> list[DeadLetter]:
        """Return the first letters behind ``seq`` that are back in line."""
        query = (
            f"SELECT {DEAD_COLUMNS} FROM dead WHERE sink = ? AND again = 1 AND seq > ? ORDER BY seq LIMIT ?"  # noqa: S608
        )
        with self._using("BEGIN") as db:
            return [letter_of(row) for row in db.execute(query, (sink, seq, limit))]

    def settle(self, sink: str, taken: Sequence[int], aside: Sequence[DeadLetter]) -> None:
        """Forget letters that were delivered after all; put others aside once more."""
        with self._using() as db:
            db.executemany("DELETE FROM dead WHERE sink = ? AND seq = ?", [(sink, seq) for seq in taken])
            db.executemany(_PUT_ASIDE, map(_row, aside))

    def dropped(self, sink: str) -> tuple[int, frozenset[str]]:
        """Return what a person does not want delivered: all up to a number, and these keys."""
        with self._using("BEGIN") as db:
            row = db.execute("SELECT drop_to FROM lanes WHERE sink = ?", (sink,)).fetchone()
            keys = db.execute("SELECT key FROM drops WHERE sink = ?", (sink,)).fetchall()
            return (row["drop_to"] if row is not None else 0), frozenset(each["key"] for each in keys)

    def known(self, sink: str) -> int | None:
        """Return up to where a sink is done with, None of one that was never served."""
        with self._using("BEGIN") as db:
            row = db.execute("SELECT max(cursor, drop_to) FROM lanes WHERE sink = ?", (sink,)).fetchone()
            return row[0] if row is not None else None

    def retry(self, sink: str | None, key: str | None, now_ns: int) -> int:
        """Put letters back in line, of one sink or all, with one key or any; return how many."""
        with self._using() as db:
            return db.execute(
                "UPDATE dead SET again = 1, since_ns = :now, attempts = 0 WHERE again = 0"
                " AND (:sink IS NULL OR sink = :sink) AND (:key IS NULL OR key = :key)",
                {"sink": sink, "key": key, "now": now_ns},
            ).rowcount

    def drop_key(self, sink: str, key: str, *, waiting: bool) -> int:
        """Forget the letters of a sink with a key; where one is ``waiting``, have it passed over."""
        with self._using() as db:
            count = db.execute("DELETE FROM dead WHERE sink = ? AND key = ?", (sink, key)).rowcount
            if waiting:
                count += db.execute("INSERT OR IGNORE INTO drops VALUES (?, ?)", (sink, key)).rowcount
            return count

    def drop_all(self, sink: str, drop_to: int) -> int:
        """Forget all letters of a sink, and pass over what waits up to a number; return how many letters."""
        with self._using() as db:
            db.execute("UPDATE lanes SET drop_to = max(drop_to, ?) WHERE sink = ?", (drop_to, sink))
            return db.execute("DELETE FROM dead WHERE sink = ?", (sink,)).rowcount

    def close(self) -> None:
        """Close it; whoever uses it afterwards gets DeliveriesError."""
        with self._lock:
            self._connection.close()
            os.close(self._owned)

    def _open(self) -> sqlite3.Connection:
        try:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
            give(file, self._path.parent)
            os.close(file)
            db = sqlite3.connect(
                self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
        except (OSError, sqlite3.Error) as error:
            raise _unusable(self._path, error) from None
        try:
            db.row_factory = sqlite3.Row
            db.execute("PRAGMA journal_mode = DELETE")
            db.execute("PRAGMA synchronous = FULL")
            if not check_version(db, self._path):
                db.executescript(f"BEGIN IMMEDIATE; {TABLES} PRAGMA user_version = {VERSION}; COMMIT;")
        except sqlite3.Error as error:
            db.close()
            raise _unusable(self._path, error) from None
        except InputError:
            db.close()
            raise
        return db

    @contextmanager
    def _using(self, begin: str = "BEGIN IMMEDIATE") -> Iterator[sqlite3.Connection]:
        """One transaction, of one thread at a time."""
        with self._lock:
            db = self._connection
            try:
                db.execute(begin)
                yield db
                db.execute("COMMIT")
            except (sqlite3.Error, msgspec.DecodeError) as error:
                raise DeliveriesError(f"{self._path}: {error}") from None
            finally:
                self._end()

    def _end(self) -> None:
        """Take back what was begun and not committed; the library did so by itself on some errors."""
        with suppress(sqlite3.Error):  # closed, or too broken to say whether it did
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")


def is_owned(state: Path) -> bool:
    """Tell whether a courier is at work in a state folder."""
    try:
        os.close(_own(state, make=False))
    except InputError:
        return True
    except FileNotFoundError:
        return False
    return False


def _own(state: Path, *, make: bool = True) -> int:
    """Take the lock of a state folder, until it is closed or the process ends. Raises InputError."""
    path = state / LOCK
    try:
        if make:
            state.mkdir(FOLDER_MODE, parents=True, exist_ok=True)
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW
        file = os.open(path, flags | os.O_CREAT if make else flags, FILE_MODE)
    except OSError as error:
        if not make and isinstance(error, FileNotFoundError):
            raise
        raise unreadable(Path(error.filename or path), error) from None
    if not _locked(file, PATIENCE if make else 1):
        os.close(file)
        problem = "another `residency deliver` works there"
        raise InputError(str(state), problem, "stop that one, or name another state folder")
    if make:
        give(file, state)
    return file


def give(file: int, folder: Path) -> None:
    """Where root does it, have a file belong to whose folder it is in, who is to use it later."""
    if os.geteuid() == 0:
        owner = folder.stat()
        with suppress(OSError):
            os.fchown(file, owner.st_uid, owner.st_gid)


def _locked(file: int, tries: int) -> bool:
    """Take a lock; whoever only looked whether it is held lets it go at once."""
    for left in reversed(range(tries)):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if left:
                time.sleep(PATIENCE_SECONDS)
            continue
        return True
    return False


def _unusable(path: Path, error: Exception) -> InputError:
    if isinstance(error, OSError):
        return unreadable(path, error)
    if isinstance(error, sqlite3.Error) and not is_broken(error):
        return explained(path, error)
    return InputError(str(path), f"not usable ({error})", "move it away: a new one is made")


def _row(letter: DeadLetter) -> tuple[object, ...]:
    return (
        letter.sink,
        letter.seq,
        letter.key,
        msgspec.json.encode(letter.event),
        letter.reason,
        letter.since_ns,
        letter.attempts,
        int(letter.again),
    )

"""Everybody else's side of the outbox: short transactions that read what the owner keeps.

It changes nothing: it opens the file to write where it may only so that SQLite can roll back what a killed
owner left half done.
It outlives the owner, and follows a file that was replaced.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from monitor.events.types import FindingEvent
from monitor.findings.types import Finding
from monitor.outbox.folding import last_seq
from monitor.outbox.handed import mark
from monitor.outbox.rows import SUMMARY_TURN, event_of, finding_event_of, finding_of
from monitor.outbox.schema import STATE, OutboxError, check_version, connect, explained, version_of
from monitor.sinks.protocol import Parcel

PAGE = 500  # rows read by one transaction
_HALF_DONE = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)
_READ_ONLY = "this user may not write there: what a summary gains while it is read is missed"
_MAYBE_HALF = (
    "its owner ended in the midst of a change, and this user may not undo it: what is read may be half of "
    "one; read it as the daemon's user"
)
_NO_FILE = "start `residency run`, which makes it, or name its state folder"


class OutboxReader:
    """Reads a state folder. Used by one thread.

    ``note`` says what reading without the right to write there costs, or is None.
    """

    def __init__(self, folder: Path) -> None:
        """Open the file. Raises OutboxError where there is none, or it cannot be read."""
        self.note: str | None = None
        self._folder = folder
        self._path = folder / STATE
        self._writable = os.access(folder, os.W_OK) and os.access(self._path, os.W_OK)
        self._connection, self._identity = self._open()

    def after(self, seq: int, limit: int) -> list[Parcel]:
        """Hand out the events behind one, in order, at most ``limit``. Raises OutboxError."""
        rows = self._after(seq, limit)
        summaries = [number for number, _, turn in rows if turn == SUMMARY_TURN]
        if summaries and self._writable:  # from now on they do not grow; read how they are now
            with self._explained():
                mark(self._folder, summaries[-1])
            rows = [row for row in self._after(seq, limit) if row[0] <= rows[-1][0]]
        return [Parcel(number, event_of(body)) for number, body, _ in rows]

    def peek(self, seq: int, limit: int) -> list[Parcel]:
        """Return the events behind one without handing them out: a summary may grow. Raises OutboxError."""
        return [Parcel(number, event_of(body)) for number, body, _ in self._after(seq, limit)]

    def findings(self) -> Iterator[Finding]:
        """Yield all findings, by identifier, some at a time. Raises OutboxError."""
        last = ""
        while rows := self._all(
            "SELECT id, body, event FROM findings WHERE id > ? ORDER BY id LIMIT ?", last, PAGE
        ):
            last = rows[-1][0]
            yield from (finding_of(body, event) for _, body, event in rows)

    def open_events(self) -> list[FindingEvent]:
        """Return the last event of each finding that is open, acknowledged or curing. Raises OutboxError."""
        query = (
            "SELECT id, event FROM findings WHERE id > ? AND is_open AND event NOT NULL ORDER BY id LIMIT ?"
        )
        found: list[FindingEvent] = []
        last = ""
        while rows := self._all(query, last, PAGE):
            last = rows[-1][0]
            found += (finding_event_of(body) for _, body in rows)
        return found

    def position(self) -> dict[str, int]:
        """Return how many entries of each ledger the findings hold. Raises OutboxError."""
        return dict(self._all("SELECT ledger, entries FROM position ORDER BY ledger"))

    def waiting(self, seq: int = 0) -> int:
        """Return how many events stand behind one. Raises OutboxError."""
        found: int = self._all("SELECT COUNT(*) FROM events WHERE seq > ?", seq)[0][0]
        return found

    @property
    def last_seq(self) -> int:
        """The last number that was given to an event; it may be gone. Raises OutboxError."""
        with self._explained():
            self._follow()
            return last_seq(self._connection)

    @property
    def oldest_ns(self) -> int | None:
        """When the first event in the queue happened; None where there is none. Raises OutboxError."""
        rows = self._all("SELECT at_ns FROM events ORDER BY seq LIMIT 1")
        return rows[0][0] if rows else None

    def close(self) -> None:
        """Let go."""
        self._connection.close()

    def _after(self, seq: int, limit: int) -> list[tuple[int, bytes, int]]:
        query = "SELECT seq, body, turn FROM events WHERE seq > ? ORDER BY seq LIMIT ?"
        return self._all(query, seq, limit)

    def _all(self, query: str, *values: str | int) -> list[tuple[Any, ...]]:
        with self._explained():
            self._follow()
            return self._connection.execute(query, values).fetchall()

    def _follow(self) -> None:
        """Open the file that has the name now. Raises OutboxError, OSError."""
        if _identity(self._path) != self._identity:
            connection, self._identity = self._open()
            self._connection.close()
            self._connection = connection

    def _open(self) -> tuple[sqlite3.Connection, tuple[int, int]]:
        try:
            identity = _identity(self._path)
        except FileNotFoundError:
            raise OutboxError(str(self._path), "no such file", _NO_FILE) from None
        except OSError as error:
            raise OutboxError(str(self._path), str(error.strerror).lower(), "check its rights") from None
        if not self._writable:
            self.note = f"{self._path}: {_READ_ONLY}"
        try:
            return self._try(immutable=False), identity
        except sqlite3.Error as error:
            if self._writable or error.sqlite_errorcode & 0xFF not in _HALF_DONE:
                raise explained(self._path, error) from None
        self.note = f"{self._path}: {_MAYBE_HALF}"
        try:
            return self._try(immutable=True), identity
        except sqlite3.Error as error:
            raise explained(self._path, error) from None

    def _try(self, *, immutable: bool) -> sqlite3.Connection:
        connection = connect(self._path, "rw" if self._writable else "ro", immutable=immutable)
        try:
            connection.execute("PRAGMA query_only=1")
            check_version(self._path, version_of(connection))
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise explained(self._path, error) from None
        except OSError as error:
            raise OutboxError(
                str(error.filename or self._path), str(error.strerror).lower(), _NO_FILE
            ) from None


def _identity(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino

"""Everybody else's side of the outbox: short transactions that read what the owner keeps, and change nothing.

A reader outlives the owner, and follows a file that was replaced.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from monitor.events.limits import as_now
from monitor.events.types import FindingEvent
from monitor.findings.types import Finding
from monitor.outbox.folding import last_seq
from monitor.outbox.handed import mark
from monitor.outbox.looking import Opened
from monitor.outbox.rows import SUMMARY_TURN, event_of, finding_event_of, finding_of
from monitor.outbox.schema import STATE, OutboxError, explained
from monitor.sinks.protocol import Parcel

PAGE = 500  # rows read by one transaction


class OutboxReader:
    """Reads a state folder. Used by one thread. Every call raises OutboxError where it cannot be read."""

    def __init__(self, folder: Path) -> None:
        """Open the file; there has to be one."""
        self._folder = folder
        self._path = folder / STATE
        self._opened = Opened(self._path)

    @property
    def note(self) -> str | None:
        """What it costs to read without the right to write there, or None."""
        return self._opened.note

    def after(self, seq: int, limit: int) -> list[Parcel]:
        """Hand out the events behind one, in order, at most ``limit``."""
        rows = self._after(seq, limit)
        summaries = [number for number, _, turn in rows if turn == SUMMARY_TURN]
        if summaries and self._opened.writable:  # from now on they do not grow; read how they are now
            with self._explained():
                mark(self._folder, summaries[-1])
            rows = [row for row in self._after(seq, limit) if row[0] <= rows[-1][0]]
        return self._parcels(rows)

    def peek(self, seq: int, limit: int) -> list[Parcel]:
        """Return the events behind one without handing them out: a summary may grow."""
        return self._parcels(self._after(seq, limit))

    def findings(self) -> Iterator[Finding]:
        """Yield all findings, by identifier, some at a time."""
        last = ""
        query = "SELECT id, body, event FROM findings WHERE id > ? ORDER BY id LIMIT ?"
        while rows := self._all(query, last, PAGE):
            last = rows[-1][0]
            with self._explained():
                found = [finding_of(body, event) for _, body, event in rows]
            yield from found

    def open_events(self) -> list[FindingEvent]:
        """Return the last event of each finding that is neither cured nor excepted, with figures of now."""
        columns = "SELECT id, body, event FROM findings"
        query = f"{columns} WHERE id > ? AND is_open AND event NOT NULL ORDER BY id LIMIT ?"
        found: list[FindingEvent] = []
        last = ""
        while rows := self._all(query, last, PAGE):
            last = rows[-1][0]
            with self._explained():
                found += (_event_now(body, event) for _, body, event in rows)
        return found

    def last_event(self, finding: str) -> FindingEvent | None:
        """Return the last event about a finding, by its identifier."""
        rows = self._all("SELECT event FROM findings WHERE id = ? AND event NOT NULL", finding)
        with self._explained():
            return finding_event_of(rows[0][0]) if rows else None

    def position(self) -> dict[str, int]:
        """Return how many entries of each ledger the findings hold."""
        return dict(self._all("SELECT ledger, entries FROM position ORDER BY ledger"))

    def waiting(self, seq: int = 0) -> int:
        """Return how many events stand behind one."""
        found: int = self._all("SELECT COUNT(*) FROM events WHERE seq > ?", seq)[0][0]
        return found

    @property
    def last_seq(self) -> int:
        """The last number that was given to an event, which may be gone."""
        with self._explained():
            return last_seq(self._current())

    @property
    def oldest_ns(self) -> int | None:
        """When the first event in the queue happened; None where there is none."""
        return self.first_ns()

    def first_ns(self, seq: int = 0) -> int | None:
        """Return when the first event behind one happened; None where there is none."""
        rows = self._all("SELECT at_ns FROM events WHERE seq > ? ORDER BY seq LIMIT 1", seq)
        return rows[0][0] if rows else None

    def close(self) -> None:
        """Let go."""
        self._opened.close()

    def _after(self, seq: int, limit: int) -> list[tuple[int, bytes, int]]:
        query = "SELECT seq, body, turn FROM events WHERE seq > ? ORDER BY seq LIMIT ?"
        return self._all(query, seq, limit)

    def _parcels(self, rows: list[tuple[int, bytes, int]]) -> list[Parcel]:
        with self._explained():
            return [Parcel(number, event_of(body)) for number, body, _ in rows]

    def _all(self, query: str, *values: str | int) -> list[tuple[Any, ...]]:
        with self._explained():
            return self._current().execute(query, values).fetchall()

    def _current(self) -> sqlite3.Connection:
        """Return a connection to the file that has the name now."""
        if not self._opened.is_current():
            opened = Opened(self._path)
            self._opened.close()
            self._opened = opened
        return self._opened.connection

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise explained(self._path, error) from None
        except msgspec.DecodeError as error:
            problem = f"what stands in it cannot be read ({error})"
            raise OutboxError(str(self._path), problem, "use the program that wrote it") from None
        except OSError as error:  # only of `mark`
            problem = (error.strerror or "it cannot be written").lower()
            raise OutboxError(
                str(error.filename or self._folder), problem, "check its disk and rights"
            ) from None


def _event_now(body: bytes | None, event: bytes) -> FindingEvent:
    """Return the last event about a finding as it is now. Raises msgspec.DecodeError."""
    last = finding_event_of(event)
    return last if body is None else as_now(last, finding_of(body, event))

"""The owner's side of the outbox: findings' state, events and position, changed in one transaction.

What `commit` returned from is on the disk; what it raised from changed nothing, and can be tried again. The
number of events is bounded: beyond it they become numbers, counted, the least severe and oldest first.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from monitor.events.types import Event, FindingEvent
from monitor.files import InputError
from monitor.findings.types import Finding
from monitor.outbox.actions import make_spool
from monitor.outbox.folding import Folded, fold, last_seq
from monitor.outbox.handed import begin, handed
from monitor.outbox.opening import open_owned
from monitor.outbox.owning import Owner
from monitor.outbox.rows import SUMMARY_TURN, EventRow, FindingRow, event_row, finding_of, finding_row
from monitor.outbox.schema import ORIGINS, STATE, OutboxError, explained, transaction

TRIMMED_AT_ONCE = 5_000  # rows, so that no reader waits long

Mark = tuple[str, int, str, str, int, int]  # ledger, partition, sensor, run, and how far it was taken
Position = dict[str, int]  # entries of each ledger (its folder's name) that the findings hold

_PUT = """
INSERT OR IGNORE INTO events (key, turn, severity, tenant, finding, at_ns, body) VALUES (?, ?, ?, ?, ?, ?, ?)
"""
_KEEP = """
INSERT INTO findings (id, is_open, body, event) VALUES (?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET
    is_open = excluded.is_open, body = excluded.body, event = coalesce(excluded.event, event)
"""
_KEEP_ONLY = "DELETE FROM findings WHERE id NOT IN (SELECT id FROM temp.kept)"
_MOVE = """
INSERT INTO position (ledger, entries) VALUES (?, ?)
ON CONFLICT (ledger) DO UPDATE SET entries = excluded.entries
"""
_TOOK = """
INSERT INTO origins (ledger, partition, sensor, run, number, step) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (ledger, partition, sensor, run) DO UPDATE SET number = excluded.number, step = excluded.step
"""
_MARKS = "SELECT ledger, partition, sensor, run, number, step FROM origins ORDER BY place"
_FORGET = "DELETE FROM origins WHERE number < 0"
_TRIM = "DELETE FROM events WHERE seq IN (SELECT seq FROM events WHERE seq <= ? ORDER BY seq LIMIT ?)"


class OutboxCounters(msgspec.Struct, frozen=True):
    """What happened since the start: events in = kept more than then + folded + trimmed.

    ``summaries_trimmed`` and ``summaries_merged`` are of summaries, which no other number counts.
    """

    put: int = 0
    repeated: int = 0  # their key was there already
    folded: int = 0
    trimmed: int = 0
    summaries_trimmed: int = 0
    summaries_merged: int = 0
    commits: int = 0
    failures: int = 0


class Outbox:
    """Keeps findings and events in a state folder that no other process writes to.

    ``note`` says that a broken file was put aside, and how it is called now; else it is None.
    """

    def __init__(self, folder: Path, max_events: int, sensor: str, now_ns: int) -> None:
        """Take the folder, and check the file. Raises InputError (OwnedError where another owns it)."""
        self._folder = folder
        self._path = folder / STATE
        self._max_events = max_events
        self._sensor = sensor
        self._counters = OutboxCounters()
        self._owner = Owner(folder)
        try:
            self._connection, self.note = open_owned(self._path, now_ns)
        except InputError:
            self._owner.close()
            raise
        with self._explained():
            with suppress(OSError):  # made by the owner, so that it is his
                begin(folder, last_seq(self._connection))
            make_spool(folder)
            self._rows: int = self._connection.execute("SELECT COUNT(*) FROM events").fetchone()[0]

    def load(self) -> tuple[list[Finding], Position]:
        """Return all findings, by identifier, and up to where of each ledger they are. Raises OutboxError."""
        try:
            with self._explained():
                found = self._connection.execute("SELECT body, event FROM findings ORDER BY id")
                findings = [finding_of(body, event) for body, event in found]
                position = dict(
                    self._connection.execute("SELECT ledger, entries FROM position ORDER BY ledger")
                )
        except msgspec.DecodeError as error:
            problem = f"a finding in it cannot be read ({error})"
            raise OutboxError(str(self._path), problem, "move the file away: it is made anew") from None
        return findings, position

    def marks(self) -> list[Mark]:
        """Return how far each ledger took what a fleet's sensors led to, runs as they came.

        Raises OutboxError.
        """
        with self._explained():
            there = self._connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'origins'").fetchone()
            return self._connection.execute(_MARKS).fetchall() if there else []

    def commit(
        self,
        findings: Iterable[Finding],
        events: Iterable[Event],
        position: Mapping[str, int],
        marks: Iterable[Mark] = (),
    ) -> None:
        """Keep findings as they are now, put events into the queue, and move the position. All or nothing.

        ``position`` may name some ledgers alone; a mark with a number below 0 is forgotten. Raises
        OutboxError: nothing changed.
        """
        put = list(events)
        rows = [event_row(each) for each in put]
        told = {
            each.change.finding.id: (each, row[-1])
            for each, row in zip(put, rows, strict=True)
            if isinstance(each, FindingEvent)
        }
        kept = [finding_row(each, told.get(each.id)) for each in findings]
        # While it folds nobody may read: see `monitor.outbox.handed`.
        lock = "BEGIN EXCLUSIVE" if self._rows + len(rows) > self._max_events else "BEGIN IMMEDIATE"
        with self._explained(), transaction(self._connection, lock):
            inserted = self._write(kept, rows, position)
            self._mark(list(marks))
            folded = self._make_room(self._rows + inserted - self._max_events)
        self._rows += inserted - folded.rows
        now = self._counters
        self._counters = msgspec.structs.replace(
            now,
            commits=now.commits + 1,
            put=now.put + inserted,
            repeated=now.repeated + len(rows) - inserted,
            folded=now.folded + folded.events,
            summaries_merged=now.summaries_merged + folded.summaries,
        )

    def trim(self, delivered_seq: int) -> int:
        """Delete the events up to one that all receivers took; return how many. Raises OutboxError.

        Each slice is a transaction: what an error leaves is deleted by the next call.
        """
        gone = 0
        while True:
            with self._explained(), transaction(self._connection):
                summaries = self._count_first_summaries(delivered_seq)
                rows = self._connection.execute(_TRIM, (delivered_seq, TRIMMED_AT_ONCE)).rowcount
            self._rows -= rows
            gone += rows
            now = self._counters
            self._counters = msgspec.structs.replace(
                now,
                trimmed=now.trimmed + rows - summaries,
                summaries_trimmed=now.summaries_trimmed + summaries,
            )
            if rows < TRIMMED_AT_ONCE:
                return gone

    def keep_only(self, findings: Iterable[str]) -> int:
        """Delete all findings but these, by identifier; return how many went. Raises OutboxError.

        For those that the book forgot, because there were too many.
        """
        kept = [(each,) for each in findings]
        connection = self._connection
        with self._explained(), transaction(connection):
            connection.execute("CREATE TEMP TABLE IF NOT EXISTS kept (id TEXT PRIMARY KEY)")
            connection.execute("DELETE FROM temp.kept")
            connection.executemany("INSERT OR IGNORE INTO temp.kept VALUES (?)", kept)
            return connection.execute(_KEEP_ONLY).rowcount

    @property
    def waiting(self) -> int:
        """How many events wait, summaries among them."""
        return self._rows

    @property
    def last_seq(self) -> int:
        """The last number that was given to an event. Raises OutboxError."""
        with self._explained():
            return last_seq(self._connection)

    def counters(self) -> OutboxCounters:
        """Return what happened since the start."""
        return self._counters

    def close(self) -> None:
        """Let the folder go."""
        self._connection.close()
        self._owner.close()

    def _write(self, kept: list[FindingRow], rows: list[EventRow], position: Mapping[str, int]) -> int:
        """Write all of a commit; return how many events are new."""
        connection = self._connection
        connection.executemany(_KEEP, kept)
        inserted = connection.executemany(_PUT, rows).rowcount if rows else 0
        connection.executemany(_MOVE, position.items())
        return inserted

    def _mark(self, marks: list[Mark]) -> None:
        if marks:
            self._connection.execute(ORIGINS)
            self._connection.executemany(_TOOK, marks)
            self._connection.execute(_FORGET)

    def _make_room(self, excess: int) -> Folded:
        if excess <= 0:
            return Folded()
        handed_seq = handed(self._folder, last_seq(self._connection))
        return fold(self._connection, self._sensor, self._max_events, excess, handed_seq)

    def _count_first_summaries(self, delivered_seq: int) -> int:
        """Return how many of the rows that the next slice deletes are summaries."""
        some = "SELECT seq, turn FROM events WHERE seq <= ? ORDER BY seq LIMIT ?"
        query = f"SELECT COUNT(*) FROM ({some}) WHERE turn = ?"  # noqa: S608  our own words
        numbers = (delivered_seq, TRIMMED_AT_ONCE, SUMMARY_TURN)
        found: int = self._connection.execute(query, numbers).fetchone()[0]
        return found

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            now = self._counters
            self._counters = msgspec.structs.replace(now, failures=now.failures + 1)
            raise explained(self._path, error) from None

"""Makes room: the least severe, oldest events become numbers in a summary of their tenant and severity.

All in the transaction of the commit that needs the room. A summary that nobody was handed grows where it
stands; one that was, is closed, and the next one has another key. Where all but critical events are folded,
closed summaries become one before a critical event is folded.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Iterable

import msgspec

from monitor.events.types import SummaryEvent
from monitor.outbox.rows import LAST_TURN, SUMMARY_TURN, event_row, summary_of
from monitor.policy.words import Severity

SHARE = 100  # at least this part of all rows is folded at once, so that not each commit has to
NAMED = 20  # findings of which a summary says the identifiers
_SLICE = 500  # rows deleted by one statement

_Group = tuple[str | None, Severity]
_CHOSEN = """
SELECT seq, turn, tenant, severity, finding, at_ns, CASE WHEN turn = ? THEN body END FROM events
WHERE turn BETWEEN ? AND ? AND (turn != ? OR seq <= ?) ORDER BY turn, seq LIMIT ?
"""
# What is folded, in this order: from this turn to that one, and whether more of it than has to be.
_ROUNDS = (
    (0, SUMMARY_TURN - 1, True),
    (SUMMARY_TURN, SUMMARY_TURN, False),
    (SUMMARY_TURN + 1, LAST_TURN, False),
)


class Folded(msgspec.Struct, frozen=True):
    """What folding came to: events that are numbers now, summaries merged, rows that went."""

    events: int = 0
    summaries: int = 0
    rows: int = 0


class _Sum(msgspec.Struct):
    """What goes into one summary."""

    seqs: list[int] = []
    merged: int = 0  # of these, summaries
    events: int = 0
    first_ns: int | None = None
    last_ns: int = 0
    findings: dict[str, None] = {}  # an ordered set
    put: bool = False

    def add(self, events: int, first_ns: int, last_ns: int, findings: Iterable[str]) -> None:
        """Count events in."""
        self.events += events
        self.first_ns = first_ns if self.first_ns is None else min(self.first_ns, first_ns)
        self.last_ns = max(self.last_ns, last_ns)
        for finding in findings:
            if len(self.findings) < NAMED:
                self.findings[finding] = None

    def add_summary(self, summary: SummaryEvent) -> None:
        """Count in what a summary says."""
        self.add(summary.events, summary.first_ns, summary.last_ns, summary.findings)


def fold(
    connection: sqlite3.Connection, sensor: str, max_events: int, excess: int, handed_seq: int
) -> Folded:
    """Have ``excess`` rows fewer, where that can be. Call it in a transaction. Raises sqlite3.Error.

    Each tenant and severity keeps one summary: so many rows may stand beyond the bound.
    """
    done = Folded()
    for first, last, generous in _ROUNDS:
        least = max_events // SHARE if generous else 1
        wanted = max(excess - done.rows, least)
        while done.rows < excess:
            sums = _choose(connection, (first, last), handed_seq, wanted)
            gained = sum(_put(connection, sensor, group, each, handed_seq) for group, each in sums.items())
            if gained:
                done = _counted(done, sums.values(), gained)
                wanted = max(excess - done.rows, least)
            elif sum(len(each.seqs) for each in sums.values()) < wanted:
                break
            else:  # each alone of its tenant and severity
                wanted *= 2
    return done


def _counted(done: Folded, sums: Iterable["_Sum"], gained: int) -> Folded:
    put = [each for each in sums if each.put]
    merged = sum(each.merged for each in put)
    events = sum(len(each.seqs) for each in put) - merged
    return Folded(done.events + events, done.summaries + merged, done.rows + gained)


def _choose(
    connection: sqlite3.Connection, turns: tuple[int, int], handed_seq: int, wanted: int
) -> dict[_Group, _Sum]:
    """Sum up the rows whose turn it is, by tenant and severity."""
    sums: dict[_Group, _Sum] = defaultdict(_Sum)
    numbers = (SUMMARY_TURN, *turns, SUMMARY_TURN, handed_seq, wanted)
    for seq, turn, tenant, severity, finding, at_ns, body in connection.execute(_CHOSEN, numbers):
        each = sums[tenant, severity]
        each.seqs.append(seq)
        if turn == SUMMARY_TURN:
            each.merged += 1
            each.add_summary(summary_of(body))
        else:
            each.add(1, at_ns, at_ns, [finding] if finding else [])
    return sums


def _put(connection: sqlite3.Connection, sensor: str, group: _Group, new: _Sum, handed_seq: int) -> int:
    """Replace rows by a summary; return how many rows fewer there are."""
    tenant, severity = group
    growing = connection.execute(
        "SELECT seq, body FROM events WHERE turn = ? AND seq > ? AND tenant IS ? AND severity = ?",
        (SUMMARY_TURN, handed_seq, tenant, severity),
    ).fetchone()
    if growing is None and len(new.seqs) < 2:
        return 0
    new.put = True
    _delete(connection, new.seqs)
    if growing is not None:
        whole = _Sum()
        whole.add_summary(summary_of(growing[1]))
        whole.add(new.events, new.first_ns or 0, new.last_ns, new.findings)
        row = event_row(_summary(growing[0], sensor, group, whole))
        connection.execute("UPDATE events SET at_ns = ?, body = ? WHERE seq = ?", (*row[5:], growing[0]))
        return len(new.seqs)
    seq = last_seq(connection) + 1
    insert = "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
    connection.execute(insert, (seq, *event_row(_summary(seq, sensor, group, new))))
    return len(new.seqs) - 1


def _summary(seq: int, sensor: str, group: _Group, counted: _Sum) -> SummaryEvent:
    tenant, severity = group
    first_ns = counted.first_ns or 0
    return SummaryEvent(
        f"summary-{sensor}-{seq}",  # no seq is used twice
        counted.last_ns,
        sensor,
        tenant,
        severity,
        counted.events,
        first_ns,
        counted.last_ns,
        tuple(counted.findings),
    )


def last_seq(connection: sqlite3.Connection) -> int:
    """Return the last number that was given to an event. Raises sqlite3.Error."""
    found = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'events'").fetchone()
    return found[0] if found else 0


def _delete(connection: sqlite3.Connection, seqs: list[int]) -> None:
    for start in range(0, len(seqs), _SLICE):
        some = seqs[start : start + _SLICE]
        connection.execute(f"DELETE FROM events WHERE seq IN ({','.join('?' * len(some))})", some)  # noqa: S608  marks alone

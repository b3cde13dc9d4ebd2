"""Brings the outbox up to the ledgers: what became evidence before a crash is told after it.

Entries behind the outbox's position are offered to the findings again. The changes that follow are the same,
with the same keys, so what was told already is told under the same key. A finding's change that stands in the
ledger is taken as it is: a person or a deadline may have made it. A ledger that holds less than the outbox
knows of was lost, or is an older copy; that is said, and from then on it counts as it is.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from monitor.daemon.recording import Recording
from monitor.daemon.records import ExpiredFinding
from monitor.findings.types import Change
from monitor.ledger.reader import Entry, open_ledger
from monitor.types import Decision

SETTLED_ENTRIES = 4_096  # read at once, and then settled


class _Decided(msgspec.Struct):
    """What of a decision's payload findings are made of."""

    decision: Decision


class Short(NamedTuple):
    """A ledger of fewer entries than the outbox knows of."""

    ledger: str
    entries: int
    known: int


class CatchingUp:
    """Goes through what the ledgers hold and the outbox does not know; goes on where an error stopped it.

    ``entries`` counts what was read, ``short`` lists ledgers that lost some.
    """

    def __init__(self, recording: Recording, position: Mapping[str, int], now_ns: int) -> None:
        self.entries = 0
        self.short: list[Short] = []
        self._recording = recording
        self._position = dict(position)
        self._now_ns = now_ns
        self._expected: dict[str, Change] = {}

    def run(self) -> None:
        """Read all ledgers to their ends. Raises InputError, OSError, OutboxError: call it again then."""
        self._look()
        for writer in self._recording.ledgers.all():
            if writer.size > self._position.get(writer.folder.name, 0):
                self._read(writer.folder)

    def _look(self) -> None:
        """Find the ledgers that lost entries."""
        sizes = self._recording.position()
        found = [
            Short(name, sizes.get(name, 0), known)
            for name, known in self._position.items()
            if sizes.get(name, 0) < known
        ]
        if found:
            now = {each.ledger: each.entries for each in found}
            self._recording.outbox.commit((), (), now)
            self._position |= now
            self.short += found

    def _read(self, folder: Path) -> None:
        for entry in open_ledger(folder).entries(self._position.get(folder.name, 0)):
            self._take(entry)
            self._position[folder.name] = entry.index + 1
            self.entries += 1
            if self.entries % SETTLED_ENTRIES == 0 and not self._expected:
                self._recording.settle(self._now_ns, self._position)
        self._recording.owe(self._expected.values(), self._now_ns)
        self._expected.clear()
        self._recording.settle(self._now_ns, self._position)

    def _take(self, entry: Entry) -> None:
        if entry.payload is None:  # erased
            return
        if entry.leaf.kind == "decision":
            decision = msgspec.json.decode(entry.payload, type=_Decided).decision
            for change in self._recording.book.offer(decision):
                self._expected[change.key] = change
        elif entry.leaf.kind == "finding":
            change = msgspec.json.decode(entry.payload, type=Change)
            if self._expected.pop(change.key, None) != change:
                self._recording.book.restore(change.finding)
            self._recording.owe_event(change)
        elif entry.leaf.kind == "finding-expired":
            gone = msgspec.json.decode(entry.payload, type=ExpiredFinding)
            self._recording.book.forget(gone.finding, gone.revision)
            self._recording.sweep([gone.finding])

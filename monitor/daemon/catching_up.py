"""Brings the outbox up to the ledgers: what became evidence before a crash is told after it.

Entries behind the outbox's position are offered to the findings again. The changes that follow are the same,
with the same keys, so what was told already is told under the same key. A finding's change that stands in the
ledger, and that does not follow, is taken as it is: a person or a deadline may have made it.
"""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from monitor.daemon.recording import Recording
from monitor.findings.types import Change
from monitor.ledger.reader import Entry, open_ledger
from monitor.types import Decision

SETTLED_ENTRIES = 4_096  # read at once, and then settled


class _Decided(msgspec.Struct):
    """What of a decision's payload findings are made of."""

    decision: Decision


class CatchingUp:
    """Goes through what the ledgers hold and the outbox does not know; goes on where an error stopped it."""

    def __init__(self, recording: Recording, position: Mapping[str, int], now_ns: int) -> None:
        self.entries = 0
        self._recording = recording
        self._position = dict(position)
        self._now_ns = now_ns
        self._expected: dict[str, Change] = {}

    def run(self) -> None:
        """Read all ledgers to their ends. Raises InputError, OSError, OutboxError: call it again then."""
        for writer in self._recording.ledgers.all():
            if writer.size > self._position.get(writer.folder.name, 0):
                self._read(writer.folder)

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
            if self._is_news(change):
                self._recording.book.restore(change.finding)
            self._recording.owe_event(change)

    def _is_news(self, change: Change) -> bool:
        """Tell whether the findings lack a change. Those that do not may know of more flows than it."""
        expected = self._expected.pop(change.key, None)
        if expected is not None:
            return expected != change  # made under another policy
        known = self._recording.book.get(change.finding.id)
        return known is None or known.revision < change.finding.revision

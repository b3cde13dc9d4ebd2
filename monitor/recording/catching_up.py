"""Brings the outbox up to the ledgers: what became evidence before a crash is told after it.

Entries behind the outbox's position are offered to the findings again. The changes that follow are the same,
with the same keys, so what was told already is told under the same key. A finding's change that stands in the
ledger, and that does not follow, is taken as it is: a person or a deadline may have made it. A ledger that
holds less than the outbox knows of was lost, or is an older copy; that is said, and it counts as it is.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from monitor.files import InputError
from monitor.findings.types import Change
from monitor.ledger.names import tenant_folder
from monitor.ledger.reader import Entry, open_ledger
from monitor.origins import Origin
from monitor.outbox.schema import OutboxError
from monitor.recording.core import Recording
from monitor.recording.records import ExpiredFinding
from monitor.types import Decision

SETTLED_ENTRIES = 4_096  # read at once, and then settled
MEND = "run the version that wrote it, or move the ledger away to begin another"


class _Seen(msgspec.Struct):
    """What of the payload of a statement, or a decision, says where in a fleet it comes from."""

    origin: Origin | None = None


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
        self._expected: dict[str, dict[str, Change]] = {}  # of each ledger
        recording.behind.update(recording.ledgers.tenants())

    def run(self) -> None:
        """Read all ledgers to their ends; those that could not be read stay behind.

        Raises InputError, OSError, OutboxError: call it again then.
        """
        failures: list[InputError | OSError] = []
        recording = self._recording
        for tenant in sorted(recording.behind, key=str):
            try:
                writer = recording.ledgers.of(tenant)
                recording.behind.discard(tenant)
                self._compare(writer.folder.name, writer.size)
                if writer.size > self._position.get(writer.folder.name, 0):
                    self._read(writer.folder)
            except (InputError, OSError) as error:
                recording.behind.add(tenant)  # and goes on from the entry that was next
                if isinstance(error, OutboxError):
                    raise
                failures.append(error)
        there = set(map(tenant_folder, recording.ledgers.tenants()))
        for name in sorted(self._position.keys() - there):
            self._compare(name, 0)
        recording.settle(self._now_ns)
        if failures:
            raise failures[0]

    def _compare(self, ledger: str, entries: int) -> None:
        """Find out whether a ledger lost entries, and go on from where it is now."""
        known = self._position.get(ledger, 0)
        if entries < known:
            self._recording.outbox.commit((), (), {ledger: entries})
            self._position[ledger] = entries
            self.short.append(Short(ledger, entries, known))

    def _read(self, folder: Path) -> None:
        expected = self._expected.setdefault(folder.name, {})
        for entry in open_ledger(folder).entries(self._position.get(folder.name, 0)):
            try:
                self._take(entry, expected)
                self._note(folder.name, entry)
            except msgspec.DecodeError as error:
                problem = f"entry {entry.index} cannot be read: {error}"
                raise InputError(str(folder), problem, MEND) from None
            self._position[folder.name] = entry.index + 1
            self.entries += 1
            if self.entries % SETTLED_ENTRIES == 0 and not expected:
                self._recording.settle(self._now_ns, self._position)
        self._recording.owe(expected.values(), self._now_ns)
        expected.clear()

    def _take(self, entry: Entry, expected: dict[str, Change]) -> None:
        if entry.payload is None:  # erased
            return
        if entry.leaf.kind == "decision":
            decision = msgspec.json.decode(entry.payload, type=_Decided).decision
            for change in self._recording.book.offer(decision):
                expected[change.key] = change
        elif entry.leaf.kind == "finding":
            change = msgspec.json.decode(entry.payload, type=Change)
            if self._is_news(change, expected):
                self._recording.book.restore(change.finding)
            self._recording.owe_event(change)
        elif entry.leaf.kind == "finding-expired":
            gone = msgspec.json.decode(entry.payload, type=ExpiredFinding)
            self._recording.book.forget(gone.finding, gone.revision)
            self._recording.sweep([gone.finding])

    def _note(self, ledger: str, entry: Entry) -> None:
        """Note where in a fleet an entry comes from."""
        if entry.payload is not None and entry.leaf.kind in {"decision", "coverage"}:
            origin = msgspec.json.decode(entry.payload, type=_Seen).origin
            if origin is not None:
                self._recording.origins.took(ledger, origin)

    def _is_news(self, change: Change, expected: dict[str, Change]) -> bool:
        """Tell whether the findings lack a change. Those that do not may know of more flows than it."""
        followed = expected.pop(change.key, None)
        if followed is not None:
            return followed != change  # made under another policy
        known = self._recording.book.get(change.finding.id)
        return known is None or known.revision < change.finding.revision

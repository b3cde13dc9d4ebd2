"""The end of the line in a process of its own, killed before any one of the calls that change the disk.

A forked child records decisions as the daemon does: ledger, findings, outbox. It counts the calls by which it
changes the disk (of the system, and of SQLite), and is killed by SIGKILL ahead of one of them.
"""

import os
import signal
import sqlite3
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from monitor.app import Knowledge
from monitor.events.types import Basis, FindingEvent
from monitor.findings import Book
from monitor.findings.types import Finding
from monitor.ledger.reader import open_ledger
from monitor.ledger.types import leaf_bytes, payload_hash
from monitor.merkle.tree import Frontier, leaf_hash
from monitor.outbox.reading import OutboxReader
from monitor.outbox.store import Outbox
from monitor.recording.catching_up import CatchingUp
from monitor.recording.core import Recording, Standing
from monitor.recording.items import Item
from monitor.recording.records import Filing, policy_said
from monitor.types import Decision
from tests.ledger_kit import FILING, NOW_NS, SENSOR, opened

CHANGING = frozenset({
    "write", "pwrite", "writev", "fsync", "fdatasync", "replace", "rename", "unlink", "mkdir", "link",
    "truncate", "ftruncate", "open",
})  # fmt: skip
BATCH = 3  # decisions recorded at once


class Line:
    """The line of one sensor, whose files are in a folder."""

    def __init__(self, folder: Path, knowledge: Knowledge, filing: Filing = FILING) -> None:
        self.root, self.state = folder / "ledger", folder / "state"
        self._folder = folder
        self._knowledge = knowledge
        self._filing = filing

    def run(self, decisions: Sequence[Decision]) -> None:
        """Start, catch up, record what of the decisions no ledger has yet, and end."""
        assert self._knowledge.policy is not None
        policy = self._knowledge.policy
        ledgers = opened(self._folder)
        outbox = Outbox(self.state, 1_000, SENSOR, NOW_NS)
        findings, position = outbox.load()
        recording = Recording(ledgers, outbox, Book(policy, findings), self._filing)
        notes = (self._filing.note("policy-loaded", policy_said(policy), NOW_NS),)
        basis = Basis("residency", SENSOR, policy.version, self._knowledge.catalog.version)
        tenants = sorted({each.tenant for each in policy.subjects if each.tenant is not None})
        recording.use(Standing(basis, (None, *tenants), notes), policy)
        CatchingUp(recording, position, NOW_NS).run()
        recording.begin(NOW_NS)
        left = self._missing(decisions)
        for at in range(0, len(left), BATCH):
            took = recording.record([self._item(each) for each in left[at : at + BATCH]], NOW_NS)
            assert took.error is None
            recording.settle(NOW_NS)
        outbox.close()
        ledgers.close()

    def recorded(self) -> dict[str, list[bytes]]:
        """Return each ledger's payloads of decisions, in order. Each is whole, and what was signed."""
        return {path.parent.name: decided_in(path.parent) for path in sorted(self.root.glob("*/ledger.json"))}

    def events(self) -> dict[str, FindingEvent]:
        """Return the events of the outbox by key; none stands there twice."""
        reader = OutboxReader(self.state)
        found = [parcel.event for parcel in reader.peek(0, 10_000)]
        reader.close()
        assert len({each.key for each in found}) == len(found)
        return {each.key: each for each in found if isinstance(each, FindingEvent)}

    def findings(self) -> list[Finding]:
        """Return the findings, as the next start begins with them."""
        self.run([])
        outbox = Outbox(self.state, 1_000, SENSOR, NOW_NS)
        findings, _ = outbox.load()
        outbox.close()
        return findings

    def _missing(self, decisions: Sequence[Decision]) -> list[Decision]:
        """Return the decisions that are in no ledger: what the sensor would see again."""
        there = {payload for payloads in self.recorded().values() for payload in payloads}
        return [each for each in decisions if self._item(each).record.payload not in there]

    def _item(self, decision: Decision) -> Item:
        record = self._filing.decision(decision, None, NOW_NS)
        return Item(record, decision.connection.subject.tenant, decision=decision)


def decided_in(folder: Path) -> list[bytes]:
    """Return a ledger's payloads of decisions, in order. Each is as its leaf says, all is as signed."""
    reader = open_ledger(folder)
    tree = Frontier()
    found = []
    for entry in reader.entries():
        assert entry.payload is not None
        assert entry.salt is not None
        assert payload_hash(entry.salt, entry.payload) == entry.leaf.payload
        assert leaf_bytes(entry.leaf) == entry.raw
        tree.append(leaf_hash(entry.raw))
        if entry.leaf.kind == "decision":
            found.append(entry.payload)
    assert tree.root() == reader.checkpoint.root
    return found


def changes_of(work: Callable[[], None]) -> int:
    """Do some work, and return how many calls it changed the disk by."""
    return _counted(work, 0)


def killed_before(call: int, work: Callable[[], None]) -> bool:
    """Do some work in a child that is killed ahead of that call; return whether it came so far."""
    child = os.fork()
    if not child:
        status = 1
        try:
            _counted(work, call)
            status = 0
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0
    return False


def _counted(work: Callable[[], None], last: int) -> int:
    count = 0

    def look(_frame: object, event: str, called: Any) -> None:
        nonlocal count
        if event == "c_call" and _is_changing(called):
            count += 1
            if count == last:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(look)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def _is_changing(called: Any) -> bool:
    if isinstance(getattr(called, "__self__", None), sqlite3.Connection | sqlite3.Cursor):
        return called.__name__ in {"execute", "executemany", "commit"}
    return getattr(called, "__module__", None) == "posix" and called.__name__ in CHANGING

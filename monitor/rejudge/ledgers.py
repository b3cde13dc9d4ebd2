"""Reads the decisions of a ledger: one entry at a time, and those that wait for the end of their connection.

A payload counts only where it is what its leaf says. Whether the leaves are those that were signed is
another question, which `residency verify` answers.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from monitor.ledger.batch import MAX_PAYLOAD_BYTES
from monitor.ledger.reader import Entry, open_ledger
from monitor.ledger.types import Leaf, payload_hash
from monitor.rejudge.ending import Endings
from monitor.rejudge.reading import ALTERED, MALFORMED, TOO_LONG, Reading
from monitor.rejudge.records import MAX_RECORD_BYTES, Progress, decoded, last_of
from monitor.rejudge.types import Recorded
from monitor.types import Decision


class _Payload(msgspec.Struct):
    """What of a decision's payload is judged."""

    decision: Decision


class _Retention(msgspec.Struct):
    """What of a retention record's payload is read."""

    payload_class: str = msgspec.field(name="class")
    day: str


_payload = msgspec.json.Decoder(_Payload)
_retention = msgspec.json.Decoder(_Retention)


Others = Callable[[Entry, bytes], object]
Wanted = Callable[[Leaf], bool]


class LedgerRecords:
    """The decisions of one tenant's ledger. ``length`` is in records.

    ``others`` is given each record of another kind, with its payload, in order among the decisions. Where
    there is ``wanted``, decisions that it does not want by their leaf are as if they were not there.
    """

    def __init__(self, path: Path, others: Others | None = None, wanted: Wanted | None = None) -> None:
        """Open it for reading. Raises InputError."""
        self.path = path
        self.reader = open_ledger(path)
        self.length: int = self.reader.size
        self._name = path.resolve().name
        self._others = others
        self._wanted = wanted

    def decisions(self, reading: Reading, progress: Progress) -> Iterator[Recorded]:
        """Yield the decisions that count."""
        endings = Endings()
        for entry in self.reader.entries():
            reading.records += 1
            progress(1)
            if entry.leaf.kind == "decision":
                found = self._decision(entry, reading)
                if found is not None:
                    yield from endings.take(found, len(entry.payload or b""))
                continue
            if entry.leaf.kind == "sensor-start":  # what was open then has no end
                yield from endings.rest()
            self._other(entry, reading)
        yield from last_of(endings, reading)

    def _other(self, entry: Entry, reading: Reading) -> None:
        if entry.leaf.kind == "retention":
            self._retention(entry, reading)
        elif self._others is not None:
            payload = true_payload(entry, reading, MAX_PAYLOAD_BYTES)
            if payload is not None:
                self._others(entry, payload)

    def _retention(self, entry: Entry, reading: Reading) -> None:
        payload = true_payload(entry, reading)
        erased = decoded(payload, _retention) if payload is not None else None
        if erased is not None:
            reading.erased(self._name, erased.payload_class, erased.day)
        elif payload is not None:
            reading.problems[MALFORMED] += 1

    def _decision(self, entry: Entry, reading: Reading) -> Recorded | None:
        leaf = entry.leaf
        if self._wanted is not None and not self._wanted(leaf):
            return None
        reading.decision(leaf.payload_class)
        if entry.payload is None:
            reading.lacks_payload(self._name, leaf.payload_class, leaf.day)
            return None
        payload = true_payload(entry, reading)
        if payload is None:
            return None
        found = decoded(payload, _payload)
        if found is None:
            reading.problems[MALFORMED] += 1
            return None
        return Recorded(found.decision, entry.index, self._name)


def true_payload(entry: Entry, reading: Reading, limit_bytes: int = MAX_RECORD_BYTES) -> bytes | None:
    """Return the payload where it is what the leaf says; else count why not."""
    payload, salt = entry.payload, entry.salt
    if payload is None:
        return None
    if len(payload) > limit_bytes:
        reading.problems[TOO_LONG] += 1
        return None
    if salt is None or payload_hash(salt, payload) != entry.leaf.payload:
        reading.problems[ALTERED] += 1
        return None
    return payload

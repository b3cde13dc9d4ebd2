"""Reads of a ledger what is not yet in the archive, in its order: a row for each connection that ended.

A verdict on a connection that lives waits for its end. It becomes a row without one where the sensor began
anew, or nothing was heard of the connection for a day. What retention erased is told, to be erased as well.
"""

import hashlib
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar, cast

import msgspec

from monitor.archive.columns import decision_row, origin_of, window_row
from monitor.archive.layout import COVERAGE, place_of
from monitor.archive.types import Erasure, Mark
from monitor.archive.writing import Placed
from monitor.files import InputError
from monitor.ledger.days import DAY_NS, OTHER
from monitor.ledger.reader import Entry, LedgerReader, open_ledger
from monitor.ledger.types import PayloadClass
from monitor.rejudge.ending import Endings
from monitor.rejudge.ledgers import true_payload
from monitor.rejudge.reading import MALFORMED, PUSHED_OUT, Reading
from monitor.rejudge.records import Progress, decoded
from monitor.rejudge.types import Recorded
from monitor.types import Decision
from monitor.windows import Window

T = TypeVar("T")

_Day = tuple[PayloadClass, str]

# Entries whose payload is not there, the latest ones: it may come, where the host went down before the
# disk had all in its place, or a retention record may say that it will not.
MAX_MISSING = 10_000
SILENT_NS = DAY_NS  # without a packet, until a connection's end is not waited for any more


class _Payload(msgspec.Struct):
    """What of a decision's payload is archived."""

    decision: Decision
    finding: str | None = None
    sensor: str | None = None


class _Retention(msgspec.Struct):
    """What of a retention record's payload is read."""

    payload_class: PayloadClass = msgspec.field(name="class")
    day: str


class _Filed(Recorded, frozen=True):
    """A decision with what stands beside it, and the day that it is kept by."""

    day: str = ""
    finding: str | None = None
    sensor: str | None = None


_payload = msgspec.json.Decoder(_Payload)
_retention = msgspec.json.Decoder(_Retention)
_window = msgspec.json.Decoder(Window)


class LedgerFeed:
    """What is new in one tenant's ledger. ``mark`` is how far it was read, ``erasures`` what that told."""

    def __init__(self, path: Path, reading: Reading) -> None:
        """Open it for reading. Raises InputError."""
        self._reader: LedgerReader = open_ledger(path)
        self.key = self._reader.vkey
        self.source = f"ledger {'+'.join(self.key.split('+')[:2])}"  # two sensors may have one name
        self.tenant = self._reader.tenant
        self.length = self._reader.size
        self.erasures: list[Erasure] = []
        self._path = path
        self._reading = reading
        self._endings = Endings()
        self._late: list[Placed] = []
        self._missing: deque[tuple[int, _Day]] = deque(maxlen=MAX_MISSING)
        self._erased: set[_Day] = set()
        self._done = 0
        self._leaf = ""

    @property
    def mark(self) -> Mark:
        """How far it was read: the rows up to there were all handed out, but for those that are pending."""
        missing = [index for index, of in self._missing if of not in self._erased]
        return Mark(self._done, self._leaf, tuple(sorted({*self._endings.waiting(), *missing})))

    def begin(self, mark: Mark) -> None:
        """Begin behind a mark. Raises InputError."""
        self._check(mark)
        for index in mark.pending:
            for entry in self._reader.entries(index, index + 1):
                self._late += self._taken(entry)
        self._done, self._leaf = mark.done, mark.leaf

    def rows(self, now_ns: int, progress: Progress) -> Iterator[list[Placed]]:
        """Yield the rows of what comes from there on. Raises InputError."""
        if self._late:
            yield self._late
        for entry in self._reader.entries(self._done):
            progress(1)
            self._reading.records += 1
            found = self._taken(entry)
            self._done, self._leaf = entry.index + 1, _digest(entry.raw)
            if found:
                yield found
        silent = self._decisions(self._endings.silent(now_ns - SILENT_NS))
        if silent:
            yield silent
        self._reading.superseded += self._endings.superseded
        if self._endings.pushed_out:
            self._reading.problems[PUSHED_OUT] += self._endings.pushed_out

    def _check(self, mark: Mark) -> None:
        """Raise InputError where this is not the ledger that the mark was made in."""
        last = list(self._reader.leaves(mark.done - 1, mark.done)) if mark.done else []
        if self._reader.size < mark.done or (last and _digest(last[0][1]) != mark.leaf):
            problem = f"not the ledger that was archived: its entry {mark.done - 1} is another, or missing"
            mend = "verify it (residency verify), or archive it into a new folder"
            raise InputError(str(self._path), problem, mend)

    def _taken(self, entry: Entry) -> list[Placed]:
        match entry.leaf.kind:
            case "decision":
                return self._decisions(self._decision(entry))
            case "sensor-start":
                return self._decisions(self._endings.rest())
            case "coverage":
                return self._coverage(entry)
            case "retention":
                self._retention(entry)
        return []

    def _decision(self, entry: Entry) -> list[Recorded]:
        leaf = entry.leaf
        self._reading.decision(leaf.payload_class)
        if entry.payload is None:
            self._reading.lacks_payload(self.source, leaf.payload_class, leaf.day)
            self._missing.append((entry.index, (leaf.payload_class, leaf.day)))
            return []
        found = self._decoded(entry, _payload)
        if found is None:
            return []
        day = leaf.day.removeprefix(OTHER)
        filed = _Filed(
            found.decision, entry.index, self.source, day=day, finding=found.finding, sensor=found.sensor
        )
        return self._endings.take(filed, len(entry.payload))

    def _decisions(self, found: list[Recorded]) -> list[Placed]:
        rows = []
        for filed in cast("list[_Filed]", found):
            decision = filed.decision
            origin = origin_of(self.source, filed.index, filed.sensor, filed.day)
            try:
                row = decision_row(decision, filed.finding, origin)
                place = place_of("decisions", self.tenant, decision.outcome or "inventory", filed.day)
            except ValueError:
                self._reading.problems[MALFORMED] += 1
            else:
                rows.append(Placed(place, row))
        return rows

    def _coverage(self, entry: Entry) -> list[Placed]:
        if entry.payload is None:
            self._missing.append((entry.index, (COVERAGE, entry.leaf.day)))
            return []
        window = self._decoded(entry, _window)
        if window is None:
            return []
        day = entry.leaf.day.removeprefix(OTHER)
        row = window_row(window, self.tenant, origin_of(self.source, entry.index, window.sensor, day))
        return [Placed(place_of("coverage", self.tenant, COVERAGE, day), row)]

    def _retention(self, entry: Entry) -> None:
        erased = self._decoded(entry, _retention) if entry.payload is not None else None
        if erased is not None:
            day = erased.day.removeprefix(OTHER)
            said = Erasure(self.source, self.tenant, erased.payload_class, day, entry.index)
            self.erasures.append(said)
            self._erased.add((erased.payload_class, erased.day))
            self._reading.erased(self.source, erased.payload_class, erased.day)

    def _decoded(self, entry: Entry, decoder: "msgspec.json.Decoder[T]") -> T | None:
        """Return what a payload says; where it is not what its leaf says, or nothing readable, count that."""
        payload = true_payload(entry, self._reading)
        if payload is None:
            return None
        found = decoded(payload, decoder)
        if found is None:
            self._reading.problems[MALFORMED] += 1
        return found


def _digest(leaf: bytes) -> str:
    return hashlib.sha256(leaf).hexdigest()

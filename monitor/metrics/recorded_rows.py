"""How what was recorded becomes series. Whoever calls holds the lock of the series."""

from collections.abc import Iterable
from typing import get_args

from monitor.findings.types import What
from monitor.ledger.types import CLASSES
from monitor.metrics import families_kept as families
from monitor.metrics.family import FOUND
from monitor.metrics.labels import Labels, of_subject
from monitor.metrics.recorded import FindingRow, Recorded, SinkState
from monitor.metrics.series import Series

SECOND_NS = 1_000_000_000
_WHATS: tuple[What, ...] = get_args(What)
_SINKS = (families.SINK_WAITING, families.SINK_OLDEST, families.SINK_DEAD, families.SINK_FAILING)


class RecordedRows:
    """Sets gauges anew, and adds what counters grew by."""

    def __init__(self, series: Series) -> None:
        self._series = series
        self._before = Recorded()
        self._begun: dict[tuple[str, ...], Labels] = {}
        for name in CLASSES:
            series.add(families.LEDGER_ENTRIES, {"reason": name}, 0)

    def begin(self, rows: Iterable[Labels]) -> None:
        """Begin the series of findings that a policy can lead to."""
        self._begun = {}
        for row in rows:
            found = {name: row[name] for name in FOUND}
            self._begun[tuple(found.values())] = found
            for what in _WHATS:
                self._series.add(families.FINDING_CHANGES, {**found, "reason": what}, 0)
        self._findings(self._before)

    def take(self, recorded: Recorded) -> None:
        """Take how it stands."""
        before, self._before = self._before, recorded
        for (row, what), count in recorded.changes.items():
            grown = count - before.changes.get((row, what), 0)
            self._series.add(families.FINDING_CHANGES, {**_labels(row), "reason": what}, grown)
        for name, count in recorded.entries.items():
            grown = count - before.entries.get(name, 0)
            self._series.add(families.LEDGER_ENTRIES, {"reason": name}, grown)
        self._series.add(families.OUTBOX_FOLDED, {}, recorded.folded - before.folded)
        self._series.set(families.CHECKPOINT, {}, recorded.checkpoint_ns / SECOND_NS)
        if recorded.findings != before.findings or recorded.deadlines != before.deadlines:
            self._findings(recorded)
        for family, values in zip(_SINKS, _values(recorded.sinks), strict=True):
            self._series.replace(family, values)

    def _findings(self, recorded: Recorded) -> None:
        rows = {(*key, "open"): ({**labels, "reason": "open"}, 0) for key, labels in self._begun.items()}
        for (row, state), count in recorded.findings.items():
            labels = {**_labels(row), "reason": state}
            rows[tuple(labels.values())] = labels, count
        self._series.replace(families.FINDINGS, rows.values())
        deadlines = [(_labels(row), ns / SECOND_NS) for row, ns in recorded.deadlines.items()]
        self._series.replace(families.DEADLINE, deadlines)


def _labels(row: FindingRow) -> dict[str, str]:
    return {**of_subject(row.subject), "policy": row.rule, "severity": row.severity}


def _values(sinks: Iterable[SinkState]) -> list[list[tuple[Labels, float]]]:
    """Return the rows of each metric of sinks."""
    named = [({"sink": sink.name}, sink) for sink in sinks]
    return [
        [(labels, sink.waiting) for labels, sink in named],
        [(labels, sink.oldest_seconds) for labels, sink in named],
        [(labels, sink.dead) for labels, sink in named],
        [(labels, int(sink.failing)) for labels, sink in named],
    ]

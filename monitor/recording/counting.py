"""Findings as they are counted, for the metrics."""

from collections import Counter
from collections.abc import Iterable

from monitor.findings.types import Change, Finding, State, What
from monitor.metrics.recorded import FindingRow

_CLOSED: frozenset[State] = frozenset({"cured", "excepted"})


class FindingCounts:
    """Findings as they are counted."""

    def __init__(self) -> None:
        self.states: dict[tuple[FindingRow, State], int] = {}
        self.deadlines: dict[FindingRow, int] = {}
        self._changes: Counter[tuple[FindingRow, What]] = Counter()

    @property
    def changes(self) -> dict[tuple[FindingRow, What], int]:
        """How many changes there were since the start."""
        return dict(self._changes)

    def changed(self, changes: Iterable[Change], findings: Iterable[Finding]) -> None:
        """Take changes that are durable, and all findings as they then are."""
        self._changes.update((row_of(change.finding), change.what) for change in changes)
        states: Counter[tuple[FindingRow, State]] = Counter()
        deadlines: dict[FindingRow, int] = {}
        for finding in findings:
            row = row_of(finding)
            states[row, finding.state] += 1
            if finding.state not in _CLOSED:
                deadlines[row] = min(finding.deadline_ns, deadlines.get(row, finding.deadline_ns))
        self.states, self.deadlines = dict(states), deadlines


def row_of(finding: Finding) -> FindingRow:
    """Return what a finding is counted by."""
    return FindingRow(finding.subject, finding.rule, finding.severity)

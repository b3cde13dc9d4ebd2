"""How recording stands, as the loop, the log and the metrics are told. Frozen values."""

from collections import Counter
from collections.abc import Iterable

from msgspec import Struct

from monitor.findings.types import Change, Finding, State, What
from monitor.ledger.types import PayloadClass
from monitor.metrics.recorded import FindingRow

_CLOSED: frozenset[State] = frozenset({"cured", "excepted"})


class Keeping(Struct, frozen=True):
    """What waits, what was shed, and why something cannot be recorded now, with the mend, or None.

    ``in_hand`` are items on their way to the disk. ``ended``: nothing is recorded ever more, by a mistake in
    the program.
    """

    waiting: dict[PayloadClass, int]
    shed: dict[PayloadClass, int]
    problem: str | None = None
    in_hand: int = 0
    ended: bool = False

    @property
    def unrecorded(self) -> int:
        """How many items are not recorded yet."""
        return sum(self.waiting.values()) + self.in_hand


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

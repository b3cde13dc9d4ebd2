"""What several partitions recorded, as one. Pure.

Counters of a partition that was let go stay in the sum; how it stood is then another process's to say.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from monitor.findings.types import State, What
from monitor.ledger.types import PayloadClass
from monitor.metrics.recorded import FindingRow, Recorded, SinkState


class RecordedSums:
    """Adds up partitions."""

    def __init__(self) -> None:
        self._gone = Recorded()

    def let_go(self, last: Recorded) -> None:
        """Keep what a partition counted that is no longer here."""
        counted = Recorded(changes=last.changes, entries=last.entries, folded=last.folded)
        self._gone = _sum([self._gone, counted])

    def of(self, partitions: Iterable[Recorded]) -> Recorded:
        """Return all together, with those that were let go."""
        return _sum([self._gone, *partitions])


def _sum(parts: Sequence[Recorded]) -> Recorded:
    """Return the sums, the nearest deadlines, and of checkpoints the oldest: of those that there are."""
    findings: Counter[tuple[FindingRow, State]] = Counter()
    changes: Counter[tuple[FindingRow, What]] = Counter()
    entries: Counter[PayloadClass] = Counter()
    deadlines: dict[FindingRow, int] = {}
    for part in parts:
        findings.update(part.findings)
        changes.update(part.changes)
        entries.update(part.entries)
        for row, deadline_ns in part.deadlines.items():
            deadlines[row] = min(deadline_ns, deadlines.get(row, deadline_ns))
    return Recorded(
        findings=dict(findings),
        changes=dict(changes),
        deadlines=deadlines,
        entries=dict(entries),
        checkpoint_ns=min((part.checkpoint_ns for part in parts if part.checkpoint_ns), default=0),
        folded=sum(part.folded for part in parts),
        sinks=_sinks([sink for part in parts for sink in part.sinks]),
    )


def _sinks(states: Sequence[SinkState]) -> tuple[SinkState, ...]:
    """Return how each sink stands: what waits, the oldest of it, and whether any partition's fails."""
    found: dict[str, SinkState] = {}
    for each in states:
        so_far = found.get(each.name, SinkState(each.name))
        found[each.name] = SinkState(
            each.name,
            so_far.waiting + each.waiting,
            max(so_far.oldest_seconds, each.oldest_seconds),
            so_far.dead + each.dead,
            failing=so_far.failing or each.failing,
        )
    return tuple(found.values())

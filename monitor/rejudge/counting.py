"""Adds up what judging again comes to: by outcome, and by kind of change. Pure.

Memory is bounded by policies and catalogue, not by the number of flows: a change is one of groups, rules and
providers, and beyond `MAX_ROWS` of them the rest is counted together.
"""

from collections.abc import Mapping

import msgspec

from monitor.counts import FlowCount
from monitor.rejudge.types import WHATS, Line, Recorded, Rejudged, Standing, What, what_changes
from monitor.tally import OUTCOMES, evident_name
from monitor.types import Outcome, Scope

MAX_ROWS = 20_000
NOT_JUDGED, NOT_RELATED = "not judged", "not related"  # beside the outcomes

Outcomes = dict[str, FlowCount]
_ORDER: tuple[str, ...] = (*OUTCOMES, NOT_JUDGED, NOT_RELATED)


class RowKey(msgspec.Struct, frozen=True):
    """What makes two flows that change one row. ``tenant``, ``source_group`` and so on are what would be."""

    what: What
    was: str  # outcome, "not judged" or "not related"
    was_rule: str | None
    would_be: str
    rule: str | None
    exception: str | None
    tenant: str | None
    source_group: str | None
    provider: str | None
    possible: tuple[str, ...]
    scope: Scope
    region: str | None


class Row(msgspec.Struct):
    """Flows that change in one way, with the first of them as an example."""

    key: RowKey
    example: Line
    count: FlowCount = msgspec.field(default_factory=FlowCount)


class Comparison:
    """The running totals. ``kept`` are flows of pseudonyms, ``unknown`` those of them without a group."""

    def __init__(self, max_rows: int = MAX_ROWS) -> None:
        self.judged = FlowCount()
        self.changed = FlowCount()
        self.other_outcome = FlowCount()
        self.unended = FlowCount()
        self.kept = FlowCount()
        self.unknown = FlowCount()
        self.by_distance = FlowCount()
        self.folded = FlowCount()
        self.was: Outcomes = {}
        self.would_be: Outcomes = {}
        self.first_ns: int | None = None
        self.last_ns: int | None = None
        self._rows: dict[RowKey, Row] = {}
        self._max_rows = max_rows

    def add(self, rejudged: Rejudged) -> Line | None:
        """Count a flow; return the line about it where it changes."""
        recorded, was, would_be = rejudged.recorded, rejudged.was, rejudged.would_be
        connection = recorded.decision.connection
        self.judged.add(connection)
        _at(self.was, called(was)).add(connection)
        _at(self.would_be, called(would_be)).add(connection)
        self._note(recorded)
        if rejudged.kept:
            self.kept.add(connection)
            if connection.subject.source_group is None:
                self.unknown.add(connection)
        what = what_changes(was, would_be)
        if what is None:
            return None
        self.changed.add(connection)
        if what == "outcome":
            self.other_outcome.add(connection)
        line = _line(what, rejudged)
        self._row(line, rejudged)
        return line

    def rows(self) -> list[Row]:
        """Return the rows: other outcomes first, the worst of what would be, then the most flows."""
        return sorted(self._rows.values(), key=_rank)

    def _note(self, recorded: Recorded) -> None:
        decision = recorded.decision
        if not recorded.ended:
            self.unended.add(decision.connection)
        if any(each.kind == "rtt" for each in decision.attribution.evidence):
            self.by_distance.add(decision.connection)
        at = decision.ts_ns
        self.first_ns = at if self.first_ns is None else min(self.first_ns, at)
        self.last_ns = at if self.last_ns is None else max(self.last_ns, at)

    def _row(self, line: Line, rejudged: Rejudged) -> None:
        key = _key(line)
        row = self._rows.get(key)
        if row is None and len(self._rows) >= self._max_rows:
            self.folded.add(rejudged.recorded.decision.connection)
            return
        if row is None:
            row = self._rows[key] = Row(key, line)
        elif (line.ts_ns, line.flow.order()) < (row.example.ts_ns, row.example.flow.order()):
            row.example = line
        row.count.add(rejudged.recorded.decision.connection)


def called(standing: Standing) -> str:
    """Return what a standing is counted as."""
    if not standing.related:
        return NOT_RELATED
    return standing.outcome or NOT_JUDGED


def in_order(outcomes: Mapping[str, FlowCount]) -> Outcomes:
    """Return counts by outcome, the worst first."""
    return {name: outcomes[name] for name in _ORDER if name in outcomes}


def violations(outcomes: Mapping[str, FlowCount]) -> int:
    """Return how many flows are violations."""
    worst: Outcome = "violation"
    found = outcomes.get(worst)
    return found.flows if found is not None else 0


def _at(outcomes: Outcomes, name: str) -> FlowCount:
    return outcomes.setdefault(name, FlowCount())


def _line(what: What, rejudged: Rejudged) -> Line:
    recorded = rejudged.recorded
    connection = recorded.decision.connection
    name = evident_name(connection)
    return Line(
        what=what,
        ledger=recorded.ledger,
        index=recorded.index,
        ts_ns=recorded.decision.ts_ns,
        flow=connection.flow,
        server_name=name.value if name is not None else None,
        ended=recorded.ended,
        bytes_up=connection.totals.bytes_up,
        bytes_down=connection.totals.bytes_down,
        was=rejudged.was,
        would_be=rejudged.would_be,
        reasons=rejudged.reasons,
        kept=rejudged.kept,
    )


def _key(line: Line) -> RowKey:
    was, now = line.was, line.would_be
    reached = now if now.related else was
    return RowKey(
        what=line.what,
        was=called(was),
        was_rule=was.rule,
        would_be=called(now),
        rule=now.rule,
        exception=now.exception,
        tenant=now.subject.tenant,
        source_group=now.subject.source_group,
        provider=reached.provider,
        possible=reached.possible,
        scope=reached.scope,
        region=reached.region,
    )


def _rank(row: Row) -> tuple[int, int, int, int, str]:
    key = row.key
    rest = "|".join(map(str, msgspec.structs.astuple(key)))
    return WHATS.index(key.what), _ORDER.index(key.would_be), _ORDER.index(key.was), -row.count.flows, rest

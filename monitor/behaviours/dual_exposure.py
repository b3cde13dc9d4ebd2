"""Dual exposure: one source reached an endpoint within policy and one outside policy within a window.

Only "allow" and "violation" count. Which two connections are near enough is exact; what is counted are all
connections in the spans of time that hold such.
"""

import msgspec

from monitor.behaviours.piles import Pile
from monitor.behaviours.spans import Span, Timeline
from monitor.behaviours.tables import Table
from monitor.behaviours.types import Behaviour, BehaviourKind, Part, Rest, behaviour_id, is_due
from monitor.behaviours.wording import who
from monitor.policy.behaviours import Window
from monitor.policy.section import DualExposure
from monitor.types import Decision, Subject
from monitor.wording import plural

MAX_SOURCES = 50_000
KIND: BehaviourKind = "dual-exposure"
_PARTS: dict[str | None, Part] = {"allow": "within-policy", "violation": "outside-policy"}


class _Source(msgspec.Struct):
    subject: Subject
    client: str | None
    within: Timeline = msgspec.field(default_factory=Timeline)
    outside: Timeline = msgspec.field(default_factory=Timeline)
    flows: int = 0
    newest_ns: int = 0
    is_open: bool = False


class DualExposureWatcher:
    """Looks for dual exposure, by client or by source group."""

    kind: BehaviourKind = KIND

    def __init__(self, asked: DualExposure, window: Window) -> None:
        self._asked = asked
        self._window = window
        self._late = 0
        self._newest_ns = 0
        self._sources: Table[tuple[Subject, str | None], _Source] = Table(MAX_SOURCES, self._is_loss)

    @property
    def forgotten(self) -> int:
        """Sources that had to go, and connections that ended too late to be compared."""
        return self._sources.forgotten + self._late

    def offer(self, decision: Decision) -> tuple[Behaviour, ...]:
        """Take a decision; return the exposure that it begins or doubles."""
        part = _PARTS.get(decision.outcome)
        if part is None:
            return ()
        source = self._source(decision)
        source.flows += 1
        source.newest_ns = max(source.newest_ns, decision.ts_ns)
        self._newest_ns = max(self._newest_ns, decision.ts_ns)
        mine, others = source.within, source.outside
        if part == "outside-policy":
            mine, others = others, mine
        number = decision.ts_ns // self._window.ns
        span = mine.span(number)
        if span is None:
            self._late += 1
            return ()
        span.pile.add_decision(decision, part)
        self._match(span, number, others)
        mine.settle()
        if not span.matched or (source.is_open and not is_due(source.flows)):
            return ()
        source.is_open = True
        return (self._behaviour(source),)

    def finish(self) -> tuple[Behaviour, ...]:
        """Return all exposures as they stand."""
        return tuple(self._behaviour(source) for _, source in self._sources.items() if source.is_open)

    def _source(self, decision: Decision) -> _Source:
        subject = decision.connection.subject
        client = decision.connection.flow.client if self._asked.by == "client" else None
        return self._sources.get((subject, client), lambda: _Source(subject, client))

    def _is_loss(self, source: _Source) -> bool:
        """Whether what goes had been found, or could still have become something."""
        return source.is_open or source.newest_ns >= self._newest_ns - 2 * self._window.ns

    def _match(self, span: Span, number: int, others: Timeline) -> None:
        for at in (number - 1, number, number + 1):
            other = others.spans.get(at)
            if other is not None and self._gap_ns(span, other, at - number) <= self._window.ns:
                span.matched = other.matched = True

    def _gap_ns(self, span: Span, other: Span, step: int) -> int:
        """The shortest time between connections of two spans, which is less than a window inside one."""
        if step == 0:
            return 0
        earlier, later = (span, other) if step > 0 else (other, span)
        return later.pile.first_ns - earlier.last.ts_ns

    def _behaviour(self, source: _Source) -> Behaviour:
        within, outside = source.within.matched(), source.outside.matched()
        return Behaviour(
            kind=KIND,
            id=behaviour_id(KIND, source.subject, source.client),
            severity=self._asked.severity,
            first_ns=min(within.first_ns, outside.first_ns),
            last_ns=max(within.last_ns, outside.last_ns),
            subject=source.subject,
            source=source.client,
            what=self._what(source, within, outside),
            counts={"within_policy": within.flows, "outside_policy": outside.flows},
            bytes_up=within.bytes_up + outside.bytes_up,
            rests_on=self._rests_on(source, within, outside),
        )

    def _what(self, source: _Source, within: Pile, outside: Pile) -> str:
        return (
            f"{who(source.subject, source.client)} reached both endpoints within policy"
            f" ({within.endpoints()}) and outside policy ({outside.endpoints()}) within {self._window.said}:"
            f" {plural(within.flows, 'connection')} within, {outside.flows:,} outside"
        )

    def _rests_on(self, source: _Source, within: Pile, outside: Pile) -> tuple[Rest, ...]:
        """The first connections on both sides, and the first two that are near enough."""
        rests = {*within.rests, *outside.rests, *self._pair(source)}
        return tuple(sorted(rests, key=Rest.order))

    def _pair(self, source: _Source) -> tuple[Rest, ...]:
        matched = [number for number, span in source.outside.spans.items() if span.matched]
        if not matched:
            return ()
        number = min(matched)
        span = source.outside.spans[number]
        for step in (0, -1, 1):
            other = source.within.spans.get(number + step)
            if other is not None and self._gap_ns(span, other, step) <= self._window.ns:
                return (span.last, other.pile.rests[0]) if step > 0 else (span.pile.rests[0], other.last)
        return ()

"""How much of what one sensor published could be named, in windows of packet time. Pure.

A parcel counts in the window that its clock is in, wherever it stands among others: so the same parcels say
the same. A window is told when its sensor has come past it; where a sensor was silent, it says so.
"""

from collections.abc import Callable, Iterator

import msgspec

from monitor.counts import FlowCount
from monitor.fleet.parcels import Account
from monitor.tally import Tally
from monitor.types import Connection, Coverage, Decision
from monitor.windows import WINDOW_NS, Window, sentence
from sensors.connections import Counted
from sensors.observations import Count

SILENCE_NS = 30 * 1_000_000_000  # of a sensor whose clock is told each two seconds
MAX_SPANS = 4_096  # of one sensor that are open, two weeks: more are counted in the first
_MAX_REASONS = 32  # of losses, and of blindness, in one window
_MOST = 2**63 - 1  # that any number comes to: more is what no sensor sees

CountedOf = Callable[[int], Counted]


class ClassTally(Tally):
    """Counts connections by coverage class alone: whose they are is counted where decisions are recorded."""

    def counted(self, counted: Counted) -> None:
        """Count what was not handed out, of all groups together."""
        for group in counted.groups.values():
            self._by_group[0].take(group)

    def decision(self, decision: Decision) -> None:
        """Count nothing: its connection is counted in its class."""

    def _of(self, _connection: Connection):  # type: ignore[no-untyped-def]  # noqa: ANN202  as the one overridden
        return self._by_group[0]


class Span(msgspec.Struct, eq=False):
    """A window that is not told yet. ``account`` is what natively counts for it."""

    since_ns: int
    account: int
    tally: ClassTally = msgspec.field(default_factory=ClassTally)
    packets: int = 0
    shed: int = 0
    lost: dict[str, Count] = msgspec.field(default_factory=dict)
    blind: set[str] = msgspec.field(default_factory=set)
    is_accounted: bool = False  # the sensor said how much it read

    def accounted(self, account: Account) -> None:
        """Take what the sensor says that it read, and did not read."""
        self.is_accounted = True
        self.packets = _sum(self.packets, account.packets)
        self.shed = _sum(self.shed, account.shed)
        for reason, lost in account.lost.items():
            if reason in self.lost or len(self.lost) < _MAX_REASONS:
                old = self.lost.get(reason, Count())
                self.lost[reason] = Count(_sum(old.packets, lost.packets), _sum(old.bytes, lost.bytes))
        self.blind.update(account.blind[: _MAX_REASONS - len(self.blind)])


class Covering:
    """The windows of one sensor in one partition. ``accounts`` are numbers that nobody else counts by."""

    def __init__(
        self, sensor: str, counted_of: CountedOf, accounts: Iterator[int], window_ns: int = WINDOW_NS
    ) -> None:
        self._window_ns = window_ns
        self._sensor = sensor
        self._counted_of = counted_of
        self._accounts = accounts
        self._spans: dict[int, Span] = {}  # those that are open, by their beginning
        self._clock_ns: int | None = None  # when it last said anything

    def span(self, clock_ns: int) -> Span:
        """Return the window that a parcel with this clock counts in."""
        since_ns = clock_ns - clock_ns % self._window_ns
        span = self._spans.get(since_ns)
        if span is None and len(self._spans) >= MAX_SPANS:
            return next(iter(self._spans.values()))
        if span is None:
            span = self._spans[since_ns] = Span(since_ns, next(self._accounts))
        return span

    def passed(self, clock_ns: int, *, ended: bool = False) -> list[Window]:
        """Take the clock of a parcel that is wholly judged; return the windows that end by it."""
        before_ns, self._clock_ns = self._clock_ns, clock_ns
        if clock_ns == before_ns and not ended:
            return []  # as most are: a sensor cuts many parcels at once
        here_ns = clock_ns - clock_ns % self._window_ns
        silence_ns = clock_ns - before_ns if before_ns is not None else 0
        if not ended and before_ns is not None and here_ns <= before_ns and silence_ns <= SILENCE_NS:
            return []
        return list(self._ended(clock_ns, silence_ns, ended=ended))

    def _ended(self, clock_ns: int, silence_ns: int, *, ended: bool) -> Iterator[Window]:
        here_ns = clock_ns - clock_ns % self._window_ns
        blind = f"nothing came of the sensor for {silence_ns // 1_000_000_000} s"
        if silence_ns > SILENCE_NS:
            self.span(clock_ns)
            for since_ns, span in self._spans.items():
                if since_ns <= here_ns:
                    span.blind.add(blind)
        told_ns = None
        for since_ns in sorted(self._spans):
            if since_ns < here_ns or (ended and since_ns == here_ns):
                until_ns = clock_ns if since_ns == here_ns else since_ns + self._window_ns
                yield from self._closed(self._spans.pop(since_ns), until_ns)
                told_ns = max(until_ns, told_ns or 0)
        if silence_ns > SILENCE_NS and told_ns is not None and told_ns < here_ns:
            yield _window(self._sensor, Span(told_ns, 0, blind={blind}), here_ns)

    def given_up(self, passed_ns: int) -> Iterator[Window]:
        """Yield the windows of a sensor that says nothing any more, where all others have come past them."""
        for since_ns in sorted(self._spans):
            until_ns = since_ns + self._window_ns
            if until_ns + SILENCE_NS <= passed_ns:
                span = self._spans.pop(since_ns)
                span.blind.add("nothing more came of the sensor")
                yield from self._closed(span, until_ns)

    def forget(self) -> None:
        """Let go of what was counted: it is not told."""
        for span in self._spans.values():
            self._counted_of(span.account)

    def settle(self) -> None:
        """Take what was counted natively until now, by the groups that now end."""
        for span in self._spans.values():
            span.tally.counted(self._counted_of(span.account))

    def _closed(self, span: Span, until_ns: int) -> Iterator[Window]:
        """Yield the window, where there is anything to say: each partition has a share of it, or none."""
        span.tally.counted(self._counted_of(span.account))
        window = _window(self._sensor, span, until_ns)
        if window.connections or window.blind or span.is_accounted:
            yield window


def _window(sensor: str, span: Span, until_ns: int) -> Window:
    classes: dict[Coverage, FlowCount] = {
        name: each for name, each in span.tally.coverage.items() if each.flows
    }
    window = Window(
        since_ns=span.since_ns,
        until_ns=until_ns,
        sensor=sensor,
        says="",
        connections=sum(each.flows for each in classes.values()),
        bytes=_sum(*(each.bytes() for each in classes.values())),
        coverage={name: each.flows for name, each in classes.items()},
        packets=span.packets,
        lost=span.lost,
        shed=span.shed,
        blind=tuple(sorted(span.blind)),
    )
    return msgspec.structs.replace(window, says=sentence(window))


def _sum(*counts: int) -> int:
    """Return what counts come to, whatever a sensor says: none is below nothing, no sum beyond the most."""
    return min(sum(max(each, 0) for each in counts), _MOST)

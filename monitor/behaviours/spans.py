"""Whether two kinds of connection lie within a window, exactly, without keeping every one of them.

Time is cut into spans as long as the window. Of each only the first and the last connection count: whatever
lies in one span is near, and of two neighbours the last of one and the first of the other are nearest.
"""

from collections.abc import Iterable

import msgspec

from monitor.behaviours.piles import Pile
from monitor.behaviours.types import Rest

MAX_SPANS = 256  # of one source; the oldest are then added up for good


class Span(msgspec.Struct):
    """The connections of one kind in one span of time."""

    pile: Pile = msgspec.field(default_factory=Pile)
    matched: bool = False

    @property
    def last(self) -> Rest:
        """The last connection; there is one."""
        return self.pile.last or self.pile.rests[0]


class Timeline(msgspec.Struct):
    """The spans of one kind, by number. What is ``settled`` can match no more, and has been added up."""

    spans: dict[int, Span] = msgspec.field(default_factory=dict)
    settled: Pile = msgspec.field(default_factory=Pile)
    settled_until: int | None = None

    def span(self, number: int) -> Span | None:
        """Return a span to add to; None where it is settled."""
        if self.settled_until is not None and number <= self.settled_until:
            return None
        return self.spans.setdefault(number, Span())

    def between(self, first: int, last: int) -> list[Span]:
        """Return the spans with these numbers, both included."""
        if last - first < len(self.spans):
            return [self.spans[at] for at in range(first, last + 1) if at in self.spans]
        return [span for at, span in self.spans.items() if first <= at <= last]

    def settle(self) -> None:
        """Add the oldest spans up where there are too many."""
        while len(self.spans) > MAX_SPANS:
            oldest = min(self.spans)
            span = self.spans.pop(oldest)
            self.settled_until = oldest
            if span.matched:
                self.settled.merge(span.pile)

    def matched(self) -> Pile:
        """Return all connections in spans that matched."""
        return added([self.settled, *(span.pile for span in self.spans.values() if span.matched)])


def added(piles: Iterable[Pile]) -> Pile:
    """Return the sum of piles."""
    total = Pile()
    for pile in piles:
        total.merge(pile)
    return total

"""Connections over time, in at most MAX_BUCKETS buckets of one width that suits how long the time is. Pure.

The width begins at a second and widens as time spreads. Each width is a multiple of the one before, and all
buckets count from one Monday: so what is counted in narrow ones adds up in wide ones, and the same
connections in any order give the same timeline.
"""

from collections.abc import Iterator

from monitor.report.types import JUDGEMENTS, Bucket, Judgement, Timeline

MAX_BUCKETS = 120  # from the first connection to the last
ORIGIN_NS = 4 * 86_400 * 1_000_000_000  # 1970-01-05, a Monday
_SECOND_NS = 1_000_000_000
_WIDTHS_SECONDS = 1, 10, 60, 300, 900, 3_600, 21_600, 86_400, 7 * 86_400, 28 * 86_400


class TimelineCount:
    """Counts connections by when they began. A packet may say any time: widths double at the end."""

    def __init__(self) -> None:
        self._widths = _widths()
        self._width_ns = next(self._widths)
        self._buckets: dict[int, dict[Judgement, int]] = {}
        self._first = self._last = 0  # numbers of the outermost buckets

    def add(self, ts_ns: int, judgement: Judgement) -> None:
        """Count a connection."""
        number = (ts_ns - ORIGIN_NS) // self._width_ns
        counts = self._buckets.get(number)
        if counts is None:
            counts = self._opened(ts_ns)
        counts[judgement] = counts.get(judgement, 0) + 1

    def timeline(self) -> Timeline:
        """Return what was counted."""
        return Timeline(
            self._width_ns,
            tuple(
                Bucket(ORIGIN_NS + number * self._width_ns, _in_order(self._buckets[number]))
                for number in sorted(self._buckets)
            ),
        )

    def _opened(self, ts_ns: int) -> dict[Judgement, int]:
        """Return the bucket of a moment that has none yet; all become wider until it has room."""
        while True:
            number = (ts_ns - ORIGIN_NS) // self._width_ns
            first, last = (
                (min(self._first, number), max(self._last, number)) if self._buckets else (number, number)
            )
            if last - first < MAX_BUCKETS:
                self._first, self._last = first, last
                return self._buckets.setdefault(number, {})
            self._widen()

    def _widen(self) -> None:
        before, self._width_ns = self._width_ns, next(self._widths)
        ratio = self._width_ns // before
        narrow, self._buckets = self._buckets, {}
        for number, counts in narrow.items():
            wide = self._buckets.setdefault(number // ratio, {})
            for judgement, count in counts.items():
                wide[judgement] = wide.get(judgement, 0) + count
        self._first, self._last = self._first // ratio, self._last // ratio


def _widths() -> Iterator[int]:
    for seconds in _WIDTHS_SECONDS:
        yield seconds * _SECOND_NS
    width_ns = _WIDTHS_SECONDS[-1] * _SECOND_NS
    while True:
        width_ns *= 2
        yield width_ns


def _in_order(counts: dict[Judgement, int]) -> dict[Judgement, int]:
    return {name: counts[name] for name in JUDGEMENTS if name in counts}

"""The series: a value for each metric and combination of labels, and a ceiling on how many there may be.

One thread writes. Another may take a snapshot at any time: what is written in one ``with series.lock`` stands
in it wholly or not at all. Sums stay exact above the ceiling, since what has no series of its own is counted
under "other": first the endpoint's labels are given up, then the owner's and the rule's. A histogram is many
series at once, so that histograms give them up when half of the ceiling is reached.
"""

from bisect import bisect_left
from collections.abc import Container, Iterable, Mapping
from threading import Lock

from msgspec import Struct

from monitor.metrics.families import FOLDED, SERIES
from monitor.metrics.family import LABELS, Family
from monitor.metrics.labels import OTHER, Labels

Values = tuple[str, ...]  # of a family's labels, in their order

_ENDPOINT = ("provider", "dst_region", "certainty", "country")
_FOLDS = (_ENDPOINT, (*_ENDPOINT, "tenant", "source_group", "policy"))
_KEPT_PARTS = 10  # one in so many of the ceiling is kept for what is folded once
_KEPT_OF_HISTOGRAMS = 2  # the same: else a few hundred endpoints would take the room of all other series


class Histogram(Struct):
    """How many values there were up to each bound (not added up), the last one infinite, and their sum."""

    counts: list[int]
    total: float = 0


class Snapshot(Struct, frozen=True):
    """All series at one time, by the metric's name."""

    values: dict[str, dict[Values, float]]
    histograms: dict[str, dict[Values, Histogram]]


class Series:
    """The series of all metrics. Whoever changes them holds ``lock``."""

    def __init__(self, families: Iterable[Family], ceiling: int) -> None:
        self.families = families = tuple(families)
        self.lock = Lock()
        self._size = 0
        self._ceiling = ceiling
        self._values: dict[str, dict[Values, float]] = {}
        self._histograms: dict[str, dict[Values, Histogram]] = {}
        for family in families:
            if not LABELS.issuperset(family.labels):
                raise ValueError(f"{family.name} has a label outside the closed set")
            if family.kind == "histogram":
                self._histograms[family.name] = {}
            else:
                self._values[family.name] = {}
            if not family.labels:
                self._begin(family, ())

    def add(self, family: Family, labels: Labels, amount: float = 1) -> Values:
        """Add to a series, which begins at 0; return the label values that it was counted under."""
        series = self._values[family.name]
        values = self._admit(family, labels, series)
        series[values] += amount
        return values

    def add_to(self, family: Family, values: Values, amount: float) -> None:
        """Add to a series that ``add`` returned."""
        self._values[family.name][values] += amount

    def set(self, family: Family, labels: Labels, value: float) -> None:
        """Set the value of a series."""
        series = self._values[family.name]
        series[self._admit(family, labels, series)] = value

    def replace(self, family: Family, rows: Iterable[tuple[Labels, float]]) -> None:
        """Set all series of a metric anew; those that are not given end."""
        self._size -= len(self._values[family.name])
        self._values[family.name] = {}
        for labels, value in rows:
            self.set(family, labels, value)

    def observe(self, family: Family, labels: Labels, value: float) -> None:
        """Put a value into a histogram."""
        histograms = self._histograms[family.name]
        histogram = histograms[self._admit(family, labels, histograms)]
        histogram.counts[bisect_left(family.bounds, value)] += 1
        histogram.total += value

    def snapshot(self) -> Snapshot:
        """Return a copy of all series as they are at one time."""
        with self.lock:
            self._values[SERIES.name][()] = self._size
            return Snapshot(
                {name: series.copy() for name, series in self._values.items()},
                {name: _copied(histograms) for name, histograms in self._histograms.items()},
            )

    def _admit(self, family: Family, labels: Labels, series: Container[Values]) -> Values:
        """Return the label values to count under, whose series is there: those of the labels, or folded."""
        values = tuple([labels[name] for name in family.labels])
        if values in series:
            return values
        kept = _KEPT_OF_HISTOGRAMS if family.kind == "histogram" else _KEPT_PARTS
        room = self._ceiling - self._ceiling // kept
        size = self._size + family.lines
        admitted = values
        if size > room:
            once, wholly = (_folded(family, values, names) for names in _FOLDS)
            if wholly != values:
                self._values[FOLDED.name][()] += 1
                admitted = once if once in series or size <= self._ceiling else wholly
        if admitted not in series:
            self._begin(family, admitted)
        return admitted

    def _begin(self, family: Family, values: Values) -> None:
        """Begin a series at 0."""
        if family.kind == "histogram":
            self._histograms[family.name][values] = Histogram([0] * (len(family.bounds) + 1))
        else:
            self._values[family.name][values] = 0
        self._size += family.lines


def _copied(histograms: Mapping[Values, Histogram]) -> dict[Values, Histogram]:
    return {values: Histogram(each.counts.copy(), each.total) for values, each in histograms.items()}


def _folded(family: Family, values: Values, names: tuple[str, ...]) -> Values:
    """Return label values with some of them given up."""
    return tuple([OTHER if name in names else each for name, each in zip(family.labels, values, strict=True)])

"""The series: a value for each metric and combination of labels, and a ceiling on how many there may be.

One thread writes. Another may take a snapshot at any time: what is written in one ``with series.lock`` stands
in it wholly or not at all. Sums stay exact above the ceiling, since what has no series of its own is counted
under "other": first the endpoint's labels are given up, then the owner's and the rule's.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from threading import Lock

from msgspec import Struct

from monitor.metrics.families import FOLDED, LABELS, SERIES, Family
from monitor.metrics.labels import OTHER, Labels

Values = tuple[str, ...]  # of a family's labels, in their order

_ENDPOINT = ("provider", "dst_region", "certainty")
_FOLDS = (_ENDPOINT, (*_ENDPOINT, "tenant", "source_group", "policy"))
_KEPT_PARTS = 10  # one in so many of the ceiling is kept for what is folded once


class Histogram(Struct):
    """How many values there were up to each bound (not added up), the last one infinite, and their sum."""

    counts: list[int]
    total: float = 0


class Snapshot(Struct, frozen=True):
    """All series at one time, by the metric's name."""

    values: dict[str, dict[Values, float]]
    histograms: dict[str, Histogram]


class Series:
    """The series of all metrics. Whoever changes them holds ``lock``."""

    def __init__(self, families: Iterable[Family], ceiling: int) -> None:
        families = tuple(families)
        self.lock = Lock()
        self._size = 0
        self._ceiling = ceiling
        self._values: dict[str, dict[Values, float]] = {}
        self._histograms: dict[str, Histogram] = {}
        for family in families:
            if not LABELS.issuperset(family.labels):
                raise ValueError(f"{family.name} has a label outside the closed set")
            if family.kind == "histogram":
                self._histograms[family.name] = Histogram([0] * (len(family.bounds) + 1))
                self._size += len(family.bounds) + 3  # with the infinite bucket, sum and count
            else:
                self._values[family.name] = {}
        for family in families:
            if family.kind != "histogram" and not family.labels:
                self.set(family, {}, 0)

    def add(self, family: Family, labels: Labels, amount: float = 1) -> Values:
        """Add to a series, which begins at 0; return the label values that it was counted under."""
        values = self._admit(family, tuple([labels[name] for name in family.labels]))
        self._values[family.name][values] += amount
        return values

    def add_to(self, family: Family, values: Values, amount: float) -> None:
        """Add to a series that ``add`` returned."""
        self._values[family.name][values] += amount

    def set(self, family: Family, labels: Labels, value: float) -> None:
        """Set the value of a series."""
        values = self._admit(family, tuple([labels[name] for name in family.labels]))
        self._values[family.name][values] = value

    def replace(self, family: Family, rows: Iterable[tuple[Labels, float]]) -> None:
        """Set all series of a metric anew; those that are not given end."""
        self._size -= len(self._values[family.name])
        self._values[family.name] = {}
        for labels, value in rows:
            self.set(family, labels, value)

    def observe(self, family: Family, value: float) -> None:
        """Put a value into a histogram."""
        histogram = self._histograms[family.name]
        histogram.counts[bisect_left(family.bounds, value)] += 1
        histogram.total += value

    def snapshot(self) -> Snapshot:
        """Return a copy of all series as they are at one time."""
        with self.lock:
            self._values[SERIES.name][()] = self._size
            return Snapshot(
                {name: series.copy() for name, series in self._values.items()},
                {name: Histogram(each.counts.copy(), each.total) for name, each in self._histograms.items()},
            )

    def _admit(self, family: Family, values: Values) -> Values:
        """Return the label values to count under, whose series is there."""
        series = self._values[family.name]
        if values in series:
            return values
        room = self._ceiling - self._ceiling // _KEPT_PARTS
        folds = [_folded(family, values, names) for names in _FOLDS]
        if self._size < room or folds[-1] == values:
            admitted = values
        else:
            self._values[FOLDED.name][()] += 1
            once, wholly = folds
            admitted = once if once in series or self._size < self._ceiling else wholly
        if admitted not in series:
            series[admitted] = 0
            self._size += 1
        return admitted


def _folded(family: Family, values: Values, names: tuple[str, ...]) -> Values:
    """Return label values with some of them given up."""
    pairs: Mapping[str, str] = dict(zip(family.labels, values, strict=True))
    return tuple([OTHER if name in names else value for name, value in pairs.items()])

"""Writes the series in the text format of Prometheus 0.0.4, or in OpenMetrics 1.0.

`prometheus_client` says the same in twenty times the time, and takes it from the main loop: where there
are many series it would make verdicts late. What labels say of a series is put together once and kept.
"""

from collections.abc import Iterator
from itertools import accumulate

from monitor.metrics.family import SENSOR, Family
from monitor.metrics.series import Histogram, Series, Values

_SUFFIXES = {"counter": "_total", "info": "_info"}  # which OpenMetrics leaves out of a metric's name


class Writer:
    """Gives every series the name of the sensor. One call at a time."""

    def __init__(self, series: Series, sensor: str) -> None:
        self._series = series
        self._sensor = sensor
        families = series.families
        self._named: dict[str, dict[Values, str]] = {family.name: {} for family in families}
        self._parts: dict[str, dict[Values, tuple[str, ...]]] = {family.name: {} for family in families}

    def write(self, *, openmetrics: bool) -> str:
        """Return all metrics with their series, as they are at one time."""
        snapshot = self._series.snapshot()
        lines: list[str] = []
        for family in self._series.families:
            lines += _head(family, openmetrics=openmetrics)
            if family.kind == "histogram":
                lines += self._buckets(family, snapshot.histograms[family.name])
            else:
                lines += self._plain(family, snapshot.values[family.name])
        return "".join(lines)

    def _plain(self, family: Family, series: dict[Values, float]) -> Iterator[str]:
        known = self._named[family.name]
        named = {values: known.get(values) or self._name(family, values) for values in series}
        self._named[family.name] = named
        return (f"{named[values]} {value}\n" for values, value in series.items())

    def _name(self, family: Family, values: Values) -> str:
        return f"{family.name}{_braced(*self._pairs(family, values))}"

    def _buckets(self, family: Family, histograms: dict[Values, Histogram]) -> Iterator[str]:
        known = self._parts[family.name]
        named = {values: known.get(values) or self._name_parts(family, values) for values in histograms}
        self._parts[family.name] = named
        for values, histogram in histograms.items():
            up_to = list(accumulate(histogram.counts))
            samples = (*up_to, up_to[-1], histogram.total)
            yield "".join([f"{name} {value}\n" for name, value in zip(named[values], samples, strict=True)])

    def _name_parts(self, family: Family, values: Values) -> tuple[str, ...]:
        """Return what stands before the values of a histogram: its buckets, their count, and the sum."""
        pairs = self._pairs(family, values)
        limits = (*map(str, family.bounds), "+Inf")
        buckets = [f"{family.name}_bucket{_braced(*pairs, ('le', limit))}" for limit in limits]
        return (*buckets, *(f"{family.name}{part}{_braced(*pairs)}" for part in ("_count", "_sum")))

    def _pairs(self, family: Family, values: Values) -> list[tuple[str, str]]:
        return list(zip((*family.labels, SENSOR), (*values, self._sensor), strict=True))


def _head(family: Family, *, openmetrics: bool) -> Iterator[str]:
    name, kind = family.name, family.kind
    if openmetrics:
        name = name.removesuffix(_SUFFIXES.get(kind, ""))
    elif kind == "info":
        kind = "gauge"
    yield f"# HELP {name} {family.says}\n# TYPE {name} {kind}\n"


def _braced(*pairs: tuple[str, str]) -> str:
    inside = ",".join([f'{name}="{_escaped(value)}"' for name, value in pairs])
    return f"{{{inside}}}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")

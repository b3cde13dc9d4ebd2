"""Writes the series in the text format of Prometheus 0.0.4, or in OpenMetrics 1.0.

`prometheus_client` says the same in twenty times the time, and takes it from the main loop: where there
are many series it would make verdicts late. What labels say of a series is put together once and kept.
"""

from collections.abc import Iterator
from itertools import accumulate
from math import inf

from monitor.metrics.families import FAMILIES, SENSOR, Family
from monitor.metrics.series import Histogram, Series, Values

_SUFFIXES = {"counter": "_total", "info": "_info"}  # which OpenMetrics leaves out of a metric's name


class Writer:
    """Gives every series the name of the sensor. One call at a time."""

    def __init__(self, series: Series, sensor: str) -> None:
        self._series = series
        self._sensor = sensor
        self._named: dict[str, dict[Values, str]] = {family.name: {} for family in FAMILIES}

    def write(self, *, openmetrics: bool) -> str:
        """Return all metrics with their series, as they are at one time."""
        snapshot = self._series.snapshot()
        lines: list[str] = []
        for family in FAMILIES:
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
        pairs = zip((*family.labels, SENSOR), (*values, self._sensor), strict=True)
        return f"{family.name}{_braced(*pairs)}"

    def _buckets(self, family: Family, histogram: Histogram) -> Iterator[str]:
        sensor = SENSOR, self._sensor
        up_to = list(accumulate(histogram.counts))
        for bound, count in zip((*family.bounds, inf), up_to, strict=True):
            limit = "+Inf" if bound == inf else str(bound)
            yield f"{family.name}_bucket{_braced(sensor, ('le', limit))} {count}\n"
        yield f"{family.name}_count{_braced(sensor)} {up_to[-1]}\n"
        yield f"{family.name}_sum{_braced(sensor)} {histogram.total}\n"


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

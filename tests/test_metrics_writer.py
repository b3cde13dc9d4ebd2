"""The text of the metrics is what `prometheus_client` writes of the same series, in both formats."""

from collections.abc import Callable, Iterable
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from monitor.metrics.families import DECISIONS, FAMILIES, HANDSHAKE, LATENCY, UNDECODED
from monitor.metrics.family import SENSOR
from monitor.metrics.series import Series
from monitor.metrics.writer import Writer

WORDS = st.text(st.sampled_from('ab"\\\n{},= é\u2028'), max_size=8)


class Library(Collector):
    """Shows a snapshot of series to the library."""

    def __init__(self, series: Series, sensor: str) -> None:
        self.series = series
        self.sensor = sensor

    def collect(self) -> Iterable[Metric]:
        snapshot = self.series.snapshot()
        for family in FAMILIES:
            suffix = {"counter": "_total", "info": "_info"}.get(family.kind, "")
            metric = Metric(family.name.removesuffix(suffix), family.says, family.kind)
            for values, value in snapshot.values.get(family.name, {}).items():
                labels = dict(zip((*family.labels, SENSOR), (*values, self.sensor), strict=True))
                metric.samples.append(Sample(family.name, labels, value))
            for values, histogram in snapshot.histograms.get(family.name, {}).items():
                labels = dict(zip((*family.labels, SENSOR), (*values, self.sensor), strict=True))
                up_to = list(accumulate(histogram.counts))
                bounds = [*map(str, family.bounds), "+Inf"]
                for bound, count in zip(bounds, up_to, strict=True):
                    metric.samples.append(Sample(f"{family.name}_bucket", {**labels, "le": bound}, count))
                for name, value in (("_count", up_to[-1]), ("_sum", histogram.total)):
                    metric.samples.append(Sample(family.name + name, labels, value))
            yield metric


@pytest.mark.parametrize(
    ("is_openmetrics", "generate", "parse"),
    [(False, generate_latest, parse_text), (True, openmetrics.generate_latest, parse_openmetrics)],
)
@settings(max_examples=40)
@given(rows=st.lists(st.lists(WORDS, min_size=8, max_size=8), max_size=5), sensor=WORDS)
def test_the_text_is_the_library_s(
    is_openmetrics: bool,  # noqa: FBT001
    generate: Callable[[Collector], bytes],
    parse: Callable[[str], Iterable[Metric]],
    rows: list[list[str]],
    sensor: str,
) -> None:
    series = Series(FAMILIES, 1_000)
    for number, row in enumerate(rows):
        series.add(DECISIONS, dict(zip(DECISIONS.labels, row, strict=True)), number)
        series.set(UNDECODED, {"reason": row[0]}, number / 7)
        series.observe(LATENCY, {}, number / 1_000)
        series.observe(HANDSHAKE, dict(zip(HANDSHAKE.labels, row, strict=False)), number / 300)
    registry = CollectorRegistry()
    registry.register(Library(series, sensor))
    writer = Writer(series, sensor)
    for _ in range(2):  # what it keeps makes no difference
        text = writer.write(openmetrics=is_openmetrics) + ("# EOF\n" if is_openmetrics else "")
        assert list(parse(text)) == list(parse(generate(registry).decode()))
        heads = [line for line in text.split("\n") if line.startswith("#")]
        assert heads == [line for line in generate(registry).decode().split("\n") if line.startswith("#")]

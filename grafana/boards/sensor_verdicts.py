"""Of sensor health: whether verdicts come in time, and what was only counted because too much waited."""

from grafana_foundation_sdk.builders import heatmap
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode

from grafana.colours import GREEN, ORANGE, RED, steps
from grafana.layout import Section, even
from grafana.panels import About, Drawn, bars, draw, graph, number
from grafana.queries import (
    buckets,
    figure,
    grown,
    lines,
    measured,
    quantile,
    rate,
    sensed,
    share,
    step,
    total,
)

LATENCY = sensed("residency_verdict_latency_seconds_bucket")
LATE = sensed("residency_late_verdicts_total")
TIMED = sensed("residency_verdict_bytes_count")  # one for each connection whose application data was seen
NO_VERDICT = "no verdict timed"


def figures() -> tuple[Drawn, Drawn]:
    """Return the time that 99 % of verdicts keep, and the share that came late."""
    return (
        draw(
            number(steps(GREEN, (0.1, ORANGE), (1, RED)), 1),
            About(
                "Latency to verdict, p99", "99 % of verdicts came within this of the hello.", "s", NO_VERDICT
            ),
            figure(measured(quantile(0.99, grown(LATENCY))), "p99"),
        ),
        draw(
            number(steps(GREEN, (0.01, ORANGE), (0.1, RED)), 1),
            About(
                "Late verdicts",
                "Share of verdicts that came after the client's first application data.",
                "percentunit",
                NO_VERDICT,
            ),
            figure(share(total(grown(LATE)), total(grown(TIMED))), "late"),
        ),
    )


def section() -> Section:
    """Return the row."""
    quantiles = draw(
        graph("mean", "max"),
        About("Latency to verdict", "From the last byte of the ClientHello to the verdict.", "s", NO_VERDICT),
        lines(measured(quantile(0.5, rate(LATENCY))), "p50"),
        lines(measured(quantile(0.99, rate(LATENCY))), "p99"),
    )
    late = draw(
        graph("mean", "max").max(1),
        About(
            "Late verdicts, by sensor",
            "Share of verdicts that came after the client's first application data.",
            "percentunit",
            NO_VERDICT,
        ),
        lines(share(total(rate(LATE), "sensor"), total(rate(TIMED), "sensor")), "{{sensor}}"),
    )
    return Section("Verdicts", (even(8, _spread(), quantiles), even(8, late, _shed())))


def _spread() -> Drawn:
    return draw(
        heatmap.Panel()
        .calculate(calculate=False)
        .color(heatmap.HeatmapColorOptions().mode(HeatmapColorMode.SCHEME).scheme("Blues").steps(64))
        .filter_values(heatmap.FilterValueRange().le(1e-9))
        .y_axis(heatmap.YAxisConfig().unit("s"))
        .cell_values(heatmap.CellValues().unit("none").decimals(0))
        .cell_gap(1)
        .show_legend(),
        About("Latency to verdict, spread", "Verdicts in each step, by how long they took.", "s", NO_VERDICT),
        buckets(total(step(LATENCY), "le")),
    )


def _shed() -> Drawn:
    return draw(
        bars(),
        About(
            "Shed and folded",
            "What was of interest and only counted because too much waited, by kind; verdicts given up "
            "before the end was seen; and counts that went under other, because there were too many "
            "series.",
            "none",
        ),
        lines(total(step(sensed("residency_shed_total")), "reason"), "shed: {{reason}}", must=True),
        lines(total(step(sensed("residency_forgotten_connections_total"))), "verdicts given up", must=True),
        lines(total(step(sensed("residency_folded_series_total"))), "counted under other", must=True),
    )

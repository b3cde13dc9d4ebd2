"""Panels: the library's builders with what all panels of a kind have in common, and what makes one complete.

A panel has a title, a description, a unit, words for when there is no data, and a target for each query.
"""

from collections.abc import Sequence
from string import ascii_uppercase

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    prometheus,
    stat,
    statetimeline,
    text,
    timeseries,
)
from grafana_foundation_sdk.builders.dashboard import ThresholdsConfig
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as shown
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.prometheus import Dataquery, PromQueryFormat
from grafana_foundation_sdk.models.text import TextMode
from msgspec import Struct

from grafana.colours import BLUE, GREY, ORANGE, by_threshold, fixed, without_value
from grafana.queries import Query
from grafana.source import PROMETHEUS

UNHEARD = "no sensor heard"  # for series that every sensor has from its start
NOTHING_SEEN = "nothing seen"
STEP = "5m"  # of bars: short enough to place an event, long enough to be seen


class About(Struct, frozen=True):
    """What a panel says of itself. ``unit`` is Grafana's, ``empty`` what stands there without data."""

    title: str
    says: str
    unit: str = "short"
    empty: str = UNHEARD


class Drawn(Struct, frozen=True):
    """A panel, and the targets that have data as soon as a capture was counted."""

    panel: model.Panel
    must: tuple[str, ...] = ()


def draw(builder: Builder[model.Panel], about: About, *queries: Query) -> Drawn:
    """Complete a panel. Targets are A, B, ... in the order given."""
    panel = builder.build()
    panel.title, panel.description, panel.datasource = about.title, about.says, PROMETHEUS
    panel.targets = [_target(ref, query) for ref, query in zip(ascii_uppercase, queries, strict=False)]
    config = panel.field_config or model.FieldConfigSource()
    config.defaults.unit, config.defaults.no_value = about.unit, about.empty
    if panel.type_val == "stat":
        colour = ORANGE if about.empty == UNHEARD else GREY
        config.defaults.mappings = [*(config.defaults.mappings or ()), without_value(colour)]
    panel.field_config = config
    return Drawn(
        panel, tuple([ref for ref, query in zip(ascii_uppercase, queries, strict=False) if query.must])
    )


def linked(drawn: Drawn, *links: model.DashboardLink) -> Drawn:
    """Give a panel links, which are offered where its data is pressed."""
    config = drawn.panel.field_config
    if config is not None:
        config.defaults.links = [*links]
    return drawn


def number(thresholds: ThresholdsConfig | None = None, decimals: int = 0) -> stat.Panel:
    """Return one large figure: on the colour of its threshold, or, where there is none, only in blue."""
    builder = (
        stat.Panel()
        .graph_mode(shown.BigValueGraphMode.NONE)
        .text_mode(shown.BigValueTextMode.VALUE)
        .justify_mode(shown.BigValueJustifyMode.CENTER)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(values=False))
        .decimals(decimals)
    )
    if thresholds is None:
        return builder.color_mode(shown.BigValueColorMode.VALUE).color_scheme(fixed(BLUE))
    on_colour = builder.color_mode(shown.BigValueColorMode.BACKGROUND)
    return on_colour.color_scheme(by_threshold()).thresholds(thresholds)


def graph(*calcs: str) -> timeseries.Panel:
    """Return lines over time, from 0 on; the legend gives figures of each."""
    return signed(*calcs).min(0)


def signed(*calcs: str) -> timeseries.Panel:
    """Return lines over time that may go below 0, where `graph` would cut them off."""
    return (
        timeseries.Panel()
        .line_width(1)
        .fill_opacity(8)
        .show_points(shown.VisibilityMode.NEVER)
        .span_nulls(span_nulls=False)
        .legend(_legend(calcs))
        .tooltip(
            common.VizTooltipOptions().mode(shown.TooltipDisplayMode.MULTI).sort(shown.SortOrder.DESCENDING)
        )
    )


def stacked(*calcs: str) -> timeseries.Panel:
    """Return areas that add up."""
    return graph(*calcs).fill_opacity(40).stacking(common.StackingConfig().mode(shown.StackingMode.NORMAL))


def bars() -> timeseries.Panel:
    """Return bars that add up, of what happened in each step."""
    return (
        stacked("sum")
        .draw_style(shown.GraphDrawStyle.BARS)
        .fill_opacity(80)
        .line_width(0)
        .interval(STEP)
        .decimals(0)
    )


def gauges() -> bargauge.Panel:
    """Return a bar for each series, side by side with its name."""
    return (
        bargauge.Panel()
        .orientation(shown.VizOrientation.HORIZONTAL)
        .display_mode(shown.BarGaugeDisplayMode.BASIC)
        .value_mode(shown.BarGaugeValueMode.TEXT)
        .name_placement(shown.BarGaugeNamePlacement.LEFT)
        .show_unfilled(show_unfilled=True)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).values(values=False))
        .color_scheme(fixed(BLUE))
        .min(0)
    )


def states(said: Sequence[model.ValueMapping]) -> statetimeline.Panel:
    """Return a band for each series, in words, over time."""
    return (
        statetimeline.Panel()
        .mappings([*said])
        .merge_values(merge_values=True)
        .show_value(shown.VisibilityMode.AUTO)
        .fill_opacity(70)
        .row_height(0.8)
        .color_scheme(by_threshold())
        .legend(common.VizLegendOptions().show_legend(show_legend=False))
    )


def words(title: str, content: str) -> Drawn:
    """Return a text in Markdown. It asks nothing."""
    panel = text.Panel().title(title).description(title).mode(TextMode.MARKDOWN).content(content).build()
    return Drawn(panel)


def _legend(calcs: Sequence[str]) -> common.VizLegendOptions:
    mode = shown.LegendDisplayMode.TABLE if calcs else shown.LegendDisplayMode.LIST
    placed = common.VizLegendOptions().display_mode(mode).placement(shown.LegendPlacement.BOTTOM)
    return placed.show_legend(show_legend=True).calcs([*calcs])


def _target(ref: str, query: Query) -> Dataquery:
    """Return a target. An instant one asks for the end of the range alone."""
    asked = prometheus.Dataquery().expr(query.expr).ref_id(ref).datasource(PROMETHEUS)
    if query.legend:
        asked = asked.legend_format(query.legend)
    if query.form == "table":
        return asked.format(PromQueryFormat.TABLE).instant().build()
    if query.form == "figure":
        return asked.format(PromQueryFormat.TIME_SERIES).instant().build()
    form = PromQueryFormat.HEATMAP if query.form == "buckets" else PromQueryFormat.TIME_SERIES
    return asked.format(form).range().build()

"""What boards ask Prometheus: series selected by the variables, and the few forms that they are asked in.

A counter is never shown as it stands: only what it grew by, over `$__rate_interval` in graphs and
`$__range` in figures and tables. Shares give nothing, rather than a number, where there is nothing to take
a share of.
"""

from typing import Literal

from msgspec import Struct

Form = Literal["lines", "figure", "table", "buckets"]

BEFORE = "1h"  # so long a series may have been missing, and is still not new
_SENSOR = 'sensor=~"$sensor"'
_TENANT = 'tenant=~"$tenant"'
_DETAIL = ('provider=~"$provider"', 'dst_region=~"$dst_region"', 'source_group=~"$source_group"')


class Query(Struct, frozen=True):
    """One target of a panel. ``legend`` is Grafana's format of a name; a table has none.

    ``must`` marks what has data as soon as a capture was counted under a policy.
    """

    expr: str
    legend: str = ""
    form: Form = "lines"
    must: bool = False


def lines(expr: str, legend: str, *, must: bool = False) -> Query:
    """Return what is drawn over time."""
    return Query(expr, legend, "lines", must)


def figure(expr: str, legend: str, *, must: bool = False) -> Query:
    """Return what is one number a series, as of the end of the range."""
    return Query(expr, legend, "figure", must)


def rows(expr: str, *, must: bool = False) -> Query:
    """Return what is a row of a table for each series."""
    return Query(expr, "", "table", must)


def buckets(expr: str) -> Query:
    """Return the buckets of a histogram over time."""
    return Query(expr, "{{le}}", "buckets")


def sensed(metric: str, *more: str) -> str:
    """Select the series of a metric that says nothing of tenants."""
    return f"{metric}{{{', '.join((_SENSOR, *more))}}}"


def owned(metric: str, *more: str) -> str:
    """Select the series of a metric that has tenants."""
    return f"{metric}{{{', '.join((_SENSOR, _TENANT, *more))}}}"


def decided(metric: str, *more: str) -> str:
    """Select the series of a metric of decisions, by the variables of the detail too."""
    return owned(metric, *_DETAIL, *more)


def rate(selected: str) -> str:
    """Return what a counter grows by in a second."""
    return f"rate({selected}[$__rate_interval])"


def step(selected: str) -> str:
    """Return what a counter grew by in one step of a graph."""
    return f"increase({selected}[$__rate_interval])"


def grown(selected: str) -> str:
    """Return what a counter grew by in the range, though its series may begin with the first thing counted.

    An increase would miss a series' first value, and with it the only connection to a country, or what a
    sensor saw before it was first asked. So a series that was not there in the hour before counts wholly.
    """
    before = f"last_over_time({selected}[{BEFORE}] offset $__range)"
    return f"(last_over_time({selected}[$__range]) unless {before} or increase({selected}[$__range]))"


def total(expr: str, *by: str) -> str:
    """Return a sum, by labels where there are any."""
    return f"sum by ({', '.join(by)}) ({expr})" if by else f"sum({expr})"


def share(part: str, whole: str) -> str:
    """Return the part of a whole, 0 to 1; nothing where the whole is 0."""
    return f"{part} / ({whole} > 0)"


def quantile(rank: float, buckets_grown: str, *by: str) -> str:
    """Return a quantile, 0 to 1, of a histogram whose buckets grew so; not a number where none did."""
    return f"histogram_quantile({rank}, {total(buckets_grown, 'le', *by)})"


def measured(expr: str) -> str:
    """Return what is a number of 0 or more: Grafana would show "NaN", not the words for no data."""
    return f"({expr} >= 0)"

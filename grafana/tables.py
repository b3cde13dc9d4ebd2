"""Tables: a row for each combination of labels, a column for each query, labels by their own names.

Grafana numbers the values of several queries only where each gives something, so in a table of several
every query after the first has to have the rows of the first: `beside` sees to that.
"""

from collections.abc import Sequence
from string import ascii_uppercase

from grafana_foundation_sdk.builders import common, table
from grafana_foundation_sdk.builders.dashboard import ThresholdsConfig
from grafana_foundation_sdk.models import common as shown
from grafana_foundation_sdk.models import dashboard as model
from msgspec import Struct

LEFT_OUT = ("Time", "__name__", "job", "instance")


class Column(Struct, frozen=True):
    """What a query's values are called and how they are shown. ``thresholds`` colour the text."""

    name: str
    unit: str = "short"
    decimals: int = 0
    thresholds: ThresholdsConfig | None = None


def beside(base: str, expr: str) -> str:
    """Return a query's values with a row of 0 wherever only the first query of the table has one."""
    return f"{expr} or 0 * {base}"


def listing(labels: Sequence[str], *columns: Column, by: str, ascending: bool = False) -> table.Panel:
    """Return a table of labels and columns, sorted by one of them."""
    builder = (
        table.Panel()
        .cell_height(shown.TableCellHeight.SM)
        .filterable(filterable=True)
        .sort_by([common.TableSortByFieldState().display_name(by).desc(not ascending)])
        .transformations(joined(labels, [each.name for each in columns]))
    )
    for column in columns:
        builder = builder.override_by_name(column.name, _properties(column))
    return builder


def joined(labels: Sequence[str], names: Sequence[str]) -> list[model.DataTransformerConfig]:
    """Return what makes one frame of the queries: labels first, then the values under their names."""
    several = len(names) > 1
    values = (
        [f"Value #{ref}" for ref in ascii_uppercase[: len(names)]] if several else ["Value"][: len(names)]
    )
    organised = {
        "excludeByName": dict.fromkeys(LEFT_OUT if names else (*LEFT_OUT, "Value"), True),
        "indexByName": {name: place for place, name in enumerate([*labels, *values])},
        "renameByName": dict(zip(values, names, strict=True)),
    }
    merged = [model.DataTransformerConfig("merge", options={})] if several else []
    return [*merged, model.DataTransformerConfig("organize", options=organised)]


def _properties(column: Column) -> list[model.DynamicConfigValue]:
    found = [
        model.DynamicConfigValue("unit", column.unit),
        model.DynamicConfigValue("decimals", column.decimals),
    ]
    if column.thresholds is not None:
        found += [
            model.DynamicConfigValue("thresholds", column.thresholds.build()),
            model.DynamicConfigValue("color", {"mode": "thresholds"}),
            model.DynamicConfigValue("custom.cellOptions", {"type": "color-text"}),
        ]
    return found

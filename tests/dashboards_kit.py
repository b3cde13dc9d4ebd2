"""What dashboards and rules ask Prometheus, taken from their files, with Grafana's variables put in.

Grafana puts in text: `$name`, `${name}` and `${name:format}`. A choice of several values becomes a regular
expression, and "all" the pattern that the variable names.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

GRAFANA = Path(__file__).parents[1] / "grafana"
BOARDS = sorted((GRAFANA / "dashboards").glob("*.json"))
RULES = sorted((GRAFANA / "prometheus").glob("*.rules.yaml"))
RANGE_SECONDS, STEP_SECONDS = 300, 5
# What Grafana itself sets: $__rate_interval is four scrapes at least.
BUILT_IN = {
    "__rate_interval": "15s",
    "__interval": f"{STEP_SECONDS}s",
    "__interval_ms": f"{STEP_SECONDS}000",
    "__range": f"{RANGE_SECONDS}s",
    "__range_s": str(RANGE_SECONDS),
    "__range_ms": f"{RANGE_SECONDS}000",
}
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(?::\w+)?\})")
_LABEL_VALUES = re.compile(r"label_values\((?:(.+),)?\s*(\w+)\)\Z", re.DOTALL)


class Query(NamedTuple):
    """One query of a panel."""

    panel: int
    title: str
    ref: str
    expr: str


class Variable(NamedTuple):
    """A variable whose values are those that a label has."""

    name: str
    series: str | None
    label: str


def board(path: Path) -> dict[str, Any]:
    """Return a dashboard."""
    found: dict[str, Any] = json.loads(path.read_bytes())
    return found


def queries(dashboard: dict[str, Any]) -> list[Query]:
    """Return the queries of all panels, those in folded rows too."""
    return [
        Query(panel["id"], panel.get("title", ""), target["refId"], target["expr"])
        for panel in _panels(dashboard)
        for target in panel.get("targets", [])
    ]


def marks(dashboard: dict[str, Any]) -> list[str]:
    """Return the queries of the annotations that Prometheus answers."""
    return [each["expr"] for each in dashboard["annotations"]["list"] if "expr" in each]


def variables(dashboard: dict[str, Any]) -> list[Variable]:
    """Return the variables that ask for labels' values; a query of any other form fails here."""
    found = []
    for each in dashboard["templating"]["list"]:
        if each["type"] == "query":
            matched = _LABEL_VALUES.match(each["query"]["query"])
            assert matched is not None, each["query"]
            found.append(Variable(each["name"], matched[1], matched[2]))
    return found


def defaults(dashboard: dict[str, Any]) -> dict[str, str]:
    """Return what each variable is when the board is opened."""
    return dict(_default(each) for each in dashboard["templating"]["list"])


def put_in(expr: str, values: Mapping[str, str]) -> str:
    """Return a query with its variables put in; one that nothing is known of fails here."""
    known = {**BUILT_IN, **values}
    return _VARIABLE.sub(lambda found: known[found[1] or found[2]], expr)


def several(values: list[str]) -> str:
    """Return how Grafana puts in a choice of several values, in a string of PromQL."""
    return "(" + "|".join(re.escape(each).replace("\\", "\\\\") for each in values) + ")"


def rules() -> Iterator[tuple[str, str]]:
    """Yield the name and the query of each rule."""
    for path in RULES:
        for group in yaml.safe_load(path.read_text("utf-8"))["groups"]:
            for rule in group["rules"]:
                yield rule.get("alert") or rule["record"], rule["expr"]


def _panels(parent: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for panel in parent.get("panels") or []:
        yield panel
        yield from _panels(panel)


def _default(variable: dict[str, Any]) -> tuple[str, str]:
    value = variable.get("current", {}).get("value", "")
    chosen = value if isinstance(value, str) else several(value)
    if value in ("$__all", ["$__all"]):
        chosen = variable["allValue"]
    return variable["name"], chosen

"""What the tests of the dashboards share: the committed JSON, its panels and targets, parts of a query."""

import functools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from monitor.metrics.families import FAMILIES

HERE = Path(__file__).parents[1] / "grafana"
UIDS = (
    "residency-overview", "residency-detail", "residency-sensors", "residency-delivery", "residency-latency",
)  # fmt: skip
PROMETHEUS = {"type": "prometheus", "uid": "${datasource}"}

_SELECTOR = re.compile(r'(\w+)\{((?:[^"{}]|"[^"]*")*)\}')
_MATCHER = re.compile(r'(\w+)(=~|!~|!=|=)"([^"]*)"')
_GROUPING = re.compile(r"\b(?:by|on|group_left) \(([^)]*)\)")


class Asked(NamedTuple):
    """A query, and where it stands."""

    where: str
    expr: str
    target: dict[str, Any]
    panel: dict[str, Any]


class Selector(NamedTuple):
    """A metric and its matchers: label to operator and value."""

    metric: str
    matchers: dict[str, tuple[str, str]]


@functools.cache
def boards() -> dict[str, dict[str, Any]]:
    """Return the committed dashboards by uid."""
    found = [json.loads(path.read_bytes()) for path in sorted((HERE / "dashboards").glob("*.json"))]
    return {board["uid"]: board for board in found}


def panels(board: dict[str, Any]) -> list[dict[str, Any]]:
    """Return all panels of a board, rows and what is folded into them too."""
    return [each for top in board["panels"] for each in (top, *top.get("panels", ()))]


def asking(board: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the panels that ask something."""
    return [each for each in panels(board) if each["type"] not in {"row", "text"}]


def asked() -> Iterator[Asked]:
    """Yield every query of a panel."""
    for uid, board in boards().items():
        for panel in asking(board):
            for target in panel["targets"]:
                yield Asked(f"{uid}: {panel['title']} {target['refId']}", target["expr"], target, panel)


def all_queries() -> dict[str, str]:
    """Return every query by where it stands: of panels and of annotations."""
    found = {each.where: each.expr for each in asked()}
    for uid, board in boards().items():
        for mark in board["annotations"]["list"]:
            if not mark["builtIn"]:
                found[f"{uid}: {mark['name']}"] = mark["target"]["expr"]
    return found


def selectors(expr: str) -> list[Selector]:
    """Return the selectors of a query that have matchers."""
    return [
        Selector(name, {label: (sign, value) for label, sign, value in _MATCHER.findall(inside)})
        for name, inside in _SELECTOR.findall(expr)
    ]


def groupings(expr: str) -> set[str]:
    """Return the labels that a query sums by or matches on."""
    return {label.strip() for inside in _GROUPING.findall(expr) for label in inside.split(",")} - {""}


def known() -> dict[str, tuple[str, frozenset[str]]]:
    """Return the kind and the labels of every series that there is, by name."""
    declared = {each.name: (each.kind, each.labels) for each in FAMILIES}
    found: dict[str, tuple[str, frozenset[str]]] = {}
    for name, (kind, labels) in declared.items():
        has = frozenset({*labels, "sensor"})
        if kind == "histogram":
            found[f"{name}_bucket"] = ("counter", has | {"le"})
            found[f"{name}_count"] = found[f"{name}_sum"] = ("counter", has)
        else:
            found[name] = (kind, has)
    return found


def substituted(expr: str) -> str:
    """Return a query as Grafana would send it, with all chosen and an hour shown."""
    values = {"__rate_interval": "1m", "__range": "1h", "sovereign": ".+:eu.*"}
    return re.sub(r"\$(\w+)", lambda match: values.get(match[1], ".+"), expr)

"""Every query of every dashboard, and every rule, answered by a real Prometheus.

It scrapes the real daemon, which reads captures with its ledger, its state and its courier at work: the stack
of `make stack`. So what has no data here shows nothing to anybody who tries it.
"""

import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.dashboards_kit import (
    BOARDS,
    GRAFANA,
    RANGE_SECONDS,
    RULES,
    STEP_SECONDS,
    Query,
    board,
    defaults,
    marks,
    put_in,
    queries,
    rules,
    several,
    variables,
)
from tests.prometheus_kit import Api, prometheus
from tests.sinks_kit import until
from tests.stack_kit import ROOT, needs_stack, running_stack

MUST = GRAFANA / "must_have_data.json"
DATA_SECONDS = 45.0
pytestmark = [needs_stack, pytest.mark.enable_socket]
each_board = pytest.mark.parametrize("path", BOARDS, ids=lambda path: path.stem)


class Running:
    """The stack's Prometheus and Alertmanager."""

    def __init__(self, addresses: dict[str, str]) -> None:
        self.api = Api(addresses["prometheus"])
        self.metrics_port = int(addresses["metrics"].rpartition(":")[2])
        self._alertmanager = addresses["alertmanager"]

    def alerts(self, name: str) -> list[dict[str, Any]]:
        """Return the alerts of a name that Alertmanager has."""
        with urllib.request.urlopen(f"{self._alertmanager}/api/v2/alerts", timeout=5) as answer:  # noqa: S310
            return [each for each in json.load(answer) if each["labels"]["alertname"] == name]


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with running_stack() as stack:
        yield Running(stack.addresses)


def everything(path: Path) -> Iterator[tuple[str, str]]:
    """Yield all that a board asks, with its variables as they are when it is opened."""
    dashboard = board(path)
    values = defaults(dashboard)
    for query in queries(dashboard):
        yield f"{query.panel} {query.title} {query.ref}", put_in(query.expr, values)
    for number, expr in enumerate(marks(dashboard)):
        yield f"annotation {number}", put_in(expr, values)


def refused(api: Api, asked: Iterator[tuple[str, str]]) -> list[str]:
    """Ask all as instant and as range queries; return what is refused, or has a warning."""
    wrong = []
    for name, expr in asked:
        try:
            api.now(expr)
            api.lately(expr, RANGE_SECONDS, STEP_SECONDS)
        except AssertionError as error:
            wrong.append(f"{name}: {error}")
    return wrong


def chosen(api: Api, path: Path) -> dict[str, str]:
    """Return the variables of a board with each value chosen that is offered, one by one."""
    dashboard = board(path)
    values = defaults(dashboard)
    for name, series, label in variables(dashboard):
        parameters = {} if series is None else {"match[]": put_in(series, values)}
        offered: list[str] = api.get(f"label/{label}/values", **parameters)
        assert offered, f"{path.stem}: ${name} offers nothing"
        values[name] = several(offered)
    return values


def empty(api: Api, wanted: list[Query], values: dict[str, str]) -> list[Query]:
    """Return the queries that find nothing now."""
    return [each for each in wanted if not api.now(put_in(each.expr, values))]


def filled(api: Api, wanted: list[Query], values: Callable[[], dict[str, str]]) -> list[Query]:
    """Wait until all queries find something; return those that did not."""
    end = time.monotonic() + DATA_SECONDS
    while wanted := empty(api, wanted, values()):
        if time.monotonic() > end:
            return wanted
        time.sleep(0.5)
    return []


def must_have_data(path: Path) -> list[Query]:
    """Return the queries of a board that are marked so; each mark has to be of a query that is there."""
    dashboard = board(path)
    marked = {(panel, ref) for panel, ref in json.loads(MUST.read_bytes())[dashboard["uid"]]}
    found = [each for each in queries(dashboard) if (each.panel, each.ref) in marked]
    assert len(found) == len(marked), f"{path.stem}: marks of queries that are not there"
    return found


def test_all_boards_say_what_must_have_data() -> None:
    marked = json.loads(MUST.read_bytes())
    assert set(marked) == {board(path)["uid"] for path in BOARDS}
    assert any(marked.values())


@each_board
def test_every_query_of_a_board_succeeds(running: Running, path: Path) -> None:
    assert refused(running.api, everything(path)) == []


@each_board
def test_what_must_have_data_has_some(running: Running, path: Path) -> None:
    values = defaults(board(path))
    assert filled(running.api, must_have_data(path), lambda: values) == []


@each_board
def test_each_variable_offers_values_and_these_find_the_same(running: Running, path: Path) -> None:
    assert filled(running.api, must_have_data(path), lambda: chosen(running.api, path)) == []


def without_intervals(path: Path, folder: Path) -> Path:
    """Copy a file of rules, all of which are then looked at as often as Prometheus is told to."""
    content = yaml.safe_load(path.read_text("utf-8"))
    for group in content["groups"]:
        group.pop("interval", None)
    copy = folder / path.name
    copy.write_text(yaml.safe_dump(content), "utf-8")
    return copy


def test_the_rules_are_loaded_and_ask_what_can_be_asked(running: Running) -> None:
    assert sorted(rule["name"] for rule in running.api.rules()) == sorted(name for name, _ in rules())
    assert refused(running.api, rules()) == []


def test_every_rule_is_healthy(running: Running, tmp_path: Path) -> None:
    copies = [without_intervals(path, tmp_path) for path in RULES]
    with prometheus(tmp_path, running.metrics_port, copies) as api:
        assert api.labels("residency_build_info")
        until(lambda: all(rule["health"] != "unknown" for rule in api.rules()), "all rules were looked at")
        assert [(rule["name"], rule["lastError"]) for rule in api.rules() if rule["health"] != "ok"] == []
        assert all(not rule.get("lastError") for rule in api.rules())


@pytest.mark.parametrize("name", ["ResidencyNewViolation", "ResidencyViolationOpen"])
def test_a_violation_fires_and_reaches_alertmanager(running: Running, name: str) -> None:
    firing = f'ALERTS{{alertname="{name}", alertstate="firing", policy="RES-030"}}'
    (alert,) = running.api.labels(firing)
    until(lambda: bool(running.alerts(name)), f"{name} is with Alertmanager")
    (told,) = [each for each in running.alerts(name) if each["labels"]["policy"] == "RES-030"]
    wanted = {
        "alertname": name, "sensor": "demo", "tenant": "acme", "source_group": "crm-backend",
        "policy": "RES-030", "rule": "RES-030", "rule_severity": "high", "severity": "critical",
    }  # fmt: skip
    assert told["labels"] == wanted
    assert alert.items() >= wanted.items()
    assert told["annotations"]["runbook_url"] == (ROOT / f"docs/runbooks/{name}.md").as_uri()
    assert "RES-030" in told["annotations"]["summary"]


def test_what_the_finding_tells_is_not_told_twice(running: Running) -> None:
    """The shipped Alertmanager's rule: a finding keeps back Prometheus' alerts on the same connections."""

    def kept_back() -> bool:
        alerts = running.alerts("ResidencyViolationOpen")
        return any(each["labels"]["rule"] == "RES-030" and each["status"]["inhibitedBy"] for each in alerts)

    until(kept_back, "the alert on what is open is kept back")


def test_the_finding_behind_it_reaches_alertmanager_too(running: Running) -> None:
    def findings() -> list[dict[str, Any]]:
        every = [each["labels"] for each in running.alerts("ResidencyFinding")]
        return [each for each in every if (each.get("rule"), each.get("provider")) == ("RES-030", "openai")]

    until(lambda: bool(findings()), "the finding is with Alertmanager")
    assert {each["source_group"] for each in findings()} == {"crm-backend"}

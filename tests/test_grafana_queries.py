"""Prometheus reads every query, and each is of metrics and labels that there are, in a form for counters."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.grafana_kit import (
    UIDS,
    Selector,
    all_queries,
    asked,
    groupings,
    known,
    selectors,
    substituted,
)
from tests.metrics_kit import PROMTOOL, needs_promtool
from tests.rules_kit import ALERTS

OF_EVERY_SCRAPE = {"job", "instance"}
WITHOUT_SENSOR = {"up", "process_cpu_seconds_total", "process_resident_memory_bytes"}
VARIABLES = {"sensor", "tenant", "provider", "dst_region", "source_group", "sovereign"}
COUNTING = re.compile(r"\b(?:rate|increase)\($")
# What counts a series that begins within the range from its first value: grafana.queries.grown.
GROWN = re.compile(
    r"\(last_over_time\((?P<of>\w+\{.*?\})\[\$__range\]\) "
    r"unless last_over_time\((?P=of)\[1h\] offset \$__range\) or increase\((?P=of)\[\$__range\]\)\)"
)


def unquoted(expr: str) -> str:
    """Return a query without its texts."""
    return re.sub(r'"[^"]*"', '""', expr)


def each_selector() -> list[tuple[str, Selector]]:
    """Return every selector with where it stands."""
    return [(where, each) for where, expr in all_queries().items() for each in selectors(expr)]


def test_there_are_as_many_as_panels_need() -> None:
    assert len(all_queries()) > 100
    for uid in UIDS:
        assert sum(where.startswith(uid) for where in all_queries()) > 10


@needs_promtool
def test_promtool_reads_every_query(tmp_path: Path) -> None:
    rules = [
        {"record": f"board:query:{number}", "expr": substituted(expr)}
        for number, expr in enumerate(all_queries().values())
    ]
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "boards", "rules": rules}]}))
    result = subprocess.run(
        [PROMTOOL, "check", "rules", str(path)], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert f"SUCCESS: {len(rules)} rules found" in result.stdout


def test_every_metric_is_there() -> None:
    series = known()
    for where, expr in all_queries().items():
        named = set(re.findall(r"\bresidency_\w+", expr))
        assert named <= set(series), where
        assert named == {each.metric for each in selectors(expr)}, (
            f"{where}: one is asked for without a sensor"
        )
        others = set(re.findall(r"\b(?:process_\w+|up)\b", unquoted(expr)))
        assert others <= WITHOUT_SENSOR, where


def test_every_label_is_one_of_the_metric() -> None:
    series = known()
    for where, each in each_selector():
        assert set(each.matchers) <= series[each.metric][1], where
    for where, expr in all_queries().items():
        there = frozenset[str]().union(*[series[each.metric][1] for each in selectors(expr)])
        assert groupings(expr) <= there | OF_EVERY_SCRAPE, where


def test_sensor_and_tenant_are_asked_for_wherever_there_is_the_label() -> None:
    series = known()
    for where, each in each_selector():
        assert each.matchers["sensor"] == ("=~", "$sensor"), where
        has = "tenant" in series[each.metric][1]
        assert each.matchers.get("tenant") == (("=~", "$tenant") if has else None), where


def test_the_detail_asks_by_all_of_its_variables() -> None:
    for where, each in each_selector():
        if where.startswith("residency-detail") and "provider" in known()[each.metric][1]:
            for name in ("provider", "dst_region", "source_group"):
                assert each.matchers[name] == ("=~", f"${name}"), where


def test_variables_are_only_those_that_boards_have() -> None:
    for where, expr in all_queries().items():
        used = set(re.findall(r"\$(\w+)", expr)) - {"__rate_interval", "__range"}
        assert used <= VARIABLES, where
        assert "$" not in substituted(expr)


def test_growth_is_over_the_intervals_that_grafana_gives() -> None:
    seen = set()
    for where, expr in all_queries().items():
        for function, over in re.findall(r"\b(\w+)\([^()\[\]]*\[([^\]]+)\]", unquoted(GROWN.sub("", expr))):
            seen.add((function, over))
            assert over == ("$__range" if function == "last_over_time" else "$__rate_interval"), where
    assert {function for function, _ in seen} == {"rate", "increase", "changes", "last_over_time"}


def test_no_counter_is_shown_as_it_stands() -> None:
    series = known()
    seen = 0
    for where, expr in all_queries().items():
        plain = unquoted(GROWN.sub("", expr))
        seen += plain != unquoted(expr)
        for match in re.finditer(r"\b(\w+)\{", plain):
            if series[match[1]][0] == "counter":
                assert COUNTING.search(plain[: match.start()]), where
    assert seen > 30


def test_figures_ask_over_the_range_and_graphs_over_the_step() -> None:
    for each in asked():
        plain = unquoted(GROWN.sub("$__range", each.expr))
        assert ("$__rate_interval" if each.target["instant"] else "offset $__range") not in plain, each.where
        assert each.target["instant"] or not GROWN.search(each.expr), each.where


@needs_promtool
def test_the_band_of_sensors_shows_who_is_away_and_who_was_renamed(tmp_path: Path) -> None:
    """edge-1 stops capturing and is then away, edge-2 is renamed on its host, as which it captures."""
    (band,) = [each for each in asked() if each.where.startswith("residency-sensors: Sensors ")]
    series = {
        'residency_capturing{sensor="edge-1", job="r", instance="a"}': "1x5 0x5 stale _x10",
        'residency_capturing{sensor="edge-2", job="r", instance="b"}': "1x5 stale _x10",
        'residency_capturing{sensor="edge-2b", job="r", instance="b"}': "_x5 1x20",
    }
    wanted = {
        4: {"edge-1": 2, "edge-2": 2},
        8: {"edge-1": 1, "edge-2": 0, "edge-2b": 2},
        14: {"edge-1": 0, "edge-2": 0, "edge-2b": 2},
    }
    cases = [
        {
            "expr": substituted(band.expr),
            "eval_time": f"{minute}m",
            "exp_samples": [
                {"labels": f'{{sensor="{name}"}}', "value": value} for name, value in found.items()
            ],
        }
        for minute, found in wanted.items()
    ]
    given = [{"series": name, "values": values} for name, values in series.items()]
    (figure,) = [each for each in asked() if each.where.startswith("residency-sensors: Capturing ")]
    cases += [
        {
            "expr": substituted(figure.expr),
            "eval_time": f"{minute}m",
            "exp_samples": [{"labels": "{}", "value": value}],
        }
        for minute, value in {4: 1, 8: 0, 14: 0}.items()
    ]
    path = tmp_path / "band.test.yaml"
    test = {"interval": "1m", "input_series": given, "promql_expr_test": cases}
    path.write_text(yaml.safe_dump({"tests": [test]}))
    ran = subprocess.run([PROMTOOL, "test", "rules", str(path)], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_what_is_old_on_the_board_is_what_the_alert_calls_stale() -> None:
    (rule,) = [rule for rule in ALERTS if rule["alert"] == "ResidencyDataSetsStale"]
    (figure,) = [
        each for each in asked() if each.where.startswith("residency-sensors: Data sets that are old")
    ]
    of_alert = re.findall(r'(reason[=!]~"[^"]+").*?> (\d+) \* 86400', rule["expr"], re.DOTALL)
    of_board = re.findall(r'(reason[=!]~"[^"]+").*?> (\d+)', figure.expr)
    assert len(of_alert) == 3
    assert of_board == [(which, str(int(days) * 86_400)) for which, days in of_alert]


@pytest.mark.parametrize(
    ("expr", "wanted"),
    [
        ("rate(a_total[1m])", []),
        ('sum(a{b="1", c=~"[A-Z]{2}"})', [Selector("a", {"b": ("=", "1"), "c": ("=~", "[A-Z]{2}")})]),
        ('x{y!~"(a|b)"} / z{}', [Selector("x", {"y": ("!~", "(a|b)")}), Selector("z", {})]),
    ],
)
def test_selectors_are_read(expr: str, wanted: list[Selector]) -> None:
    assert selectors(expr) == wanted

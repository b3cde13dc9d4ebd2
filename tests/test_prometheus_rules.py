"""The shipped rules of Prometheus: tested, asking for what is there, and saying it in careful words."""

import re
import subprocess
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from monitor.coverage import COVERAGE_CLASSES
from monitor.datasets.sources import SOURCES
from monitor.types import Outcome
from tests.metrics_kit import PROMTOOL, needs_promtool
from tests.rules_kit import (
    ALERT_NAMES,
    ALERTING,
    ALERTS,
    FOLDER,
    KNOWN_LABELS,
    METRICS,
    OF_PROMETHEUS,
    RECORDED,
    RULE_FILES,
    TEST_FILES,
    listed_labels,
    rules,
    selectors,
)

SEVERITIES = {"critical", "warning", "info"}
FORBIDDEN = re.compile(r"complian|GDPR|NIS2|breach|sent to|illegal|leak|exfiltrat", re.IGNORECASE)
VALUES: dict[str, set[str]] = {
    "outcome": set(get_args(Outcome)),
    "source_group": {"none"},
    "job": {"residency"},
}
WORDS: dict[str, set[str]] = {
    "residency_connections_total": set(COVERAGE_CLASSES),
    "residency_ech_connections_total": {"offered", "grease"},
}
HEADS = "\n".join((FOLDER / file).read_text("utf-8").partition("\ngroups:")[0] for file in ALERTING)


def promtool(*words: str | Path) -> str:
    """Run promtool, which has to be content; return what it says."""
    ran = subprocess.run([PROMTOOL, *words], cwd=FOLDER, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def cases() -> list[tuple[str, bool, str]]:
    """Return of every case the alert, whether it fires, and the severity that it fires with."""
    found = []
    for file in TEST_FILES:
        for test in yaml.safe_load((FOLDER / "tests" / file).read_text("utf-8"))["tests"]:
            for case in test.get("alert_rule_test", []):
                fired = [each["exp_labels"]["severity"] for each in case["exp_alerts"]]
                found += [(case["alertname"], True, severity) for severity in fired]
                found += [] if fired else [(case["alertname"], False, "")]
    return found


@needs_promtool
def test_promtool_takes_rules_and_configuration() -> None:
    said = promtool("check", "rules", "--lint=all", "--lint-fatal", *RULE_FILES)
    assert re.findall(r"SUCCESS: (\d+) rules found", said) == [str(len(rules(file))) for file in RULE_FILES]
    config = promtool("check", "config", "prometheus.example.yaml")
    assert f"SUCCESS: {len(RULE_FILES)} rule files found" in config


def test_every_file_of_rules_is_known_and_has_one_theme() -> None:
    assert sorted(path.name for path in FOLDER.glob("*.rules.yaml")) == sorted(RULE_FILES)
    for file in ALERTING:
        (group,) = yaml.safe_load((FOLDER / file).read_text("utf-8"))["groups"]
        assert file == f"{group['name']}.rules.yaml"


@needs_promtool
@pytest.mark.parametrize("file", TEST_FILES)
def test_the_tests_of_the_rules_hold(file: str) -> None:
    assert "SUCCESS" in promtool("test", "rules", f"tests/{file}")


def test_every_alert_fires_in_one_case_and_not_in_another() -> None:
    fires = {name for name, fired, _ in cases() if fired}
    rests = {name for name, fired, _ in cases() if not fired}
    assert sorted(fires) == sorted(rests) == ALERT_NAMES


def test_alerts_fire_with_the_severities_that_there_are() -> None:
    assert {severity for _, fired, severity in cases() if fired} == SEVERITIES
    assert {severity for name, fired, severity in cases() if fired and name == "ResidencyCaptureLoss"} == {
        "critical",
        "warning",
    }


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: f"{rule['alert']}-{rule['labels']['severity'][:8]}")
def test_an_alert_says_what_it_has_to(rule: dict[str, Any]) -> None:
    severity, said = rule["labels"]["severity"], rule["annotations"]
    plain = re.findall(r"}}(\w+){{", severity) if "{{" in severity else [severity]
    assert plain
    assert set(plain) <= SEVERITIES
    assert set(said) == {"summary", "description", "runbook_url"}
    assert said["runbook_url"] == f"{{{{ $externalLabels.runbooks }}}}/{rule['alert']}.md"
    text = f"{said['summary']} {said['description']}"
    assert not FORBIDDEN.search(text)
    assert said["description"].endswith(".")
    assert "{{ $value }}" not in text  # a value is always made readable
    assert (
        ("for" in rule)
        or rule["alert"].startswith(("ResidencyViolation", "ResidencyNew"))
        or _is_a_state(rule)
    )


def _is_a_state(rule: dict[str, Any]) -> bool:
    """Whether what is asked for cannot come and go between two looks: a time, a sum, what stays."""
    return bool(re.search(r"increase\(|timestamp_seconds|reload_failed|dead_events", rule["expr"]))


def test_what_waits_for_a_person_outlasts_a_start_of_the_sensor() -> None:
    held = {rule["alert"] for rule in ALERTS if rule.get("keep_firing_for") == "5m"}
    waits = re.compile("ResidencyFinding|ResidencyException|ResidencyDeadLetters")
    assert held == {name for name in ALERT_NAMES if waits.match(name)}


@pytest.mark.parametrize("alert", ["ResidencyViolationOpen", "ResidencyNewViolation"])
def test_one_violation_is_enough(alert: str) -> None:
    (rule,) = [rule for rule in ALERTS if rule["alert"] == alert]
    assert "for" not in rule
    assert rule["labels"]["rule"] == "{{ $labels.policy }}"  # as the sink's alerts call it
    assert "> 0" in rule["expr"]


@pytest.mark.parametrize(
    "expr",
    [*RECORDED.values(), *(rule["expr"] for rule in ALERTS)],
    ids=lambda expr: " ".join(expr.split())[:50],
)
def test_an_expression_asks_for_what_there_is(expr: str) -> None:
    assert listed_labels(expr) <= KNOWN_LABELS
    assert selectors(expr)
    for name, labels in selectors(expr):
        if ":" in name:
            assert name in RECORDED
            continue
        assert set(labels) <= METRICS[name] | OF_PROMETHEUS, name
        for label, value in labels.items():
            known = VALUES.get(label) or WORDS.get(name)
            assert known is None or set(value.split("|")) <= known, (name, label, value)


def test_what_is_recorded_is_used_and_named_by_its_level() -> None:
    asked = {name for rule in ALERTS for name, _ in selectors(rule["expr"]) if ":" in name}
    assert asked | {name for expr in RECORDED.values() for name, _ in selectors(expr) if ":" in name} == set(
        RECORDED
    )
    for name, expr in RECORDED.items():
        level, metric, operation = name.split(":")
        assert level in {"sensor", "source_group"}
        assert metric.startswith("residency_")
        assert operation.startswith(("increase", "ratio_", "count"))
        by = {"sensor"} if level == "sensor" else {"sensor", "tenant", "source_group"}
        assert listed_labels(expr) == by


def test_a_data_set_is_stale_some_days_after_its_source_says_so() -> None:
    (rule,) = [rule for rule in ALERTS if rule["alert"] == "ResidencyDataSetsStale"]
    found = re.findall(r'\{reason(=~|!~)"([^"]+)"\}\s*\) > (\d+) \* 86400', rule["expr"])
    assert len(found) == 3
    for source in SOURCES:
        days = [int(n) for sign, of, n in found if (source.id in of.split("|")) == (sign == "=~")]
        assert days == [source.stale_days + 15], source.id


def test_the_thresholds_at_the_top_are_those_of_the_expressions() -> None:
    rows = re.findall(r"^#   (Residency\w+) +(.+?)  +\S", HEADS, re.MULTILINE)
    assert len(rows) == 16
    for alert, thresholds in rows:
        expr = " ".join(rule["expr"] for rule in ALERTS if rule["alert"] == alert)
        for threshold in thresholds.split(", "):
            assert re.search(rf"{re.escape(threshold)}\b", expr), (alert, threshold)

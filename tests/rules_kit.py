"""What the tests of the shipped rules share: the rules, their expressions, and the runbooks' commands."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from monitor.metrics import families, families_fleet, families_publisher
from monitor.metrics.family import LABELS, SENSOR

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "grafana/prometheus"
RUNBOOKS = ROOT / "docs/runbooks"
AMTOOL = shutil.which("amtool") or ""
RECORDING = "residency-recording.rules.yaml"
THEMES = ("policy", "coverage", "sensor", "evidence")  # in the order of the runbooks
ALERTING = tuple([f"residency-{theme}.rules.yaml" for theme in THEMES])
RULE_FILES = (RECORDING, *ALERTING)
TEST_FILES = tuple(sorted(path.name for path in (FOLDER / "tests").glob("*.test.yaml")))

needs_amtool = pytest.mark.skipif(not AMTOOL, reason="amtool is not here: install prometheus-alertmanager")

FAMILIES = {*families.FAMILIES, *families_fleet.FAMILIES, *families_publisher.FAMILIES}
METRICS: dict[str, set[str]] = {family.name: set(family.labels) for family in FAMILIES}
METRICS |= {
    f"{family.name}{suffix}": {*family.labels} | ({"le"} if suffix == "_bucket" else set())
    for family in FAMILIES
    if family.kind == "histogram"
    for suffix in ("_bucket", "_count", "_sum")
}
METRICS |= {"up": set(), "process_cpu_seconds_total": set()}
OF_PROMETHEUS = {"job", "instance", SENSOR}
KNOWN_LABELS = LABELS | OF_PROMETHEUS | {"le", "rule_severity"}

_SELECTOR = re.compile(r"(\b[a-z_]+:[a-z0-9_:]+|residency_\w+|\bup\b|process_\w+)(?:\{([^}]*)\})?")
_MATCHER = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"')
_LISTED = re.compile(r"\b(?:by|on|without|ignoring|group_left|group_right)\s*\(([^)]*)\)")


def rules(file: str) -> list[dict[str, Any]]:
    """Return the rules of a file, of all groups."""
    return [
        rule
        for group in yaml.safe_load((FOLDER / file).read_text("utf-8"))["groups"]
        for rule in group["rules"]
    ]


ALERTS = [rule for file in ALERTING for rule in rules(file)]
RECORDED = {rule["record"]: rule["expr"] for rule in rules(RECORDING)}
ALERT_NAMES = sorted({rule["alert"] for rule in ALERTS})


def selectors(expr: str) -> list[tuple[str, dict[str, str]]]:
    """Return the metrics that an expression asks for, with the labels that it asks for."""
    bare = re.sub(r'"[^"]*"', lambda text: text[0].replace("{", "").replace("}", ""), expr)
    return [(name, dict(_MATCHER.findall(labels))) for name, labels in _SELECTOR.findall(bare)]


def listed_labels(expr: str) -> set[str]:
    """Return the labels by which an expression groups or matches."""
    return {label.strip() for part in _LISTED.findall(expr) for label in part.split(",") if label.strip()}


def blocks(page: str, language: str) -> list[str]:
    """Return the lines of a page's blocks of a language."""
    found = re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)
    return [line for block in found for line in block.splitlines() if line.strip()]


def commands(page: str) -> list[str]:
    """Return the commands of this program that a page names: in blocks, and in the text."""
    inline = re.findall(r"`(?:sudo )?(residency (?!deliver`)[a-z][^`]*)`", page.replace("\n", " "))
    return [line for line in blocks(page, "sh") if line.startswith("residency ")] + inline

"""The guide to the metrics names every one, as it is, and points to the alerts that ask for them."""

import re

from monitor.metrics.families import FAMILIES
from monitor.metrics.family import LABELS, Family
from tests.metrics_kit import ROOT
from tests.wording_kit import forbidden_in

GUIDE = (ROOT / "docs/65-metrics.md").read_text(encoding="utf-8")
UNITS = ("_total", "_seconds", "_bytes", "_info")
WITHOUT_UNIT = {
    "residency_violations_open", "residency_reload_failed", "residency_capturing",
    "residency_flow_table_flows", "residency_flow_table_limit_flows", "residency_queue_observations",
    "residency_series", "residency_findings", "residency_sink_waiting_events", "residency_sink_dead_events",
    "residency_sink_failing",
}  # fmt: skip


def line(family: Family) -> str:
    """Return a family's row of the table."""
    labels = ", ".join(f"`{name}`" for name in family.labels) or "none"
    return f"| `{family.name}` | {family.kind} | {labels} | {family.says} |"


def test_the_table_is_current() -> None:
    wanted = [line(family) for family in FAMILIES]
    assert [each for each in GUIDE.splitlines() if each.startswith("| `residency_")] == wanted


def test_every_label_is_explained() -> None:
    assert set(re.findall(r"^- `(\w+)`", GUIDE, re.MULTILINE)) == LABELS


def test_every_metric_that_the_guide_names_is_there() -> None:
    there = {family.name for family in FAMILIES}
    histograms = [each.name for each in FAMILIES if each.kind == "histogram"]
    there |= {f"{name}{suffix}" for name in histograms for suffix in ("_bucket", "_count")}
    assert set(re.findall(r"\bresidency_\w+", GUIDE)) <= there


def test_the_guide_points_to_the_rules_that_are_shipped() -> None:
    section = GUIDE.partition("\n## Alerts\n")[2].partition("\n## ")[0]
    assert "`grafana/prometheus/`" in section
    assert (ROOT / "grafana/prometheus/residency-policy.rules.yaml").is_file()
    (link,) = re.findall(r"\]\(([^)]+)\)", section)
    assert (ROOT / "docs" / link).is_file()


def test_names_follow_the_conventions() -> None:
    for family in FAMILIES:
        assert re.fullmatch(r"residency_[a-z]+(_[a-z]+)*", family.name)
        assert family.name.endswith(UNITS) or family.name in WITHOUT_UNIT
        assert family.name.endswith("_total") == (family.kind == "counter")
        assert family.name.endswith("_info") == (family.kind == "info")
        assert family.says.endswith(".")


def test_no_help_text_claims_what_packets_cannot_show() -> None:
    for family in FAMILIES:
        assert not forbidden_in(family.says)
        assert not re.search(r"GDPR|breach|was sent to|illegal", family.says, re.IGNORECASE)

"""Findings as alerts of Prometheus Alertmanager (API v2, `postableAlert`). Pure.

An alert is known by its labels: they are what a finding is known by, and nothing that changes while it lives,
but for its severity. State, counts and times are annotations.
"""

from collections.abc import Mapping
from typing import Any

from monitor.events import FindingEvent, SummaryEvent
from monitor.events.parts import amount, headline, place, timestamp
from monitor.findings.transitions import CLOSED
from monitor.findings.types import Finding
from monitor.sinks.plain import plain
from monitor.wording import listed, moment

OWN_LABELS = frozenset(
    {
        "alertname", "finding", "kind", "provider", "region", "rule", "sensor", "severity", "source_group",
        "tenant",
    }
)  # fmt: skip


def finding_alert(event: FindingEvent, labels: Mapping[str, str], now_ns: int) -> dict[str, Any]:
    """Return a finding's alert: without an end while it is open, so that Alertmanager sets one itself.

    ``now_ns`` bounds its times: they are of packets, and Alertmanager refuses what starts after its end.
    """
    finding = event.change.finding
    start = _known(finding.opened_ns, now_ns)
    alert = {
        "labels": dict(labels) | _labels(finding),
        "annotations": _annotations(event),
        "startsAt": timestamp(start),
    }
    if finding.state in CLOSED:
        alert["endsAt"] = timestamp(max(start, _known(event.change.at_ns, now_ns)))
    return alert


def summary_alert(event: SummaryEvent, labels: Mapping[str, str], now_ns: int) -> dict[str, Any]:
    """Return the alert of events folded into numbers; it ends by itself, by Alertmanager's time-out."""
    own = {"sensor": event.sensor, "tenant": event.tenant, "severity": event.severity}
    return {
        "labels": dict(labels) | {"alertname": "ResidencyEventsFolded"} | _texts(own),
        "annotations": _texts({"summary": headline(event), "findings": listed(event.findings)}),
        "startsAt": timestamp(_known(event.at_ns, now_ns)),
    }


def _labels(finding: Finding) -> dict[str, str]:
    return {"alertname": "ResidencyFinding"} | _texts(
        {
            "finding": finding.id,
            "kind": finding.kind,
            "provider": finding.provider,
            "region": finding.region,
            "rule": finding.rule,
            "severity": finding.severity,
            "source_group": finding.subject.source_group,
            "tenant": finding.subject.tenant,
        }
    )


def _annotations(event: FindingEvent) -> dict[str, str]:
    change, finding = event.change, event.change.finding
    why = [f"{change.why}."] if change.why != finding.title else []
    said = [*why, f"Place: {place(finding)}.", f"Seen: {amount(finding)}.", *event.basis.limits]
    return _texts(
        {
            "summary": finding.title,
            "description": " ".join(each.replace("..", ".") for each in said),
            "remediation": finding.remediation,
            "deadline": f"{moment(finding.deadline_ns)} UTC",
            "state": finding.state,
            "show": f"residency findings show {finding.id}",
            "sensor": event.basis.sensor,
        },
        2_000,
    )


def _texts(values: Mapping[str, str | None], limit: int = 300) -> dict[str, str]:
    """Return what is there, without anything that could break a line."""
    return {name: plain(value, limit) for name, value in values.items() if value}


def _known(at_ns: int, now_ns: int) -> int:
    """Return a packet's time between 1970 and now."""
    return max(0, min(at_ns, now_ns))

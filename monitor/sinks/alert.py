"""Findings as alerts of Prometheus Alertmanager (API v2, `postableAlert`). Pure.

An alert is known by its labels: they are what a finding is known by, and nothing that changes while it lives,
but for its severity. State, counts and times are annotations.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from monitor.events.types import FindingEvent, SummaryEvent
from monitor.findings.types import Finding, State
from monitor.sinks.plain import plain
from monitor.wording import describe_place, listed, moment, plural, size

ACTIVE: frozenset[State] = frozenset({"open", "acknowledged", "curing"})
OWN_LABELS = frozenset(
    {"alertname", "finding", "kind", "provider", "region", "rule", "sensor", "severity", "source_group", "tenant"}
)  # fmt: skip
_SECOND_NS = 1_000_000_000


def finding_alert(event: FindingEvent, labels: Mapping[str, str], now_ns: int) -> dict[str, Any]:
    """Return a finding's alert: without an end while it is open, so that Alertmanager sets one itself.

    ``now_ns`` bounds its times: they are of packets, and Alertmanager refuses what starts after its end.
    """
    finding = event.change.finding
    start = min(finding.opened_ns, now_ns)
    alert = {
        "labels": dict(labels) | _labels(finding),
        "annotations": _annotations(event),
        "startsAt": _time(start),
    }
    if finding.state not in ACTIVE:
        alert["endsAt"] = _time(max(start, min(event.change.at_ns, now_ns)))
    return alert


def summary_alert(event: SummaryEvent, labels: Mapping[str, str], now_ns: int) -> dict[str, Any]:
    """Return the alert of events folded into numbers; it ends by itself, by Alertmanager's time-out."""
    own = {"sensor": event.sensor, "tenant": event.tenant, "severity": event.severity}
    said = f"{plural(event.events, 'event')} folded into one: each is in the ledger of sensor {event.sensor}"
    return {
        "labels": dict(labels) | {"alertname": "ResidencyEventsFolded"} | _texts(own),
        "annotations": _texts({"summary": said, "findings": listed(event.findings)}),
        "startsAt": _time(min(event.at_ns, now_ns)),
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
    place = describe_place(finding.scope, finding.region, finding.countries)
    amount = (
        f"{plural(finding.count, 'connection')} of {plural(finding.client_count, 'client')}, "
        f"{size(finding.bytes_up)} up, {size(finding.bytes_down)} down"
    )
    said = [f"{change.why}.", f"Place: {place}.", f"{amount}.", *event.basis.limits]
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


def _time(at_ns: int) -> str:
    """Return RFC 3339, to the millisecond. Whatever lies before 1970 is 1970."""
    seconds, rest = divmod(max(at_ns, 0), _SECOND_NS)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest // 1_000_000:03d}Z"

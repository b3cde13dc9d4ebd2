"""An event as the Open Cybersecurity Schema Framework has it, version 1.8.0. Pure.

A finding is a Compliance Finding (class 2003). What is no finding is a Base Event (class 0): events that had
no room, and checkpoints, are statements about this program and its ledger; OCSF has no class for those.
See docs/69-formats.md for each field.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from monitor.events.ocsf_evidence import evidences, observables, tags
from monitor.events.parts import PRODUCT, PROGRAM, group_name, headline, milliseconds, sources
from monitor.events.types import CheckpointEvent, Event, FindingEvent, SummaryEvent
from monitor.findings.types import Finding, State, What
from monitor.policy.words import FindingKind, Severity

VERSION: Final = "1.8.0"
COMPLIANCE_FINDING: Final = 2003
FINDINGS: Final = 2  # the category
INSUFFICIENT = "The evidence is insufficient to say whether the policy allows this."
PATTERN = "A pattern over connections, to be looked into; no single one of them is judged by it."
INCIDENT: Final = "incident"  # the profile that has tickets and assignees

_ACTIVITIES: dict[What, tuple[int, str]] = {
    "opened": (1, "Create"),
    "updated": (2, "Update"),
    "reminder": (2, "Update"),
    "closed": (3, "Close"),
}
_STATES: dict[State, tuple[int, str]] = {
    "open": (1, "New"),
    "acknowledged": (2, "In Progress"),
    "curing": (2, "In Progress"),
    "excepted": (3, "Suppressed"),
    "cured": (4, "Resolved"),
}
_SEVERITIES: dict[Severity, tuple[int, str]] = {
    "low": (2, "Low"),
    "medium": (3, "Medium"),
    "high": (4, "High"),
    "critical": (5, "Critical"),
}
_FAIL, _WARNING = (3, "Fail"), (2, "Warning")
_STATUSES: dict[FindingKind, tuple[int, str]] = {
    "violation": _FAIL,
    "indeterminate": _WARNING,
    "dual-exposure": _FAIL,  # one of its sides is outside policy
    "gateway-bypass": _FAIL,  # the policy names the gateway, and it was passed by
    "relay-suspected": _WARNING,
    "unusual-upload": _WARNING,
    "console-access": _WARNING,
}
_DETAILS: dict[FindingKind, str] = {
    "indeterminate": INSUFFICIENT,
    "relay-suspected": PATTERN,
    "unusual-upload": PATTERN,
    "console-access": PATTERN,
}
_PLACE_IN_IT = re.compile(r"\s+(?:Art\.|Article\b|Annex\b|\u00a7|[Ss]ection\b|[Cc]lause\b)")


def ocsf(event: Event) -> dict[str, Any]:
    """Return the event as an OCSF object. Times are milliseconds; `metadata.uid` is the idempotency key."""
    form = _finding(event) if isinstance(event, FindingEvent) else _base(event)
    plain: dict[str, Any] = msgspec.to_builtins(form)
    return plain


def _finding(event: FindingEvent) -> dict[str, Any]:
    change, finding = event.change, event.change.finding
    activity_id, activity = _ACTIVITIES[change.what]
    state_id, state = _STATES[_open_state(finding) if finding.state == "lapsed" else finding.state]
    severity_id, severity = _SEVERITIES[finding.severity]
    of_incident = _incident(finding)
    return {
        "class_uid": COMPLIANCE_FINDING,
        "class_name": "Compliance Finding",
        "category_uid": FINDINGS,
        "category_name": "Findings",
        "activity_id": activity_id,
        "activity_name": activity,
        "type_uid": COMPLIANCE_FINDING * 100 + activity_id,
        "type_name": f"Compliance Finding: {activity}",
        "time": milliseconds(change.at_ns),
        "start_time": milliseconds(finding.first_ns),
        "end_time": milliseconds(finding.last_ns),
        "timezone_offset": 0,
        **({"count": finding.count} if finding.count else {}),  # none has ended
        "severity_id": severity_id,
        "severity": severity,
        "status_id": state_id,
        "status": state,
        "status_code": finding.state,
        "status_detail": change.why,
        "message": headline(event),
        "metadata": _metadata(event, event.basis.tool) | ({"profiles": [INCIDENT]} if of_incident else {}),
        "finding_info": _info(event),
        "compliance": _compliance(event),
        "resources": [_source(finding)],
        **_evidence(finding),
        **({"remediation": _remediation(finding)} if finding.remediation else {}),
        **of_incident,
        "unmapped": _unmapped(event),
    }


def _open_state(finding: Finding) -> State:
    """Return how a finding would stand had its deadline not passed: OCSF has no word for that."""
    if finding.cure is not None:
        return "curing"
    return "acknowledged" if finding.acknowledged is not None else "open"


def _metadata(event: Event, tool: str | None) -> dict[str, Any]:
    product = {"name": PRODUCT, "vendor_name": PRODUCT, "uid": PROGRAM}
    sensor, tenant = (
        (event.basis.sensor, event.change.finding.subject.tenant)
        if isinstance(event, FindingEvent)
        else (event.sensor, event.tenant)
    )
    return {
        "version": VERSION,
        "product": product | ({"version": tool} if tool else {}),
        "uid": event.key,
        "log_name": "findings" if isinstance(event, FindingEvent) else "operation",
        "log_provider": PROGRAM,
        "reporter": {"name": sensor},
        **({"tenant_uid": tenant} if tenant else {}),
        **({"correlation_uid": event.change.finding.id} if isinstance(event, FindingEvent) else {}),
    }


def _info(event: FindingEvent) -> dict[str, Any]:
    finding, basis = event.change.finding, event.basis
    return {
        "uid": finding.id,
        "title": finding.title,
        "desc": " ".join(("; ".join((finding.title, *_reasons(finding))) + ".", *basis.limits)),
        "types": [finding.kind],
        "created_time": milliseconds(finding.opened_ns),
        "modified_time": milliseconds(event.at_ns),
        "first_seen_time": milliseconds(finding.first_ns),
        "last_seen_time": milliseconds(finding.last_ns),
        "related_events_count": finding.count,
        "data_sources": sources(basis),
        "tags": tags(finding),
    }


def _compliance(event: FindingEvent) -> dict[str, Any]:
    finding = event.change.finding
    status_id, status = _STATUSES[finding.kind]
    severity_id, severity = _SEVERITIES[finding.severity]
    detail = _DETAILS.get(finding.kind)
    check = {
        "uid": finding.rule,
        "name": finding.title,
        "status_id": status_id,
        "status": status,
        "severity_id": severity_id,
        "severity": severity,
        **({"version": event.basis.policy} if event.basis.policy else {}),
        **({"standards": _standards(finding.references)} if finding.references else {}),
    }
    return {
        "control": finding.rule,
        "standards": _standards(finding.references),
        "requirements": list(finding.references) or [finding.rule],
        "status_id": status_id,
        "status": status,
        "status_details": [*([detail] if detail else []), *_reasons(finding)],
        "checks": [check],
        **({"status_detail": detail} if detail else {}),
    }


def _standards(references: Sequence[str]) -> list[str]:
    """Return what rules refer to, once each, without the place in it: "GDPR" of "GDPR Art. 44"."""
    return list(dict.fromkeys(_PLACE_IN_IT.split(reference, maxsplit=1)[0] for reference in references))


def _source(finding: Finding) -> dict[str, Any]:
    """Whose connections they are: the resource that the check is about."""
    subject = finding.subject
    name = group_name(subject) or "clients of no source group"
    return {
        "name": name,
        "type": "source group",
        "role_id": 2,
        "role": "Actor",
        **({"namespace": subject.tenant} if subject.tenant else {}),
        **({"group": {"name": subject.source_group}} if subject.source_group else {}),
        **({"labels": [f"data class {subject.data_class}"]} if subject.data_class else {}),
    }


def _evidence(finding: Finding) -> dict[str, Any]:
    if finding.sample is None:
        return {}
    return {"evidences": evidences(finding), "observables": observables(finding.sample)}


def _remediation(finding: Finding) -> dict[str, Any]:
    references = {"references": list(finding.references)} if finding.references else {}
    return {"desc": finding.remediation} | references


def _incident(finding: Finding) -> dict[str, Any]:
    """What only the profile `incident` has a place for."""
    found: dict[str, Any] = {}
    if finding.cure is not None:
        found["assignee_group"] = {"name": finding.cure.owner_role}
    if finding.waiver is not None:
        found["ticket"] = {"uid": finding.waiver.ticket, "title": finding.waiver.note.text}
    return found


def _reasons(finding: Finding) -> tuple[str, ...]:
    return finding.sample.reasons if finding.sample else ()


def _unmapped(event: FindingEvent) -> dict[str, Any]:
    """What OCSF has no place for. Times in nanoseconds, as in our own form."""
    finding = event.change.finding
    notes = {"acknowledged": finding.acknowledged, "cure": finding.cure, "cured": finding.cured}
    return {
        "what": event.change.what,
        "revision": finding.revision,
        "reopened": finding.reopened,
        "bytes_up": finding.bytes_up,
        "bytes_down": finding.bytes_down,
        "clients": list(finding.clients),
        "client_count": finding.client_count,
        "clients_capped": finding.clients_capped,
        "deadline_ns": finding.deadline_ns,
        "reminders": list(finding.reminders),
        "limits": list(event.basis.limits),
        **{name: note for name, note in notes.items() if note is not None},
        **({"waiver": finding.waiver} if finding.waiver else {}),
        **({"silence": finding.silence} if finding.silence else {}),
    }


def _base(event: SummaryEvent | CheckpointEvent) -> dict[str, Any]:
    """Return a Base Event with the activity Other."""
    severity_id, severity = (
        _SEVERITIES[event.severity] if isinstance(event, SummaryEvent) else (1, "Informational")
    )
    said = {
        "class_uid": 0,
        "class_name": "Base Event",
        "category_uid": 0,
        "category_name": "Uncategorized",
        "activity_id": 99,
        "activity_name": "Events folded" if isinstance(event, SummaryEvent) else "Checkpoint signed",
        "type_uid": 99,
        "type_name": "Base Event: Other",
        "time": milliseconds(event.at_ns),
        "timezone_offset": 0,
        "severity_id": severity_id,
        "severity": severity,
        "message": headline(event),
        "metadata": _metadata(event, None),
    }
    if isinstance(event, CheckpointEvent):
        return said | {"raw_data": event.checkpoint, "raw_data_size": len(event.checkpoint.encode())}
    return said | {
        "count": event.events,
        "start_time": milliseconds(event.first_ns),
        "end_time": milliseconds(event.last_ns),
        "unmapped": {"findings": list(event.findings)},
    }

"""An event as the Elastic Common Schema has it, version 8.17. Pure.

Fields of ECS hold what ECS says that they hold; all that is our own is below `residency`, a name that ECS
does not use. See docs/69-formats.md for each field.
"""

from typing import Any, Final

import msgspec

from monitor.attribution.evidence import is_of_hello
from monitor.events.parts import PRODUCT, PROGRAM, headline, ip_version, place, timestamp
from monitor.events.types import CheckpointEvent, Event, FindingEvent, SummaryEvent
from monitor.findings.types import Finding, Sample
from monitor.policy.words import Severity

VERSION: Final = "8.17.0"
# As Elastic's detection engine has them.
_SEVERITIES: dict[Severity, int] = {"low": 21, "medium": 47, "high": 73, "critical": 99}
_INFORMATION: Final = 0


def ecs(event: Event) -> dict[str, Any]:
    """Return the event as a nested ECS document; `event.id` is the idempotency key."""
    form = _finding(event) if isinstance(event, FindingEvent) else _statement(event)
    plain: dict[str, Any] = msgspec.to_builtins(form)
    return plain


def _finding(event: FindingEvent) -> dict[str, Any]:
    finding, basis = event.change.finding, event.basis
    document = _head(event, basis.sensor, basis.tool, finding.subject.tenant) | {
        "event": _event(event),
        "rule": _rule(event),
        "labels": _labels(finding),
        "residency": {
            "what": event.change.what,
            "why": event.change.why,
            "finding": _without_nothing(msgspec.structs.asdict(finding) | {"sample": None}),
            "place": place(finding),
            "evidence": list(finding.sample.evidence) if finding.sample else [],
            "conflicts": list(finding.sample.conflicts) if finding.sample else [],
            "reasons": list(finding.sample.reasons) if finding.sample else [],
            "policy": basis.policy,
            "catalogue": basis.catalogue,
            "datasets": list(basis.datasets),
            "limits": list(basis.limits),
        },
    }
    if finding.provider is not None:
        document["cloud"] = {"target": _cloud(finding)}
    if finding.sample is not None:
        document |= _connection(finding.sample)
    return document


def _head(event: Event, sensor: str, tool: str | None, tenant: str | None) -> dict[str, Any]:
    observer = {"name": sensor, "product": PRODUCT, "vendor": PRODUCT, "type": "sensor", "version": tool}
    return {
        "@timestamp": timestamp(event.at_ns),
        "ecs": {"version": VERSION},
        "message": headline(event),
        "observer": _without_nothing(observer),
        **({"organization": {"name": tenant}} if tenant else {}),
    }


def _event(event: FindingEvent) -> dict[str, Any]:
    finding = event.change.finding
    return {
        "id": event.key,
        "kind": "alert",
        "category": ["network"],
        "type": ["info"],
        "action": f"finding-{event.change.what}",
        "code": finding.rule,
        "dataset": f"{PROGRAM}.findings",
        "module": PROGRAM,
        "provider": PROGRAM,
        "severity": _SEVERITIES[finding.severity],
        "start": timestamp(finding.first_ns),
        "end": timestamp(finding.last_ns),
        "reason": event.change.why,
    }


def _rule(event: FindingEvent) -> dict[str, Any]:
    finding = event.change.finding
    rule = {
        "id": finding.rule,
        "name": finding.rule,
        "category": finding.kind,
        "description": finding.title,
        "ruleset": event.basis.policy,
        "reference": "; ".join(finding.references) or None,
    }
    return _without_nothing(rule)


def _labels(finding: Finding) -> dict[str, str]:
    """Return what one filters by. All values are keywords."""
    labels = {
        "finding": finding.id,
        "state": finding.state,
        "severity": finding.severity,
        "source_group": finding.subject.source_group,
        "data_class": finding.subject.data_class,
        "scope": finding.scope,
        "certainty": finding.certainty,
        "provider": finding.provider,
    }
    return {name: value for name, value in labels.items() if value is not None}


def _cloud(finding: Finding) -> dict[str, Any]:
    """The service that was reached: `cloud` itself would be the cloud that this sensor runs in."""
    service = {"name": finding.service} if finding.service is not None else None
    return _without_nothing({"provider": finding.provider, "region": finding.region, "service": service})


def _connection(sample: Sample) -> dict[str, Any]:
    flow = sample.flow
    version = ip_version(flow.server)
    kind = f"ipv{version}" if version else None
    network = {"transport": flow.transport, "type": kind, "direction": "outbound"}
    found: dict[str, Any] = {
        "source": _end(flow.client, flow.client_port),
        "destination": _end(flow.server, flow.server_port),
        "network": _without_nothing(network),
        "related": {"ip": [each for each in (flow.client, flow.server) if ip_version(each) is not None]},
    }
    if sample.server_name is not None:
        found["destination"]["domain"] = sample.server_name
        found["related"]["hosts"] = [sample.server_name]
        if any(map(is_of_hello, sample.evidence)):
            found["tls"] = {"client": {"server_name": sample.server_name}}
    return found


def _end(address: str, port: int) -> dict[str, Any]:
    """An end of the connection. A pseudonym is no `ip`, and has no port."""
    return {"address": address} | ({"ip": address, "port": port} if ip_version(address) is not None else {})


def _statement(event: SummaryEvent | CheckpointEvent) -> dict[str, Any]:
    """What is no finding: a statement about this program and its ledger."""
    folded = isinstance(event, SummaryEvent)
    said = _head(event, event.sensor, None, event.tenant)
    about: dict[str, Any] = {
        "id": event.key,
        "kind": "event",
        "action": "events-folded" if folded else "checkpoint-signed",
        "dataset": f"{PROGRAM}.operation",
        "module": PROGRAM,
        "provider": PROGRAM,
        "severity": _INFORMATION,
    }
    if isinstance(event, CheckpointEvent):
        return said | {"event": about, "residency": {"checkpoint": event.checkpoint}}
    times = {"start": timestamp(event.first_ns), "end": timestamp(event.last_ns)}
    about |= {"severity": _SEVERITIES[event.severity], **times}
    return said | {
        "event": about,
        "labels": {"severity": event.severity},
        "residency": {"events": event.events, "findings": list(event.findings)},
    }


def _without_nothing(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}

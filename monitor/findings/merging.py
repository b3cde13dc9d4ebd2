"""Adds decisions and behaviours up to findings: least, greatest, sums. In any order the result is the same.

What names a finding (title, certainty, countries and the like) is that of its first connection. A decision
ahead of a connection's end counts nothing; only its time, its severity and its text may be the first.
"""

from bisect import bisect_left
from typing import Any

import msgspec
from msgspec.structs import replace

from monitor.behaviours import Behaviour
from monitor.findings import wording
from monitor.findings.clocks import later
from monitor.findings.keys import Key
from monitor.findings.types import Finding, Sample
from monitor.policy.words import DEFAULT_SEVERITY, SEVERITIES, Severity
from monitor.tally import evident_name
from monitor.types import Decision

MAX_CLIENTS = 100  # told apart in one finding; `clients_capped` says that there were more
_FIGURES = ("count", "bytes_up", "bytes_down", "clients", "client_count", "clients_capped")
_HEAD = ("subject", "title", "service", "countries", "certainty", "sample")
_SEVERITIES: dict[str | None, Severity] = {severity: severity for severity in SEVERITIES}
_encode = msgspec.json.Encoder().encode


def begin(id_: str, key: Key, decision: Decision) -> Finding:
    """Return the finding that a decision begins, before it is counted there."""
    attribution = decision.attribution
    return Finding(
        id=id_,
        kind=key.kind,
        rule=key.rule,
        severity=_severity(decision.severity),
        opened_ns=decision.ts_ns,
        first_ns=decision.ts_ns,
        last_ns=decision.ts_ns,
        deadline_ns=decision.ts_ns,
        provider=attribution.provider,
        possible=tuple(sorted(attribution.possible)),
        scope=attribution.scope,
        region=attribution.region,
        **_head(decision),
    )


def with_decision(finding: Finding, decision: Decision) -> Finding:
    """Return the finding with a decision of its own."""
    ts_ns = decision.ts_ns
    new: dict[str, Any] = {
        "first_ns": min(finding.first_ns, ts_ns),
        "last_ns": max(finding.last_ns, ts_ns),
        "alive_ns": max(finding.alive_ns, later(ts_ns, decision.connection.totals.duration_ns)),
        "severity": worst(finding.severity, _severity(decision.severity)),
    }
    if _comes_first(decision, finding):
        new |= _head(decision)
    if not decision.is_open:
        totals = decision.connection.totals
        new |= _with_client(finding, decision.connection.flow.client)
        new["count"] = finding.count + 1
        new["bytes_up"] = finding.bytes_up + totals.bytes_up
        new["bytes_down"] = finding.bytes_down + totals.bytes_down
    return replace(finding, **new)


def begin_behaviour(behaviour: Behaviour) -> Finding:
    """Return the finding that a behaviour begins, before it is counted there."""
    return Finding(
        id=behaviour.id,
        kind=behaviour.kind,
        subject=behaviour.subject,
        rule=behaviour.kind,
        severity=behaviour.severity,
        title=behaviour.what,
        opened_ns=behaviour.first_ns,
        first_ns=behaviour.first_ns,
        last_ns=behaviour.last_ns,
        deadline_ns=behaviour.first_ns,
    )


def with_behaviour(finding: Finding, behaviour: Behaviour) -> Finding:
    """Return the finding with a behaviour as it stands now: the one that counts most is the latest.

    A sensor that starts anew counts a behaviour anew, so figures are the most that one run came to.
    """
    new: dict[str, Any] = {
        "first_ns": min(finding.first_ns, behaviour.first_ns),
        "last_ns": max(finding.last_ns, behaviour.last_ns),
        "alive_ns": max(finding.alive_ns, behaviour.last_ns),
        "severity": worst(finding.severity, behaviour.severity),
    }
    count = sum(behaviour.counts.values())
    if (count, behaviour.bytes_up, behaviour.what) >= (finding.count, finding.bytes_up, finding.title):
        new |= {"count": count, "bytes_up": behaviour.bytes_up, "title": behaviour.what}
    if behaviour.source is not None:
        new |= _with_client(finding, behaviour.source)
    if behaviour.rests_on:
        rest = min(behaviour.rests_on, key=lambda each: each.order())
        if finding.sample is None or rest.order() < (finding.sample.ts_ns, finding.sample.flow.order()):
            new["sample"] = Sample(rest.ts_ns, rest.flow, None)
    return replace(finding, **new)


def recorded(before: Finding, finding: Finding) -> Finding:
    """Return a finding as it was recorded, with what was counted since: that may stand ahead of the record.

    Figures only grow, so the greater ones are the later ones.
    """
    more = {field: getattr(before, field) for field in _FIGURES} if before.count > finding.count else {}
    return replace(
        finding,
        first_ns=min(before.first_ns, finding.first_ns),
        last_ns=max(before.last_ns, finding.last_ns),
        alive_ns=max(before.alive_ns, finding.alive_ns),
        **more,
    )


def worst(one: Severity, other: Severity) -> Severity:
    """Return the worse of two severities."""
    return one if one == other else min(one, other, key=SEVERITIES.index)


def _severity(said: str | None) -> Severity:
    """Return a decision's severity; one that an older ledger calls by another name is the default one."""
    return _SEVERITIES.get(said, DEFAULT_SEVERITY)


def _head(decision: Decision) -> dict[str, Any]:
    """Return what a finding takes from its first connection, by field."""
    attribution, name = decision.attribution, evident_name(decision.connection)
    sample = Sample(
        decision.ts_ns,
        decision.connection.flow,
        name.value if name is not None else None,
        attribution.evidence,
        attribution.conflicts,
        decision.reasons,
        decision.is_open,
    )
    values = (
        decision.connection.subject,
        wording.title(decision),
        attribution.service,
        attribution.countries,
        attribution.certainty,
        sample,
    )
    return dict(zip(_HEAD, values, strict=True))


def _comes_first(decision: Decision, finding: Finding) -> bool:
    """Tell whether a decision's connection is before the sample; of two on one, the last word counts."""
    sample = finding.sample
    if sample is None or decision.ts_ns != sample.ts_ns:
        return sample is None or decision.ts_ns < sample.ts_ns
    mine, theirs = decision.connection.flow.order(), sample.flow.order()
    if mine != theirs or decision.is_open != sample.is_open:
        return (mine, decision.is_open) < (theirs, sample.is_open)
    return _encode(_head(decision)) < _encode({field: getattr(finding, field) for field in _HEAD})


def _with_client(finding: Finding, client: str) -> dict[str, Any]:
    """Return the fields on clients with this one: the first MAX_CLIENTS of all, in their own order."""
    clients = finding.clients
    at = bisect_left(clients, client)
    if at < len(clients) and clients[at] == client:
        return {}
    if len(clients) < MAX_CLIENTS:
        return {"clients": (*clients[:at], client, *clients[at:]), "client_count": len(clients) + 1}
    return {"clients": (*clients[:at], client, *clients[at:])[:MAX_CLIENTS], "clients_capped": True}

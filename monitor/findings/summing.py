"""What the findings of a run come to: how many by state and severity, and when which is to be cured. Pure."""

from collections.abc import Iterable

import msgspec

from monitor.findings.transitions import CLOSED, STATES
from monitor.findings.types import Finding, State
from monitor.policy.words import SEVERITIES, Severity


class Deadline(msgspec.Struct, frozen=True):
    """When a finding that is not closed is, or was, to be cured: ``deadline_ns`` since the epoch."""

    id: str
    severity: Severity
    state: State
    deadline_ns: int


class FindingsBlock(msgspec.Struct, frozen=True):
    """Findings by state and severity, zeros too; and the deadlines of those not closed, soonest first."""

    count: int
    states: dict[State, dict[Severity, int]]
    deadlines: tuple[Deadline, ...]


def summed(findings: Iterable[Finding]) -> FindingsBlock:
    """Count findings."""
    states: dict[State, dict[Severity, int]] = {state: dict.fromkeys(SEVERITIES, 0) for state in STATES}
    deadlines = []
    for finding in findings:
        states[finding.state][finding.severity] += 1
        if finding.state not in CLOSED:
            deadlines.append(Deadline(finding.id, finding.severity, finding.state, finding.deadline_ns))
    return FindingsBlock(
        count=sum(sum(each.values()) for each in states.values()),
        states=states,
        deadlines=tuple(sorted(deadlines, key=lambda each: (each.deadline_ns, each.id))),
    )

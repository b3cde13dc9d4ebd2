"""The sentences of findings. They say what was seen, and what the policy says of it; never more."""

from collections.abc import Iterable

from monitor.behaviours.piles import endpoint
from monitor.behaviours.wording import who
from monitor.findings.types import Finding, Reminder
from monitor.policy.schema import DEFAULT_RULE
from monitor.types import Attribution, Decision
from monitor.wording import listed, moment, plural

MAX_POSSIBLE = 3  # providers that a sentence lists


def title(decision: Decision) -> str:
    """Return what a decision's finding is called."""
    rule = "the policy's default" if decision.rule in {None, DEFAULT_RULE} else decision.rule
    said = (
        f"connections from {who(decision.connection.subject, None)} ended at {_reached(decision.attribution)}"
    )
    if decision.outcome == "violation":
        return f"{said}: outside policy by {rule}"
    return f"{said}: {rule} leaves open whether that is within policy"


def counted(finding: Finding) -> str:
    """Return how much a finding has come to."""
    said = f"{plural(finding.count, 'connection')} so far"
    if not finding.client_count:
        return said
    more = "more than " if finding.clients_capped else ""
    return f"{said}, from {more}{plural(finding.client_count, 'client')}"


def reminded(due: Iterable[Reminder]) -> str:
    """Return what the clocks say that are due: of several at once, one sentence."""
    says = "; ".join(f"{each.name}: {each.says}" for each in due)
    return f"for a person to decide on, {says}"


def returned(finding: Finding, ts_ns: int) -> str:
    """Return why a closed finding is opened by a connection that began then."""
    began = f"a connection began at {moment(ts_ns)} UTC"
    if finding.state == "excepted" and finding.waiver is not None:
        return f"{began}, and the waiver under {finding.waiver.ticket} was over"
    if finding.cured is not None and ts_ns <= finding.cured.at_ns:
        return f"{began}, after the silence began that the cure of {moment(finding.cured.at_ns)} UTC rests on"
    cured = f" of {moment(finding.cured.at_ns)} UTC" if finding.cured is not None else ""
    return f"{began}, after the cure{cured} was confirmed"


def _reached(attribution: Attribution) -> str:
    if attribution.provider is not None:
        return endpoint(attribution)
    if not attribution.possible:
        return "a server whose name is concealed"
    named = sorted(attribution.possible)[:MAX_POSSIBLE]
    names = [*named, "others"] if len(attribution.possible) > MAX_POSSIBLE else named
    return f"what may be {listed(names, 'or')}, or no LLM at all"

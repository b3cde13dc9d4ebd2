"""A recorded decision, how its flow stood, and how it would stand. Frozen values."""

from typing import Literal

import msgspec

from monitor.types import Certainty, Decision, Outcome, Scope, Subject
from sensors.observations import FlowKey

# What is different, the weightiest first; what comes later may be different as well.
What = Literal["outcome", "rule", "subject", "attribution"]
WHATS: tuple[What, ...] = ("outcome", "rule", "subject", "attribution")


class Recorded(msgspec.Struct, frozen=True):
    """A decision as it was recorded.

    ``ledger`` is the tenant's folder, null for a replay's file; ``index`` is the record's number there, or
    that of the line, counted from 0. ``ended`` is false where the end of the connection was never recorded.
    """

    decision: Decision
    index: int
    ledger: str | None = None
    ended: bool = True


class Standing(msgspec.Struct, frozen=True):
    """How a flow stands: whose it is, what it reached, and what a policy says of it.

    ``outcome`` is null where no policy judged it. ``related`` is false where it has nothing to do with an LLM
    provider, as far as the catalogue knows: then there is nothing to judge.
    """

    outcome: Outcome | None
    rule: str | None
    severity: str | None
    exception: str | None
    subject: Subject
    provider: str | None
    possible: tuple[str, ...]
    service: str | None
    scope: Scope
    region: str | None
    countries: tuple[str, ...]
    certainty: Certainty
    related: bool = True


class Rejudged(msgspec.Struct, frozen=True):
    """A flow before and after. ``reasons`` are those of what would be, in sentences.

    ``kept`` is set where the recorded source group had to stay, because the client is a pseudonym.
    """

    recorded: Recorded
    was: Standing
    would_be: Standing
    reasons: tuple[str, ...]
    kept: bool = False


class Line(msgspec.Struct, frozen=True):
    """A flow that changes, as a line of ``rejudged.jsonl``."""

    what: What
    ledger: str | None
    index: int
    ts_ns: int
    flow: FlowKey
    server_name: str | None
    ended: bool
    bytes_up: int
    bytes_down: int
    was: Standing
    would_be: Standing
    reasons: tuple[str, ...]
    kept: bool


def what_changes(was: Standing, would_be: Standing) -> What | None:
    """Return the weightiest thing that is different, or None where nothing is."""
    if (was.outcome, was.related) != (would_be.outcome, would_be.related):
        return "outcome"
    judged = was.rule, was.severity, was.exception
    if judged != (would_be.rule, would_be.severity, would_be.exception):
        return "rule"
    if was.subject != would_be.subject:
        return "subject"
    return "attribution" if was != would_be else None

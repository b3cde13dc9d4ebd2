"""Judges recorded decisions by another policy. Pure: the flow's own time counts, for exceptions as well.

Whose a flow is, is found anew from its client's address. Where the client is a pseudonym there is no address:
the recorded source group stays, with the class of data that the policy now gives it.
"""

from collections.abc import Callable
from functools import lru_cache
from ipaddress import ip_address

from msgspec.structs import replace

from monitor.policy import Policy
from monitor.rejudge.types import Recorded, Rejudged, Standing
from monitor.types import Attribution, Connection, Decision, Subject

CLIENTS_KEPT = 65_536  # of whom it is remembered whether they are addresses
NOT_RELATED = "it has nothing to do with an LLM provider of the catalogue"

# What is known now of a connection: attributed anew, or null where it has nothing to do with an LLM provider.
Anew = Callable[[Connection], Decision | None]
Judged = tuple[Standing, tuple[str, ...]]


class Judge:
    """One policy over what was recorded."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._groups = {(each.tenant, each.source_group): each for each in policy.subjects}

    def judge(self, decision: Decision, kept: bool) -> Judged:  # noqa: FBT001  says what the client is
        """Return how a decision's flow stands under the policy, by its attribution, and why."""
        connection = replace(decision.connection, subject=self._subject(decision.connection, kept))
        judgement = self._policy.judge(decision.ts_ns, connection, decision.attribution)
        by_policy = replace(
            decision,
            connection=connection,
            outcome=judgement.outcome,
            rule=judgement.rule,
            severity=judgement.severity,
            exception=judgement.exception,
        )
        return standing(by_policy), judgement.reasons

    def _subject(self, connection: Connection, kept: bool) -> Subject:  # noqa: FBT001
        if not kept:
            return self._policy.subject(connection.flow.client)
        recorded = connection.subject
        return self._groups.get((recorded.tenant, recorded.source_group), recorded)


class Judging:
    """Judges again: ``judge`` says what would be; what was is as recorded, or what ``before`` says.

    With ``anew`` flows are attributed anew; else as they were.
    """

    def __init__(self, judge: Judge, before: Judge | None = None, anew: Anew | None = None) -> None:
        self._judge = judge
        self._before = before
        self._anew = anew
        self._is_address = lru_cache(CLIENTS_KEPT)(_is_address)

    def again(self, recorded: Recorded) -> Rejudged:
        """Return a flow before and after."""
        decision = recorded.decision
        kept = not self._is_address(decision.connection.flow.client)
        known = self._anew(decision.connection) if self._anew is not None else decision
        if known is None:
            gone = _unrelated(decision)
            was = standing(decision) if self._before is None else gone
            return Rejudged(recorded, was, gone, (NOT_RELATED,), kept)
        now, reasons = self._judge.judge(known, kept)
        was = standing(decision) if self._before is None else self._before.judge(known, kept)[0]
        return Rejudged(recorded, was, now, reasons, kept)


def standing(decision: Decision) -> Standing:
    """Return how a decision says that its flow stands."""
    attribution = decision.attribution
    return Standing(
        decision.outcome,
        decision.rule,
        decision.severity,
        decision.exception,
        decision.connection.subject,
        attribution.provider,
        attribution.possible,
        attribution.service,
        attribution.scope,
        attribution.region,
        attribution.countries,
        attribution.certainty,
    )


def _unrelated(decision: Decision) -> Standing:
    nothing = Decision(decision.ts_ns, decision.connection, Attribution())
    return replace(standing(nothing), related=False)


def _is_address(client: str) -> bool:
    try:
        ip_address(client)
    except ValueError:
        return False
    return True

"""One rule at work: from a position to an action, with the sentences that a person needs to follow it.

The defaults where a rule says nothing: an entry inside its place is indeterminate, a global endpoint is a
violation, and so is an operator, or data at rest, outside; what the evidence cannot decide is indeterminate.
"""

import datetime as dt
from collections.abc import Callable, Sequence
from typing import NamedTuple

from monitor.policy.places import (
    Position,
    Territory,
    Verdict,
    is_contradicted,
    is_hint,
    listed,
    locate_inside,
    locate_region,
    region_of,
    whereabouts,
)
from monitor.policy.schema import Action, Rule
from monitor.policy.selection import Selector, Selects
from monitor.policy.words import Severity
from monitor.types import Attribution

_CONCLUSIONS: dict[Action, str] = {
    "allow": "allowed by",
    "violation": "outside policy",
    "indeterminate": "not decided under",
}
_CASES: dict[Position, str] = {
    "entry": "where only the entry is known to be inside",
    "global": "for a global endpoint",
    "operator": "where only the operator's place is known to be outside",
    "storage": "where only data at rest is known to be outside",
    "unclear": "where the evidence cannot decide",
}


class Ruling(NamedTuple):
    """What a rule (or the default) says of a flow."""

    action: Action
    rule: str
    severity: Severity
    reasons: tuple[str, ...]


class CompiledRule:
    """A rule, ready to rule on flows that its selector selects."""

    def __init__(self, rule: Rule, territory: Callable[[Sequence[str]], Territory]) -> None:
        self.rule = rule
        self.selector = Selector(rule.when, territory)
        self._territory = territory(rule.allow_in) if rule.allow_in else None
        self._regions = frozenset(rule.allow_in_regions or ())
        self._actions: dict[Position, Action] = {
            "inside": "allow",
            "outside": "violation",
            "entry": rule.on_entry or "indeterminate",
            "global": rule.on_global or "violation",
            "operator": rule.on_operator or "violation",
            "storage": rule.on_storage or "violation",
            "unclear": rule.on_indeterminate or "indeterminate",
        }

    def rule_on(self, attribution: Attribution, selects: Selects, day: dt.date) -> Ruling:
        """The ruling on a flow of ``day`` that the selector answered with ``selects`` (yes or maybe)."""
        outcome = self.rule.outcome
        if selects == "yes" and outcome == "allow":
            return self._ruling(outcome, (whereabouts(attribution),))
        if attribution.provider is None:
            return self._by_position(Verdict("unclear", (_unnamed(attribution),)))
        if is_hint(attribution):
            return self._by_position(Verdict("unclear", (attribution.evidence[0].says,)))
        if selects == "maybe":
            unsure = f"the evidence does not show whether {self.rule.id} applies"
            return self._by_position(Verdict("unclear", (whereabouts(attribution), unsure)))
        if outcome is not None:
            return self._ruling(outcome, (whereabouts(attribution),))
        return self._by_position(self._locate(attribution, day))

    def _locate(self, attribution: Attribution, day: dt.date) -> Verdict:
        if self._territory is None or region_of(attribution) in self._regions:
            verdict = locate_region(attribution, self._regions)
        else:
            verdict = locate_inside(attribution, self._territory, day)
        if verdict.position in ("inside", "entry") and is_contradicted(attribution):
            against = f"but {attribution.conflicts[0].says}"
            return Verdict("unclear", (*verdict.reasons, against))
        return verdict

    def _by_position(self, verdict: Verdict) -> Ruling:
        action = self._actions[verdict.position]
        case = _CASES.get(verdict.position)
        said = (f"{self.rule.id} says {action} {case}",) if case else ()
        return self._ruling(action, verdict.reasons + said)

    def _ruling(self, action: Action, reasons: tuple[str, ...]) -> Ruling:
        rule = self.rule
        conclusion = f"{_CONCLUSIONS[action]} {rule.id}"
        if rule.description:
            conclusion += f": {' '.join(rule.description.split())}"  # a folded text is one sentence
        return Ruling(action, rule.id, rule.severity, (conclusion, *reasons))


def _unnamed(attribution: Attribution) -> str:
    if not attribution.possible:
        return "the evidence names no provider"
    return (
        f"the evidence names no single provider; it may be {listed(attribution.possible)}, or no LLM at all"
    )

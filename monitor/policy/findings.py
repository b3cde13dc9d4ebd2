"""The section ``findings`` and the rules' ``cure``, ready to use: durations as nanoseconds."""

from collections.abc import Mapping
from typing import NamedTuple

from monitor.policy.findings_section import (
    DEFAULT_CURE,
    DEFAULT_SILENCE,
    FindingsSection,
    ReminderAsked,
    SilenceAsked,
)
from monitor.policy.quantities import duration_ns
from monitor.policy.schema import PolicyDocument
from monitor.policy.words import FindingKind, Severity

DEFAULT_CURE_NS = duration_ns(DEFAULT_CURE) or 0
_SILENCE = SilenceAsked()


class SilenceLimits(NamedTuple):
    """What silence has to hold to count as evidence: see `SilenceAsked`. Percentages are from 0 to 100."""

    least_ns: int = duration_ns(DEFAULT_SILENCE) or 0
    least_said: str = DEFAULT_SILENCE
    covered_percent: float = _SILENCE.covered_percent
    lost_percent: float = _SILENCE.lost_percent
    named_percent: float = _SILENCE.named_percent


class ReminderAfter(NamedTuple):
    """A reminder, and how long after the opening it is due."""

    asked: ReminderAsked
    after_ns: int

    def fits(self, kind: FindingKind, severity: Severity) -> bool:
        """Whether it is for such findings."""
        kinds = self.asked.kinds
        return severity in self.asked.severities and (kinds is None or kind in kinds)


class FindingsAsked(NamedTuple):
    """What a policy says about findings. ``cures`` are of the rules that have their own."""

    cure_ns: int = DEFAULT_CURE_NS
    cures: Mapping[str, int] = {}
    silence: SilenceLimits = SilenceLimits()
    reminders: tuple[ReminderAfter, ...] = ()

    def cure_of(self, rule: str) -> int:
        """How long the cure of what a rule finds may take."""
        return self.cures.get(rule, self.cure_ns)


def compile_findings(document: PolicyDocument) -> FindingsAsked:
    """What the policy says, or what holds where it says nothing. The document has been checked."""
    section = document.findings or FindingsSection()
    asked = section.silence
    return FindingsAsked(
        cure_ns=duration_ns(section.cure) or 0,
        cures={rule.id: duration_ns(rule.cure) or 0 for rule in document.rules if rule.cure is not None},
        silence=SilenceLimits(
            duration_ns(asked.least) or 0,
            str(asked.least),
            asked.covered_percent,
            asked.lost_percent,
            asked.named_percent,
        ),
        reminders=tuple(ReminderAfter(each, duration_ns(each.after) or 0) for each in section.reminders),
    )

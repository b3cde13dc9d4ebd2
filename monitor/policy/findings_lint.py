"""Checks of the section ``findings`` and of the rules' ``cure``: durations that are none, clocks in vain."""

from collections.abc import Iterator

from monitor.policy.quantities import A_DURATION, MAX_WINDOW_NS, duration_ns
from monitor.policy.remarks import Path, Remark
from monitor.policy.schema import PolicyDocument, Rule
from monitor.policy.section import BehaviourSection
from monitor.policy.words import FindingKind, Quantity

_SECTION: Path = ("findings",)


def check_findings(document: PolicyDocument) -> Iterator[Remark]:
    """Durations that are none or out of bounds, and a cure of what a rule always allows."""
    for at, rule in enumerate(document.rules):
        if rule.cure is not None:
            yield from _cure(("rules", at, "cure"), rule, rule.cure)
    section = document.findings
    if section is None:
        return
    yield from _duration((*_SECTION, "cure"), "a cure", section.cure)
    yield from _duration((*_SECTION, "silence", "least"), "a silence", section.silence.least)
    for at, reminder in enumerate(section.reminders):
        yield from _duration((*_SECTION, "reminders", at, "after"), "a reminder", reminder.after)


def check_reminders(document: PolicyDocument) -> Iterator[Remark]:
    """Reminders of behaviours that nobody looks for: warnings."""
    asked = _behaviours(document.behaviours or BehaviourSection())
    for at, reminder in enumerate(document.findings.reminders if document.findings is not None else ()):
        for kind in reminder.kinds or ():
            if asked.get(kind) is False:
                problem = f"reminder {reminder.name!r} is about {kind}, which `behaviours:` does not ask for"
                mend = "ask for it there, or take it out of `kinds:`"
                yield Remark((*_SECTION, "reminders", at, "kinds"), problem, mend, "warning")


def _cure(path: Path, rule: Rule, written: Quantity) -> Iterator[Remark]:
    yield from _duration(path, "a cure", written)
    if rule.outcome == "allow" and rule.on_indeterminate == "allow":
        problem = f"cure has no meaning: rule {rule.id!r} allows all that it selects"
        yield Remark(path, problem, "remove it")


def _duration(path: Path, what: str, written: Quantity) -> Iterator[Remark]:
    duration = duration_ns(written)
    if duration is None:
        yield Remark(path, f"{written!r} is not a duration", A_DURATION)
    elif not 0 < duration <= MAX_WINDOW_NS:
        problem = f"{what} of {written} is {'too long' if duration else 'no time at all'}"
        yield Remark(path, problem, "write a duration from 1s to 366d, such as 90d")


def _behaviours(section: BehaviourSection) -> dict[FindingKind, bool]:
    """Return which behaviours are looked for, by kind."""
    return {
        "dual-exposure": section.dual_exposure is not None,
        "gateway-bypass": bool(section.gateways),
        "relay-suspected": section.relay is not None,
        "unusual-upload": bool(section.upload_limits),
        "console-access": section.consoles is not None,
    }

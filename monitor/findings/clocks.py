"""The clocks of a finding: its deadline and reminders, which run from its opening, and its waiver's end."""

from collections.abc import Iterator

from msgspec.structs import replace

from monitor.findings.transitions import CLOSED
from monitor.findings.types import Finding, Reminder
from monitor.policy.findings import FindingsAsked

MAX_NS = 2**63 - 1  # the last moment there is: what is later, is then


def later(moment_ns: int, duration_ns: int) -> int:
    """Return the moment that is so much later."""
    return min(moment_ns + duration_ns, MAX_NS)


def with_clocks(finding: Finding, asked: FindingsAsked) -> Finding:
    """Return the finding with the deadline and the reminders that its opening and severity call for.

    What was told stays told.
    """
    told = {reminder.name for reminder in finding.reminders if reminder.told}
    reminders = [
        Reminder(
            each.asked.name,
            later(finding.opened_ns, each.after_ns),
            each.asked.says,
            each.asked.name in told,
        )
        for each in asked.reminders
        if each.fits(finding.kind, finding.severity)
    ]
    return replace(
        finding,
        deadline_ns=later(finding.opened_ns, asked.cure_of(finding.rule)),
        reminders=tuple(sorted(reminders, key=lambda each: (each.due_ns, each.name))),
    )


def next_due_ns(finding: Finding) -> int:
    """Return when the clocks of a finding have something to say next; MAX_NS where they never will."""
    return min(_due(finding), default=MAX_NS)


def _due(finding: Finding) -> Iterator[int]:
    if finding.state not in CLOSED:
        yield from (reminder.due_ns for reminder in finding.reminders if not reminder.told)
        if finding.state != "lapsed":
            yield finding.deadline_ns
    elif finding.state == "excepted" and finding.waiver is not None and not finding.waiver.over:
        yield finding.waiver.until_ns

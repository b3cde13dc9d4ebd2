"""All findings, and how they change: decisions and a person's actions in, changes out. Pure, in packet time.

Figures do not depend on the order of decisions; changes do, as they tell what was known at the time. A change
comes when a finding is opened, or opened again; when its severity worsens; while it is open, when its
connections or clients reach a power of two above one; when a clock runs out; and when a person acts.
"""

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from monitor.behaviours import Behaviour
from monitor.findings import merging, wording
from monitor.findings.acting import acted, checked
from monitor.findings.actions import Action, ActionError, ConfirmCure
from monitor.findings.clocks import MAX_NS, later, next_due_ns, with_clocks
from monitor.findings.keys import KINDS, key_of
from monitor.findings.room import MAX_FINDINGS, ROOM, KeptDays, Revisions, is_over, too_many
from monitor.findings.transitions import CLOSED, after
from monitor.findings.types import Change, Finding, What
from monitor.policy import Policy
from monitor.policy.findings import FindingsAsked
from monitor.policy.schema import DEFAULT_RULE, Rule
from monitor.policy.words import SEVERITIES
from monitor.types import Decision
from monitor.wording import moment


class Book:
    """The findings of one sensor, under one policy at a time. Nothing is found without a policy.

    ``found`` are those of an earlier run. ``forgotten`` counts findings that went because there were more
    than MAX_FINDINGS: the decisions behind them are counted no longer, and one that comes back is new.
    """

    def __init__(self, policy: Policy | None, found: Iterable[Finding] = ()) -> None:
        self.forgotten = 0
        self._asked = FindingsAsked()
        self._rules: dict[str, Rule] = {}
        self._groups: set[tuple[str | None, str | None]] = set()
        self._revisions = Revisions()
        self._touched: set[str] = set()
        self._findings = {finding.id: finding for finding in found}
        self._make_room()
        self._due_ns = min(map(next_due_ns, self._findings.values()), default=MAX_NS)
        self.reload(policy)

    def reload(self, policy: Policy | None) -> None:
        """Use another policy from now on. Clocks that run go on by the policy that set them."""
        self._asked = policy.findings if policy is not None else FindingsAsked()
        self._rules = policy.rules if policy is not None else {}
        subjects = policy.subjects if policy is not None else ()
        self._groups = {(each.tenant, each.source_group) for each in subjects}

    def get(self, id_: str) -> Finding | None:
        """Return a finding, by its identifier."""
        return self._findings.get(id_)

    def findings(self) -> list[Finding]:
        """Return all findings as they stand: worst first, then by their first packet, then by identifier."""
        return sorted(self._findings.values(), key=rank)

    def take_touched(self) -> list[Finding]:
        """Return the findings that are not as they were when this was asked last, changes or not."""
        touched = [self._findings[id_] for id_ in sorted(self._touched) if id_ in self._findings]
        self._touched.clear()
        return touched

    def restore(self, finding: Finding) -> None:
        """Take a finding as it was recorded, whatever made it so; what was counted by now stays counted."""
        before = self._findings.get(finding.id)
        finding = finding if before is None else merging.recorded(before, finding)
        self._put(finding)
        self._due_ns = min(self._due_ns, next_due_ns(finding))
        self._make_room()

    def expire(self, now_ns: int, kept_days: KeptDays) -> tuple[Finding, ...]:
        """Let the findings go that closed long enough ago; return them. Times are those of the clock."""
        gone = tuple(each for each in self.findings() if is_over(each, now_ns, kept_days))
        for finding in gone:
            self.forget(finding.id, finding.revision)
        return gone

    def forget(self, id_: str, revision: int) -> None:
        """Let a finding go, if it is there. One that comes back is new, and its revisions go on from here."""
        self._findings.pop(id_, None)
        self._touched.discard(id_)
        self._revisions.note(id_, revision)

    def offer(self, decision: Decision) -> tuple[Change, ...]:
        """Take a decision, ahead of its connection's end or at it; return what changes."""
        key = key_of(decision)
        if key is None:
            return ()
        id_ = key.id()
        before = self._findings.get(id_)
        now = merging.with_decision(before or merging.begin(id_, key, decision), decision)
        at_ns = later(decision.ts_ns, decision.connection.totals.duration_ns)
        return self._take(before, now, decision.ts_ns, at_ns)

    def behave(self, behaviour: Behaviour) -> tuple[Change, ...]:
        """Take a behaviour as it stands; return what changes."""
        before = self._findings.get(behaviour.id)
        now = merging.with_behaviour(before or merging.begin_behaviour(behaviour), behaviour)
        return self._take(before, now, behaviour.last_ns, behaviour.last_ns)

    def tick(self, now_ns: int) -> tuple[Change, ...]:
        """Return what the clocks have to say by now: reminders, deadlines that passed, waivers that ended."""
        if now_ns < self._due_ns:
            return ()
        due = [finding for finding in self._findings.values() if next_due_ns(finding) <= now_ns]
        changes = [
            change
            for finding in sorted(due, key=lambda each: (next_due_ns(each), each.id))
            for change in self._ring(finding, now_ns)
        ]
        self._due_ns = min(map(next_due_ns, self._findings.values()), default=MAX_NS)
        return tuple(changes)

    def act(self, action: Action, now_ns: int) -> tuple[Change, ...]:
        """Do what a person asks for, at this time of the clock. Raises ActionError, and nothing changes."""
        action = checked(action)
        before = self._findings.get(action.finding)
        if before is None:
            raise ActionError(
                f"there is no finding {action.finding}", "see `residency findings` for those there are"
            )
        if isinstance(action, ConfirmCure):
            self._require_rule(before)
        now, why = acted(before, action, self._asked.silence, now_ns)
        if before.state in CLOSED and now.state not in CLOSED:
            return (self._reopen(now, now_ns, now_ns, why),)
        closed = now.state != before.state and now.state in CLOSED
        return (self._change("closed" if closed else "updated", now, now_ns, why),)

    def _require_rule(self, finding: Finding) -> None:
        """Refuse a cure where silence follows from the policy of now. Raises ActionError."""
        gone, subject = None, finding.subject
        if finding.kind in KINDS.values() and finding.rule not in {DEFAULT_RULE, *self._rules}:
            gone = f"rule {finding.rule}"
        elif subject.tenant is not None and (subject.tenant, subject.source_group) not in self._groups:
            gone = f"source group {subject.tenant}/{subject.source_group}"
        if gone is not None:
            problem = (
                f"{gone} is not in the policy any more, so that nothing can come to finding {finding.id}"
            )
            raise ActionError(f"{problem}: its silence shows nothing", "waive it under a ticket")

    def _take(self, before: Finding | None, now: Finding, began_ns: int, at_ns: int) -> tuple[Change, ...]:
        """Put in place what flows made of a finding, the newest of which began then; return what changes."""
        if before is None:
            return (self._open(now, at_ns),)
        floor_ns = _floor_ns(now)
        returned = floor_ns is not None and began_ns >= floor_ns
        state = after(now, "returned" if returned else "flow")
        if state != now.state:
            return (self._reopen(now, began_ns, at_ns, wording.returned(now, began_ns)),)
        worse = now.severity != before.severity
        opened_ns = now.first_ns if floor_ns is None else now.opened_ns
        if returned:
            opened_ns = min(opened_ns, began_ns)
        if worse or opened_ns != now.opened_ns:
            now = with_clocks(replace(now, opened_ns=opened_ns), self._asked)
            self._due_ns = min(self._due_ns, next_due_ns(now))
        if worse:
            why = f"it is {now.severity} now, and was {before.severity}"
            return (self._change("updated", now, at_ns, why),)
        if now.state == "open" and _has_doubled(before, now):
            return (self._change("updated", now, at_ns, wording.counted(now)),)
        self._put(now)
        return ()

    def _open(self, finding: Finding, at_ns: int) -> Change:
        rule = self._rules.get(finding.rule)
        finding = replace(
            finding,
            revision=self._revisions.take(finding.id),
            opened_ns=finding.first_ns,
            remediation=rule.remediation if rule is not None else "",
            references=rule.references if rule is not None else (),
        )
        change = self._change("opened", with_clocks(finding, self._asked), at_ns, finding.title)
        self._make_room()
        return change

    def _reopen(self, finding: Finding, opened_ns: int, at_ns: int, why: str) -> Change:
        again = replace(
            finding,
            state="open",
            reopened=finding.reopened + 1,
            opened_ns=opened_ns,
            acknowledged=None,
            cure=None,
            reminders=(),
        )
        return self._change("opened", with_clocks(again, self._asked), at_ns, why)

    def _ring(self, finding: Finding, now_ns: int) -> Iterator[Change]:
        """Yield what the clocks of one finding say, in the order of time."""
        if finding.state == "excepted" and finding.waiver is not None:
            ticket = finding.waiver.ticket
            over = replace(finding, waiver=replace(finding.waiver, over=True))
            why = f"the waiver under {ticket} is over; a connection that begins now opens the finding again"
            yield self._change("reminder", over, now_ns, why)
            return
        due = [each for each in finding.reminders if each.due_ns <= now_ns and not each.told]
        if due:
            told = tuple(replace(each, told=each.told or each in due) for each in finding.reminders)
            change = self._change("reminder", replace(finding, reminders=told), now_ns, wording.reminded(due))
            finding = change.finding
            yield change
        if finding.deadline_ns <= now_ns and finding.state != "lapsed":
            lapsed = replace(finding, state=after(finding, "deadline"))
            why = f"it was to be cured by {moment(finding.deadline_ns)} UTC, and no cure was confirmed"
            yield self._change("updated", lapsed, now_ns, why)

    def _change(self, what: What, finding: Finding, at_ns: int, why: str) -> Change:
        finding = replace(finding, revision=finding.revision + 1)
        self._put(finding)
        self._due_ns = min(self._due_ns, next_due_ns(finding))
        return Change(what, at_ns, why, finding)

    def _put(self, finding: Finding) -> None:
        self._findings[finding.id] = finding
        self._touched.add(finding.id)

    def _make_room(self) -> None:
        """Let the findings go that are missed least, where there are too many."""
        if len(self._findings) <= MAX_FINDINGS:
            return
        for finding in too_many(self._findings.values(), len(self._findings) - MAX_FINDINGS + ROOM):
            self.forget(finding.id, finding.revision)
            self.forgotten += 1


def _floor_ns(finding: Finding) -> int | None:
    """Return from when on a connection's beginning means that the finding returned; None: it never closed."""
    if finding.waiver is not None:
        return finding.waiver.until_ns + 1
    if finding.cured is None:
        return None
    confirmed_ns = finding.cured.at_ns + 1
    return min(confirmed_ns, finding.silence.since_ns) if finding.silence is not None else confirmed_ns


def _has_doubled(before: Finding, now: Finding) -> bool:
    """Tell whether connections or clients reached a power of two, or went past one.

    The first one does not: it is the end of the connection that opened the finding ahead of its end.
    """
    return now.count.bit_length() > max(before.count.bit_length(), 1) or now.client_count.bit_length() > max(
        before.client_count.bit_length(), 1
    )


def rank(finding: Finding) -> tuple[int, int, str]:
    """Return a key to sort findings by: worst first, then by their first packet, then by identifier."""
    return SEVERITIES.index(finding.severity), finding.first_ns, finding.id

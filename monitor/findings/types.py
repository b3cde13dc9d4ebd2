"""Findings and how they change. Frozen values."""

from typing import Literal

import msgspec

from monitor.findings.silence import Silence
from monitor.policy.words import FindingKind, Severity
from monitor.types import Certainty, Evidence, Scope, Subject
from sensors.observations import FlowKey

State = Literal["open", "acknowledged", "curing", "cured", "lapsed", "excepted"]
What = Literal["opened", "updated", "closed", "reminder"]


class Sample(msgspec.Struct, frozen=True):
    """The first connection of a finding, by its first packet and then by five-tuple.

    ``is_open`` tells that it still lived when this was said of it.
    """

    ts_ns: int
    flow: FlowKey
    server_name: str | None
    evidence: tuple[Evidence, ...] = ()
    conflicts: tuple[Evidence, ...] = ()
    reasons: tuple[str, ...] = ()
    is_open: bool = False


class Note(msgspec.Struct, frozen=True):
    """What a person said of a finding, who, and when by the clock of the host where they said it."""

    at_ns: int
    by: str
    text: str = ""


class Cure(msgspec.Struct, frozen=True):
    """What is being done about a finding: the plan, and the role that owns it."""

    note: Note
    owner_role: str


class Waiver(msgspec.Struct, frozen=True):
    """Why a finding is put up with, under which ticket, until when."""

    note: Note
    ticket: str
    until_ns: int
    over: bool = False  # it ran out, and that was said


class Reminder(msgspec.Struct, frozen=True):
    """A clock that runs from ``opened_ns``: a reminder that a person has to decide whether it applies."""

    name: str
    due_ns: int
    says: str = ""
    told: bool = False


class Finding(msgspec.Struct, frozen=True):
    """What went outside policy, or what the evidence does not decide, grouped.

    ``id`` depends on kind, tenant, rule, source group, provider and region scope alone, and is the same in
    replay and live. ``revision`` grows by one with each change. Times ending in ``_ns`` are of packets;
    ``opened_ns`` is when it was opened, or opened again, and its clocks run from there. ``first_ns`` and
    ``last_ns`` are first packets, ``alive_ns`` is the latest one that is known. ``clients`` are the
    first of them in their own order, ``client_count`` all of them, up to a bound (``clients_capped``).
    ``rule`` is the behaviour's kind where it is no rule of the policy. ``title`` is a sentence for people.
    """

    id: str
    kind: FindingKind
    subject: Subject
    rule: str
    severity: Severity
    title: str
    opened_ns: int
    first_ns: int
    last_ns: int
    deadline_ns: int
    alive_ns: int = 0
    provider: str | None = None
    possible: tuple[str, ...] = ()
    service: str | None = None
    scope: Scope = "unknown"
    region: str | None = None
    countries: tuple[str, ...] = ()
    certainty: Certainty = "indeterminate"
    state: State = "open"
    revision: int = 0
    reopened: int = 0
    count: int = 0
    bytes_up: int = 0
    bytes_down: int = 0
    clients: tuple[str, ...] = ()
    client_count: int = 0
    clients_capped: bool = False
    sample: Sample | None = None
    remediation: str = ""
    references: tuple[str, ...] = ()
    acknowledged: Note | None = None
    cure: Cure | None = None
    cured: Note | None = None
    silence: Silence | None = None  # what that rests on
    waiver: Waiver | None = None
    reminders: tuple[Reminder, ...] = ()


class Change(msgspec.Struct, frozen=True):
    """One step in the life of a finding, as it stands after it. ``why`` is a sentence for people.

    ``at_ns`` is packet time where packets made the change, the clock of the host where a person or a
    deadline did.
    """

    what: What
    at_ns: int
    why: str
    finding: Finding

    @property
    def key(self) -> str:
        """What tells this change from every other one, in every run."""
        return f"{self.finding.id}-{self.finding.revision}"

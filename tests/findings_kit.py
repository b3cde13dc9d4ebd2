"""Decisions, behaviours and books for the tests of findings; times are in seconds since one start."""

from collections.abc import Iterable

from msgspec.structs import replace

from monitor.behaviours import Behaviour
from monitor.behaviours.types import Rest, behaviour_id
from monitor.findings import Book, finding_id
from monitor.findings.actions import (
    Acknowledge,
    Action,
    Comment,
    ConfirmCure,
    Reopen,
    StartCure,
    Waive,
)
from monitor.findings.silence import Silence
from monitor.findings.transitions import Happening
from monitor.findings.types import Change, Finding, State
from monitor.policy import Policy
from monitor.policy.words import Severity
from monitor.types import Attribution, Connection, Decision, Name, Outcome, Subject, Totals
from sensors.observations import FlowKey
from tests.observed import at
from tests.policy_help import HEAD, compiled

DAY, HOUR = 86_400, 3_600
SUBJECT = Subject("acme", "backend", "crm")
OPENAI = Attribution("openai", (), "API", "global", None, (), "observed")
RULES = """\
rules:
- id: R
  when: {data_classes: [crm]}
  allow_in: [EEA]
  cure: 10d
  references: [GDPR Art. 44]
  remediation: Use a regional host.
- {id: S, when: {data_classes: [general]}, allow_in: [EEA]}
"""
SECTION = """\
findings:
  cure: 20d
  silence: {least: 1h}
  reminders:
    - {name: early, after: 24h, severities: [critical, high], says: Decide it.}
    - {name: late, after: 72h, severities: [high], kinds: [violation], says: Decide it again.}
"""


def policy(section: str = SECTION) -> Policy:
    """Return the small policy of these tests."""
    return compiled(f"{HEAD}{RULES}{section}")[0]


def decide(
    second: float = 0,
    client: str = "10.20.0.5",
    outcome: Outcome = "violation",
    attribution: Attribution = OPENAI,
    *,
    rule: str | None = "R",
    severity: Severity = "high",
    subject: Subject = SUBJECT,
    is_open: bool = False,
    port: int = 50_000,
    totals: Totals = Totals(bytes_up=1_000, bytes_down=20, duration_ns=5_000_000_000),  # noqa: B008
) -> Decision:
    """Return a decision on a connection that began then."""
    flow = FlowKey(client, port, "203.0.113.9", 443, "tcp")
    names = (Name("api.openai.com", "sni"),)
    lived = replace(totals, reason="active") if is_open else totals
    connection = Connection(at(second), flow, subject, names, None, lived, "sni")
    return Decision(at(second), connection, attribution, outcome, rule, severity, None, ("because",))


def behave(
    first: float = 0, last: float = 0, connections: int = 1, severity: Severity = "medium"
) -> Behaviour:
    """Return a behaviour as it stands."""
    rest = Rest(at(first), FlowKey("10.20.0.5", 50_000, "203.0.113.9", 443, "tcp"), "call")
    return Behaviour(
        kind="unusual-upload",
        id=behaviour_id("unusual-upload", SUBJECT, "10.20.0.5", "openai"),
        severity=severity,
        first_ns=at(first),
        last_ns=at(last),
        subject=SUBJECT,
        source="10.20.0.5",
        what=f"10.20.0.5 had {connections} connections",
        counts={"connections": connections},
        bytes_up=100 * connections,
        rests_on=(rest,),
    )


ID = finding_id(decide()) or ""


def quiet(since: float, until: float, **other: object) -> Silence:
    """Return a silence that was seen well."""
    good: dict[str, object] = {
        "covered_share": 1.0,
        "sensors": ("s",),
        "windows": 12,
        "connections": 50,
        "named_share": 0.9,
        "packets": 1_000,
    }
    return Silence(at(since), at(until), **{**good, **other})  # type: ignore[arg-type]


def action(name: Happening, now: float, finding: str = ID) -> Action:
    """Return a person's action at that second."""
    who = {"finding": finding, "by": "kim"}
    actions: dict[Happening, Action] = {
        "acknowledge": Acknowledge(**who),
        "start-cure": StartCure(**who, plan="pin the host", owner_role="platform"),
        "confirm-cure": ConfirmCure(**who, text="host is pinned", silence=quiet(now - 2 * HOUR, now)),
        "waive": Waive(**who, text="until the contract ends", ticket="T-1", until_ns=at(now + 30 * DAY)),
        "comment": Comment(**who, text="seen it before"),
        "reopen": Reopen(**who, text="it was not cured"),
    }
    return actions[name]


# How to bring a new finding, opened at 0, into each state by the hour 10
WAYS: dict[State, tuple[Happening, ...]] = {
    "open": (),
    "acknowledged": ("acknowledge",),
    "curing": ("start-cure",),
    "lapsed": ("deadline",),
    "cured": ("confirm-cure",),
    "excepted": ("waive",),
}
ACTED = 15 * DAY  # when persons act, and clocks are looked at


def book_in(state: State) -> Book:
    """Return a book whose one finding is in this state. Its deadline is over at ACTED."""
    book = Book(policy())
    book.offer(decide())
    for way in WAYS[state]:
        if way == "deadline":
            book.tick(at(ACTED))
        else:
            book.act(action(way, ACTED), at(ACTED))
    assert the(book).state == state
    return book


def the(book: Book) -> Finding:
    """Return the only finding."""
    (finding,) = book.findings()
    return finding


def short(changes: Iterable[Change]) -> list[tuple[str, State, int]]:
    """Return changes in short: what, the state after it, and the connections."""
    return [(change.what, change.finding.state, change.finding.count) for change in changes]

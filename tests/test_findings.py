"""Findings: what opens and counts them, what is told, how they are grouped, and what the bounds let go."""

import hashlib

import pytest
from msgspec.structs import replace

from monitor.behaviours import Behaviour
from monitor.findings import Book, finding_id, room
from monitor.findings.clocks import MAX_NS
from monitor.findings.merging import MAX_CLIENTS
from monitor.policy.words import Severity
from monitor.types import Attribution, Decision, Outcome, Subject
from tests.findings_kit import (
    DAY,
    HOUR,
    ID,
    OPENAI,
    SUBJECT,
    action,
    behave,
    decide,
    policy,
    short,
    the,
)
from tests.observed import at


@pytest.mark.parametrize(
    ("outcome", "found"),
    [
        ("violation", True),
        ("indeterminate", True),
        ("allow", False),
        ("excepted", False),
        ("unassigned", False),
    ],
)
def test_what_becomes_a_finding(outcome: Outcome, found: bool) -> None:  # noqa: FBT001
    assert (finding_id(decide(outcome=outcome)) is not None) == found
    assert len(Book(policy()).offer(decide(outcome=outcome))) == found


def test_an_inventory_finds_nothing() -> None:
    inventory = replace(decide(), outcome=None, rule=None, severity=None)
    assert finding_id(inventory) is None
    assert Book(None).offer(inventory) == ()


def test_the_identifier_is_stable() -> None:
    key = b'["violation","acme","R","backend","openai","global",null]'
    assert hashlib.sha256(key).hexdigest()[:16] == ID
    assert finding_id(decide(9_000, "10.20.7.7", severity="low", is_open=True, port=1)) == ID


@pytest.mark.parametrize(
    "other",
    [
        decide(outcome="indeterminate"),
        decide(rule="S"),
        decide(rule=None),
        decide(subject=Subject("other", "backend", "crm")),
        decide(subject=Subject("acme", "office", "crm")),
        decide(attribution=replace(OPENAI, provider="mistral")),
        decide(attribution=replace(OPENAI, scope="group")),
        decide(attribution=replace(OPENAI, region="eu")),
        decide(attribution=Attribution(None, ("azure", "openai"), scope="global")),
        decide(attribution=Attribution(None, ("aws", "openai"), scope="global")),
    ],
)
def test_what_tells_findings_apart(other: Decision) -> None:
    book = Book(policy())
    book.offer(decide())
    assert short(book.offer(other)) == [("opened", "open", 1)]
    assert len({finding.id for finding in book.findings()}) == 2


def test_the_order_of_possible_providers_does_not_matter() -> None:
    one, other = (Attribution(None, names) for names in (("azure", "openai"), ("openai", "azure")))
    assert finding_id(decide(attribution=one)) == finding_id(decide(attribution=other))


def test_what_a_finding_says() -> None:
    book = Book(policy())
    (change,) = book.offer(decide())
    finding = change.finding
    assert (change.what, change.key, change.at_ns) == ("opened", f"{ID}-1", at(5))
    assert (
        change.why
        == finding.title
        == ("connections from source group acme/backend ended at openai (global): outside policy by R")
    )
    assert (finding.opened_ns, finding.first_ns, finding.last_ns) == (at(0), at(0), at(0))
    assert finding.deadline_ns == at(10 * DAY)
    assert [(each.name, each.due_ns) for each in finding.reminders] == [
        ("early", at(DAY)),
        ("late", at(3 * DAY)),
    ]
    assert (finding.count, finding.bytes_up, finding.bytes_down) == (1, 1_000, 20)
    assert (finding.clients, finding.client_count, finding.clients_capped) == (("10.20.0.5",), 1, False)
    assert (finding.remediation, finding.references) == ("Use a regional host.", ("GDPR Art. 44",))
    assert finding.sample is not None
    assert (finding.sample.server_name, finding.sample.reasons) == ("api.openai.com", ("because",))
    assert book.get(ID) == finding


@pytest.mark.parametrize(
    ("decision", "title"),
    [
        (
            decide(outcome="indeterminate"),
            "ended at openai (global): R leaves open whether that is within policy",
        ),
        (decide(rule="default"), "ended at openai (global): outside policy by the policy's default"),
        (
            decide(attribution=replace(OPENAI, scope="region", region="us-east-1", countries=("US",))),
            "ended at openai us-east-1: outside policy by R",
        ),
        (
            decide(outcome="indeterminate", attribution=Attribution(None, ("d", "c", "b", "a"))),
            (
                "ended at what may be a, b, c or others, or no LLM at all:"
                " R leaves open whether that is within policy"
            ),
        ),
        (
            decide(outcome="indeterminate", attribution=Attribution()),
            "ended at a server whose name is concealed: R leaves open whether that is within policy",
        ),
    ],
)
def test_titles(decision: Decision, title: str) -> None:
    (change,) = Book(policy()).offer(decision)
    assert change.finding.title == f"connections from source group acme/backend {title}"


def test_a_verdict_ahead_of_the_end_opens_and_does_not_count() -> None:
    book = Book(policy())
    assert short(book.offer(decide(3, is_open=True))) == [("opened", "open", 0)]
    assert book.offer(decide(3, is_open=True)) == ()
    assert book.offer(decide(9, is_open=True)) == ()
    assert (the(book).clients, the(book).bytes_up, the(book).last_ns) == ((), 0, at(9))
    assert book.offer(decide(3)) == ()  # it was told of already
    assert (the(book).count, the(book).client_count, the(book).bytes_up) == (1, 1, 1_000)
    assert short(book.offer(decide(9, "10.20.0.6"))) == [("updated", "open", 2)]
    assert the(book).sample is not None
    assert not the(book).sample.is_open  # type: ignore[union-attr]


def test_it_is_told_at_powers_of_two_of_connections_or_clients() -> None:
    book = Book(policy())
    told = [book.offer(decide(second)) for second in range(20)]
    assert [number + 1 for number, changes in enumerate(told) if changes] == [1, 2, 4, 8, 16]
    assert short(book.offer(decide(20, "10.20.0.6"))) == [("updated", "open", 21)]
    (change,) = [each for n in range(2) for each in book.offer(decide(30, f"10.20.1.{n}"))]
    assert change.why == "23 connections so far, from 4 clients"
    assert the(book).revision == 7


def test_a_worse_severity_is_told_in_every_state() -> None:
    book = Book(policy())
    book.offer(decide(0, severity="medium"))
    assert [each.name for each in the(book).reminders] == []
    book.act(action("acknowledge", 10), at(10))
    (change,) = book.offer(decide(20, severity="high"))
    assert (change.what, change.why) == ("updated", "it is high now, and was medium")
    assert [each.name for each in change.finding.reminders] == ["early", "late"]
    assert book.offer(decide(30, severity="low")) == ()
    assert the(book).severity == "high"


def test_an_earlier_connection_sets_the_clocks_back() -> None:
    book = Book(policy())
    book.offer(decide(HOUR))
    book.offer(decide(HOUR))
    assert book.offer(decide(0)) == ()
    finding = the(book)
    assert (finding.opened_ns, finding.deadline_ns, finding.reminders[0].due_ns) == (
        at(0),
        at(10 * DAY),
        at(DAY),
    )
    assert finding.sample is not None
    assert finding.sample.ts_ns == at(0)


def test_clients_are_bounded() -> None:
    book = Book(policy())
    clients = [f"10.20.{n // 250}.{n % 250}" for n in range(MAX_CLIENTS + 5)]
    for client in reversed(clients):
        book.offer(decide(0, client))
    finding = the(book)
    assert finding.clients == tuple(sorted(clients)[:MAX_CLIENTS])
    assert (finding.client_count, finding.clients_capped, finding.count) == (MAX_CLIENTS, True, len(clients))
    assert (
        "from more than 100 clients" in Book(policy(), [replace(finding, count=127)]).offer(decide())[0].why
    )


def test_findings_come_worst_first() -> None:
    book = Book(policy())
    severities: tuple[Severity, ...] = ("low", "critical", "medium", "critical")
    for second, severity in enumerate(severities):
        book.offer(decide(-second, severity=severity, rule=f"R{second}"))
    assert [finding.rule for finding in book.findings()] == ["R3", "R1", "R2", "R0"]


def test_a_behaviour_is_a_finding_under_its_own_identifier() -> None:
    book = Book(policy())
    (change,) = book.behave(behave(5, 5))
    assert (change.what, change.finding.id, change.why) == (
        "opened",
        behave().id,
        "10.20.0.5 had 1 connections",
    )
    assert book.behave(behave(5, 5)) == ()  # the same again
    assert short(book.behave(behave(2, 9, 6, "high"))) == [("updated", "open", 6)]
    assert book.behave(behave(20, 30, 3)) == ()  # counted anew after a restart
    finding = the(book)
    assert (finding.kind, finding.rule, finding.subject) == ("unusual-upload", "unusual-upload", SUBJECT)
    assert (finding.count, finding.bytes_up, finding.title) == (6, 600, "10.20.0.5 had 6 connections")
    assert (finding.first_ns, finding.last_ns, finding.opened_ns) == (at(2), at(30), at(2))
    assert (finding.severity, finding.clients, finding.deadline_ns) == (
        "high",
        ("10.20.0.5",),
        at(20 * DAY + 2),
    )
    assert [each.name for each in finding.reminders] == ["early"]


def test_another_policy_holds_for_what_is_opened_from_then_on() -> None:
    book = Book(policy())
    book.offer(decide())
    book.reload(policy("findings: {cure: 5d}\n"))
    book.offer(decide(10, rule="S"))
    book.offer(decide(10))
    first, second = book.findings()
    assert (first.deadline_ns, len(first.reminders)) == (at(10 * DAY), 2)
    assert (second.deadline_ns, len(second.reminders)) == (at(10 + 5 * DAY), 0)


def test_a_time_that_no_clock_knows_is_borne() -> None:
    book = Book(policy())
    far = replace(decide(), ts_ns=2**63 - 5)
    (change,) = book.offer(replace(far, connection=replace(far.connection, ts_ns=far.ts_ns)))
    assert (change.finding.deadline_ns, change.at_ns) == (MAX_NS, MAX_NS)


def test_what_was_touched_is_said_once() -> None:
    book = Book(policy())
    book.offer(decide())
    book.act(action("acknowledge", 1), at(1))
    book.take_touched()
    assert book.offer(decide(2)) == ()
    assert [finding.count for finding in book.take_touched()] == [2]
    assert book.take_touched() == []


def other_rule(number: int, severity: Severity = "medium") -> Behaviour:
    return replace(behave(number, number, severity=severity), id=f"{number:016x}")


def test_findings_are_bounded_and_the_least_important_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.findings.book.MAX_FINDINGS", 20)
    monkeypatch.setattr("monitor.findings.book.ROOM", 3)
    book = Book(policy())
    for number in range(20):
        book.behave(other_rule(number, "low" if number >= 18 else "medium"))
    book.act(action("waive", 100, f"{7:016x}"), at(100))
    assert book.forgotten == 0
    book.behave(other_rule(99, "low"))
    assert book.forgotten == 4
    gone = {f"{n:016x}" for n in (7, 18, 19, 99)}
    assert gone.isdisjoint(finding.id for finding in book.findings())
    assert len(book.findings()) == 17
    (change,) = book.behave(other_rule(7))
    assert (change.what, change.key) == ("opened", f"{7:016x}-3")  # revisions go on where they were


def test_findings_of_an_earlier_run_are_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.findings.book.MAX_FINDINGS", 20)
    monkeypatch.setattr("monitor.findings.book.ROOM", 3)
    book = Book(policy())
    book.offer(decide())
    found = [replace(the(book), id=f"f{number}") for number in range(30)]
    assert (len(Book(policy(), found).findings()), Book(policy(), found).forgotten) == (17, 13)


def test_the_bound_is_there() -> None:
    book = Book(policy())
    for number in range(room.MAX_FINDINGS + 1):
        book.behave(other_rule(number))
    assert len(book.findings()) == room.MAX_FINDINGS - room.ROOM
    assert book.forgotten == room.ROOM + 1


def test_remembered_revisions_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MAX_REVISIONS", 2)
    book = Book(policy())
    revisions = room.Revisions()
    for number in range(3):
        (change,) = book.behave(other_rule(number))
        revisions.note(change.finding.id, change.finding.revision)
    assert [revisions.take(f"{number:016x}") for number in range(3)] == [0, 1, 1]

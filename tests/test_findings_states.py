"""The states of a finding: every state against everything that can happen to it, and what a cure demands."""

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from monitor.findings import Book
from monitor.findings.acting import MAX_SILENCE_AGE_NS
from monitor.findings.actions import Acknowledge, Action, ActionError, ConfirmCure, Waive
from monitor.findings.transitions import CLOSED, HAPPENINGS, STATES, TABLE, Happening
from monitor.findings.types import Change, Cure, Finding, Note, State, Waiver
from monitor.types import Totals
from tests.findings_kit import (
    ACTED,
    DAY,
    HOUR,
    ID,
    RULES,
    SECTION,
    WAYS,
    action,
    behave,
    book_in,
    decide,
    policy,
    quiet,
    short,
    the,
)
from tests.observed import SECOND_NS, at
from tests.policy_help import HEAD, compiled

LATER = ACTED + 31 * DAY  # the waiver of the kit is over


def happen(book: Book, happening: Happening) -> tuple[Change, ...]:
    """Let something happen at LATER."""
    if happening == "flow":
        return book.offer(decide(HOUR))
    if happening == "returned":
        return book.offer(decide(LATER))
    if happening == "deadline":
        return book.tick(at(LATER))
    return book.act(action(happening, LATER), at(LATER))


@pytest.mark.parametrize("happening", HAPPENINGS)
@pytest.mark.parametrize("state", STATES)
def test_every_state_and_everything_that_happens(state: State, happening: Happening) -> None:
    book = book_in(state)
    before = the(book)
    wanted = TABLE[state, happening]
    if wanted is None:
        with pytest.raises(ActionError):
            happen(book, happening)
        assert the(book) == before
        return
    changes = happen(book, happening)
    finding = the(book)
    assert finding.state == wanted
    assert finding.revision == before.revision + len(changes)
    assert finding.count == before.count + (happening in {"flow", "returned"})
    whats = {change.what for change in changes}
    if wanted in CLOSED and state != wanted:
        assert whats == {"closed"}
    elif state in CLOSED and wanted == "open":
        assert whats == {"opened"}
        assert (finding.reopened, finding.opened_ns, finding.cure) == (1, at(LATER), None)
        assert finding.deadline_ns == at(LATER + 10 * DAY)
        assert not any(reminder.told for reminder in finding.reminders)
    elif happening in {"flow", "returned"}:
        assert whats == ({"updated"} if state == "open" else set())  # a second connection, told while open
    elif happening == "deadline":
        told = {"excepted": {"reminder"}, "cured": set()}
        of_clocks = {"updated", "reminder"} if state != "lapsed" else set()
        assert whats == told.get(state, of_clocks)
    else:
        assert whats == {"updated"}


def test_the_table_is_whole() -> None:
    assert set(TABLE) == {(state, happening) for state in STATES for happening in HAPPENINGS}
    assert set(WAYS) == set(STATES)


def test_what_persons_say_is_kept() -> None:
    book = book_in("open")
    steps: list[tuple[Happening, int]] = [
        ("acknowledge", 1),
        ("start-cure", 2),
        ("comment", 3),
        ("confirm-cure", ACTED),
    ]
    whys = [book.act(action(name, second), at(second))[0].why for name, second in steps]
    assert whys == [
        "kim acknowledged it",
        "kim started the cure, owned by platform: pin the host",
        "kim said: seen it before",
        "kim confirmed the cure, after silence since 2026-03-25 07:00:00 UTC: host is pinned",
    ]
    finding = the(book)
    assert finding.acknowledged == Note(at(1), "kim")
    assert finding.cure == Cure(Note(at(2), "kim", "pin the host"), "platform")
    assert finding.cured == Note(at(ACTED), "kim", "host is pinned")
    assert finding.silence == quiet(ACTED - 2 * HOUR, ACTED)


def test_a_waiver_ends_is_told_and_a_connection_after_it_opens_again() -> None:
    book = book_in("excepted")
    note = Note(at(ACTED), "kim", "until the contract ends")
    assert the(book).waiver == Waiver(note, "T-1", at(ACTED + 30 * DAY))
    assert book.offer(decide(ACTED + 30 * DAY)) == ()  # its last moment
    assert book.tick(at(ACTED + 29 * DAY)) == ()
    (change,) = book.tick(at(LATER))
    assert (change.what, change.finding.state) == ("reminder", "excepted")
    assert change.why.startswith("the waiver under T-1 is over; ")
    assert book.tick(at(LATER + DAY)) == ()
    (change,) = book.offer(decide(LATER))
    assert change.why == "a connection began at 2026-04-25 09:00:00 UTC, and the waiver under T-1 was over"
    assert (change.what, change.finding.state, change.finding.reopened) == ("opened", "open", 1)


@pytest.mark.parametrize(
    ("began", "why"),
    [
        (ACTED - 2 * HOUR - 1, None),  # before the silence: it ended late
        (ACTED - 2 * HOUR, "after the silence began that the cure of 2026-03-25 09:00:00 UTC rests on"),
        (ACTED, "after the silence began that the cure of 2026-03-25 09:00:00 UTC rests on"),
        (ACTED + 1, "after the cure of 2026-03-25 09:00:00 UTC was confirmed"),
    ],
)
def test_what_returns_after_a_cure(began: float, why: str | None) -> None:
    book = book_in("cured")
    changes = book.offer(decide(began))
    assert the(book).count == 2
    assert [change.why.partition(", ")[2] for change in changes] == ([why] if why else [])
    assert the(book).state == ("open" if why else "cured")
    assert the(book).opened_ns == (at(began) if why else at(0))


def test_a_behaviour_returns_by_its_last_connection() -> None:
    book = Book(policy())
    book.behave(behave(0, 5))
    book.act(action("confirm-cure", ACTED, behave().id), at(ACTED))
    assert book.behave(behave(0, 9, 2)) == ()
    assert short(book.behave(behave(0, LATER, 4))) == [("opened", "open", 4)]
    assert the(book).opened_ns == at(LATER)


def test_a_verdict_ahead_of_the_end_opens_again_at_once() -> None:
    book = book_in("cured")
    assert short(book.offer(decide(LATER, is_open=True))) == [("opened", "open", 1)]
    assert short(book.offer(decide(LATER))) == [("updated", "open", 2)]
    assert the(book).reopened == 1


def test_clocks_ring_once_each_and_in_order() -> None:
    book = book_in("open")
    assert book.tick(at(DAY - 1)) == ()
    changes = book.tick(at(ACTED))
    assert [(change.what, change.finding.revision, change.at_ns) for change in changes] == [
        ("reminder", 2, at(ACTED)),
        ("updated", 3, at(ACTED)),
    ]
    assert [change.why for change in changes] == [
        "for a person to decide on, early: Decide it.; late: Decide it again.",
        "it was to be cured by 2026-03-20 09:00:00 UTC, and no cure was confirmed",
    ]
    assert book.tick(at(LATER)) == ()


def test_a_closed_finding_is_not_reminded_of() -> None:
    book = Book(policy())
    book.offer(decide())
    book.act(action("confirm-cure", 5 * HOUR), at(5 * HOUR))
    assert book.tick(at(LATER)) == ()


def test_clocks_go_on_after_a_restart() -> None:
    before = book_in("open")
    before.tick(at(DAY))
    after = Book(policy(), [the(before)])
    assert [change.why[:31] for change in after.tick(at(3 * DAY))] == ["for a person to decide on, late"]


SILENCES: list[tuple[dict[str, Any], str]] = [
    ({"covered_share": 0.949}, "sensors covered 94.90 % of the time, and 95 % are needed"),
    ({"packets": 0}, "no packet was read at all in that time"),
    ({"lost_packets": 11}, "1.08 % of the packets were lost, and less than 1 % may be"),
    ({"undecided": 1}, "1.96 % of the connections were not decided on, and less than 1 % may be"),
]


@pytest.mark.parametrize(("poor", "missing"), SILENCES)
def test_a_cure_needs_evidence_of_silence(poor: dict[str, Any], missing: str) -> None:
    book = book_in("curing")
    before = the(book)
    asked = ConfirmCure(finding=ID, by="kim", text="done", silence=quiet(ACTED - 2 * HOUR, ACTED, **poor))
    with pytest.raises(ActionError) as caught:
        book.act(asked, at(ACTED))
    problem = f"silence is no evidence that finding {ID} is cured: {missing}"
    assert str(caught.value) == f"{problem}; wait until enough was seen, or waive it under a ticket"
    assert the(book) == before


@pytest.mark.parametrize(
    ("since", "until", "missing"),
    [
        (0, ACTED, "a connection began at 2026-03-10 09:00:00 UTC, after the silence is said to begin"),
        (ACTED - HOUR + 1, ACTED, "it lasts 3599 s, and has to last 1h"),
        (HOUR, ACTED + 1, "it ends at 2026-03-25 09:00:01 UTC, which is not now"),
        (
            HOUR,
            ACTED - MAX_SILENCE_AGE_NS // SECOND_NS - 1,
            "it ends at 2026-03-25 07:59:59 UTC, which is not now",
        ),
    ],
)
def test_the_silence_has_to_be_of_this_finding_and_of_now(since: float, until: float, missing: str) -> None:
    book = book_in("open")
    asked = ConfirmCure(finding=ID, by="kim", text="done", silence=quiet(since, until))
    with pytest.raises(ActionError) as caught:
        book.act(asked, at(ACTED))
    assert caught.value.problem == f"silence is no evidence that finding {ID} is cured: {missing}"


def test_a_connection_that_still_lived_is_no_silence() -> None:
    book = book_in("open")
    book.offer(decide(0, is_open=True, totals=Totals(duration_ns=(ACTED - HOUR) * 10**9)))
    with pytest.raises(ActionError, match="a connection lived at 2026-03-25 08:00:00 UTC, after the silence"):
        book.act(action("confirm-cure", ACTED), at(ACTED))


@pytest.mark.parametrize(
    ("old", "new", "gone"),
    [("id: R", "id: RENAMED", "rule R"), ("name: backend", "name: other", "source group acme/backend")],
)
def test_silence_that_a_policy_made_is_no_cure(old: str, new: str, gone: str) -> None:
    book = book_in("open")
    text = f"{HEAD}{RULES}{SECTION}".replace(old, new)
    book.reload(compiled(text)[0])
    with pytest.raises(ActionError, match=f"{gone} is not in the policy any more") as caught:
        book.act(action("confirm-cure", ACTED), at(ACTED))
    assert caught.value.mend == "waive it under a ticket"
    assert the(book).state == "open"
    book.act(action("waive", ACTED), at(ACTED))


def waived(until: float) -> Waive:
    return Waive(finding=ID, by="kim", text="why", ticket="T", until_ns=at(until))


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        (
            Acknowledge(finding="0" * 16, by="kim"),
            f"there is no finding {'0' * 16}; see `residency findings` for those there are",
        ),
        (
            waived(ACTED),
            "a waiver cannot last until 2026-03-25 09:00:00 UTC; name a day to come, within 366 days",
        ),
        (
            waived(ACTED + 367 * DAY),
            "a waiver cannot last until 2027-03-27 09:00:00 UTC; name a day to come, within 366 days",
        ),
        (action("reopen", ACTED), f"finding {ID} is open, not closed; comment on it instead"),
        (
            Acknowledge(finding=ID, by=""),
            "acknowledge: 'by' is not as it has to be; write something",
        ),
        (
            Acknowledge(finding=ID, by="kim", text="two\nlines"),
            "acknowledge: 'text' is not as it has to be; write one line of printable text",
        ),
        (
            Acknowledge(finding=ID, by="k" * 201),
            "acknowledge: 'by' is not as it has to be; write less: 200 characters of a name, 2000 of a text",
        ),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(asked: Action, line: str) -> None:
    with pytest.raises(ActionError) as caught:
        book_in("open").act(asked, at(ACTED))
    assert str(caught.value) == line


@pytest.mark.parametrize(
    ("state", "name", "line"),
    [
        (
            "acknowledged",
            "acknowledge",
            f"finding {ID} is acknowledged already; start its cure, or comment on it",
        ),
        ("cured", "waive", f"finding {ID} is cured; reopen it first, or comment on it"),
        ("excepted", "start-cure", f"finding {ID} is excepted; reopen it first, or comment on it"),
    ],
)
def test_a_refusal_says_what_else_to_do(state: State, name: Happening, line: str) -> None:
    with pytest.raises(ActionError) as caught:
        book_in(state).act(action(name, LATER), at(LATER))
    assert str(caught.value) == line


@pytest.mark.parametrize(
    "name", [each for each in HAPPENINGS if each not in {"flow", "returned", "deadline"}]
)
def test_actions_travel_as_json(name: Happening) -> None:
    asked = action(name, ACTED)
    written = msgspec.json.encode(asked)
    assert msgspec.json.decode(written, type=Action) == asked
    assert msgspec.json.decode(written)["type"] == name


def test_findings_travel_as_json() -> None:
    book = book_in("cured")
    written = msgspec.json.encode(the(book))
    assert msgspec.json.decode(written, type=Finding) == the(book)
    assert replace(the(book), revision=0) != the(book)

"""Findings over time: made anew from the ledger, ended by retention, with a ledger that was lost."""

import shutil
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from monitor.daemon import recorder as recorder_module
from monitor.daemon.recorder import Recorder
from monitor.findings import Book
from monitor.ledger.reader import open_ledger
from monitor.outbox.reading import OutboxReader
from monitor.recording.catching_up import CatchingUp, Short
from monitor.recording.chores import Chores
from monitor.recording.core import Recording
from monitor.recording.items import Item
from monitor.settings import Settings, load_settings
from monitor.types import Decision
from tests.findings_kit import ACTED, DAY, ID, action, behave, book_in, decide, policy, the
from tests.observed import at
from tests.state_kit import DAY_NS, found, made, recording_of

LATER = ACTED + 31 * DAY  # the waiver of the kit is over


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A daemon's folders, as it left them."""
    return made(tmp_path_factory.mktemp("daemon")).parent


@pytest.fixture
def settings(left: Path, tmp_path: Path) -> Settings:
    """A copy of them."""
    return load_settings(shutil.copytree(left, tmp_path / "copy") / "residency.yaml")


def caught_up(recording: Recording, position: dict[str, int]) -> CatchingUp:
    catching_up = CatchingUp(recording, position, time.time_ns())
    catching_up.run()
    return catching_up


def record(recording: Recording, decisions: list[Decision]) -> None:
    """Record decisions at once, as when many are waiting."""
    now_ns = time.time_ns()
    filing = recording._filing  # noqa: SLF001
    items = [Item(filing.decision(each, None, now_ns), "acme", decision=each) for each in decisions]
    assert not recording.record(items, now_ns).left
    recording.settle(now_ns)


def test_a_lost_state_folder_is_made_anew_to_the_last_connection(settings: Settings) -> None:
    with recording_of(settings) as (recording, _):
        record(recording, [decide(second, port=second + 1) for second in range(7)])
        recording.owe(recording.book.behave(behave()), at(ACTED))
        recording.settle(time.time_ns())
        before = recording.book.findings()
    assert recording.book.get(ID).count == 7  # type: ignore[union-attr]  # told at 1, 2 and 4
    shutil.rmtree(settings.state)
    with recording_of(settings) as (recording, _):
        caught_up(recording, {})
        assert recording.book.findings() == before
        # The policy of now has no such rule, and a behaviour came of no decision: both come to a deadline.
        lapsed = {change.finding.id for change in recording.book.tick(at(400 * DAY))}
        assert {ID, behave().id} <= lapsed


def test_a_record_does_not_undo_what_was_counted_ahead_of_it() -> None:
    book, other = Book(policy()), Book(policy(""))
    connections = [decide(second, f"10.20.0.{second}") for second in range(7)]
    for each in connections:
        book.offer(each)
    told = [change.finding for each in connections for change in other.offer(each)][-1]
    assert told.count == 4
    book.restore(told)
    assert (the(book).count, the(book).client_count, the(book).last_ns) == (7, 7, at(6))
    assert (the(book).revision, the(book).reminders) == (told.revision, ())
    book.restore(the(book_in("excepted")))
    assert [change.why[:15] for change in book.tick(at(LATER))] == ["the waiver unde"]


@pytest.mark.parametrize(
    ("state", "last_day"),
    [
        ("open", None),
        ("acknowledged", None),
        ("curing", None),
        ("lapsed", None),
        ("cured", 15),
        ("excepted", 45),
    ],
)
def test_closed_findings_go_when_retention_is_over(state: str, last_day: int | None) -> None:
    book = book_in(state)  # type: ignore[arg-type]
    (before,) = book.findings()
    kept = {"violation": 30, "indeterminate": 1}
    if last_day is None:
        assert book.expire(at(10_000 * DAY), kept.__getitem__) == ()
        return
    assert book.expire(at((last_day + 30) * DAY), kept.__getitem__) == ()
    assert book.expire(at((last_day + 31) * DAY), lambda _: None) == ()
    assert book.expire(at((last_day + 31) * DAY), kept.__getitem__) == (before,)
    assert (book.findings(), book.take_touched(), book.forgotten) == ([], [], 0)
    (again,) = book.offer(decide(100 * DAY))
    assert (again.what, again.finding.revision, again.finding.count) == ("opened", before.revision + 1, 1)


def test_retention_ends_findings_in_ledger_book_and_state_file(settings: Settings) -> None:
    now_ns = time.time_ns()
    later_ns = now_ns + 366 * DAY_NS
    with recording_of(settings) as (recording, filing):
        record(recording, [decide()])
        cured = action("confirm-cure", 5 * 3_600)
        recording.book.reload(policy())
        recording.owe(recording.book.act(cured, at(5 * 3_600)), now_ns)
        recording.settle(now_ns)
        others = len(recording.book.findings()) - 1
        chores = Chores(recording, filing, settings.state, [])
        chores.turn(later_ns)  # a step of the clock: nothing goes for a day
        assert recording.book.get(ID) is not None
        for hours in range(1, 26):
            chores.turn(later_ns + hours * 3_600 * 1_000_000_000)
        assert recording.book.get(ID) is None
        assert len(recording.book.findings()) == others
        assert recording.gone == 1
        recording.settle(later_ns + DAY_NS)
        said = [
            (each.event, each.fields["count"])
            for each in chores.said
            if each.fields.get("kind") == "findings"
        ]
        assert said == [("deleted", 1)]
        recording.outbox.trim(10**18)
    assert ID not in {each.id for each in found(settings)}
    data = (settings.state / "state.db").read_bytes()
    assert ID.encode() not in data, "what was deleted stays nowhere in the file"
    noted = [
        each
        for each in open_ledger(settings.ledger / "acme").entries()
        if each.leaf.kind == "finding-expired"
    ]
    assert [each.payload for each in noted] == [
        b'{"finding":"%s","revision":2,"state":"cured"}' % ID.encode()
    ]
    shutil.rmtree(settings.state)
    with recording_of(settings) as (recording, _):
        caught_up(recording, {})
        assert recording.book.get(ID) is None
        assert len(recording.book.findings()) == others


def test_a_ledger_that_lost_entries_is_said_and_then_counts_as_it_is(settings: Settings) -> None:
    reader = OutboxReader(settings.state)
    known = reader.position()["acme"]
    reader.close()
    shutil.rmtree(settings.ledger / "acme")
    with recording_of(settings) as (recording, _):
        assert caught_up(recording, recording.outbox.load()[1]).short == [Short("acme", 0, known)]
        assert recording.outbox.load()[1]["acme"] == 0
        record_only = [Item(recording._filing.decision(decide(), None, at(0)), "acme")]  # noqa: SLF001
        recording.record(record_only, time.time_ns())  # and then it is killed
    with recording_of(settings) as (recording, _):
        assert not caught_up(recording, recording.outbox.load()[1]).short
        assert recording.book.get(ID) is not None


def test_behaviours_that_the_disk_does_not_take_in_time_are_counted(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "MAX_BEHAVIOURS", 2)
    with recording_of(settings) as (recording, filing):
        chores = Chores(recording, filing, settings.state, [])
        recorder = Recorder(recording, CatchingUp(recording, {}, 0), chores, filing)
        recorder.behave([replace(behave(), id=f"{number:016x}") for number in range(5)])
        assert recorder.look().shed == {"violation": 3}

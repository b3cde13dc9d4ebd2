"""Readers beside an owner that goes on: what they are handed adds up, whenever they come."""

import multiprocessing
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from monitor.events.types import Event, SummaryEvent
from monitor.outbox.reading import OutboxReader
from monitor.outbox.schema import STATE, OutboxError
from tests.outbox_kit import NOW_NS, checkpoint, event, events, finding, opened

MANY = 100
COMMITS = 120
EACH = 40
forked = multiprocessing.get_context("fork")


def commit_on(folder: Path, told: Connection) -> None:
    """Commit more than there is room for, again and again; tell what became numbers."""
    outbox = opened(folder, MANY)
    told.send(0)
    for turn in range(COMMITS):
        outbox.commit([], events(turn * EACH, EACH), {})
    told.send(outbox.counters().folded)
    outbox.close()


def test_no_summary_grows_once_it_is_handed_out(tmp_path: Path) -> None:
    """A receiver that goes on from its cursor gets every event: singly, or in the number of a summary."""
    here, there = forked.Pipe(duplex=False)
    owner = forked.Process(target=commit_on, args=(tmp_path, there))
    owner.start()
    there.close()
    here.recv()
    reader = OutboxReader(tmp_path)
    cursor = 0
    taken: dict[str, Event] = {}
    while owner.is_alive() or reader.waiting(cursor):
        for parcel in reader.after(cursor, 30):
            assert parcel.seq > cursor
            cursor = parcel.seq
            assert parcel.key not in taken
            taken[parcel.key] = parcel.event
    folded = here.recv()
    owner.join()
    summed = sum(each.events for each in taken.values() if isinstance(each, SummaryEvent))
    assert summed >= folded > 0  # a closed summary may be summed once more
    singly = {each.key for each in taken.values() if not isinstance(each, SummaryEvent)}
    assert len(singly) + summed >= COMMITS * EACH
    standing = {parcel.key: parcel.event for parcel in reader.peek(0, 1_000)}
    assert standing.keys() <= taken.keys()
    for key, each in standing.items():
        assert each == taken[key]  # what was handed out did not change afterwards
    reader.close()


def test_what_it_tells_of_the_queue(tmp_path: Path) -> None:
    outbox = opened(tmp_path)
    reader = OutboxReader(tmp_path)
    assert (reader.oldest_ns, reader.waiting()) == (None, 0)
    first = reader.last_seq
    outbox.commit([finding(1)], [event(finding(1)), checkpoint(7)], {"acme": 2})
    assert (reader.last_seq, reader.waiting(), reader.waiting(first + 1)) == (first + 2, 2, 1)
    assert (reader.oldest_ns, reader.first_ns(first + 1)) == (event(finding(1)).at_ns, NOW_NS)
    assert reader.first_ns(first + 2) is None
    assert reader.last_event(finding(1).id) == event(finding(1))
    assert reader.last_event("RF-nowhere") is None
    assert [parcel.seq for parcel in reader.after(first, 1)] == [first + 1]
    reader.close()
    outbox.close()


def test_more_findings_than_one_page(tmp_path: Path) -> None:
    outbox = opened(tmp_path, 10_000)
    found = [finding(number, state="open" if number % 2 else "cured") for number in range(1_203)]
    outbox.commit(found, [event(each) for each in found], {})
    reader = OutboxReader(tmp_path)
    assert list(reader.findings()) == found
    assert reader.open_events() == [event(each) for each in found if each.state == "open"]
    reader.close()
    outbox.close()


def test_no_file_and_a_file_that_goes(tmp_path: Path) -> None:
    with pytest.raises(OutboxError, match=r"state\.db: no such file; start `residency run`, which makes it"):
        OutboxReader(tmp_path)
    opened(tmp_path).close()
    reader = OutboxReader(tmp_path)
    (tmp_path / STATE).unlink()
    with pytest.raises(OutboxError, match="no such file"):
        reader.after(0, 1)
    outbox = opened(tmp_path)
    outbox.commit([], events(0, 2), {})
    assert [parcel.event for parcel in reader.after(0, 5)] == events(0, 2)  # it is followed once it is back
    reader.close()
    outbox.close()


def test_what_is_no_event_is_an_error_that_can_be_read(tmp_path: Path) -> None:
    outbox = opened(tmp_path)
    outbox.commit([finding(1)], [event(finding(1))], {})
    outbox._connection.execute("UPDATE events SET body = x'00'")  # noqa: SLF001  as no program writes it
    outbox._connection.execute("UPDATE findings SET event = x'00', body = x'00'")  # noqa: SLF001
    reader = OutboxReader(tmp_path)
    for look in (lambda: reader.after(0, 1), lambda: list(reader.findings()), reader.open_events):
        with pytest.raises(OutboxError, match="what stands in it cannot be read"):
            look()
    with pytest.raises(OutboxError, match="a finding in it cannot be read"):
        outbox.load()
    reader.close()
    outbox.close()


def test_a_reader_changes_nothing(tmp_path: Path) -> None:
    outbox = opened(tmp_path)
    outbox.commit([finding(1)], [event(finding(1))], {})
    before = (tmp_path / STATE).read_bytes()
    reader = OutboxReader(tmp_path)
    reader.after(0, 10)
    reader.open_events()
    with pytest.raises(Exception, match="readonly database"):
        reader._opened.connection.execute("DELETE FROM events")  # noqa: SLF001  no call of ours tries it
    reader.close()
    outbox.close()
    assert (tmp_path / STATE).read_bytes() == before

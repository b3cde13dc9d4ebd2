"""What the outbox keeps: all of a commit or nothing, each key once, numbers that are never used twice."""

import multiprocessing
import sqlite3
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from monitor.events.limits import as_now
from monitor.files import InputError
from monitor.outbox.actions import SPOOL
from monitor.outbox.opening import KEPT_ASIDE
from monitor.outbox.owning import OwnedError, is_owned
from monitor.outbox.reading import OutboxReader
from monitor.outbox.schema import STATE, OutboxError
from monitor.outbox.store import Outbox
from tests.outbox_kit import NOW_NS, checkpoint, event, events, finding, opened, queue


def test_what_was_committed_is_there_at_the_next_start(tmp_path: Path) -> None:
    first = opened(tmp_path)
    assert first.load() == ([], {})
    found = [finding(2), finding(1, state="cured")]
    first.commit(found, [event(each) for each in found], {"acme": 7, "_unassigned": 2})
    first.commit([], [checkpoint(1)], {"acme": 9})
    first.close()
    second = opened(tmp_path)
    assert second.load() == ([finding(1, state="cured"), finding(2)], {"acme": 9, "_unassigned": 2})
    assert second.waiting == 3
    assert second.note is None
    second.close()
    assert queue(tmp_path) == [event(finding(2)), event(finding(1, state="cured")), checkpoint(1)]


def test_a_finding_may_change_without_an_event(tmp_path: Path) -> None:
    outbox = opened(tmp_path)
    outbox.commit([finding()], [event(finding())], {})
    outbox.commit([finding(revision=5)], [], {})
    assert outbox.load()[0] == [finding(revision=5)]
    reader = OutboxReader(tmp_path)
    assert reader.open_events() == [as_now(event(finding()), finding(revision=5))]
    outbox.commit([finding(revision=6)], [event(finding(revision=6), "updated")], {})
    assert outbox.load()[0] == [finding(revision=6)]
    assert reader.open_events() == [event(finding(revision=6), "updated")]
    reader.close()
    outbox.close()


def test_the_same_key_again_is_ignored_and_counted(tmp_path: Path) -> None:
    outbox = opened(tmp_path)
    outbox.commit([], events(0, 10), {"acme": 10})
    outbox.commit([], [*events(5, 10), event(finding(14))], {"acme": 15})
    counters = outbox.counters()
    assert (counters.put, counters.repeated, outbox.waiting) == (15, 6, 15)
    outbox.close()
    assert [each.key for each in queue(tmp_path)] == [each.key for each in events(0, 15)]


def test_numbers_are_never_used_twice(tmp_path: Path) -> None:
    outbox = opened(tmp_path)
    outbox.commit([], events(0, 3), {})
    reader = OutboxReader(tmp_path)
    last = reader.last_seq
    assert [parcel.seq for parcel in reader.after(0, 10)] == [last - 2, last - 1, last]
    assert outbox.trim(last) == 3
    outbox.close()
    outbox = opened(tmp_path)
    outbox.commit([], events(3, 1), {})
    assert [parcel.seq for parcel in reader.after(last, 10)] == [last + 1]
    reader.close()
    outbox.close()


def test_numbers_go_on_where_the_file_was_lost(tmp_path: Path) -> None:
    outbox = opened(tmp_path)
    outbox.commit([], events(0, 500), {})
    outbox.close()
    reader = OutboxReader(tmp_path)
    cursor = reader.last_seq
    (tmp_path / STATE).unlink()
    later = Outbox(tmp_path, 1_000, "edge", NOW_NS + 1_000_000_000)
    later.commit([], events(0, 500), {})
    assert len(reader.after(cursor, 1_000)) == 500  # it follows the new file
    reader.close()
    later.close()


def test_trimming_leaves_the_last_events_of_open_findings(tmp_path: Path) -> None:
    outbox = opened(tmp_path)
    found = [finding(0), finding(1, state="lapsed"), finding(2, state="cured"), finding(3, state="excepted")]
    outbox.commit(found, [event(each) for each in found], {})
    reader = OutboxReader(tmp_path)
    second = reader.after(0, 10)[1].seq
    assert outbox.trim(second) == 2
    assert [parcel.event for parcel in reader.after(0, 10)] == [event(each) for each in found[2:]]
    outbox.trim(reader.last_seq)
    assert reader.after(0, 10) == []
    assert reader.oldest_ns is None
    assert reader.open_events() == [event(each) for each in found[:2]]
    assert outbox.counters().trimmed == 4
    reader.close()
    outbox.close()


def test_findings_that_were_forgotten_go(tmp_path: Path) -> None:
    outbox = opened(tmp_path)
    outbox.commit([finding(number) for number in range(5)], [event(finding(1))], {"acme": 5})
    assert outbox.keep_only([finding(1).id, finding(3).id, "RF-nowhere"]) == 3
    assert outbox.keep_only([finding(1).id, finding(3).id]) == 0
    assert outbox.load() == ([finding(1), finding(3)], {"acme": 5})
    assert outbox.waiting == 1
    outbox.close()


def own(folder: Path, told: Connection) -> None:
    outbox = opened(folder)
    told.send(None)
    told.recv()
    outbox.close()


def test_a_second_owner_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    here, there = multiprocessing.get_context("fork").Pipe()
    other = multiprocessing.get_context("fork").Process(target=own, args=(tmp_path, there))
    other.start()
    here.recv()
    assert is_owned(tmp_path)
    with pytest.raises(OwnedError, match=rf"another process owns the findings \(process {other.pid}\); stop"):
        opened(tmp_path)
    other.kill()
    other.join()
    assert not is_owned(tmp_path)
    opened(tmp_path).close()


@pytest.mark.parametrize("damage", ["header", "middle", "cut", "no database", "journal too"])
def test_a_broken_file_is_put_aside_and_begun_anew(tmp_path: Path, damage: str) -> None:
    outbox = opened(tmp_path)
    outbox.commit([finding(number) for number in range(200)], events(0, 200), {"acme": 200})
    outbox.close()
    path = tmp_path / STATE
    data = bytearray(path.read_bytes())
    if damage == "header":
        data[:16] = b"\0" * 16
    elif damage == "no database":
        data = bytearray(b"hello\n" * 500)
    elif damage == "cut":
        del data[len(data) // 2 :]
    else:
        data[8_192:] = b"\xa5" * (len(data) - 8_192)
    path.write_bytes(data)
    if damage == "journal too":
        (tmp_path / f"{STATE}-journal").write_bytes(b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" + b"x" * 5_000)
    anew = opened(tmp_path)
    aside = f"{STATE}.broken-{NOW_NS}"
    assert anew.note is not None
    assert anew.note.startswith(f"{path}: broken (")
    assert anew.note.endswith(f"kept as {aside}, and made anew from the ledger")
    assert (tmp_path / aside).read_bytes()[8_192:] == bytes(data[8_192:])
    assert anew.load() == ([], {})
    anew.commit([finding()], events(0, 1), {"acme": 1})
    anew.close()
    assert queue(tmp_path) == events(0, 1)


def test_few_broken_files_are_kept(tmp_path: Path) -> None:
    for number in range(KEPT_ASIDE + 3):
        (tmp_path / STATE).write_bytes(b"no database at all" * 100)
        Outbox(tmp_path, 100, "edge", NOW_NS + number).close()
    kept = sorted(each.name for each in tmp_path.glob("*.broken-*"))
    assert kept == [f"{STATE}.broken-{NOW_NS + number}" for number in range(3, KEPT_ASIDE + 3)]


def test_another_version_of_the_tables_is_left_alone(tmp_path: Path) -> None:
    opened(tmp_path).close()
    connection = sqlite3.connect(tmp_path / STATE)
    connection.execute("PRAGMA user_version=9")
    connection.close()
    before = (tmp_path / STATE).read_bytes()
    with pytest.raises(InputError, match="version 9, and this program knows 1; use the program that made it"):
        opened(tmp_path)
    with pytest.raises(OutboxError, match="version 9"):
        OutboxReader(tmp_path)
    assert (tmp_path / STATE).read_bytes() == before
    assert not is_owned(tmp_path)


def test_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    outbox = opened(folder)
    outbox.commit([finding()], events(0, 1), {})
    outbox.close()
    assert folder.stat().st_mode & 0o777 == 0o700
    modes = {each.name: each.stat().st_mode & 0o777 for each in folder.iterdir()}
    assert modes == {"lock": 0o600, STATE: 0o600, "handed": 0o600, SPOOL: 0o700}

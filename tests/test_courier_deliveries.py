"""What the courier's database keeps: through failures, other readers, and for one owner alone."""

import os
import sqlite3
import stat
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from monitor.courier import deliveries as module
from monitor.courier.deliveries import Deliveries, DeliveriesError, Taken, is_owned
from monitor.courier.letters import DeadLetter, LaneState
from monitor.courier.progress import ALL, dead_letters, delivered_seq, lane_states
from monitor.courier.requests import (
    FOLDER,
    Answer,
    Request,
    ask,
    make_spool,
    obey,
    obey_all,
)
from monitor.files import InputError
from monitor.outbox.reading import OutboxReader
from tests.courier_kit import filled, small_disk
from tests.outbox_kit import NOW_NS, event, events, file_limit, finding


def letter(seq: int, sink: str = "soc", **changed: bool) -> DeadLetter:
    return DeadLetter(sink, seq, event(finding(seq)), "400", NOW_NS, 1, **changed)


@contextmanager
def opened(state: Path) -> Iterator[Deliveries]:
    made = Deliveries(state)
    try:
        yield made
    finally:
        made.close()


def test_what_is_kept_is_there_again(tmp_path: Path) -> None:
    state = LaneState(7, 2, 5, 9, "why", 8, 3, 0)
    with opened(tmp_path) as db:
        assert db.lane("soc", 4) == LaneState(4)
        db.save("soc", state, Taken(aside=[letter(5), letter(6)]))
    with opened(tmp_path) as db:
        assert db.lane("soc", 99) == state
    assert list(dead_letters(tmp_path)) == [letter(5), letter(6)]
    assert stat.S_IMODE((tmp_path / "delivery.db").stat().st_mode) == 0o600
    with sqlite3.connect(tmp_path / "delivery.db") as raw:
        assert raw.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    raw.close()


def test_it_has_one_owner(tmp_path: Path) -> None:
    with opened(tmp_path):
        assert is_owned(tmp_path)
        with pytest.raises(InputError, match="another `residency deliver` works there; stop that one"):
            Deliveries(tmp_path)
    assert not is_owned(tmp_path)
    assert not is_owned(tmp_path / "nowhere")
    with opened(tmp_path):
        pass


def test_what_the_courier_serves_is_kept_also_where_the_daemon_does_not_know_it(tmp_path: Path) -> None:
    assert delivered_seq(tmp_path, []) == ALL
    with opened(tmp_path) as db:
        db.save("old", LaneState(3))
        db.save("new", LaneState(1))
        assert (delivered_seq(tmp_path, []), delivered_seq(tmp_path, ["old"])) == (ALL, 3)
        db.serve(["old", "new"])
        assert (delivered_seq(tmp_path, []), delivered_seq(tmp_path, ["old"])) == (1, 1)
        db.serve(["old"])
        assert delivered_seq(tmp_path, []) == 3


def test_there_is_room_for_so_many_letters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_DEAD", 3)
    with opened(tmp_path) as db:
        db.save("other", LaneState(), Taken(aside=[letter(1, "other")]))
        state = db.save("soc", LaneState(), Taken(aside=[letter(seq) for seq in range(1, 6)]))
        assert state.shed == 2
        assert db.save("soc", state, Taken(aside=[letter(6)])).shed == 3
    assert [each.seq for each in dead_letters(tmp_path, "soc")] == [4, 5, 6]
    assert [each.state.shed for each in lane_states(tmp_path)] == [0, 3]


@pytest.mark.parametrize(
    ("sink", "key", "expected"),
    [
        (None, None, [("mail", 1), ("soc", 1), ("soc", 2)]),
        ("soc", None, [("soc", 1), ("soc", 2)]),
        ("soc", letter(2).key, [("soc", 2)]),
        (None, letter(1).key, [("mail", 1), ("soc", 1)]),
        ("soc", "other", []),
        ("none", None, []),
    ],
)
def test_letters_go_back_in_line(
    sink: str | None, key: str | None, expected: list[tuple[str, int]], tmp_path: Path
) -> None:
    with opened(tmp_path) as db:
        db.save("soc", LaneState(), Taken(aside=[letter(1), letter(2)]))
        db.save("mail", LaneState(), Taken(aside=[letter(1, "mail")]))
        assert db.retry(sink, key, NOW_NS + 1) == len(expected)
        assert db.retry(sink, key, NOW_NS + 2) == 0
    again = [each for each in dead_letters(tmp_path) if each.again]
    assert [(each.sink, each.seq) for each in again] == expected
    assert all((each.since_ns, each.attempts) == (NOW_NS + 1, 0) for each in again)


def test_letters_are_read_page_by_page(tmp_path: Path) -> None:
    with opened(tmp_path) as db:
        for sink in ("mail", "soc"):
            db.save(sink, LaneState(), Taken(aside=[letter(seq, sink) for seq in range(1, 701)]))
    found = [(each.sink, each.seq) for each in dead_letters(tmp_path)]
    assert found == [(sink, seq) for sink in ("mail", "soc") for seq in range(1, 701)]


# what is delivered


def test_only_what_all_sinks_are_done_with_is_delivered(tmp_path: Path) -> None:
    assert delivered_seq(tmp_path, []) == ALL
    assert delivered_seq(tmp_path, ["soc"]) == 0
    with opened(tmp_path) as db:
        db.save("soc", LaneState(9))
        db.save("mail", LaneState(4))
        db.save("removed", LaneState(1))
        assert delivered_seq(tmp_path, ["soc", "mail"]) == 4
        db.drop_all("mail", 6)
        assert delivered_seq(tmp_path, ["soc", "mail"]) == 6
        assert delivered_seq(tmp_path, ["soc", "new"]) == 0
        assert delivered_seq(tmp_path, ["soc"]) == 9


@pytest.mark.parametrize("content", [b"", b"no database at all" * 100])
def test_what_cannot_be_read_is_not_delivered(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "delivery.db").write_bytes(content)
    assert delivered_seq(tmp_path, ["soc"]) == 0
    with pytest.raises(InputError, match="cannot be read"):
        lane_states(tmp_path)


def test_a_database_of_later_is_left_alone(tmp_path: Path) -> None:
    with opened(tmp_path):
        pass
    raw = sqlite3.connect(tmp_path / "delivery.db")
    raw.execute("PRAGMA user_version = 2")
    raw.close()
    with pytest.raises(InputError, match=r"written by a newer program \(format 2, this one knows 1\)"):
        Deliveries(tmp_path)
    assert not is_owned(tmp_path)
    assert delivered_seq(tmp_path, ["soc"]) == 0


def test_what_is_no_database_is_said(tmp_path: Path) -> None:
    (tmp_path / "delivery.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(InputError, match=r"not usable \(file is not a database\); move it away"):
        Deliveries(tmp_path)


def test_a_disk_that_takes_nothing_is_no_reason_to_move_the_database_away(tmp_path: Path) -> None:
    with (
        file_limit(0),
        pytest.raises(DeliveriesError, match=r"delivery\.db: .*; (check|make room on) (the|its) disk"),
    ):
        Deliveries(tmp_path)
    with opened(tmp_path):
        pass


def test_a_folder_is_made_and_what_is_none_is_said(tmp_path: Path) -> None:
    with opened(tmp_path / "a" / "b"):
        assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o700
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="file: file exists; check the file system"):
        Deliveries(tmp_path / "file")


def test_figures_of_each_sink(tmp_path: Path) -> None:
    assert lane_states(tmp_path) == []
    with filled(tmp_path, events(0, 5)), opened(tmp_path) as db:
        queue = OutboxReader(tmp_path)
        third = queue.peek(0, 3)[-1]
        queue.close()
        db.lane("mail", 0)
        db.save("soc", LaneState(third.seq, 2, 1, 2, "why", 3), Taken(aside=[letter(1), letter(2)]))
        db.retry("soc", letter(2).key, NOW_NS)
        mail, soc = lane_states(tmp_path)
    assert (mail.sink, mail.waiting, mail.dead, mail.again) == ("mail", 5, 0, 0)
    assert mail.oldest_ns == events(0, 1)[0].at_ns
    assert (soc.sink, soc.waiting, soc.dead, soc.again) == ("soc", 2, 1, 1)
    assert soc.oldest_ns == events(3, 1)[0].at_ns
    assert (soc.state.error, soc.state.error_ns, soc.state.attempts) == ("why", 3, 2)


def test_figures_without_an_outbox(tmp_path: Path) -> None:
    with opened(tmp_path) as db:
        db.lane("soc", 0)
    assert [(each.waiting, each.oldest_ns) for each in lane_states(tmp_path)] == [(None, None)]


def test_a_reader_holds_up_nobody_for_long(tmp_path: Path) -> None:
    with opened(tmp_path) as db:
        db.save("soc", LaneState(), Taken(aside=[letter(seq) for seq in range(1, 502)]))
        reading = dead_letters(tmp_path)
        next(reading)
        db.save("soc", LaneState(5))
        assert len(list(reading)) == 500


# failures


def test_a_full_disk_changes_nothing_and_ends(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as state, opened(state) as db:
        db.save("soc", LaneState(1))
        (state / "ballast").write_bytes(b"x" * (os.statvfs(state).f_bavail * os.statvfs(state).f_frsize))
        with pytest.raises(DeliveriesError, match=r"disk is full|disk I/O error"):
            db.save("soc", LaneState(2), Taken(aside=[letter(seq) for seq in range(50)]))
        assert delivered_seq(state, ["soc"]) == 1
        (state / "ballast").unlink()
        db.save("soc", LaneState(3))
        assert delivered_seq(state, ["soc"]) == 3
        assert list(dead_letters(state)) == []


def test_whoever_uses_it_when_it_is_closed_is_told(tmp_path: Path) -> None:
    db = Deliveries(tmp_path)
    db.close()
    with pytest.raises(DeliveriesError):
        db.lane("soc", 0)


# what people ask


def test_requests_are_obeyed_and_answered(tmp_path: Path) -> None:
    with filled(tmp_path, events(0, 1)), opened(tmp_path) as db:
        db.save("soc", LaneState(), Taken(aside=[letter(1)]))
        done: list[Request] = []
        make_spool(tmp_path)
        with ThreadPoolExecutor() as pool:
            asking = pool.submit(ask, tmp_path, Request("retry", "soc"), 20.0)
            while not asking.done():
                done += obey_all(tmp_path, db, lambda: OutboxReader(tmp_path), NOW_NS, Counter())
        assert done == [Request("retry", "soc")]
        assert asking.result() == Answer(1)
    assert list((tmp_path / FOLDER).iterdir()) == []


def test_nobody_answers(tmp_path: Path) -> None:
    make_spool(tmp_path)
    assert ask(tmp_path, Request("retry"), 0.1) is None
    assert list((tmp_path / FOLDER).iterdir()) == []


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (Request("retry", "none"), Answer(0)),
        (Request("drop"), Answer(error="a drop needs a sink")),
        (Request("drop", "none", "x"), Answer(error="no sink 'none' has been served here")),
        (Request("drop", "soc", "x"), Answer(error="no sink 'soc' has been served here")),
        (Request("drop", "mail", "x", waiting=True), Answer(0)),
        (Request("drop", "mail", events(1, 1)[0].key, waiting=True), Answer(1)),
        (Request("drop", "mail"), Answer(1)),
        (Request("drop", "mail", waiting=True), Answer(4)),
    ],
)
def test_what_a_request_comes_to(request_: Request, answer: Answer, tmp_path: Path) -> None:
    with filled(tmp_path, events(0, 3)), opened(tmp_path) as db:
        db.save("mail", LaneState(), Taken(aside=[letter(0, "mail")]))
        assert obey(db, request_, lambda: OutboxReader(tmp_path), NOW_NS) == answer


def test_what_is_no_request_is_answered_or_removed(tmp_path: Path) -> None:
    names = [f"{number}-0123456789abcdef" for number in range(4)]
    folder, refused = tmp_path / FOLDER, Counter[str]()
    folder.mkdir()
    (folder / f"{names[0]}.json").write_bytes(b'{"what":"explode"}')
    (folder / f"{names[1]}.json").write_bytes(b'{"x":' + b"[" * 60_000)
    (folder / f"{names[2]}.json").write_bytes(b"\xff" * 100_000)
    (folder / f"{names[3]}.json").symlink_to("/etc/hostname")
    with opened(tmp_path) as db:
        assert obey_all(tmp_path, db, lambda: OutboxReader(tmp_path), NOW_NS, refused) == []
    assert {each.name for each in folder.iterdir()} == {f"{name}.answer" for name in names[:2]}
    assert b"not a request that this program knows" in (folder / f"{names[0]}.answer").read_bytes()
    assert refused == {"not a request": 2, "size": 1, "unreadable": 1}


def test_without_an_outbox_a_drop_says_so(tmp_path: Path) -> None:
    with opened(tmp_path) as db:
        db.lane("soc", 0)
        make_spool(tmp_path)
        request = tmp_path / FOLDER / "1-0123456789abcdef.json"
        request.write_bytes(b'{"what":"drop","sink":"soc","waiting":true}')
        obey_all(tmp_path, db, lambda: OutboxReader(tmp_path), NOW_NS, Counter())
    assert b"state.db: no such file" in request.with_suffix(".answer").read_bytes()

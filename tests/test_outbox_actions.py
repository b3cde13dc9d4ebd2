"""The spool: what an operator asks for reaches the daemon once, and what is no request does no harm."""

import multiprocessing
import os
import signal
import time
from collections import Counter
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from monitor.files import InputError
from monitor.findings.actions import Acknowledge, Action, Comment
from monitor.outbox.actions import (
    SPOOL,
    Answer,
    Request,
    answer,
    ask,
    new_request,
    take,
)
from monitor.outbox.spool import MAX_BYTES, STALE_SECONDS
from tests.outbox_kit import NOW_NS, finding

forked = multiprocessing.get_context("fork")
NAME = "1-0123456789abcdef.json"


def acknowledge(number: int = 0) -> Action:
    return Acknowledge(finding=f"RF-{number:012x}", by="alice", text="it is being looked at")


def serve(state: Path, count: int, told: Connection) -> None:
    """Answer so many requests, as the daemon does; tell what was asked."""
    take(state, 1)  # makes the spool
    told.send(None)
    while count:
        for request in take(state, 2):
            told.send(request)
            said = f"{request.action.by} acknowledged {request.action.finding}"
            answer(state, request, Answer("done", said, finding()))
            count -= 1
        time.sleep(0.005)


def test_another_process_answers(tmp_path: Path) -> None:
    here, there = forked.Pipe(duplex=False)
    daemon = forked.Process(target=serve, args=(tmp_path, 3, there))
    daemon.start()
    there.close()
    here.recv()
    asked = [new_request(acknowledge(number), NOW_NS + number) for number in range(3)]
    answers = [ask(tmp_path, request) for request in asked]
    assert [each.says for each in answers] == [f"alice acknowledged RF-{number:012x}" for number in range(3)]
    assert {(each.status, each.finding) for each in answers} == {("done", finding())}
    assert [here.recv() for _ in asked] == asked
    daemon.join()
    assert list((tmp_path / SPOOL).iterdir()) == []


def test_who_loses_patience_takes_the_request_back(tmp_path: Path) -> None:
    take(tmp_path, 1)
    found = ask(tmp_path, new_request(acknowledge(), NOW_NS), timeout=0)
    assert found.status == "not-taken"
    assert take(tmp_path, 10) == []
    assert list((tmp_path / SPOOL).iterdir()) == []


def die_with_it(state: Path) -> None:
    while not take(state, 1):
        time.sleep(0.005)
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_daemon_that_dies_with_a_request(tmp_path: Path) -> None:
    """It is not done twice: whether it was done once, the finding tells, and who asked is told to look."""
    take(tmp_path, 1)
    daemon = forked.Process(target=die_with_it, args=(tmp_path,))
    daemon.start()
    request = new_request(acknowledge(), NOW_NS)
    assert ask(tmp_path, request, timeout=0.5).status == "unknown"
    daemon.join()
    assert take(tmp_path, 10) == []
    assert (tmp_path / SPOOL / f"{request.name}.answer").is_file()
    assert [path.suffix for path in (tmp_path / SPOOL).iterdir()] == [".answer"]


def test_requests_come_in_order_and_some_at_a_time(tmp_path: Path) -> None:
    take(tmp_path, 1)
    for number in (3, 1, 2):
        put(tmp_path, f"{number}-0123456789abcdef.json", body(acknowledge(number)))
    first = take(tmp_path, 2)
    assert [each.action.finding[-1] for each in first] == ["1", "2"]
    for each in first:
        answer(tmp_path, each, Answer("done", "done"))
    assert [each.action.finding[-1] for each in take(tmp_path, 2)] == ["3"]


def body(action: Action) -> bytes:
    import msgspec  # noqa: PLC0415

    return b'{"at_ns":5,"action":' + msgspec.json.encode(action) + b"}"


def put(state: Path, name: str, data: bytes) -> Path:
    path = state / SPOOL / name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"x" * (MAX_BYTES + 1), "size"),
        (b"[" * MAX_BYTES, "not a request"),
        (b"{}", "not a request"),
        (b'{"at_ns":5,"action":{"type":"erase","finding":"RF-1","by":"m"}}', "not a request"),
        (
            b'{"at_ns":5,"action":{"type":"comment","finding":"RF-1","by":"m","text":"a\\nb"}}',
            "not a request",
        ),
        (
            b'{"at_ns":5,"action":{"type":"comment","finding":"RF-1","by":"m","text":"a","x":1}}',
            "not a request",
        ),
        (b"\xff\xfe", "not a request"),
        (b"", "not a request"),
    ],
)
def test_files_that_hold_no_request(tmp_path: Path, data: bytes, reason: str) -> None:
    take(tmp_path, 1)
    put(tmp_path, NAME, data)
    counts = Counter[str]()
    assert take(tmp_path, 10, counts) == []
    assert counts == {reason: 1}
    left = [path.suffix for path in (tmp_path / SPOOL).iterdir()]
    assert left == ([".answer"] if reason == "not a request" else [])  # who may ask is told why


@pytest.mark.parametrize("kind", ["symlink", "hard link", "fifo", "folder", "another's"])
def test_files_that_are_no_plain_files_of_somebody_who_may_ask(tmp_path: Path, kind: str) -> None:
    take(tmp_path, 1)
    path = tmp_path / SPOOL / NAME
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(body(acknowledge()))
    if kind == "symlink":
        path.symlink_to(elsewhere)
    elif kind == "hard link":
        path.hardlink_to(elsewhere)
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        if os.geteuid() != 0:
            pytest.skip("to give a file to somebody needs root")
        path.write_bytes(body(acknowledge()))
        os.chown(path, 65_534, 65_534)
    counts = Counter[str]()
    assert take(tmp_path, 10, counts) == []
    assert counts.total() == 1
    assert list((tmp_path / SPOOL).iterdir()) == []
    assert elsewhere.read_bytes() == body(acknowledge())


def test_names_that_are_no_requests_go(tmp_path: Path) -> None:
    take(tmp_path, 1)
    for name in ("x", "1-0123456789abcdef.jsonx", "-0123456789abcdef.json", ".1-0123456789abcdef.json.part"):
        put(tmp_path, name, b"")
    counts = Counter[str]()
    take(tmp_path, 10, counts)
    assert counts == {"name": 3}
    assert [path.name for path in (tmp_path / SPOOL).iterdir()] == [".1-0123456789abcdef.json.part"]


@pytest.mark.parametrize("name", ["1-0123456789abcdef.answer", ".1-0123456789abcdef.json.part"])
def test_what_nobody_fetched_goes_after_a_while(tmp_path: Path, name: str) -> None:
    take(tmp_path, 1)
    path = put(tmp_path, name, b"{}")
    take(tmp_path, 10)
    assert path.exists()
    long_ago = time.time() - STALE_SECONDS - 1
    os.utime(path, (long_ago, long_ago))
    take(tmp_path, 10)
    assert not path.exists()


def test_an_asker_who_may_not_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file or directory; ask as root, or as the daemon's user"):
        ask(tmp_path, new_request(Comment(finding="RF-1", by="bob", text="x"), NOW_NS))


def test_the_answer_of_another_program_is_no_error(tmp_path: Path) -> None:
    take(tmp_path, 1)
    request = Request("1-0123456789abcdef", 0, NOW_NS, acknowledge())
    put(tmp_path, f"{request.name}.answer", b'{"status":"better"}')
    found = ask(tmp_path, request)
    assert found.status == "unknown"
    assert found.says.endswith("; look at the finding")

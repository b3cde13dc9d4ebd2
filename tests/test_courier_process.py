"""`residency deliver` as a process: killed, told to end, to begin anew, and with receivers that are dead."""

import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from monitor.cli import group
from monitor.courier.progress import dead_letters, delivered_seq, lane_states
from monitor.outbox.store import Outbox
from tests.courier_kit import (
    WAIT_SECONDS,
    Handler,
    Server,
    answering,
    configured,
    delivering,
    filled,
    in_memory,
    keys_in,
    put,
    serving,
    small_disk,
    wait_for,
)
from tests.outbox_kit import events, opened

pytestmark = pytest.mark.enable_socket
ROUNDS = 24  # and 200 of the whole line: test_line_rounds.py
A_ROUND = 12  # events
NOBODY = 65_534


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    with in_memory() as folder:
        yield folder


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(Server()) as made:
        yield made


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    made = opened(tmp_path / "state", 100_000)
    yield made
    made.close()


def webhook(server: Server, **keys: object) -> dict[str, object]:
    url = f"http://127.0.0.1:{server.server_port}/"
    return {"type": "webhook", "name": "hook", "url": url, **keys}


def file(folder: Path, name: str = "file") -> dict[str, object]:
    return {"type": "jsonl", "name": name, "path": str(folder / f"{name}.jsonl")}


def outbox_command(*arguments: object) -> Result:
    return CliRunner().invoke(group, ["outbox", *map(str, arguments)])


def in_order(found: list[str], put_keys: list[str]) -> bool:
    """Whether keys came in order; what was repeated goes on from where it began again."""
    places = {key: at for at, key in enumerate(put_keys)}
    at = [places[key] for key in found]
    return at[:1] in ([], [0]) and all(later <= before + 1 for before, later in pairwise(at))


def test_killed_again_and_again_each_event_comes_at_least_once_and_in_order(
    tmp_path: Path, server: Server, outbox: Outbox
) -> None:
    config = configured(tmp_path, {**file(tmp_path), "batch": 5}, webhook(server, batch=5))
    chance = random.Random(68)
    put_keys: list[str] = []
    with subprocess.Popen(
        [sys.executable, "-m", "tests.courier_rounds", str(config)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as forking:
        assert forking.stdin is not None
        assert forking.stdout is not None
        for number in range(ROUNDS):
            put_keys += put(outbox, events(number * A_ROUND, A_ROUND))
            print("go", file=forking.stdin, flush=True)
            child = int(forking.stdout.readline())
            target = len(server.requests) + chance.randint(1, A_ROUND - 2)
            wait_for(lambda least=target: len(server.requests) >= least, "some events", 0.001)  # type: ignore[misc]
            time.sleep(chance.uniform(0.0, 0.004))
            os.kill(child, signal.SIGKILL)
            assert forking.stdout.readline() == "\n"
    assert outbox_command("drain", "--config", config).exit_code == 0
    kept = keys_in(tmp_path / "file.jsonl")
    for found in (kept, server.keys):
        assert set(found) == set(put_keys)
        assert in_order(found, put_keys)
    assert len(server.keys) > len(put_keys)  # some were hit in the middle
    assert (tmp_path / "file.jsonl").read_bytes().endswith(b"\n")
    assert list(dead_letters(tmp_path / "state")) == []


def test_a_dead_receiver_holds_up_nobody_else(tmp_path: Path, server: Server, outbox: Outbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        closed_port = closed.getsockname()[1]
    with socket.create_server(("127.0.0.1", 0), backlog=64) as hole:  # takes connections, and says nothing
        url = f"http://127.0.0.1:{hole.getsockname()[1]}/"
        config = configured(
            tmp_path,
            {"type": "webhook", "name": "closed", "url": f"http://127.0.0.1:{closed_port}/"},
            {"type": "webhook", "name": "hole", "url": url, "timeout_seconds": 600},
            webhook(server),
            file(tmp_path),
        )
        with delivering(config) as courier:
            put_keys = put(outbox, events(0, 300))
            wait_for(lambda: keys_in(tmp_path / "file.jsonl") == put_keys, "the file")
            wait_for(lambda: server.keys == put_keys, "the webhook")
            wait_for(lambda: bool(courier.said("a sink did not take events")), "the log")
            put_keys += put(outbox, events(300, 5))
            wait_for(lambda: keys_in(tmp_path / "file.jsonl") == put_keys, "the file, again")
            figures = {each.sink: each for each in lane_states(tmp_path / "state")}
            assert figures["closed"].waiting == figures["hole"].waiting == len(put_keys)
            assert "Connection refused" in (figures["closed"].state.error or "")
            assert figures["closed"].state.attempts >= 1
            assert delivered_seq(tmp_path / "state", ["hook", "file"]) == 0  # the others still need it
            assert courier.end() == 0  # while one of them hangs
            assert courier.said("a sink was left in the middle of a delivery")


def test_what_is_refused_comes_again_when_it_is_asked_for(tmp_path: Path, server: Server) -> None:
    with filled(tmp_path / "state", events(0, 6)) as put_keys:
        pass  # no daemon runs any more
    config = configured(tmp_path, webhook(server))
    state = tmp_path / "state"
    server.answers = [answering(204), answering(422, b"no such tenant"), answering(400)]
    with delivering(config) as courier:
        wait_for(lambda: len(server.keys) == 6, "all events")
        wait_for(lambda: len(list(dead_letters(state))) == 2, "dead letters")
        assert [each.reason for each in dead_letters(state)] == [
            "answered 422: no such tenant",
            "answered 400",
        ]
        busy = outbox_command("drain", "--config", config)
        assert busy.exit_code == 2
        assert "another `residency deliver` works there" in busy.stderr
        done = outbox_command("drop", "--config", config, "--sink", "hook", "--key", put_keys[2])
        assert (done.exit_code, done.stdout) == (0, "1 event dropped for hook\n")
        done = outbox_command("retry", "--config", config)
        assert (done.exit_code, done.stdout) == (0, "1 event back in line\n")
        wait_for(lambda: server.keys[6:] == [put_keys[1]], "the letter")
        wait_for(lambda: not list(dead_letters(state)), "no letters")
        assert courier.end(signal.SIGINT) == 0
        assert [each["what"] for each in courier.said("done as asked")] == ["drop", "retry"]


def test_a_hangup_opens_all_anew(tmp_path: Path, server: Server, outbox: Outbox) -> None:
    config = configured(tmp_path, webhook(server))
    with delivering(config) as courier:
        put_keys = put(outbox, events(0, 2))
        wait_for(lambda: server.keys == put_keys, "the first events")
        configured(tmp_path, webhook(server), file(tmp_path), {"type": "webhook", "name": "hook", "url": "x"})
        courier.tell(signal.SIGHUP)
        wait_for(lambda: bool(courier.said("not reloaded")), "a mistake")
        configured(tmp_path, webhook(server, secret_file="none"))  # noqa: S106  a file
        courier.tell(signal.SIGHUP)
        wait_for(lambda: len(courier.said("not reloaded")) == 2, "another mistake")
        put_keys += put(outbox, events(2, 2))
        wait_for(lambda: server.keys == put_keys, "what came after it")
        configured(tmp_path, file(tmp_path))
        courier.tell(signal.SIGHUP)
        wait_for(lambda: keys_in(tmp_path / "file.jsonl") == put_keys, "a new sink, from the beginning")
        put_keys += put(outbox, events(4, 2))
        wait_for(lambda: keys_in(tmp_path / "file.jsonl") == put_keys, "what comes now")
        assert server.keys == put_keys[:4]
        assert courier.end() == 0
    status = outbox_command("status", "--config", config).stdout
    assert "not configured" in status
    assert delivered_seq(tmp_path / "state", ["file"]) > 0


def test_it_waits_for_the_outbox_to_be_made(tmp_path: Path) -> None:
    config = configured(tmp_path, file(tmp_path))
    with delivering(config) as courier:
        wait_for(lambda: bool(courier.said("the outbox cannot be read")), "the log")
        outbox = opened(tmp_path / "state")
        put_keys = put(outbox, events(0, 3))
        wait_for(lambda: keys_in(tmp_path / "file.jsonl") == put_keys, "the events")
        outbox.close()
        assert courier.end() == 0


def test_a_new_sink_may_get_only_what_comes_from_now_on(tmp_path: Path, outbox: Outbox) -> None:
    put(outbox, events(0, 3))
    config = configured(tmp_path, file(tmp_path))
    with delivering(config, "--from-end") as courier:
        wait_for(lambda: bool(courier.said("started")), "the start")
        put_keys = put(outbox, events(3, 2))
        wait_for(lambda: keys_in(tmp_path / "file.jsonl") == put_keys, "the events")
        assert courier.end() == 0


def test_it_waits_for_a_disk_that_takes_nothing(tmp_path: Path) -> None:
    """A start on a full disk is no end: nobody would start it again once there is room."""
    with small_disk(tmp_path / "state") as state, filled(state, events(0, 3)) as put_keys:
        ballast = state / "ballast"
        ballast.write_bytes(b"x" * (os.statvfs(state).f_bavail * os.statvfs(state).f_frsize))
        with delivering(configured(tmp_path, file(tmp_path))) as courier:
            wait_for(lambda: bool(courier.said("the courier's database failed")), "it says so")
            (said, *_) = courier.said("the courier's database failed")
            assert str(said["reason"]).endswith("is full; make room on its disk")
            ballast.unlink()
            wait_for(lambda: keys_in(tmp_path / "file.jsonl") == put_keys, "all is there")
            assert courier.end() == 0


def test_drain_delivers_all_that_waits_and_ends(tmp_path: Path, server: Server, outbox: Outbox) -> None:
    put_keys = put(outbox, events(0, 250))
    config = configured(tmp_path, webhook(server), file(tmp_path))
    server.answers = [answering(503, Retry_After="0")]
    assert outbox_command("drain", "--config", config, "--sink", "file").exit_code == 0
    assert server.keys == []
    assert outbox_command("drain", "--config", config).exit_code == 0
    assert keys_in(tmp_path / "file.jsonl") == put_keys
    assert server.keys[1:] == put_keys
    assert all(each.waiting == 0 for each in lane_states(tmp_path / "state"))


@pytest.mark.skipif(os.geteuid() != 0, reason="not root")
@pytest.mark.parametrize("made", [True, False])
def test_what_root_starts_belongs_to_whose_state_folder_it_is(tmp_path: Path, *, made: bool) -> None:
    state = tmp_path / "state"
    put_keys = []
    if made:
        with filled(state, events(0, 3)) as put_keys:
            pass
    for path in (tmp_path, *tmp_path.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    config = configured(tmp_path, file(tmp_path))
    with delivering(config) as courier:
        wait_for((state / "courier").exists, "the courier works")
        wait_for(lambda: keys_in(tmp_path / "file.jsonl") == put_keys, "all is there")
        assert outbox_command("retry", "--config", config).exit_code == 4  # it answers: nothing to do
        (said,) = courier.said("rights given up")
    assert said["user"] == NOBODY
    theirs = [state, *state.rglob("*"), *tmp_path.glob("*.jsonl")]
    assert {(path.stat().st_uid, path.stat().st_gid) for path in theirs} == {(NOBODY, NOBODY)}


def test_drain_says_what_it_did_not_deliver(tmp_path: Path, server: Server, outbox: Outbox) -> None:
    put_keys = put(outbox, events(0, 3))

    def busy(handler: Handler) -> None:
        handler.server.answers.append(busy)
        handler.say(503)

    server.answers = [busy]
    config = configured(tmp_path, webhook(server), file(tmp_path))
    done = outbox_command("drain", "--config", config, "--wait", "1")
    assert done.exit_code == 4
    assert keys_in(tmp_path / "file.jsonl") == put_keys
    assert lane_states(tmp_path / "state")[1].waiting == 3


@pytest.mark.parametrize(
    ("sinks", "says"),
    [
        ([], "residency.yaml: no sinks, so nobody to deliver to; add one below `sinks:`"),
        (
            [{"type": "webhook", "name": "hook", "url": "http://127.0.0.1/", "secret_file": "none"}],
            "none: no such file or directory; check the path",
        ),
        (
            [
                {
                    "type": "webhook",
                    "name": "hook",
                    "url": "https://127.0.0.1/",
                    "tls": {"ca": "residency.yaml"},
                }
            ],
            "residency.yaml: not usable for TLS",
        ),
    ],
)
def test_what_cannot_work_is_refused(sinks: list[dict[str, object]], says: str, tmp_path: Path) -> None:
    config = configured(tmp_path, *sinks)
    done = CliRunner().invoke(group, ["deliver", "--config", str(config)])
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"residency: {tmp_path}/{says}" in done.stderr


def test_a_broken_database_is_no_mistake_of_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state/delivery.db").write_bytes(b"garbage" * 1_000)
    done = outbox_command("drain", "--config", configured(tmp_path, file(tmp_path)))
    assert done.exit_code == 3
    assert "delivery.db: not usable (file is not a database); move it away" in done.stderr


def test_a_second_one_is_refused(tmp_path: Path) -> None:
    config = configured(tmp_path, file(tmp_path))
    with delivering(config) as courier:
        wait_for(lambda: bool(courier.said("started")), "the start")
        done = subprocess.run(
            [sys.executable, "-m", "monitor", "deliver", "--config", config],
            capture_output=True,
            text=True,
            check=False,
            timeout=WAIT_SECONDS,
        )
        assert done.returncode == 2
        assert "state: another `residency deliver` works there; stop that one" in done.stderr.splitlines()[-1]

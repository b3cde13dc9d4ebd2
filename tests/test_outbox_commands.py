"""`residency outbox`: what it prints, and its exit statuses."""

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from monitor.cli import group
from monitor.courier.deliveries import Deliveries, Taken
from monitor.courier.letters import DeadLetter, LaneState
from monitor.findings.actions import Action, Comment
from monitor.outbox.actions import Answer, answer, make_spool, take
from monitor.outbox.reading import OutboxReader
from tests.courier_kit import configured, filled, in_memory
from tests.outbox_kit import NOW_NS, checkpoint, event, events, finding, opened

SINKS: list[dict[str, object]] = [
    {"type": "jsonl", "name": name, "path": f"{name}.jsonl"} for name in ("fast", "slow", "new")
]
EVENTS = [*events(0, 4), checkpoint(1)]


def residency(*arguments: object) -> Result:
    return CliRunner(env={"COLUMNS": "120"}).invoke(group, ["outbox", *map(str, arguments)])


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    with in_memory() as folder:
        yield folder


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration whose outbox has five events, and whose sinks are each elsewhere."""
    state = tmp_path / "state"
    with filled(state, EVENTS):
        queue = OutboxReader(state)
        parcels = queue.peek(0, 10)
        queue.close()
    deliveries = Deliveries(state)
    deliveries.save("fast", LaneState(parcels[-1].seq, error="timed out", error_ns=1, delivered=5))
    failing = LaneState(parcels[1].seq, 3, NOW_NS, 2**62, "no answer: \x1b[31mred", NOW_NS, 1, 2)
    refused = DeadLetter("slow", parcels[0].seq, parcels[0].event, "answered 400", NOW_NS, 1)
    again = DeadLetter("slow", parcels[1].seq, parcels[1].event, "answered 400", NOW_NS, 2, again=True)
    deliveries.save("slow", failing, Taken(aside=[refused, again]))
    deliveries.save("removed", LaneState(parcels[0].seq))
    deliveries.close()
    return configured(tmp_path, *SINKS)


def test_status_is_a_line_a_sink(config: Path) -> None:
    done = residency("status", "--config", config)
    assert done.exit_code == 0
    head, fast, new, removed, slow, shed, _, last = done.stdout.splitlines()
    assert head.split() == ["sink", "waiting", "oldest", "dead", "next", "try", "last", "error"]
    assert fast.split()[:5] == ["fast", "0", "-", "0", "-"]
    assert fast.endswith("d ago: timed out")
    assert new.split() == ["new", "5", new.split()[2], "0", "-", "-"]
    assert removed.split() == ["removed", "not", "configured", "-", "0", "-", "-"]
    assert slow.split()[:2] == ["slow", "3"]
    assert "1 +1 in line  in " in slow
    assert r"ago: no answer: \x1b[31mred" in slow
    assert shed == "slow: 2 dead letters had no room, and went"
    assert last == "`residency deliver` does not run"


def test_status_as_json(config: Path) -> None:
    lines = residency("status", "--config", config, "--json").stdout.splitlines()
    found = {each["sink"]: each for each in map(json.loads, lines)}
    assert list(found) == ["fast", "new", "removed", "slow"]
    assert found["slow"] == {
        "sink": "slow",
        "configured": True,
        "waiting": 3,
        "oldest_ns": EVENTS[2].at_ns,
        "oldest_seconds": found["slow"]["oldest_seconds"],
        "dead": 1,
        "again": 1,
        "shed": 2,
        "delivered": 1,
        "attempts": 3,
        "next_try_ns": 2**62,
        "error": "no answer: \x1b[31mred",
        "error_ns": NOW_NS,
        "deliver_runs": False,
    }
    assert found["removed"]["configured"] is False
    assert (found["fast"]["oldest_ns"], found["fast"]["oldest_seconds"]) == (None, None)


def test_a_state_folder_is_enough_to_look(config: Path) -> None:
    done = residency("status", "--state", config.parent / "state")
    assert done.exit_code == 0
    assert [line.split()[0] for line in done.stdout.splitlines()[1:4]] == ["fast", "removed", "slow"]
    assert "not configured" not in done.stdout
    assert residency("list", "--state", config.parent / "state").stdout.count("\n") == len(EVENTS)


def test_what_waits_is_listed(config: Path) -> None:
    lines = residency("list", "--config", config).stdout.splitlines()
    assert len(lines) == len(EVENTS)
    assert f"{EVENTS[0].key}  opened: crs reached" not in lines[0]
    assert lines[0].endswith(
        f"{EVENTS[0].key}  opened: crm reached Amazon Bedrock in us-east-1, outside RES-010 (medium)"
    )
    assert lines[4].endswith("checkpoint-1  checkpoint of acme")
    slow = residency("list", "--config", config, "--sink", "slow").stdout.splitlines()
    assert slow == lines[2:]
    few = residency("list", "--config", config, "--limit", "2").stdout.splitlines()
    assert few == [*lines[:2], "... and 3 events more (--limit)"]


def test_what_waits_as_json(config: Path) -> None:
    done = residency("list", "--config", config, "--sink", "slow", "--json")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each["key"] for each in found] == [each.key for each in EVENTS[2:]]
    assert found[0]["event"]["type"] == "finding"


def test_what_was_put_aside_is_listed(config: Path) -> None:
    done = residency("list", "--config", config, "--dead")
    first, why, _, again = done.stdout.splitlines()
    assert first.startswith("slow: ")
    assert why == "    answered 400 (1 attempt since 2026-03-10 10:00:00 UTC)"
    assert again == "    answered 400 (2 attempts since 2026-03-10 10:00:00 UTC, back in line)"
    found = [
        json.loads(line)
        for line in residency("list", "--config", config, "--dead", "--json").stdout.splitlines()
    ]
    assert [(each["sink"], each["key"], each["reason"], each["again"]) for each in found] == [
        ("slow", EVENTS[0].key, "answered 400", False),
        ("slow", EVENTS[1].key, "answered 400", True),
    ]
    assert residency("list", "--config", config, "--dead", "--sink", "fast").stdout == ""


CHANGES = [
    (["retry"], 0, "1 event back in line\n"),
    (["retry", "--sink", "slow", "--json"], 0, '{"events":1}\n'),
    (["retry", "--sink", "fast"], 4, "0 events back in line\n"),
    (["retry", "--key", EVENTS[0].key], 0, "1 event back in line\n"),
    (["retry", "--key", "none"], 4, "0 events back in line\n"),
    (["drop", "--sink", "slow", "--key", EVENTS[0].key], 0, "1 event dropped for slow\n"),
    (["drop", "--sink", "slow", "--key", EVENTS[3].key], 0, "1 event dropped for slow\n"),
    (["drop", "--sink", "slow", "--key", "none"], 4, "0 events dropped for slow\n"),
    (["drop", "--sink", "slow", "--all", "--yes"], 0, "2 events dropped for slow\n"),
    (["drop", "--sink", "slow", "--all", "--waiting", "--yes", "--json"], 0, '{"events":5}\n'),
]


@pytest.mark.parametrize(("arguments", "status", "said"), CHANGES)
def test_what_was_put_aside_comes_back_or_goes(
    arguments: list[str], status: int, said: str, config: Path
) -> None:
    done = residency(*arguments, "--config", config)
    assert (done.exit_code, done.stdout) == (status, said)
    noted = "drop" in arguments and status == 0
    assert (": no daemon runs" in done.stderr) == noted


def test_a_drop_is_noted_where_the_daemon_runs(config: Path) -> None:
    state = config.parent / "state"
    daemon = opened(state)
    make_spool(state)
    asked: list[Action] = []
    ended = threading.Event()

    def obey() -> None:
        while not ended.is_set():
            for request in take(state, 10):
                asked.append(request.action)
                answer(state, request, Answer("done" if len(asked) == 1 else "refused", "It was refused."))

    thread = threading.Thread(target=obey)
    thread.start()
    try:
        done = residency("drop", "--config", config, "--sink", "slow", "--all", "--yes")
    finally:
        ended.set()
        thread.join()
        daemon.close()
    assert (done.exit_code, done.stdout) == (0, "2 events dropped for slow\n")
    first, second = [finding(number).id for number in (0, 1)]
    assert [each.finding for each in asked] == [first, second]
    assert isinstance(asked[0], Comment)
    assert asked[0].text == "An event about it was dropped for the sink slow, which will not get it."
    assert done.stderr == f"residency: not noted on {second}: It was refused.\n"


def test_what_was_dropped_does_not_wait(config: Path) -> None:
    residency("drop", "--sink", "slow", "--all", "--waiting", "--yes", "--config", config)
    status = residency("status", "--config", config, "--json").stdout.splitlines()
    slow = json.loads(status[-1])
    assert (slow["sink"], slow["waiting"], slow["dead"]) == ("slow", 0, 0)
    assert residency("list", "--config", config, "--sink", "slow").stdout == ""


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["status"], "give --config FILE, or --state DIR"),
        (["status", "--config", "CONFIG", "--state", "x"], "give --config FILE, or --state DIR"),
        (["list", "--config", "CONFIG", "--sink", "x"], "no sink 'x'; there are: fast, new, removed, slow"),
        (["retry", "--config", "CONFIG", "--sink", "x"], "no sink 'x'; there are: fast, new, removed, slow"),
        (["drop", "--config", "CONFIG", "--sink", "slow"], "give --key KEY, or --all"),
        (["drop", "--config", "CONFIG", "--sink", "slow", "--all", "--key", "x"], "give --key KEY, or --all"),
        (
            ["drop", "--config", "CONFIG", "--sink", "slow", "--all"],
            "--all forgets every one of them: add --yes",
        ),
        (
            ["drop", "--config", "CONFIG", "--sink", "slow", "--key", "x", "--waiting"],
            "--waiting goes with --all: --key finds what waits as well",
        ),
        (["drain", "--config", "CONFIG", "--sink", "x"], "no sink 'x'; there are: fast, slow, new"),
        (["list", "--config", "CONFIG", "--limit", "0"], "Invalid value for '--limit'"),
    ],
)
def test_mistakes(arguments: list[str], says: str, config: Path) -> None:
    done = residency(*[str(config) if each == "CONFIG" else each for each in arguments])
    assert done.exit_code == 2
    assert says in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="not root")
def test_what_root_makes_belongs_to_whose_state_folder_it_is(config: Path) -> None:
    state, nobody = config.parent / "state", 65_534
    database, elsewhere = state / "delivery.db", config.parent / "elsewhere"
    database.rename(elsewhere)
    (state / "delivery.lock").unlink()
    for path in (config.parent, state, *state.iterdir()):
        os.chown(path, nobody, nobody)
    assert residency("retry", "--config", config).exit_code == 4  # there is nothing
    assert {path.stat().st_uid for path in state.iterdir()} == {nobody}
    database.unlink()
    database.symlink_to(elsewhere)  # whoever has the folder leads root nowhere
    done = residency("retry", "--config", config)
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert os.geteuid() == 0


def test_what_is_not_there_cannot_be_read(tmp_path: Path) -> None:
    done = residency("status", "--state", tmp_path)
    assert (done.exit_code, done.stdout) == (3, "")
    assert done.stderr.startswith(f"residency: {tmp_path}/state.db: no such file; start `residency run`")
    assert residency("status", "--config", tmp_path / "none.yaml").exit_code == 2


def test_nothing_is_served_and_nothing_was(tmp_path: Path) -> None:
    with filled(tmp_path / "state", [event(finding())]):
        done = residency("status", "--state", tmp_path / "state")
    assert done.stdout == "no sinks\n\n`residency deliver` does not run\n"

"""The store against a real kernel: a full disk, a read-only one, a limit of file sizes, and kill -9."""

import json
import multiprocessing
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from monitor.config import Retention
from monitor.ledger.days import SECOND_NS
from monitor.daemon.decisions import DecisionStore, StoreCounters
from tests.full_disk_world import OUTCOMES
from tests.store_kit import NOW_NS, decision, ports

ROOT = Path(__file__).parents[1]
ROUNDS = 30


def unshared(*command: str) -> list[str]:
    """Return a command in a mount namespace of its own; skip where that is not allowed."""
    program = shutil.which("unshare")
    if program is None or os.geteuid() != 0:
        pytest.skip("mounting a disk needs root and unshare")
    if subprocess.run([program, "--mount", "true"], capture_output=True, check=False).returncode:
        pytest.skip("this root may make no mount namespace")
    return [program, "--mount", *command]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Return what happened to a store whose disk failed."""
    disk = tmp_path_factory.mktemp("disk")
    command = unshared(sys.executable, "-m", "tests.full_disk_world", str(disk))
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    facts: dict[str, dict[str, Any]] = json.loads(ran.stdout)
    return facts


@pytest.mark.parametrize("stage", ["healthy", "full", "room again", "read-only", "writable again"])
def test_every_line_is_whole_and_accounted_for(told: dict[str, dict[str, Any]], stage: str) -> None:
    facts = told[stage]
    assert not facts["twice"]
    for outcome in OUTCOMES:
        assert facts["stands"][outcome] == facts["written"].get(outcome, 0)
        lost_or_waiting = facts["waiting"].get(outcome, 0) + facts["unwritten"].get(outcome, 0)
        assert facts["written"].get(outcome, 0) + lost_or_waiting == facts["made"], outcome


def test_a_healthy_disk_loses_nothing(told: dict[str, dict[str, Any]]) -> None:
    assert told["healthy"]["problem"] is None
    assert told["healthy"]["written"] == dict.fromkeys(OUTCOMES, 10)


def test_a_full_disk_sheds_what_matters_least(told: dict[str, dict[str, Any]]) -> None:
    facts = told["full"]
    assert facts["problem"].endswith(
        "no space left on device; make room, or shorten decisions.retention_days"
    )
    assert facts["unwritten"]["allow"] > facts["unwritten"].get("violation", 0)
    assert facts["waiting"]["violation"] > 0
    assert facts["waiting"].get("allow", 0) == 0


def test_what_still_waited_is_written_once_there_is_room(told: dict[str, dict[str, Any]]) -> None:
    facts = told["room again"]
    assert facts["problem"] is None
    assert facts["waiting"] == {}
    assert facts["unwritten"] == told["full"]["unwritten"]
    assert (
        facts["written"]["violation"]
        == told["full"]["written"]["violation"] + told["full"]["waiting"]["violation"]
    )


def test_a_disk_that_turns_read_only_and_back(told: dict[str, dict[str, Any]]) -> None:
    assert told["read-only"]["problem"].endswith("read-only file system; mount it writable")
    assert told["read-only"]["expire_failures"] == told["read-only"]["files"] == len(OUTCOMES)
    assert told["read-only"]["waiting"] == dict.fromkeys(OUTCOMES, 8)
    assert told["writable again"]["problem"] is None
    assert told["writable again"]["unwritten"] == told["room again"]["unwritten"]


@contextmanager
def file_limit(size: int) -> Iterator[None]:
    """Let no file grow beyond a size: the system takes a part of a write, and refuses the next."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("size", [1, 100, 700, 1_000, 2_500])
def test_a_partial_write_leaves_whole_lines(tmp_path: Path, size: int) -> None:
    kept = DecisionStore(tmp_path, Retention(), NOW_NS)
    for port in range(10):
        kept.add(decision(port=port))
    line_bytes = kept._backlog.bytes // 10  # noqa: SLF001  all lines are as long
    with file_limit(size):
        kept.flush(NOW_NS)
        written = ports(tmp_path, "violation")
    assert written == list(range(len(written)))
    assert len(written) == size // line_bytes < 10
    assert kept.problem is not None
    assert kept.counters().waiting == {"violation": 10 - len(written)}
    kept.flush(NOW_NS + SECOND_NS)
    assert ports(tmp_path, "violation") == list(range(10))
    assert kept.counters() == StoreCounters(written={"violation": 10}, failures=1)
    kept.close()


def write_on(folder: Path, port: int, told: Connection) -> None:
    """Decide and flush without end; tell what was flushed."""
    kept = DecisionStore(folder, Retention(), NOW_NS)
    while True:
        for outcome in OUTCOMES * 20:
            port += 1
            kept.add(decision(outcome, port=port))
        kept.flush(NOW_NS)
        told.send(port)


def killed(folder: Path, port: int, seconds: float) -> int:
    """Have a process write, kill it some time after it began, and return what it had flushed last."""
    forked = multiprocessing.get_context("fork")
    here, there = forked.Pipe(duplex=False)
    writer = forked.Process(target=write_on, args=(folder, port, there))
    writer.start()
    there.close()
    last: int = here.recv()
    time.sleep(seconds)
    writer.kill()
    writer.join()
    with suppress(EOFError):
        while True:
            last = here.recv()
    here.close()
    assert writer.exitcode == -signal.SIGKILL
    return last


def test_kill_9_at_any_moment(tmp_path: Path) -> None:
    """Kill a writer again and again: what it had flushed stands there, whole, after the next start."""
    chance = random.Random(5)
    before = 0
    for number in range(ROUNDS):
        folder = tmp_path / str(number // 3)  # two more go on with it
        flushed = killed(folder, before, chance.random() * 0.02)
        DecisionStore(folder, Retention(), NOW_NS).close()  # repairs; and the lock is free
        found = sorted(port for outcome in OUTCOMES for port in ports(folder, outcome) if port > before)
        assert found[: flushed - before] == list(range(before + 1, flushed + 1))
        assert len(set(found)) == len(found)
        before = found[-1]

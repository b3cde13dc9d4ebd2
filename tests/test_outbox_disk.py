"""The outbox against a real kernel: a full disk, no right to write, a limit of file sizes, and kill -9."""

import json
import multiprocessing
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from monitor.outbox.reading import OutboxReader
from monitor.outbox.schema import STATE, OutboxError
from tests.disk_kit import ROOT, unshared
from tests.outbox_kit import event, events, file_limit, finding, opened, queue

ROUNDS = 16  # and 200 of the whole line: test_line_rounds.py
BATCH = 7
forked = multiprocessing.get_context("fork")


def test_a_full_disk_changes_nothing_and_passes(tmp_path: Path) -> None:
    command = unshared(sys.executable, "-m", "tests.outbox_disk_world", str(tmp_path))
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert told["before"] == told["full queue"] == told["put"] == 20
    problem = f"{tmp_path}/state/{STATE}: database or disk is full; make room on its disk"
    assert told["full"] == {"problems": [problem] * 3, "findings": 20, "position": {"acme": 20}}
    assert told["failures"] == 3
    assert told["room again"] == {"findings": 21, "position": {"acme": 100}, "waiting": 70}
    assert told["queue"] == 70


@pytest.mark.parametrize("size", [1, 5_000, 30_000, 70_000])
def test_a_limit_of_file_sizes_changes_nothing(tmp_path: Path, size: int) -> None:
    outbox = opened(tmp_path)
    outbox.commit([finding(0)], events(0, 1), {"acme": 1})
    with file_limit(size), pytest.raises(OutboxError):
        outbox.commit([finding(number) for number in range(1, 100)], events(1, 99), {"acme": 100})
    assert outbox.load() == ([finding(0)], {"acme": 1})
    assert (outbox.waiting, outbox.counters().put, outbox.counters().failures) == (1, 1, 1)
    outbox.commit([finding(number) for number in range(1, 100)], events(1, 99), {"acme": 100})
    assert outbox.waiting == 100
    outbox.close()
    assert queue(tmp_path) == events(0, 100)


@pytest.fixture
def place() -> Iterator[Path]:
    """Return a folder that other users come to; skip where none can be."""
    if os.geteuid() != 0:
        pytest.skip("to become a user without rights needs root")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def without_rights(folder: Path, told: Connection) -> None:
    """Commit as a user who may, then may not, then may write in the folder."""
    os.setresuid(65_534, 65_534, 65_534)
    outbox = opened(folder)
    outbox.commit([finding(0)], events(0, 1), {"acme": 1})
    folder.chmod(0o500)
    try:
        outbox.commit([finding(1)], events(1, 1), {"acme": 2})
        told.send("nothing was wrong")
    except OutboxError as error:
        told.send(str(error))
    told.send(outbox.load()[1])
    folder.chmod(0o700)
    outbox.commit([finding(1)], events(1, 1), {"acme": 2})
    told.send(outbox.load()[1])
    outbox.close()


def test_a_folder_that_turns_read_only_and_back(place: Path) -> None:
    folder = place / "state"
    folder.mkdir(0o700)
    os.chown(folder, 65_534, 65_534)
    here, there = forked.Pipe(duplex=False)
    other = forked.Process(target=without_rights, args=(folder, there))
    other.start()
    there.close()
    problem, during, after = here.recv(), here.recv(), here.recv()
    other.join()
    assert problem.startswith(f"{folder}/{STATE}: ")
    assert problem.endswith("mount it writable, and give this user the right to write there")
    assert (during, after, other.exitcode) == ({"acme": 1}, {"acme": 2}, 0)


def write_on(folder: Path, number: int, told: Connection) -> None:
    """Commit without end; tell what was committed."""
    outbox = opened(folder, 100_000)
    while True:
        found = [finding(number + more) for more in range(BATCH)]
        outbox.commit(found, [event(each) for each in found], {"acme": number + BATCH})
        number += BATCH
        told.send(number)


def killed(folder: Path, number: int, seconds: float) -> int:
    """Have a process commit, kill it some time after its first commit, return what it had committed last."""
    here, there = forked.Pipe(duplex=False)
    writer = forked.Process(target=write_on, args=(folder, number, there))
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
    """Kill an owner again and again: every commit that returned is there, and none is there by half."""
    chance = random.Random(7)
    before = 0
    for turn in range(ROUNDS):
        committed = killed(tmp_path, before, chance.random() * 0.03)
        if turn % 2:  # a reader comes first, and rolls back what was left half done
            assert len(queue(tmp_path)) >= committed
        outbox = opened(tmp_path, 100_000)
        found, position = outbox.load()
        before = position["acme"]
        assert committed <= before <= committed + BATCH
        assert before % BATCH == 0
        assert outbox.waiting == before
        assert found == [finding(number) for number in range(before)]
        assert outbox.note is None
        outbox.close()
    assert queue(tmp_path) == events(0, before)


def die_half_way(folder: Path) -> None:
    """Leave a hot journal: die in a transaction that has been written to the file in part."""
    outbox = opened(folder, 100_000)
    connection = outbox._connection  # noqa: SLF001  no caller can die at this moment on purpose
    connection.execute("PRAGMA cache_size=10")
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("DELETE FROM findings")
    connection.execute("DELETE FROM events WHERE seq % 2")
    connection.execute("UPDATE events SET body = zeroblob(9000)")
    os.kill(os.getpid(), signal.SIGKILL)


def hot(folder: Path) -> None:
    """Leave a folder as a killed owner does."""
    outbox = opened(folder, 100_000)
    outbox.commit([finding(number) for number in range(300)], events(0, 300), {"acme": 300})
    outbox.close()
    other = forked.Process(target=die_half_way, args=(folder,))
    other.start()
    other.join()
    journal = folder / f"{STATE}-journal"
    assert journal.read_bytes()[:8] == b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"
    with closing(sqlite3.connect(f"file:{folder / STATE}?immutable=1", uri=True)) as raw:
        assert raw.execute("PRAGMA quick_check(1)").fetchone() != ("ok",) or raw.execute(
            "SELECT COUNT(*) FROM events"
        ).fetchone() != (300,)


def test_a_reader_rolls_back_what_a_killed_owner_left(tmp_path: Path) -> None:
    hot(tmp_path)
    reader = OutboxReader(tmp_path)
    assert [parcel.event for parcel in reader.after(0, 1_000)] == events(0, 300)
    assert len(list(reader.findings())) == 300
    assert reader.note is None
    reader.close()
    assert not (tmp_path / f"{STATE}-journal").exists()


def test_an_owner_rolls_back_what_a_killed_owner_left(tmp_path: Path) -> None:
    hot(tmp_path)
    outbox = opened(tmp_path)
    assert outbox.note is None
    assert outbox.load() == ([finding(number) for number in range(300)], {"acme": 300})
    outbox.close()


def look(folder: Path, told: Connection) -> None:
    os.setresuid(65_534, 65_534, 65_534)
    reader = OutboxReader(folder)
    told.send((len(reader.after(0, 1_000)), reader.note))
    reader.close()


@pytest.mark.parametrize("is_hot", [False, True])
def test_a_reader_without_the_right_to_write(place: Path, *, is_hot: bool) -> None:
    if is_hot:
        hot(place)
    else:
        outbox = opened(place)
        outbox.commit([], events(0, 300), {})
        outbox.close()
    for each in place.iterdir():
        each.chmod(0o644)
    here, there = forked.Pipe(duplex=False)
    other = forked.Process(target=look, args=(place, there))
    other.start()
    there.close()
    count, note = here.recv()
    other.join()
    assert note.startswith(f"{place}/{STATE}: ")
    assert count == 300
    assert ("its owner ended in the midst of a change" in note) == is_hot

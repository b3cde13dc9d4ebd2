"""The writer against kill -9, loss of power, and a disk that fails at any of its calls."""

import errno
import multiprocessing
import os
import random
import signal
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from monitor.files import InputError
from monitor.ledger import writer as writer_module
from monitor.ledger.journal import HEAD_BYTES
from monitor.ledger.reader import open_ledger
from monitor.ledger.verify import verify_ledger
from monitor.ledger.writer import LedgerWriter
from tests.ledger_faults import CrashError, PowerLoss, failing
from tests.records_kit import check, folder_in_memory, naive_root, numbers, record, writer

ROUNDS = 16  # and 200 of the whole line: test_line_rounds.py
CASES = 2  # of what is left after a loss of power, each time
BATCHES = (1, 3, 254, 7, 2)  # across the bound of a tile


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    with folder_in_memory(tmp_path) as folder:
        yield folder


@pytest.fixture
def small_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the journal emptied often."""
    monkeypatch.setattr(writer_module, "JOURNAL_BYTES", 15_000)


def append(ledger: LedgerWriter, count: int) -> None:
    """Append records whose numbers are their indices."""
    start = ledger.size
    assert ledger.append([record(start + at) for at in range(count)]) == start


def append_for_ever(folder: Path, seed: int, told: Connection) -> None:
    """Append, and tell of each batch that is durable: run in a child, which is killed."""
    chance = random.Random(seed)
    ledger = writer(folder)
    while True:
        append(ledger, chance.choice([1, 2, 10, 60, 256]))
        told.send((ledger.size, open_ledger(folder).checkpoint.root))


def killed(folder: Path, seed: int) -> list[tuple[int, bytes]]:
    """Run a child, kill it at some moment; return the states that it told of."""
    chance = random.Random(seed)
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=append_for_ever, args=(folder, seed, sender))
    child.start()
    sender.close()
    states = [receiver.recv() for _ in range(chance.randint(0, 5))]
    time.sleep(chance.uniform(0, 0.02))
    os.kill(child.pid or 0, signal.SIGKILL)
    child.join()
    try:
        while True:
            states.append(receiver.recv())
    except EOFError:
        receiver.close()
    return states


@pytest.mark.usefixtures("small_journal")
def test_kill_9_loses_nothing_that_was_acknowledged(memory: Path) -> None:
    acknowledged = 0
    for round_number in range(ROUNDS):
        folder = memory / f"{round_number // 5}"
        states = killed(folder, round_number)
        if states:
            assert verify_ledger(folder).faults == ()
        ledger = writer(folder)
        size = ledger.size
        ledger.close()
        assert numbers(folder) == list(range(size))
        leaves = check(folder)
        for old_size, old_root in states[-3:]:
            assert old_size <= size
            assert naive_root(leaves[:old_size]) == old_root
        acknowledged += len(states)
    assert acknowledged > ROUNDS  # or nothing was tested


def crashed(folder: Path, at: int) -> tuple[int, PowerLoss, bool]:
    """Append batches until the process is gone at a call; return how many entries were acknowledged."""
    power, acknowledged, done = PowerLoss(folder), 0, False
    ledger = None
    with power.watching(), failing(lambda call: CrashError() if call == at else None):
        try:
            ledger = writer(folder)
            for count in BATCHES:
                append(ledger, count)
                acknowledged = ledger.size
            ledger.sync()
            done = True
        except CrashError:
            pass
    if ledger:
        ledger._journal.close()  # noqa: SLF001  the process is gone, and its locks with it
    return acknowledged, power, done


@pytest.mark.usefixtures("small_journal")
def test_power_lost_at_any_call_loses_nothing_that_was_acknowledged(memory: Path) -> None:
    chance, at, done = random.Random(1), 0, False
    while not done:
        folder = memory / f"{at}" / "acme"
        folder.parent.mkdir()
        acknowledged, power, done = crashed(folder, at)
        for case in range(CASES):
            left = memory / f"{at}-{case}"
            left.mkdir()
            power.survivor(left, chance)
            ledger = writer(left)
            assert ledger.size >= acknowledged
            append(ledger, 2)
            ledger.close()
            assert numbers(left) == list(range(ledger.size))
            check(left)
            writer(left).close()
        at += 1 if at < 50 else 2
    assert at > 60


@pytest.mark.usefixtures("small_journal")
@pytest.mark.parametrize("calls", [1, 2, 5, 1_000])
def test_a_disk_that_fails_at_any_call(memory: Path, calls: int) -> None:
    """From some call on, so many fail: an append that raised left nothing, the next ones go on."""
    at, failed = 0, True
    while failed:
        folder = memory / f"{at}"
        ledger, failed = writer(folder), False
        with failing(lambda call, at=at: OSError(errno.ENOSPC, "full") if at <= call < at + calls else None):  # type: ignore[misc]
            for count in BATCHES:
                size = ledger.size
                try:
                    append(ledger, count)
                except OSError:
                    failed = True
                    assert ledger.size == size
                failed |= ledger.problem is not None
        append(ledger, 1)
        assert ledger.problem is None
        ledger.sync()
        size = ledger.size
        ledger.close()
        assert numbers(folder) == list(range(size))
        check(folder)
        writer(folder).close()
        at += 3


def test_a_batch_that_failed_does_not_come_back(tmp_path: Path) -> None:
    ledger = writer(tmp_path)
    append(ledger, 5)
    with failing(lambda _: OSError(errno.EIO, "broken")), pytest.raises(OSError, match="broken"):
        append(ledger, 5)
    ledger._journal.close()  # noqa: SLF001  killed, before it could cut the journal back
    again = writer(tmp_path)
    assert (again.size, again.recovered.batches) == (5, 1)
    assert again.recovered.cut_bytes > 0
    again.close()


def unapplied(folder: Path) -> bytes:
    """Leave a ledger of two entries, one of them in the journal alone; return the journal."""
    ledger = writer(folder)
    append(ledger, 1)
    ledger.sync()
    state = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    append(ledger, 1)
    journal = (folder / "journal").read_bytes()
    ledger._journal.close()  # noqa: SLF001  killed, before it could apply the batch
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_file() and path not in state:
            path.unlink()
    for path, data in state.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return journal


def test_a_journal_torn_at_every_byte(memory: Path) -> None:
    journal = unapplied(memory)
    before = {path: path.read_bytes() for path in memory.rglob("*") if path.is_file()}
    for length in range(len(journal) + 1):
        for path in sorted(memory.rglob("*")):
            if path.is_file() and path not in before:
                path.unlink()
        for path, data in before.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        (memory / "journal").write_bytes(journal[:length])
        ledger = writer(memory)
        whole = length == len(journal)
        assert ledger.size == (2 if whole else 1)
        assert ledger.recovered.cut_bytes == (0 if whole else length)
        ledger.close()
        assert (memory / "journal").read_bytes() == b""
        assert numbers(memory) == list(range(2 if whole else 1))


@pytest.mark.parametrize("at", [0, 7, 8, HEAD_BYTES - 1, HEAD_BYTES, HEAD_BYTES + 10, -1])
def test_a_flipped_bit_in_the_journal_tears_it(tmp_path: Path, at: int) -> None:
    journal = bytearray(unapplied(tmp_path))
    journal[at] ^= 1
    (tmp_path / "journal").write_bytes(journal)
    ledger = writer(tmp_path)
    assert ledger.size == 1
    ledger.close()


def test_a_journal_that_lost_what_a_checkpoint_says_is_damage(tmp_path: Path) -> None:
    ledger = writer(tmp_path)
    append(ledger, 5)
    first = (tmp_path / "journal").read_bytes()
    append(ledger, 5)
    ledger._journal.close()  # noqa: SLF001  killed
    found = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    (tmp_path / "journal").write_bytes(first)
    with pytest.raises(InputError, match="the checkpoint says 10 entries, but the journal ends at 5"):
        writer(tmp_path)
    found[tmp_path / "journal"] = first
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == found

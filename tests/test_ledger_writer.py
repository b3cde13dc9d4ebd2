"""The writer: appending, opening again, and what it refuses."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.files import InputError
from monitor.ledger import writer as writer_module
from monitor.ledger.reader import open_ledger
from monitor.ledger.types import Record
from monitor.ledger.writer import LedgerWriter
from monitor.merkle.note import Signer
from tests.records_kit import (
    NOW_NS,
    SIGNER,
    TENANT,
    TODAY,
    check,
    files,
    folder_in_memory,
    naive_root,
    numbers,
    record,
    writer,
)


def records(start: int, count: int) -> list[Record]:
    return [record(start + at) for at in range(count)]


@given(st.lists(st.sampled_from([0, 1, 2, 254, 255, 256, 257]), max_size=5), st.booleans())
@settings(max_examples=25, deadline=None)
def test_batches_of_any_size(batches: list[int], reopening: bool) -> None:  # noqa: FBT001  hypothesis gives it
    with folder_in_memory(Path("/nowhere")) as folder:
        ledger = writer(folder)
        for count in batches:
            start = ledger.size
            assert ledger.append(records(start, count)) == start
            assert ledger.size == start + count
            if reopening:
                ledger.close()
                ledger = writer(folder)
        ledger.close()
        assert numbers(folder) == list(range(sum(batches)))
        check(folder)


def test_tiles_of_level_two_on_disk(tmp_path: Path) -> None:
    ledger = writer(tmp_path)
    for count in (65_300, 236, 1, 255, 1):
        ledger.append(records(ledger.size, count))
    ledger.close()
    leaves = check(tmp_path)
    assert len(leaves) == 65_793
    assert (tmp_path / "tile/2/000.p/1").read_bytes() == naive_root(leaves[:65_536])
    assert writer(tmp_path).size == 65_793
    assert numbers(tmp_path, 65_700) == list(range(65_700, 65_793))


def test_a_batch_is_durable_with_one_fsync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = writer(tmp_path)
    ledger.append(records(0, 3))
    synced = list[str]()
    real = os.fsync

    def fsync(file: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{file}"))
        real(file)

    monkeypatch.setattr(os, "fsync", fsync)
    ledger.append(records(3, 300))
    assert synced == [str(tmp_path / "journal")]
    ledger.close()


def test_the_journal_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "JOURNAL_BYTES", 20_000)
    ledger = writer(tmp_path)
    for _ in range(100):
        ledger.append(records(ledger.size, 20))
        assert (tmp_path / "journal").stat().st_size < 20_000 + 300 * 20 + 60_000
    ledger.append([record(2_000, padding=100_000)])  # larger than the bound: it stands there alone
    ledger.append(records(2_001, 1))
    assert (tmp_path / "journal").stat().st_size < 80_000
    ledger.close()
    assert numbers(tmp_path) == list(range(2_002))


def test_opening_twice_changes_nothing(tmp_path: Path) -> None:
    ledger = writer(tmp_path)
    ledger.append(records(0, 300))
    note = ledger.checkpoint()
    ledger.close()
    before = files(tmp_path)
    again = writer(tmp_path)
    assert again.checkpoint() == note
    assert again.recovered == type(again.recovered)()
    again.close()
    assert files(tmp_path) == before


def test_a_second_writer_is_kept_out(tmp_path: Path) -> None:
    ledger = writer(tmp_path)
    with pytest.raises(InputError, match="another process writes there; stop that one"):
        writer(tmp_path)
    code = "import sys; from tests.records_kit import writer; from pathlib import Path; writer(Path(sys.argv[1]))"
    ran = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert "another process writes there" in ran.stderr
    ledger.close()
    writer(tmp_path).close()


@pytest.mark.parametrize("change", ["renamed", "removed", "replaced"])
def test_a_folder_that_goes_away(tmp_path: Path, change: str) -> None:
    folder = tmp_path / "acme"
    ledger = writer(folder)
    ledger.append(records(0, 2))
    folder.rename(tmp_path / "away")
    if change == "removed":
        for path in sorted((tmp_path / "away").rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
    if change == "replaced":
        writer(folder).close()
    with pytest.raises(OSError, match="was renamed, removed or put in the place"):
        ledger.append(records(2, 1))
    assert ledger.size == 2
    if change == "renamed":
        (tmp_path / "away").rename(folder)
        assert ledger.append(records(2, 1)) == 2
        ledger.close()
        assert numbers(folder) == [0, 1, 2]
    else:
        assert folder.exists() == (change == "replaced")
        ledger.close()


@pytest.mark.parametrize(
    ("signer", "tenant", "message"),
    [
        (Signer.generate(SIGNER.name, bytes(32)), TENANT, "signed with another key; put the key file back"),
        (Signer.generate("residency/other/acme", SIGNER.seed), TENANT, "the ledger residency/edge/acme, not"),
        (SIGNER, None, "the ledger residency/edge/acme, not"),
    ],
)
def test_the_ledger_of_another(tmp_path: Path, signer: Signer, tenant: str | None, message: str) -> None:
    writer(tmp_path).close()
    before = files(tmp_path)
    with pytest.raises(InputError, match=message):
        LedgerWriter(tmp_path, signer, tenant, NOW_NS)
    assert files(tmp_path) == before


def damaged(folder: Path, path: str) -> None:
    """Flip a bit in a file."""
    data = bytearray((folder / path).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / path).write_bytes(data)


@pytest.mark.parametrize(
    "path", ["checkpoint", "ledger.json", "tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/001.p/44"]
)
def test_damage_where_it_would_be_built_on(tmp_path: Path, path: str) -> None:
    ledger = writer(tmp_path)
    ledger.append(records(0, 300))
    ledger.close()
    damaged(tmp_path, path)
    with pytest.raises(
        InputError, match="restore the ledger from a backup|signed with another key|not residency"
    ):
        writer(tmp_path)


@pytest.mark.parametrize("path", ["checkpoint", "ledger.json", "tile/0/001.p/44", "tile/entries/001.p/44"])
def test_a_file_that_is_missing(tmp_path: Path, path: str) -> None:
    ledger = writer(tmp_path)
    ledger.append(records(0, 300))
    ledger.close()
    (tmp_path / path).unlink()
    with pytest.raises(InputError, match="restore the ledger from a backup"):
        writer(tmp_path)


def test_an_older_checkpoint_is_not_gone_on_from(tmp_path: Path) -> None:
    ledger = writer(tmp_path)
    ledger.append(records(0, 10))
    ledger.sync()
    old = (tmp_path / "checkpoint").read_bytes()
    ledger.append(records(10, 10))
    ledger.close()
    (tmp_path / "checkpoint").write_bytes(old)
    with pytest.raises(InputError, match="not those of the checkpoint's 10 entries"):
        writer(tmp_path)


def test_a_payload_file_that_was_shortened(tmp_path: Path) -> None:
    ledger = writer(tmp_path)
    ledger.append(records(0, 10))
    ledger.sync()
    ledger.append(records(10, 10))
    os.truncate(tmp_path / f"payloads/violation/{TODAY}.jsonl", 100)
    ledger._journal.close()  # noqa: SLF001  killed
    with pytest.raises(InputError, match="shorter than the"):
        writer(tmp_path)


@pytest.mark.parametrize(
    "bad",
    [
        Record("decision", 0, "allow", "../../x", b"{}"),
        Record("decision", 0, "allow", TODAY, b'{"a":\n1}'),
        Record("decision", 0, "allow", TODAY, b"[]"),
        Record("decision", 0, "allow", TODAY, b""),
    ],
)
def test_records_that_can_stand_in_no_ledger(tmp_path: Path, bad: Record) -> None:
    ledger = writer(tmp_path)
    with pytest.raises(ValueError, match="is no day|one JSON object on one line"):
        ledger.append([record(0), bad])
    assert ledger.append([record(0)]) == 0
    ledger.close()
    assert numbers(tmp_path) == [0]


def test_a_link_in_the_place_of_a_file_is_not_followed(tmp_path: Path) -> None:
    ledger = writer(tmp_path / "acme")
    ledger.append(records(0, 1))
    ledger.sync()
    target = tmp_path / "target"
    target.write_bytes(b"")
    payloads = tmp_path / f"acme/payloads/violation/{TODAY}.jsonl"
    payloads.rename(tmp_path / "kept")
    payloads.symlink_to(target)
    with pytest.raises(OSError, match="not a regular file"):
        ledger.append(records(1, 1))
    assert target.read_bytes() == b""
    payloads.unlink()
    (tmp_path / "kept").rename(payloads)
    ledger.append(records(1, 1))
    ledger.close()
    assert numbers(tmp_path / "acme") == [0, 1]


def test_reading_while_it_is_written(tmp_path: Path) -> None:
    ledger = writer(tmp_path)
    ledger.append(records(0, 1))
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            ledger.append(records(ledger.size, 37))

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _ in range(30):
            reader = open_ledger(tmp_path)
            leaves = [raw for _, raw in reader.leaves(max(reader.size - 600, 0) // 256 * 256)]
            assert len(leaves) >= min(reader.size, 344)
            tail = max(reader.size - 100, 0)
            assert [entry.index for entry in reader.entries(tail) if entry.payload] == [
                *range(tail, reader.size)
            ]
            assert reader.proof(reader.size - 1) is not None
    finally:
        stop.set()
        thread.join()
    ledger.close()
    assert numbers(tmp_path) == list(range(ledger.size))


def test_the_limit_of_file_sizes(tmp_path: Path) -> None:
    """A real error of the kernel, in a process of its own: what was acknowledged is there, and it goes on."""
    ran = subprocess.run(
        [sys.executable, "-m", "tests.ledger_limited", str(tmp_path / "acme")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    appended, refused = map(int, ran.stdout.split())
    assert appended > 0
    assert refused > 0
    assert numbers(tmp_path / "acme") == list(range(appended))
    check(tmp_path / "acme")

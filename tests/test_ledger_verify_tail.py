"""What a stopped daemon leaves behind the checkpoint is told apart from what nobody but a stranger leaves."""

import shutil
import threading
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from monitor.ledger.types import Record
from monitor.ledger.verify import Tail, verify_ledger
from monitor.ledger.verify_head import Head, read_head
from monitor.ledger.writer import LedgerWriter
from tests.bundle_kit import decision
from tests.ledger_kit import expired, recorded
from tests.ledger_verify_kit import DAY, SIGNER, files_of, make_ledger, told, verify, write

NOW_NS = 1_773_000_000_000_000_000
LINES = f"payloads/violation/{DAY}.jsonl"


def records(first: int, count: int) -> list[Record]:
    return [
        Record("decision", NOW_NS, "violation", DAY, b'{"number":%d}' % number)
        for number in range(first, first + count)
    ]


def stopped(folder: Path, sizes: list[int]) -> Iterator[Path]:
    """Yield the ledger as it stands after each batch; nothing is closed, so the journal has all of them."""
    writer = LedgerWriter(folder / "live", SIGNER, "acme", NOW_NS)
    for number, size in enumerate(sizes):
        writer.append(records(writer.size, size))
        yield shutil.copytree(folder / "live", folder / f"after-{number}")
    writer.close()


def ahead(before: Path, after: Path) -> dict[str, bytes]:
    """Return the files that differ, as they are afterwards, but for the journal."""
    found = {}
    for path in files_of(after):
        name = path.relative_to(after).as_posix()
        old = before / name
        if name != "journal" and (not old.is_file() or old.read_bytes() != path.read_bytes()):
            found[name] = path.read_bytes()
    return found


def remove_stale(folder: Path, after: Path) -> None:
    for path in files_of(folder / "tile"):
        if not (after / path.relative_to(folder)).exists():
            path.unlink()


@pytest.mark.parametrize("sizes", [[3, 2], [250, 10, 300], [256, 1], [1, 255, 255]])
def test_ledger_of_a_running_daemon_verifies(tmp_path: Path, sizes: list[int]) -> None:
    for number, folder in enumerate(stopped(tmp_path, sizes)):
        found = verify(folder)
        assert (told(found), found.entries, found.unsigned_tail) == ("", sum(sizes[: number + 1]), None)
    assert told(verify(tmp_path / "live")) == ""


@pytest.mark.parametrize("sizes", [[3, 2], [250, 10], [256, 1], [300, 400]])
def test_every_torn_state_is_told_and_mended(tmp_path: Path, sizes: list[int]) -> None:
    """The last batch is durable; of each file that it makes, none, some or all is there."""
    before, after = stopped(tmp_path, sizes)
    changed = ahead(before, after)
    journal = (after / "journal").read_bytes()
    changed["checkpoint"] = changed.pop("checkpoint")  # it comes last
    for number, name in enumerate(changed):
        for share in (0.0, 0.5, 1.0):
            folder = shutil.copytree(before, tmp_path / f"torn-{number}-{share}")
            write(folder / "journal", journal)
            for other in list(changed)[:number]:
                if other != "checkpoint":
                    write(folder / other, changed[other])
            if name == "checkpoint":
                remove_stale(folder, after)
            old = (before / name).stat().st_size if name == LINES else 0
            new = "checkpoint.new" if name == "checkpoint" else name
            write(folder / new, changed[name][: old + int((len(changed[name]) - old) * share)])
            found = verify(folder)
            assert told(found) == "", f"{name} {share}"
            assert isinstance(found.unsigned_tail, Tail)
            assert found.unsigned_tail.entries == sizes[-1]
            LedgerWriter(folder, SIGNER, "acme", NOW_NS).close()
            mended = verify(folder)
            assert (told(mended), mended.entries, mended.unsigned_tail) == ("", sum(sizes), None)


def test_stale_tiles_behind_a_new_checkpoint_are_told(tmp_path: Path) -> None:
    before, after = stopped(tmp_path, [3, 2])
    for path in files_of(before / "tile"):
        write(after / path.relative_to(before), path.read_bytes())
    found = verify(after)
    assert (told(found), found.entries, found.unsigned_tail) == ("", 5, Tail(0, 0, 2))
    LedgerWriter(after, SIGNER, "acme", NOW_NS).close()
    assert (told(verify(after)), verify(after).unsigned_tail) == ("", None)


def test_torn_journal_is_told(tmp_path: Path) -> None:
    before, after = stopped(tmp_path, [3, 2])
    whole, journal = (before / "journal").read_bytes(), (after / "journal").read_bytes()
    for cut in range(len(whole) + 1, len(journal), 7):
        write(before / "journal", journal[:cut])
        found = verify(before)
        assert (told(found), found.unsigned_tail) == ("", Tail(0, cut - len(whole), 0))
    write(before / "journal", whole + bytes(100))
    assert told(verify(before)) == ""


def test_no_byte_of_a_journal_changes_unseen(tmp_path: Path) -> None:
    *_, folder = stopped(tmp_path, [3, 2])
    data = (folder / "journal").read_bytes()
    for at in range(0, len(data), 3):
        write(folder / "journal", data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :])
        assert "journal: " in told(verify(folder)), at


def test_strangers_lines_and_files_are_faults(tmp_path: Path) -> None:
    before, after = stopped(tmp_path, [250, 10])
    changed = ahead(before, after)
    journal = (after / "journal").read_bytes()
    for name, data in changed.items():
        folder = shutil.copytree(before, tmp_path / name.replace("/", "-"))
        new = "checkpoint.new" if name == "checkpoint" else name
        write(folder / new, data)
        assert new in told(verify(folder)), f"{name} without its journal"
        write(folder / "journal", journal)
        assert told(verify(folder)) == ""
        for at in (len(data) - 2, len(data) - 50):
            if name != "checkpoint" or at > data.rindex(b" "):
                continue
            write(folder / new, data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :])
            assert new in told(verify(folder)), f"{name} changed"
        write(folder / new, data + b"more\n")
        assert new in told(verify(folder)), f"{name} with more"


def record(body: bytes) -> bytes:
    return len(body).to_bytes(8) + sha256(body).digest() + body


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda whole, _: record(whole[40:60]), "a batch cannot be read"),
        (lambda whole, last: last + whole, "the entries before 3 are missing"),
        (lambda _, last: last, "the entries before 3 are missing"),
        (lambda whole, last: whole + last + last, "the entries before 3 are missing"),
        (
            lambda whole, last: whole + record(last[40:].replace(b'{"number":3', b'{"number":7')),
            f"a line of {LINES} is not what the entries",
        ),
        (
            lambda whole, _: record(whole[40:].replace(b"decision", b"gap     ")),
            "it goes on to 3 entries, but not from those",
        ),
    ],
)
def test_journal_has_to_fit(tmp_path: Path, change: Callable[[bytes, bytes], bytes], expected: str) -> None:
    before, after = stopped(tmp_path, [3, 2])
    whole = (before / "journal").read_bytes()
    last = (after / "journal").read_bytes()[len(whole) :]
    write(before / "journal", change(whole, last))
    assert f"journal: {expected}" in told(verify(before))


def test_journal_of_another_ledger_is_a_fault(tmp_path: Path) -> None:
    *_, folder = stopped(tmp_path, [3])
    other = make_ledger(tmp_path / "other", [])
    write(other / "journal", (folder / "journal").read_bytes())
    assert verify(other).unsigned_tail == Tail(
        3, 0, 0
    )  # as if it had been stopped ahead of its first entries
    write(other / LINES, b"x")
    assert f"{LINES} line 1: from here on" in told(verify(other))


def test_what_retention_erases_meanwhile_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The record that excuses it stands behind the checkpoint that was read: it is looked at once more."""
    folder = recorded([decision(number, outcome="allow") for number in range(3)], tmp_path) / "acme"
    once = iter([400])

    def read(*arguments: Any) -> Head | None:
        head = read_head(*arguments)
        for days in once:
            expired(tmp_path, days)
        return head

    monkeypatch.setattr("monitor.ledger.verify.read_head", read)
    found = verify_ledger(folder)
    assert (told(found), found.erased, found.moved) == ("", 3, False)


def test_a_strange_file_is_told_while_a_daemon_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = LedgerWriter(tmp_path, SIGNER, "acme", NOW_NS)
    write(tmp_path / "payloads/notes.txt", b"")

    def read(*arguments: Any) -> Head | None:
        head = read_head(*arguments)
        writer.append(records(writer.size, 1))
        return head

    monkeypatch.setattr("monitor.ledger.verify.read_head", read)
    found = verify(tmp_path)
    writer.close()
    assert (told(found), found.moved) == ("payloads/notes.txt: the ledger has no such file", True)


def test_ledger_verifies_while_a_daemon_writes(tmp_path: Path) -> None:
    writer = LedgerWriter(tmp_path, SIGNER, "acme", NOW_NS)

    def work() -> None:
        for number in range(150):
            writer.append(records(writer.size, 7))
            if number % 5 == 0:
                writer.sync()

    thread = threading.Thread(target=work)
    thread.start()
    found = []
    while thread.is_alive():
        found.append(verify(tmp_path))
    writer.close()
    assert [told(each) for each in found if not each.holds] == []
    assert verify(tmp_path).entries == 1_050

"""What an archive deleted is noted, durably and in order, and whoever changes a note is found out."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from monitor.archive import noting, store
from monitor.archive.noting import NOTES, read_notes
from monitor.files import InputError
from tests.archive_kit import append, archived, manifest, replayed, rows, varied
from tests.ledger_kit import DAY_NS, NOW_NS, expired
from tests.rejudge_kit import run
from tests.test_archive_keeping import keeping

FIRST = hashlib.sha256(b"").hexdigest()


def kept(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / NOTES).read_bytes().splitlines()]


def old(folder: Path) -> Path:
    """A replay of five days, and of two classes."""
    found = [varied(number, days=number, outcome=("violation", "allow")[number % 2]) for number in range(5)]
    return replayed(folder / "out", found)


def test_what_expires_is_noted_by_tenant_class_and_days(tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    archived(archive, old(tmp_path))
    assert not (archive / NOTES).exists()
    at_ns = NOW_NS + 3 * DAY_NS
    said = archived(archive, now_ns=at_ns, kept_days=keeping(violation=2, allow=1))
    first, second = kept(archive)
    assert first == {
        "at_ns": at_ns, "why": "expired", "table": "decisions", "tenant": "acme", "class": "allow",
        "first_day": "2026-03-11", "last_day": "2026-03-11", "files": 1, "rows": 1, "before": FIRST,
    }  # fmt: skip
    assert (second["class"], second["first_day"], second["rows"]) == ("violation", "2026-03-10", 1)
    lines = (archive / NOTES).read_bytes().splitlines()
    assert second["before"] == hashlib.sha256(lines[0]).hexdigest()
    assert said.noted == manifest(archive).noted
    assert (said.noted.lines, said.noted.last) == (2, hashlib.sha256(lines[1]).hexdigest())
    again = archived(archive, now_ns=at_ns, kept_days=keeping(violation=2, allow=1))
    assert again.noted == said.noted
    archived(archive, now_ns=at_ns + 9 * DAY_NS, kept_days=keeping(violation=2, allow=1))
    notes = read_notes(archive, manifest(archive).noted)
    assert sum(each.rows for each in notes) == 5
    assert rows(archive) == []


def test_what_a_ledger_erased_is_noted_as_that(tmp_path: Path) -> None:
    archive, root = tmp_path / "archive", append(tmp_path, varied(1), varied(2, outcome="allow"))
    archived(archive, root)
    expired(tmp_path, 9)
    archived(archive, root, now_ns=NOW_NS + 9 * DAY_NS)
    (note,) = kept(archive)
    assert (note["why"], note["class"], note["rows"]) == ("erased", "allow", 1)


def changed(lines: list[bytes]) -> list[bytes]:
    return [lines[0].replace(b'"rows":1', b'"rows":7'), *lines[1:]]


def swapped(lines: list[bytes]) -> list[bytes]:
    return [lines[1], lines[0]]


def shortened(lines: list[bytes]) -> list[bytes]:
    return lines[:1]


def garbled(lines: list[bytes]) -> list[bytes]:
    return [b"{" + lines[0][1:-1] + b"]", lines[1]]


@pytest.mark.parametrize("change", [changed, swapped, shortened, garbled])
def test_a_note_that_was_changed_is_found(
    tmp_path: Path, change: Callable[[list[bytes]], list[bytes]]
) -> None:
    archive = tmp_path / "archive"
    archived(archive, old(tmp_path))
    archived(archive, now_ns=NOW_NS + 3 * DAY_NS, kept_days=keeping(violation=2, allow=1))
    path = archive / NOTES
    path.write_bytes(b"".join(line + b"\n" for line in change(path.read_bytes().splitlines())))
    before = path.read_bytes()
    with pytest.raises(InputError, match=r"deletions\.jsonl.*restore it"):
        archived(archive, now_ns=NOW_NS + 9 * DAY_NS, kept_days=keeping(violation=2))
    assert path.read_bytes() == before
    path.unlink()
    with pytest.raises(InputError, match=r"deletions\.jsonl.*restore it"):
        archived(archive)


def test_what_was_noted_and_not_deleted_is_noted_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calm, torn, source = tmp_path / "calm", tmp_path / "torn", old(tmp_path)
    for folder in (calm, torn):
        archived(folder, source)
    at_ns, days = NOW_NS + 3 * DAY_NS, keeping(violation=2, allow=1)
    archived(calm, now_ns=at_ns, kept_days=days)

    def dies(_: object) -> None:
        raise RuntimeError

    for place in (noting, store):
        with monkeypatch.context() as patched:
            patched.setattr(place, "sync", dies)
            with pytest.raises(RuntimeError):
                archived(torn, now_ns=at_ns, kept_days=days)
    archived(torn, now_ns=at_ns, kept_days=days)
    assert len(read_notes(torn, manifest(torn).noted)) == 2
    assert kept(torn) == kept(calm)


def test_the_command_says_where_it_is_noted(tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    ran = run("archive", str(old(tmp_path)), "--archive", str(archive), "--keep", "violation=1,allow=1")
    last = manifest(archive).noted.last
    assert f"noted in {archive / NOTES}: 2 lines, the last with SHA-256 {last}" in ran.stdout

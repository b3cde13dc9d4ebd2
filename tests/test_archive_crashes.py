"""Whenever archiving dies, whoever runs it again loses nothing and doubles nothing."""

from pathlib import Path

import pytest

from monitor.archive import parts, store, writing
from monitor.archive.store import reading
from monitor.ledger.disk import sync
from tests.archive_kit import (
    append,
    archived,
    files,
    kept_for_good,
    live,
    manifest,
    replayed,
    rows,
    started,
    varied,
)
from tests.ledger_kit import DAY_NS, NOW_NS, expired
from tests.rejudge_kit import run


class DiedError(Exception):
    """Stands for the end of the process."""


class Dying:
    """Dies at the n-th time that the disk is to hold something."""

    def __init__(self, at: int) -> None:
        self.left = at

    def __call__(self, path: str | Path) -> None:
        if self.left == 0:
            raise DiedError
        self.left -= 1
        sync(path)


@pytest.fixture
def inputs(tmp_path: Path) -> tuple[Path, Path]:
    """A ledger with open connections and erased days, and a replay of many days."""
    root = append(tmp_path, varied(1), live(varied(2), 7), varied(3, outcome="allow"), varied(4, days=1))
    out = replayed(tmp_path / "out", [varied(100 + number, days=number % 5) for number in range(40)])
    return root, out


def test_a_crash_anywhere_changes_nothing(
    tmp_path: Path, inputs: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing.Gathering.__init__, "__defaults__", (3,))
    calm, torn = tmp_path / "calm", tmp_path / "torn"
    deaths = 0
    for step in range(3):
        if step == 1:
            append(tmp_path, varied(2), started(), *(varied(10 + number) for number in range(9)))
        if step == 2:
            expired(tmp_path, 9)
        now_ns = NOW_NS + step * 60 * DAY_NS
        archived(calm, *inputs, now_ns=now_ns)
        at = 0
        while True:
            with monkeypatch.context() as patch:
                dying = Dying(at)
                patch.setattr(parts, "sync", dying)
                patch.setattr(store, "sync", dying)
                try:
                    archived(torn, *inputs, now_ns=now_ns)
                except DiedError:
                    deaths += 1
                    at += 1 + at // 4  # every one of the first, then some
                else:
                    break
            if (torn / "archive.json").exists():
                with reading(torn) as found:
                    assert {part.path for part in found.parts} <= files(torn)
                    told = [(row["source"], row["ledger_index"]) for row in rows(torn)]
                    assert len(told) == len(set(told))
        assert rows(torn) == rows(calm)
        archived(torn)
        assert files(torn) == {part.path for part in manifest(torn).parts}
    assert deaths > 15
    assert len(rows(torn)) == 40 + 12


def test_a_replay_is_there_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing.Gathering.__init__, "__defaults__", (10,))
    out = replayed(tmp_path / "out", [varied(number) for number in range(35)])
    with monkeypatch.context() as patch:
        patch.setattr(parts, "sync", Dying(6))
        with pytest.raises(DiedError):
            archived(tmp_path / "archive", out)
    assert files(tmp_path / "archive")
    assert not (tmp_path / "archive/archive.json").exists()
    archived(tmp_path / "archive", out, kept_days=kept_for_good)
    assert len(rows(tmp_path / "archive")) == 35


def test_a_full_disk_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(parts, "sync", full)
    shown = run("archive", replayed(tmp_path / "out", [varied(1)]), "--archive", tmp_path / "archive")
    assert (shown.exit_code, shown.stderr.count("\n")) == (2, 1)
    assert "no space left on device" in shown.stderr

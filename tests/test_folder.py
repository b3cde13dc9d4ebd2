"""Which files of a folder are whole, and which were read."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from sensors.folder import (
    ENDED,
    LOOK_SECONDS,
    QUIET_SECONDS,
    SETTLE_SECONDS,
    GrowingFolder,
    is_capture_name,
)
from sensors.live import CaptureError

SECOND_NS = 1_000_000_000
LONG = SETTLE_SECONDS + LOOK_SECONDS


def put(folder: Path, name: str, at_seconds: int = 0, text: str = "x") -> Path:
    """Write a file that was last changed at some time."""
    file = folder / name
    file.write_text(text)
    os.utime(file, ns=(0, at_seconds * SECOND_NS))
    return file


def whole(folder: GrowingFolder, now_seconds: float, *, read: bool = True) -> list[str]:
    """Return the names of what is whole now, and mark it as read."""
    names = []
    while (capture := folder.next_whole(now_seconds)) is not None:
        names.append(capture.path.name)
        if read:
            folder.mark_read(capture)
    return names


def settled(folder: GrowingFolder, now_seconds: float = 0) -> list[str]:
    """Return the names of what is whole when nothing changes any more."""
    return [*whole(folder, now_seconds), *whole(folder, now_seconds + LONG)]


@pytest.mark.parametrize(
    "name",
    [
        "trace.pcap", "trace.pcap0", "trace.pcap12", "t-2026.pcap1", "TRACE.PCAPNG", "a.cap", "a.dmp.gz",
        "ring_00001_20260101120000.pcapng", "ring.pcapng.zst", "log.pcap.1480018123", "pcap.3.1480018123",
        "log.pcap.1480018123.000452", "log.2.1480018123.pcap", "x.pcap.1.gz", "pcap.1", "x y.pcap",
    ],
)  # fmt: skip
def test_names_of_captures(name: str) -> None:
    assert is_capture_name(name)


@pytest.mark.parametrize(
    "name",
    [
        ".trace.pcap", ".trace.pcap.Xa1b2c", "trace.pcap.part", "trace.pcap~", "trace.pcap.tmp", "eve.json",
        "trace", "trace.pcap.lz4", "trace.pcap.1.", "notpcap", "trace.pcap\n", "0" * 250,
    ],
)  # fmt: skip
def test_names_of_other_files(name: str) -> None:
    assert not is_capture_name(name)


def test_a_file_is_whole_when_a_newer_one_is_there_or_it_settled(tmp_path: Path) -> None:
    folder = GrowingFolder(tmp_path)
    put(tmp_path, "a.pcap", 1)
    assert whole(folder, 0) == []
    assert whole(folder, SETTLE_SECONDS - 1) == []
    put(tmp_path, "b.pcap", 2)
    assert whole(folder, SETTLE_SECONDS - 1 + LOOK_SECONDS) == ["a.pcap"]
    put(tmp_path, "b.pcap", 3, "it grew")
    assert whole(folder, 50) == []
    assert whole(folder, 50 + SETTLE_SECONDS - 1) == []
    assert whole(folder, 50 + SETTLE_SECONDS) == ["b.pcap"]
    assert whole(folder, 200) == []


def test_what_grows_is_not_whole_and_what_comes_after_it_waits(tmp_path: Path) -> None:
    folder = GrowingFolder(tmp_path)
    for now in range(5):
        put(tmp_path, "a.pcap", 1, "x" * now)
        put(tmp_path, "b.pcap", 2)
        put(tmp_path, "c.pcap", 3)
        assert whole(folder, now * LOOK_SECONDS) == []
    assert whole(folder, 4 * LOOK_SECONDS + QUIET_SECONDS) == ["a.pcap", "b.pcap"]


def test_files_come_in_the_order_of_their_last_change_and_then_by_name(tmp_path: Path) -> None:
    for name, at in (("c.pcap", 1), ("b.pcap", 3), ("a.pcap", 3), ("d.pcap.gz", 2), ("no.txt", 0)):
        put(tmp_path, name, at)
    (tmp_path / "a folder.pcap").mkdir()
    os.mkfifo(tmp_path / "pipe.pcap")
    (tmp_path / "nowhere.pcap").symlink_to(tmp_path / "missing")
    assert settled(GrowingFolder(tmp_path)) == ["c.pcap", "d.pcap.gz", "a.pcap", "b.pcap"]


def test_a_name_that_is_used_again_is_read_again_and_another_name_is_not(tmp_path: Path) -> None:
    folder = GrowingFolder(tmp_path)
    put(tmp_path, "ring0.pcap", 1)
    assert settled(folder) == ["ring0.pcap"]
    (tmp_path / "ring0.pcap").rename(tmp_path / "kept.pcap")
    assert settled(folder, 100) == []
    put(tmp_path, "ring0.pcap", 2)
    put(tmp_path, "kept.pcap", 3, "other")
    assert settled(folder, 200) == ["ring0.pcap", "kept.pcap"]


def test_a_file_that_is_packed_later_is_not_read_again(tmp_path: Path) -> None:
    folder = GrowingFolder(tmp_path)
    put(tmp_path, "a.pcap1", 5)
    assert settled(folder) == ["a.pcap1"]
    put(tmp_path, "a.pcap1.gz", 9, "half of it")
    assert settled(folder, 100) == []
    put(tmp_path, "a.pcap1.gz", 5, "all of it")
    (tmp_path / "a.pcap1").unlink()
    assert settled(folder, 200) == []
    assert settled(folder, 300) == []
    put(tmp_path, "b.pcap1.gz", 5)
    assert settled(folder, 400) == ["b.pcap1.gz"]


def test_a_file_that_changes_before_its_turn_waits_and_one_that_vanishes_is_handed_out(
    tmp_path: Path,
) -> None:
    folder = GrowingFolder(tmp_path)
    for number, name in enumerate("abc"):
        put(tmp_path, f"{name}.pcap", number)
    put(tmp_path, "z.pcap", 9)
    assert folder.next_whole(0) is None
    first = folder.next_whole(QUIET_SECONDS)
    assert first is not None
    put(tmp_path, "b.pcap", 5, "it changed")
    (tmp_path / "c.pcap").unlink()
    assert whole(folder, QUIET_SECONDS) == ["c.pcap"]


def test_a_restart_goes_on(tmp_path: Path) -> None:
    folder, state = tmp_path / "folder", tmp_path / "state"
    folder.mkdir()
    for number, name in enumerate(["a.pcap", "b.pcap", os.fsdecode(b"\xff.pcap"), "z.pcap"]):
        put(folder, name, number)
    first = GrowingFolder(folder, state)
    assert whole(first, 0) == []
    names = whole(first, QUIET_SECONDS)
    assert names == ["a.pcap", "b.pcap", "\udcff.pcap"]
    assert settled(GrowingFolder(folder, state)) == ["z.pcap"]
    assert settled(GrowingFolder(folder, state)) == []
    other = tmp_path / "other"
    other.mkdir()
    put(other, "a.pcap")
    assert settled(GrowingFolder(other, state)) == ["a.pcap"]
    assert list(tmp_path.glob("*.new")) == []


def test_what_is_handed_out_and_not_marked_is_read_again(tmp_path: Path) -> None:
    state = tmp_path / "state"
    put(tmp_path, "a.pcap", 1)
    folder = GrowingFolder(tmp_path, state)
    whole(folder, 0)
    assert whole(folder, LONG, read=False) == ["a.pcap"]
    assert settled(GrowingFolder(tmp_path, state)) == ["a.pcap"]


def test_what_is_gone_is_forgotten(tmp_path: Path) -> None:
    state = tmp_path / "state"
    folder = GrowingFolder(tmp_path, state)
    for number in range(30):
        file = put(tmp_path, f"{number}.pcap", number)
        assert settled(folder, number * 100) == [file.name]
        file.unlink()
    put(tmp_path, "last.pcap")
    assert settled(folder, 10_000) == ["last.pcap"]
    assert [name for name, _ in json.loads(state.read_text())["read"]] == ["last.pcap"]


def test_the_folder_may_go_and_come_back(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    path.mkdir()
    folder = GrowingFolder(path)
    put(path, "a.pcap")
    assert settled(folder) == ["a.pcap"]
    path.rename(tmp_path / "elsewhere")
    assert settled(folder, 100) == []
    assert not folder.is_there
    (tmp_path / "elsewhere").rename(path)
    put(path, "b.pcap", 5)
    assert settled(folder, 200) == ["b.pcap"]
    assert folder.is_there


def test_files_that_go_with_their_folder_and_come_back_are_read_once(tmp_path: Path) -> None:
    path, away = tmp_path / "folder", tmp_path / "away"
    path.mkdir()
    for number in range(4):
        put(path, f"{number}.pcap", number)
    folder = GrowingFolder(path)
    assert whole(folder, 0) == []
    first = folder.next_whole(LONG)
    assert first is not None
    folder.mark_read(first)
    path.rename(away)
    assert whole(folder, LONG) == []
    assert not folder.is_there
    path.mkdir()  # as the place of a disk that is away
    assert settled(folder, 100) == []
    path.rmdir()
    away.rename(path)
    assert settled(folder, 200) == ["1.pcap", "2.pcap", "3.pcap"]


def test_a_file_that_vanishes_before_its_turn_is_read_when_it_comes_back(tmp_path: Path) -> None:
    folder = GrowingFolder(tmp_path)
    put(tmp_path, "a.pcap", 1)
    put(tmp_path, "b.pcap", 2)
    assert whole(folder, 0) == []
    assert folder.next_whole(LONG) is not None
    (tmp_path / "b.pcap").rename(tmp_path / "b")
    vanished = folder.next_whole(LONG)
    assert vanished is not None
    assert vanished.identity is None
    folder.mark_read(vanished)
    (tmp_path / "b").rename(tmp_path / "b.pcap")
    assert "b.pcap" in settled(folder, 100)


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_a_link_in_place_of_the_draft_stays_unwritten(tmp_path: Path, link: Callable[..., None]) -> None:
    folder, other = tmp_path / "folder", tmp_path / "other"
    folder.mkdir()
    other.write_text("keep")
    link(other, tmp_path / "state.new")
    GrowingFolder(folder, tmp_path / "state")
    assert other.read_text() == "keep"
    assert not (tmp_path / "state").is_symlink()


@pytest.mark.parametrize(
    "text",
    ["", "{", '{"folder": 1, "read": []}', '{"folder": "", "read": [["a", [1]]]}', "[" * 100_000, "\xff"],
)
def test_a_damaged_state_is_said(tmp_path: Path, text: str) -> None:
    state = tmp_path / "state"
    state.write_text(text, encoding="latin-1")
    with pytest.raises(
        CaptureError, match="state: it is damaged; remove it, and the whole folder is read again"
    ):
        GrowingFolder(tmp_path, state)


def test_what_cannot_be_watched(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="missing: there is no such folder; make it, or watch another"):
        GrowingFolder(tmp_path / "missing")
    with pytest.raises(CaptureError, match=r"state: it cannot be written \(No such file or directory\)"):
        GrowingFolder(tmp_path, tmp_path / "missing" / "state")
    with pytest.raises(CaptureError, match=r"it cannot be read \(Is a directory\); let the user"):
        GrowingFolder(tmp_path, tmp_path)


def test_what_left_flows_open_is_known_after_a_crash_until_all_ended(tmp_path: Path) -> None:
    folder, state = tmp_path / "folder", tmp_path / "state"
    folder.mkdir()
    for at, name in enumerate(("b.pcap", "a.pcap", "c.pcap")):
        put(folder, name, at)
    first = GrowingFolder(folder, state)
    assert first.left_open() == []
    assert settled(first) == ["b.pcap", "a.pcap", "c.pcap"]
    (folder / "c.pcap").unlink()
    second = GrowingFolder(folder, state)
    assert [each.name for each in second.left_open()] == ["b.pcap", "a.pcap"]
    second.mark_ended()
    put(folder, "d.pcap", 9)
    assert settled(second) == ["d.pcap"]
    assert [each.name for each in GrowingFolder(folder, state).left_open()] == ["d.pcap"]


def test_only_the_newest_of_what_left_flows_open_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sensors.folder.OPEN_BYTES", 8)
    for at, name in enumerate(("a.pcap", "b.pcap", "c.pcap")):
        put(tmp_path, name, at, "four")
    folder = GrowingFolder(tmp_path)
    settled(folder)
    assert [each.name for each in folder.left_open()] == ["b.pcap", "c.pcap"]
    put(tmp_path, "d.pcap.gz", 4, "so")  # as if it were eight times as long
    settled(folder, 100)
    assert folder.left_open() == []


def test_what_went_out_last_was_read_whatever_the_state_says(tmp_path: Path) -> None:
    folder, state = tmp_path / "folder", tmp_path / "state"
    folder.mkdir()
    put(folder, "a.pcap", 0)
    first = GrowingFolder(folder, state)
    settled(first)
    put(folder, "b.pcap", 1)
    settled(first, 50)
    put(folder, "c.pcap", 2)
    assert first.next_whole(100) is None
    capture = first.next_whole(100 + LONG)  # in work when it dies
    assert capture is not None
    second = GrowingFolder(folder, state, capture.mark)
    assert settled(second) == []
    assert [each.name for each in second.left_open()] == ["a.pcap", "b.pcap", "c.pcap"]
    assert GrowingFolder(folder, state, ENDED).left_open() == []
    state.unlink()  # by whoever wants all of it read again
    assert settled(GrowingFolder(folder, state, capture.mark)) == ["a.pcap", "b.pcap", "c.pcap"]

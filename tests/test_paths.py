"""Which files are taken: those named, and in folders those that capture tools write."""

import os
from pathlib import Path

import pytest

from sensors.paths import expand_paths
from tests.captures_kit import read_file

CAPTURES = [
    "a.pcap", "a.pcap.gz", "a.pcap.zst", "b.pcapng", "b.pcapng.GZ", "c.CAP", "d.dmp", "e.pcap0", "e.pcap12",
    "f.pcap.1", "f.pcap.2.gz", "f.pcap3.zst", "egress_00001_20260101.pcapng",
]  # fmt: skip
OTHERS = ["a.txt", "pcap", "a.pcap.md", "a.pcap.bak", "x.pcapx", "a.gz", "a.pcap.1.2", "README"]


def test_folders_are_walked(tmp_path: Path) -> None:
    for name in CAPTURES + OTHERS:
        (tmp_path / name).touch()
    assert expand_paths([tmp_path]) == sorted(tmp_path / name for name in CAPTURES)


def test_folders_in_folders_are_walked_in_order(tmp_path: Path) -> None:
    names = ["b.pcap", "a/z.pcap", "a/b/c.pcap", "c/a.pcap"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = [str(path.relative_to(tmp_path)) for path in expand_paths([tmp_path])]
    assert found == ["b.pcap", "a/z.pcap", "a/b/c.pcap", "c/a.pcap"]


def test_what_is_named_is_taken(tmp_path: Path) -> None:
    named = [tmp_path / "z.txt", tmp_path / "missing", tmp_path / "a.pcap"]
    assert expand_paths(named) == named


def test_nothing_is_taken_twice(tmp_path: Path) -> None:
    capture = tmp_path / "a.pcap"
    capture.touch()
    (tmp_path / "latest.pcap").symlink_to(capture)
    assert expand_paths([capture, tmp_path, Path(f"{tmp_path}/./a.pcap"), capture]) == [capture]


def test_links_and_pipes_in_folders_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "gone.pcap").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe.pcap")
    assert expand_paths([tmp_path]) == [tmp_path]  # no capture in it


def test_a_folder_without_captures_is_a_fault(tmp_path: Path) -> None:
    (path,) = expand_paths([tmp_path])
    _, (fault,) = read_file(path)
    assert fault.problem == "this folder holds no capture files"


def test_a_folder_that_cannot_be_listed_is_not_silent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = tmp_path / "closed"
    inner.mkdir()
    (tmp_path / "a.pcap").touch()
    scandir = os.scandir

    def refuse(path: Path) -> object:
        if str(path) == str(inner):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert expand_paths([tmp_path]) == [tmp_path / "a.pcap", inner]


def test_a_file_under_two_names_is_read_once_and_a_copy_again(tmp_path: Path) -> None:
    capture, copy = tmp_path / "a.pcap", tmp_path / "c.pcap"
    capture.write_bytes(b"capture")
    copy.write_bytes(b"capture")
    (tmp_path / "b.pcap").hardlink_to(capture)
    assert expand_paths([tmp_path]) == [capture, copy]
    assert expand_paths([tmp_path / "b.pcap", capture]) == [tmp_path / "b.pcap"]

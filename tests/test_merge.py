"""Many files in time order: overlapping or not, with few files open, every frame once."""

import os
from pathlib import Path
from threading import Thread

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensors import merge
from sensors.capture import Frame
from sensors.merge import MergedCaptures
from sensors.window import CHUNK_BYTES
from tests.captures_kit import START_NS, packets, pcap, pcapng


def timed(*seconds: int, mark: int = 0) -> list[Frame]:
    """Frames at some seconds; ``mark`` tells them apart."""
    return [Frame(START_NS + second * 10**9, 1, bytes([mark, second]), 60) for second in seconds]


def write(folder: Path, files: dict[str, list[Frame]]) -> None:
    for name, frames in files.items():
        (folder / name).write_bytes(pcapng(frames) if name.endswith("ng") else pcap(frames))


def test_one_file_is_read_as_it_is(tmp_path: Path) -> None:
    write(tmp_path, {"a.pcap": timed(3, 1, 2)})
    assert list(MergedCaptures([tmp_path / "a.pcap"])) == timed(3, 1, 2)


def test_rotated_files_follow_each_other_whatever_their_names(tmp_path: Path) -> None:
    write(tmp_path, {"a.pcap": timed(7, 8, 9), "b.pcapng": timed(1, 2, 3), "c.pcap": timed(4, 5, 6)})
    assert list(MergedCaptures([tmp_path])) == timed(*range(1, 10))


def test_files_that_overlap_are_interleaved(tmp_path: Path) -> None:
    write(tmp_path, {"a.pcap": timed(1, 4, 7, 10), "b.pcap": timed(2, 5, 8), "c.pcap": timed(3, 6, 9)})
    assert list(MergedCaptures([tmp_path])) == timed(*range(1, 11))


def test_equal_times_are_ordered_by_path(tmp_path: Path) -> None:
    write(tmp_path, {"b.pcap": timed(1, 2, mark=2), "a.pcap": timed(1, 2, mark=1)})
    order = [frame.data[0] for frame in MergedCaptures([tmp_path / "b.pcap", tmp_path / "a.pcap"])]
    assert order == [1, 2, 2, 1]  # at second 2 the file that is being read goes on


times = st.lists(st.integers(0, 20), max_size=6)


@given(st.lists(times, min_size=1, max_size=5))
@settings(max_examples=100)
def test_every_frame_comes_once_and_in_its_files_order(
    tmp_path_factory: pytest.TempPathFactory, files: list[list[int]]
) -> None:
    folder = tmp_path_factory.mktemp("merge")
    write(folder, {f"{index}.pcap": timed(*seconds, mark=index) for index, seconds in enumerate(files)})
    merged = list(MergedCaptures([folder]))
    for index, seconds in enumerate(files):
        assert [frame for frame in merged if frame.data[0] == index] == timed(*seconds, mark=index)
    assert len(merged) == sum(map(len, files))
    if all(seconds == sorted(seconds) for seconds in files):
        assert [frame.ts_ns for frame in merged] == sorted(frame.ts_ns for frame in merged)


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_rotated_files_are_open_one_at_a_time(tmp_path: Path) -> None:
    write(tmp_path, {f"{index:03}.pcap": timed(2 * index, 2 * index + 1) for index in range(100)})
    before = open_files()
    most = max(open_files() for _ in MergedCaptures([tmp_path]))
    assert most - before <= 2  # one capture, and the list of descriptors itself
    assert open_files() == before


def test_too_many_overlapping_files_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merge, "MAX_OPEN_FILES", 3)
    write(tmp_path, {f"{index}.pcap": timed(index, 20 + index) for index in range(8)})
    merged = MergedCaptures([tmp_path])
    before = open_files()
    seen = []
    for frame in merged:
        seen.append(frame)
        assert open_files() - before <= 3 + 1
    assert sorted(frame.ts_ns for frame in seen) == [
        frame.ts_ns for frame in timed(*range(8), *range(20, 28))
    ]
    assert merged.delayed_files == 5


def test_the_faults_of_all_files_in_the_order_of_their_paths(tmp_path: Path) -> None:
    (tmp_path / "c.pcap").write_bytes(pcap(packets())[:-1])
    (tmp_path / "a.pcap").write_bytes(b"")
    (tmp_path / "b.pcap").write_bytes(pcap(packets()))
    merged = MergedCaptures([tmp_path / "missing.pcap", tmp_path])
    assert len(list(merged)) == 4 + 5
    assert [(Path(fault.path).name, fault.kind) for fault in merged.faults] == [
        ("a.pcap", "unreadable"),
        ("c.pcap", "truncated"),
        ("missing.pcap", "unreadable"),
    ]


def test_a_named_pipe_is_read_once(tmp_path: Path) -> None:
    write(tmp_path, {"a.pcap": timed(1, 3)})
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = Thread(target=pipe.write_bytes, args=(pcap(timed(2, 4, mark=1)),))
    writer.start()
    merged = list(MergedCaptures([tmp_path / "a.pcap", pipe]))
    writer.join()
    assert merged == [*timed(1), *timed(2, mark=1), *timed(3), *timed(4, mark=1)]


def test_progress_tells_the_bytes_on_the_disk_once(tmp_path: Path) -> None:
    large = [Frame(START_NS + index, 1, bytes(1_000), 1_000) for index in range(3_000)]
    write(tmp_path, {"a.pcap": large, "b.pcapng": large, "c.pcap": timed(9)})
    pieces: list[int] = []
    assert len(list(MergedCaptures([tmp_path], pieces.append))) == 6_001
    assert sum(pieces) == sum(path.stat().st_size for path in tmp_path.iterdir())
    assert max(pieces) <= CHUNK_BYTES
    assert len(pieces) < 40


def test_no_files_no_frames() -> None:
    merged = MergedCaptures([])
    assert list(merged) == []
    assert merged.faults == []

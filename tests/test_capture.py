"""One capture file: whatever it is, frames and faults, never an exception; and how much was consumed."""

import gzip
import io
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from sensors.capture import CaptureReader, Frame
from sensors.window import CHUNK_BYTES
from tests.captures_kit import START_NS, noise, packets, pcap, pcapng, read_bytes, read_file
from tests.frames_kit import Decoded

PACKETS = packets()
Compress = Callable[[bytes], bytes]


def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


def zstd_in_frames(data: bytes) -> bytes:
    return b"".join(zstd(data[start : start + 100]) for start in range(0, len(data), 100))


def gzip_in_members(data: bytes) -> bytes:
    return b"".join(gzip.compress(data[start : start + 100]) for start in range(0, len(data), 100))


@pytest.mark.parametrize("compress", [gzip.compress, gzip_in_members, zstd, zstd_in_frames])
@pytest.mark.parametrize("data", [pcap(PACKETS), pcapng(PACKETS)])
def test_compression_is_told_by_the_bytes_not_the_name(
    compress: Compress, data: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "no-suffix"
    path.write_bytes(compress(data))
    assert read_file(path) == (PACKETS, [])
    misleading = tmp_path / "plain.pcap.gz"
    misleading.write_bytes(data)
    assert read_file(misleading) == (PACKETS, [])


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "the file is empty"),
        (gzip.compress(b""), "the file is empty"),
        (b"\xd4", "this is not a pcap or pcapng file"),
        (b"PK\x03\x04 something else", "this is not a pcap or pcapng file"),
        (zstd(b"something else, and longer than a header"), "this is not a pcap or pcapng file"),
        (pcap([])[:23], "the file header is cut off or of an unknown version"),
        (pcap([])[:4] + b"\x07" + pcap([])[5:], "the file header is cut off or of an unknown version"),
        (pcapng([])[:27], "the file header is cut off or of an unknown version"),
        (pcapng([])[:12] + b"\x07" + pcapng([])[13:], "the file header is cut off or of an unknown version"),
        (pcapng([])[:8] + b"\x07" * 20, "the file header is cut off or of an unknown version"),
        (gzip.compress(pcap(PACKETS))[:15], "the gzip stream is cut off before the first packet"),
        (b"\x1f\x8b\xff\xff" + bytes(20), "the gzip stream is damaged before the first packet"),
        (zstd(pcap(PACKETS))[:9], "the Zstandard stream is cut off before the first packet"),
        (gzip.compress(noise(200))[:-8], "this is not a pcap or pcapng file"),  # cut off far behind its head
    ],
)
def test_files_that_cannot_be_read(data: bytes, problem: str, tmp_path: Path) -> None:
    frames, (fault,) = read_bytes(data, tmp_path)
    assert frames == []
    assert (fault.path, fault.offset, fault.kind) == (str(tmp_path / "capture"), 0, "unreadable")
    assert fault.problem == problem
    assert fault.mend


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    frames, (fault,) = read_file(tmp_path / "missing.pcap")
    assert frames == []
    assert (fault.kind, fault.problem) == ("unreadable", "there is no such file")
    assert [fault.kind for fault in read_file(tmp_path / "a\0b")[1]] == ["unreadable"]
    assert [fault.kind for fault in read_file(tmp_path / ("x" * 5_000))[1]] == ["unreadable"]


def test_a_folder(tmp_path: Path) -> None:
    frames, (fault,) = read_file(tmp_path)
    assert frames == []
    assert (fault.kind, fault.problem) == ("unreadable", "this folder holds no capture files")


def test_a_file_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: Path, _mode: str, *, buffering: int) -> None:
        raise PermissionError(13, f"Permission denied ({buffering})")

    monkeypatch.setattr(Path, "open", refuse)  # the tests may run as a user who may read everything
    frames, (fault,) = read_file(tmp_path / "secret.pcap")
    assert frames == []
    assert (fault.kind, fault.problem) == ("unreadable", "permission denied")


def test_a_disk_that_fails_in_the_middle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    large = [Frame(START_NS, 1, bytes(1_000), 1_000)] * 2_000
    path = tmp_path / "large.pcap"
    path.write_bytes(pcap(large))

    class Failing(io.FileIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell():
                raise OSError(5, "Input/output error")
            return super().read(size) or b""

    monkeypatch.setattr(Path, "open", lambda self, _mode, **_named: Failing(self))
    frames, (fault,) = read_file(path)
    assert len(frames) == (CHUNK_BYTES - 24) // 1_016
    assert fault.kind == "corrupt"
    assert fault.problem == f"reading failed (Input/output error) after packet {len(frames)}"
    assert f"the {len(frames)} packets before it were used" in fault.mend


@pytest.mark.parametrize("compress", [gzip.compress, zstd])
def test_a_compressed_file_cut_anywhere(compress: Compress, tmp_path: Path) -> None:
    data = compress(pcap(PACKETS))
    for cut in range(4, len(data)):
        frames, (fault,) = read_bytes(data[:cut], tmp_path)
        assert frames == PACKETS[: len(frames)]
        assert fault.kind == "unreadable" if "before the first packet" in fault.problem else "truncated"
        assert "cut off" in fault.problem


@pytest.mark.parametrize("make", [pcap, pcapng])
def test_a_compressed_file_that_is_cut_keeps_what_it_held(
    make: Callable[[list[Frame]], bytes], tmp_path: Path
) -> None:
    random = noise(1_500_000)
    large = [Frame(START_NS + at * 1_000, 1, random[at * 1_000 :][:1_000], 1_000) for at in range(1_500)]
    data = gzip.compress(make(large), 1)
    frames, (fault,) = read_bytes(data[: len(data) // 2], tmp_path)
    assert 700 < len(frames) < 800
    assert frames == large[: len(frames)]
    assert fault.kind == "truncated"
    assert fault.problem == f"the gzip stream is cut off after packet {len(frames)}"
    assert len(make(large[: len(frames)])) == fault.offset


def test_faults_name_the_offset_in_the_uncompressed_stream(tmp_path: Path) -> None:
    frames, (fault,) = read_bytes(gzip.compress(pcap(PACKETS)[:-5]), tmp_path)
    assert frames == PACKETS[:-1]
    assert (fault.kind, fault.offset) == ("truncated", len(pcap(PACKETS[:-1])))


@pytest.mark.parametrize("compress", [bytes, gzip.compress, zstd])
def test_consumed_bytes_are_those_on_the_disk(compress: Compress, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(compress(pcap([Frame(START_NS, 1, noise(9_000), 9_000)] * 400)))
    pieces: list[int] = []
    reader = CaptureReader(path, pieces.append, chunk_bytes=65_536)
    assert len(list(reader)) == 400
    assert reader.consumed_bytes == sum(pieces) == path.stat().st_size
    assert max(pieces) <= 65_536


def test_every_iteration_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(pcap(PACKETS)[:-1])
    reader = CaptureReader(path)
    assert next(iter(reader)) == PACKETS[0]
    for _ in range(2):
        assert list(reader) == PACKETS[:-1]
        assert len(reader.faults) == 1


@pytest.mark.parametrize("compress", [gzip.compress, zstd])
def test_a_decompression_bomb_passes_in_bounded_memory(compress: Compress, tmp_path: Path) -> None:
    record = pcap([Frame(START_NS, 1, bytes(250_000), 250_000)])
    path = tmp_path / "bomb"
    path.write_bytes(compress(record + record[24:] * 799))
    tracemalloc.start()
    count = sum(1 for _ in CaptureReader(path))
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 800
    assert peak_bytes < 90_000_000


HEADS = (b"", pcap([]), pcapng([]), gzip.compress(pcap(PACKETS))[:60], zstd(pcapng(PACKETS))[:60])


@given(st.sampled_from(HEADS), st.binary(max_size=300))
@settings(max_examples=300)
def test_any_file_gives_no_exception_and_closed_accounts(
    tmp_path_factory: pytest.TempPathFactory, head: bytes, rest: bytes
) -> None:
    frames, faults = read_bytes(head + rest, tmp_path_factory.getbasetemp())
    run = Decoded(frames)
    assert sum(run.packets.values()) == len(frames)
    assert all("\n" not in fault.line() for fault in faults)


def test_fault_lines_stay_one_line_whatever_the_name(tmp_path: Path) -> None:
    for name in ("new\nline", "\udcff\udc00", "\x1b[31mred", "ünïcode"):
        _, (fault,) = read_file(tmp_path / name)
        assert fault.line().isprintable()
        assert fault.line().encode()
    assert "ünïcode" in fault.line()


def test_frames_stay_in_the_order_of_the_file(tmp_path: Path) -> None:
    jumping = [PACKETS[index] for index in (3, 0, 4, 1, 2)]
    for data in (pcap(jumping), pcapng(jumping)):
        assert read_bytes(data, tmp_path) == (jumping, [])

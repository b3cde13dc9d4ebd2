"""Replays in parts: what is there already is not done again, what cannot be exact is read in one go."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from monitor.batch.manifest import MANIFEST, Manifest, write_manifest
from monitor.exports import SUMMARY
from monitor.files import InputError
from sensors import native, parts
from sensors.captured import Frame
from sensors.partition import Piece, Scanned
from tests.batch_kit import ROOT, Both, frames_of, knowledge, nano_pcap, write_cut
from tests.batch_traffic import long_traffic
from tests.captures_kit import pcapng
from tests.rejudge_kit import run

pytestmark = pytest.mark.skipif(
    bool(native.MISSING), reason=f"the native engine is not built: {native.MISSING}"
)


def manifest(scratch: Path) -> Manifest:
    return msgspec.json.decode((scratch / "cache" / MANIFEST).read_bytes(), type=Manifest)


def test_what_was_read_is_not_read_again(tmp_path: Path) -> None:
    frames = long_traffic()
    write_cut(tmp_path / "in", frames[:2_000], [500, 1_000])
    both = Both(knowledge(), tmp_path, piece_bytes=40_000)
    first = both.in_parts(tmp_path / "in")
    assert [read.anew for read in manifest(tmp_path).read] == [True] * 3
    assert both.in_parts(tmp_path / "in") == first
    assert [read.anew for read in manifest(tmp_path).read] == [False] * 3
    (tmp_path / "in" / "later.pcap").write_bytes(nano_pcap(frames[2_000:]))
    more = both.in_parts(tmp_path / "in")
    assert [read.anew for read in manifest(tmp_path).read] == [False] * 3 + [True]
    assert more == both.in_one(tmp_path / "in")
    assert both.said == []


def test_a_result_that_was_deleted_is_made_again(tmp_path: Path) -> None:
    write_cut(tmp_path / "in", long_traffic(), [1_000])
    both = Both(knowledge(), tmp_path, piece_bytes=40_000)
    first = both.in_parts(tmp_path / "in")
    for file in (tmp_path / "cache").glob("*/*.left"):
        file.unlink()
    assert both.in_parts(tmp_path / "in") == first
    assert {read.anew for read in manifest(tmp_path).read} == {True}


@pytest.mark.parametrize("kind", ["said", "left", "blob", "msgpack"])
@pytest.mark.parametrize("left_bytes", [None, 0, 7])
def test_what_a_crash_of_the_host_left_of_a_result_is_made_again(
    kind: str, left_bytes: int | None, tmp_path: Path
) -> None:
    write_cut(tmp_path / "in", long_traffic()[:900], [300, 600])
    both = Both(knowledge(), tmp_path, piece_bytes=4_000)
    first = both.in_parts(tmp_path / "in")
    for file in (tmp_path / "cache").glob(f"*/*.{kind}"):
        if left_bytes is None:
            file.unlink()
        else:
            os.truncate(file, min(left_bytes, file.stat().st_size))
    assert both.in_parts(tmp_path / "in") == first
    assert both.said == []


def test_a_result_with_other_bytes_is_one_line(tmp_path: Path) -> None:
    write_cut(tmp_path / "in", long_traffic()[:900], [300, 600])
    both = Both(knowledge(), tmp_path, piece_bytes=4_000)
    both.in_parts(tmp_path / "in")
    for file in (tmp_path / "cache").glob("*/*.left"):
        file.write_bytes(b"\xff" * file.stat().st_size)
    with pytest.raises(InputError) as raised:
        both.in_parts(tmp_path / "in")
    line = "it is not what a part left; delete that folder, and replay again"
    assert str(raised.value) == f"{tmp_path / 'cache'}: {line}"


def test_a_capture_that_grows_while_it_is_looked_through_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_cut(tmp_path / "in", long_traffic()[:900], [])
    (capture,) = (tmp_path / "in").iterdir()
    whole = capture.read_bytes()
    scan = parts.scan

    def growing(paths: Sequence[Path], piece: Piece | None = None) -> Scanned:
        with capture.open("ab") as file:
            file.write(nano_pcap(long_traffic()[900:])[24:])
        return scan(paths, piece)

    monkeypatch.setattr(parts, "scan", growing)
    both = Both(knowledge(), tmp_path)
    with pytest.raises(InputError, match="it changed while it was read; replay again when nothing writes"):
        both.in_parts(tmp_path / "in")
    monkeypatch.undo()
    capture.write_bytes(whole)  # what was found of the longer one does not stand for this one
    assert both.in_parts(tmp_path / "in") == both.in_one(tmp_path / "in")


def test_two_replays_may_leave_their_manifests_in_one_folder_at_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as threads:
        made = Manifest("engine", (), (), ())
        list(threads.map(lambda _: write_manifest(tmp_path, made), range(400)))
    assert [file.name for file in tmp_path.iterdir()] == [MANIFEST]


def test_other_bytes_of_the_same_name_are_other_bytes(tmp_path: Path) -> None:
    frames = long_traffic()
    write_cut(tmp_path / "in", frames, [1_000])
    both = Both(knowledge(), tmp_path, piece_bytes=40_000)
    both.in_parts(tmp_path / "in")
    (tmp_path / "in" / "egress-001.pcap").write_bytes(nano_pcap(frames[1_200:]))
    assert both.in_parts(tmp_path / "in") == both.in_one(tmp_path / "in")


def test_files_of_all_kinds_and_none(tmp_path: Path) -> None:
    frames = frames_of(ROOT / "pcaps" / "demo" / "traffic.pcap")
    folder = tmp_path / "in"
    write_cut(folder, frames, [len(frames) // 2])
    (folder / "a.pcapng").write_bytes(pcapng(frames[: len(frames) // 3]))
    (folder / "b.pcap").write_bytes(b"no capture at all, by any means")
    (folder / "c.pcap").write_bytes(nano_pcap(frames)[:-5])
    (folder / "d.pcap").write_bytes(b"")
    both = Both(knowledge(), tmp_path)
    assert both.in_parts(folder) == both.in_one(folder)
    assert both.said == []


def leaps(frames: list[Frame]) -> list[Frame]:
    """The same, two years later from the middle of the second half on."""
    at = len(frames) * 3 // 4
    later_ns = 730 * 86_400 * 1_000_000_000
    moved = [Frame(frame.ts_ns + later_ns, 1, frame.data, frame.wire_bytes) for frame in frames[at:]]
    return [*frames[:at], *moved]


def test_what_may_not_come_to_the_same_is_read_in_one_go(tmp_path: Path) -> None:
    frames = leaps(long_traffic())
    write_cut(tmp_path / "in", frames, [len(frames) // 2])
    both = Both(knowledge(), tmp_path)
    assert both.in_parts(tmp_path / "in") == both.in_one(tmp_path / "in")
    (said,) = both.said
    assert said.startswith("reading all on one core, since parts might not come to the same: ")
    assert said.endswith("egress-001.pcap: the times of its packets leap by more than a day")


def test_days_without_a_packet_between_files_are_no_leap(tmp_path: Path) -> None:
    frames = leaps(long_traffic())
    write_cut(tmp_path / "in", frames, [len(frames) // 2, len(frames) * 3 // 4])
    both = Both(knowledge(), tmp_path)
    one = both.in_one(tmp_path / "in")
    assert both.in_parts(tmp_path / "in") == one
    assert both.said == []
    assert b'"clock-jumps": 1' in (one[SUMMARY] or b"")


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--workers", "1", "--engine", "dpkt"], "need the native engine, not dpkt"),
        (["--workers", "1", "--cluster", "tcp://127.0.0.1:1"], "exclude each other"),
        (["--cluster", "tcp://127.0.0.1:1"], "--cluster needs a place for what workers find"),
        (
            ["egress.pcap", "--cluster", "tcp://127.0.0.1:1", "--out", "x"],
            "name captures by their whole paths",
        ),
        (["--cache", "x"], "--cache is for --workers and --cluster"),
        (["s3://bucket/egress.pcap"], "objects are read by workers; add --workers N or --cluster"),
    ],
)
def test_what_does_not_fit_is_one_clear_line(options: list[str], line: str, tmp_path: Path) -> None:
    path = tmp_path / "egress.pcap"
    path.write_bytes(nano_pcap(long_traffic()))
    ran = run("replay", path, *options)
    assert ran.exit_code == 2
    assert line in ran.stderr
    assert "Traceback" not in ran.stderr

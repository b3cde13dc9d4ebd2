"""The sink that appends to a file: what stands there after rotation, a kill, a full disk."""

import errno
import json
import os
from pathlib import Path

import pytest

from monitor.events import read_native
from monitor.sink_options import JsonlOptions
from monitor.sinks.factory import open_sink
from monitor.sinks.jsonl import HOUR_NS, JsonlSink
from monitor.sinks.protocol import Delivered, Parcel, RetryAfter
from tests.courier_kit import keys_in, small_disk
from tests.outbox_kit import NOW_NS, checkpoint, events

PARCELS = [Parcel(at, each) for at, each in enumerate([*events(0, 6), checkpoint(1)], 1)]
KEYS = [each.key for each in PARCELS]


class Clock:
    def __init__(self) -> None:
        self.now_ns = NOW_NS

    def __call__(self) -> int:
        return self.now_ns


def sink_of(folder: Path, clock: Clock | None = None, **keys: int) -> JsonlSink:
    options = JsonlOptions(name="file", path="events.jsonl", **keys)  # type: ignore[arg-type]
    return JsonlSink(options, folder, clock or Clock())


def files(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def all_keys(folder: Path) -> list[str]:
    """Return the keys in all files, those moved aside first."""
    aside = sorted(folder.glob("events-*.jsonl"))
    return [key for path in [*aside, folder / "events.jsonl"] for key in keys_in(path)]


def test_each_event_is_a_line(tmp_path: Path) -> None:
    sink = open_sink(JsonlOptions(name="file", path="events.jsonl"), tmp_path)
    assert sink.deliver(PARCELS[:3]) == Delivered()
    assert sink.deliver(PARCELS[3:]) == Delivered()
    sink.close()
    path = tmp_path / "events.jsonl"
    lines = path.read_bytes().splitlines()
    assert [read_native(line) for line in lines] == [each.event for each in PARCELS]
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("form", ["native", "ocsf", "ecs"])
def test_each_form_is_an_object_a_line(form: str, tmp_path: Path) -> None:
    options = JsonlOptions(name="file", path=str(tmp_path / "x"), format=form)  # type: ignore[arg-type]
    sink = open_sink(options, Path("/nowhere"))
    assert sink.deliver(PARCELS) == Delivered()
    sink.close()
    lines = (tmp_path / "x").read_text("utf-8").splitlines()
    assert all(isinstance(json.loads(line), dict) for line in lines)
    assert len(lines) == len(PARCELS)


@pytest.mark.parametrize("torn", [b"x", b'{"type":"finding"', b"x" * 200_000])
def test_a_torn_line_is_cut_off(torn: bytes, tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    first = sink_of(tmp_path)
    first.deliver(PARCELS[:2])
    first.close()
    with path.open("ab") as file:
        file.write(torn)
    sink = sink_of(tmp_path)
    assert sink.deliver(PARCELS[2:3]) == Delivered()
    assert sink.cut_bytes == len(torn)
    assert keys_in(path) == KEYS[:3]


def test_a_file_without_a_whole_line_is_emptied(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_bytes(b"{")
    sink_of(tmp_path).deliver(PARCELS[:1])
    assert keys_in(tmp_path / "events.jsonl") == KEYS[:1]


def test_no_file_grows_beyond_its_size_and_nothing_is_lost(tmp_path: Path) -> None:
    sink = sink_of(tmp_path, rotate_bytes=4_096)
    assert sink.deliver(PARCELS) == Delivered()
    assert len(files(tmp_path)) > 1
    assert all((tmp_path / name).stat().st_size <= 4_096 for name in files(tmp_path))
    assert all_keys(tmp_path) == KEYS


def test_a_line_longer_than_the_size_has_a_file_of_its_own(tmp_path: Path) -> None:
    sink = sink_of(tmp_path)
    sink._options = JsonlOptions(name="file", path="events.jsonl", rotate_bytes=1)  # noqa: SLF001  less than can be written
    assert sink.deliver(PARCELS[:3]) == Delivered()
    assert all_keys(tmp_path) == KEYS[:3]
    assert len(files(tmp_path)) == 3


def test_a_file_holds_one_period_alone(tmp_path: Path) -> None:
    clock = Clock()
    sink = sink_of(tmp_path, clock, rotate_hours=24)
    sink.deliver(PARCELS[:1])
    os.utime(tmp_path / "events.jsonl", ns=(clock.now_ns, clock.now_ns))
    clock.now_ns = (clock.now_ns // (24 * HOUR_NS) + 1) * 24 * HOUR_NS - 1
    sink.deliver(PARCELS[1:2])
    assert files(tmp_path) == ["events.jsonl"]
    os.utime(tmp_path / "events.jsonl", ns=(clock.now_ns, clock.now_ns))
    clock.now_ns += 1
    sink.deliver(PARCELS[2:3])
    assert files(tmp_path) == ["events-20260311T000000.000000Z.jsonl", "events.jsonl"]
    assert keys_in(tmp_path / "events.jsonl") == KEYS[2:3]


def test_the_latest_are_kept_and_other_files_left_alone(tmp_path: Path) -> None:
    others = ["events-2026.jsonl", "events-old.jsonl", "event.jsonl"]
    for name in others:
        (tmp_path / name).touch()
    sink = sink_of(tmp_path, rotate_bytes=4_096, keep=2)
    for _ in range(4):
        sink.deliver(PARCELS)
    aside = [name for name in files(tmp_path) if name not in others]
    assert len(aside) == 3
    assert set(others) <= set(files(tmp_path))
    found = [key for name in aside for key in keys_in(tmp_path / name)]
    assert found == (KEYS * 4)[-len(found) :]


def test_a_file_that_somebody_moves_away_is_made_anew(tmp_path: Path) -> None:
    sink = sink_of(tmp_path)
    sink.deliver(PARCELS[:1])
    (tmp_path / "events.jsonl").rename(tmp_path / "moved")
    sink.deliver(PARCELS[1:2])
    (tmp_path / "events.jsonl").unlink()
    sink.deliver(PARCELS[2:3])
    assert keys_in(tmp_path / "moved") == KEYS[:1]
    assert keys_in(tmp_path / "events.jsonl") == KEYS[2:3]


def _no_folder(path: Path) -> None:
    path.parent.rmdir()


def _folder(path: Path) -> None:
    path.mkdir()


def _pipe(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("make", "reason"),
    [(_no_folder, "no such file or directory"), (_folder, "is a directory"), (_pipe, "no plain file")],
)
def test_a_file_that_cannot_be_used_is_tried_again(make: object, reason: str, tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    make(folder / "events.jsonl")  # type: ignore[operator]
    sink = sink_of(folder)
    assert sink.deliver(PARCELS) == RetryAfter(f"{folder}/events.jsonl: {reason}")
    assert sink.deliver(PARCELS) == RetryAfter(f"{folder}/events.jsonl: {reason}")


def test_a_full_disk_keeps_whole_lines_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 16_384) as disk:
        (disk / "ballast").write_bytes(b"x" * 8_000)
        sink = sink_of(disk)
        outcome = sink.deliver(PARCELS)
        assert isinstance(outcome, RetryAfter)
        assert 0 < outcome.done < len(PARCELS)
        assert os.strerror(errno.ENOSPC).lower() in outcome.reason
        assert keys_in(disk / "events.jsonl") == KEYS[: outcome.done]
        assert (disk / "events.jsonl").read_bytes().endswith(b"\n")
        (disk / "ballast").unlink()
        assert sink.deliver(PARCELS[outcome.done :]) == Delivered()
        assert keys_in(disk / "events.jsonl") == KEYS
        sink.close()

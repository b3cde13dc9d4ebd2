"""The spool: what was written is read in order, whatever dies, is torn off, or finds no room."""

import errno
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.files import InputError
from monitor.fleet import spool, spool_reading
from monitor.fleet.position import POSITION, read_position
from monitor.fleet.segments import ALL, HEAD_BYTES, Place, numbers, packed, path_of, records
from monitor.fleet.spool import SpoolWriter
from monitor.fleet.spool_reading import Damage, SpoolReader
from sensors.slots import SLOTS
from tests.disk_kit import ROOT, unshared
from tests.line_kit import changes_of, killed_before

LIMIT = 64 * 65_536
BODY_BYTES = 20_000  # three in a segment


def body(number: int) -> bytes:
    return number.to_bytes(4) + random.Random(number).randbytes(BODY_BYTES)


def write(folder: Path, *bodies: int) -> None:
    """Write as one process does, a flush for each."""
    writer = SpoolWriter(folder, LIMIT)
    for number in bodies:
        assert writer.put(number % SLOTS, body(number), 1)
        assert writer.flush() == 0
    writer.close()


def read(folder: Path, *, acknowledge: bool = True) -> list[int]:
    """Read all there is as one process does; return the numbers of the bodies."""
    reader = SpoolReader(folder)
    found: list[int] = []
    while batch := reader.read():
        for record in batch:
            number = int.from_bytes(record.body[:4])
            assert (record.slot, record.body) == (number % SLOTS, body(number))
            found.append(number)
            if acknowledge:
                reader.acknowledge(record.end)
    reader.close()
    return found


def test_what_is_written_is_read_once_in_order_and_goes_when_it_was_published(tmp_path: Path) -> None:
    write(tmp_path, *range(10))
    assert len(numbers(tmp_path)) == 3
    assert read(tmp_path, acknowledge=False) == list(range(10))
    assert read(tmp_path) == list(range(10))
    assert numbers(tmp_path) == [3]
    write(tmp_path, 10, 11)
    assert read(tmp_path) == [10, 11]
    assert read(tmp_path) == []
    assert numbers(tmp_path) == [4]


def test_both_sides_work_at_once(tmp_path: Path) -> None:
    writer, reader = SpoolWriter(tmp_path, LIMIT), SpoolReader(tmp_path)
    assert reader.read() == []
    for number in range(20):
        writer.put(ALL, body(number))
        assert reader.read() == []
        writer.flush()
        (record,) = reader.read()
        assert (record.slot, record.body) == (ALL, body(number))
        assert reader.waiting_bytes() == HEAD_BYTES + 4 + BODY_BYTES
        reader.acknowledge(record.end)
        assert reader.waiting_bytes() == 0
    assert reader.damage.places == 0


def test_a_second_process_on_either_side_is_refused(tmp_path: Path) -> None:
    SpoolWriter(tmp_path, LIMIT)
    SpoolReader(tmp_path)
    with pytest.raises(InputError, match="another process writes here"):
        SpoolWriter(tmp_path, LIMIT)
    with pytest.raises(InputError, match="another process publishes here"):
        SpoolReader(tmp_path)
    with pytest.raises(InputError, match="no such file"):
        SpoolWriter(tmp_path / "none", LIMIT)


def test_above_the_bound_the_newest_are_given_up_until_there_is_room(tmp_path: Path) -> None:
    writer = SpoolWriter(tmp_path, 200_000)
    taken = [(writer.put(number, body(number), 7), writer.flush()) for number in range(12)]
    assert taken == [(True, 0)] * 9 + [(False, 0)] * 3
    assert not writer.has_room()
    assert writer.problem == "the spool is full: 200000 bytes wait to be published"
    assert read(tmp_path) == list(range(9))
    assert not writer.put(12, body(12), 7)  # what was published is seen at the next flush
    assert writer.flush() == 0
    assert writer.put(13, body(13), 7)
    assert writer.has_room()
    assert writer.flush() == 0
    assert not writer.problem
    assert read(tmp_path) == [13]
    writer.close()


def test_a_full_disk_takes_all_of_a_flush_or_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = SpoolWriter(tmp_path, LIMIT)
    writer.put(0, body(0), 1)
    writer.flush()

    def half(file: int, data: bytes, offset: int) -> None:
        os.pwrite(file, data[: len(data) // 2], offset)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(spool, "write_all", half)
        assert writer.put(1, body(1), 3)
        assert writer.put(2, body(2), 4)
        assert writer.flush() == 7
    assert writer.problem == f"{tmp_path}: no space left on device"
    writer.put(3, body(3), 1)
    assert writer.flush() == 0
    assert not writer.problem
    writer.close()
    reader = SpoolReader(tmp_path)
    assert [int.from_bytes(each.body[:4]) for _ in range(2) for each in reader.read()] == [0, 3]
    assert reader.damage.places == 0
    reader.close()


FILL = """
import os, sys
from pathlib import Path
from monitor.fleet.spool import SpoolWriter
from monitor.fleet.spool_reading import Damage, SpoolReader
folder = Path(sys.argv[1])
writer = SpoolWriter(folder, 2**26)
kept, number = [], 0
for room in range(3):
    filler = folder / "filler"
    filler.write_bytes(bytes(700_000))
    given_up = 0
    while not given_up:
        body = number.to_bytes(4) + os.urandom(20_000)
        assert writer.put(number, body, 1)
        given_up = writer.flush()
        kept += [] if given_up else [body]
        number += 1
    assert "no space left" in writer.problem, writer.problem
    filler.unlink()
    assert writer.put(number, b"room", 1) and not writer.flush() and writer.problem is None
    kept.append(b"room")
    number += 1
    reader = SpoolReader(folder)
    found = []
    while batch := reader.read():
        found += batch
        reader.acknowledge(batch[-1].end)
    assert [each.body for each in found] == kept, (len(found), len(kept))
    assert reader.damage.places == 0
    reader.close()
    kept.clear()
print(number)
"""


def test_a_disk_that_is_full_and_has_room_again_keeps_what_it_took(tmp_path: Path) -> None:
    mount = f'mount -t tmpfs -o size=1m none {tmp_path} && exec {sys.executable} -c "$1" {tmp_path}'
    ran = subprocess.run(
        unshared("sh", "-c", mount, "sh", FILL), cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (ran.returncode, int(ran.stdout or 0) > 20) == (0, True), ran.stderr


def test_where_the_position_cannot_be_kept_segments_go_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, *range(6))
    reader = SpoolReader(tmp_path)
    ends = [each.end for _ in range(2) for each in reader.read()]

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(spool_reading, "write_position", full)
        with pytest.raises(OSError, match="No space left"):
            reader.acknowledge(ends[-1])
    assert numbers(tmp_path) == [2]
    reader.close()
    assert read(tmp_path) == [4, 5]  # again, and nothing but what was delivered


@pytest.mark.parametrize("cut", [1, HEAD_BYTES - 1, HEAD_BYTES, BODY_BYTES, BODY_BYTES + HEAD_BYTES + 3])
def test_what_is_torn_off_is_counted_and_passed_over(tmp_path: Path, cut: int) -> None:
    write(tmp_path, 0, 1)
    os.truncate(path_of(tmp_path, 1), path_of(tmp_path, 1).stat().st_size - cut)
    assert read(tmp_path, acknowledge=False) == [0]  # it may be going on
    write(tmp_path, 2)
    reader = SpoolReader(tmp_path)
    assert [int.from_bytes(each.body[:4]) for _ in range(2) for each in reader.read()] == [0, 2]
    torn = HEAD_BYTES + 4 + BODY_BYTES - cut
    assert (reader.damage.places, reader.damage.bytes) == (int(torn > 0), torn)
    reader.close()


@given(st.data())
def test_damage_costs_the_record_that_has_it_alone(data: st.DataObject) -> None:
    bodies = data.draw(st.lists(st.binary(max_size=40), min_size=1, max_size=6))
    written = [packed(slot, each) for slot, each in enumerate(bodies)]
    whole = b"".join(written)
    assert [each.body for each, _ in records(whole, Place())] == bodies
    at = data.draw(st.integers(0, len(whole) - 1))
    changed = bytearray(whole)
    changed[at] ^= data.draw(st.integers(1, 255))
    ends = [sum(map(len, written[: index + 1])) for index in range(len(written))]
    hit = next(index for index, end in enumerate(ends) if at < end)
    found = [(each.slot, each.body) for each, _ in records(bytes(changed), Place())]
    ahead = [(slot, each) for slot, each in enumerate(bodies) if slot < hit]
    behind = [(slot, each) for slot, each in enumerate(bodies) if slot > hit]
    assert found[: len(ahead)] == ahead
    assert found[len(ahead) :] in (behind, [])  # nothing behind a length that reaches to beyond the end
    begin = ends[hit] - len(written[hit])
    if not begin + 4 <= at < begin + 8:  # its length
        assert found[len(ahead) :] == behind
    last = [(each.slot, each.body) for each, _ in records(bytes(changed), Place(), last=True)]
    assert last == ahead + behind


def test_damage_in_the_middle_is_counted(tmp_path: Path) -> None:
    write(tmp_path, 0, 1, 2, 3)
    with path_of(tmp_path, 1).open("r+b") as file:
        file.seek(HEAD_BYTES + BODY_BYTES + 500)
        file.write(b"damage")
    reader = SpoolReader(tmp_path)
    assert [int.from_bytes(each.body[:4]) for _ in range(2) for each in reader.read()] == [0, 2, 3]
    assert (reader.damage.places, reader.damage.bytes) == (1, HEAD_BYTES + 4 + BODY_BYTES)
    reader.close()


def test_damage_that_is_read_again_is_counted_once_and_other_damage_too(tmp_path: Path) -> None:
    write(tmp_path, *range(7))
    damage = Damage()
    for number, places in ((1, 1), (1, 1), (2, 2)):  # the first time brokers did not take it
        with path_of(tmp_path, number).open("r+b") as file:
            file.seek(500)
            file.write(b"damage")
        reader = SpoolReader(tmp_path, damage)
        while reader.read():
            pass
        reader.close()
        assert (damage.places, damage.bytes) == (places, places * (HEAD_BYTES + 4 + BODY_BYTES))


def test_a_length_that_is_damaged_costs_its_record_alone(tmp_path: Path) -> None:
    write(tmp_path, 0, 1, 2, 3)
    with path_of(tmp_path, 1).open("r+b") as file:
        file.seek(HEAD_BYTES + 4 + BODY_BYTES + 5)
        file.write(b"\x10")  # beyond the end of the segment
    write(tmp_path, 4)
    reader = SpoolReader(tmp_path)
    assert [int.from_bytes(each.body[:4]) for _ in range(3) for each in reader.read()] == [0, 2, 3, 4]
    assert (reader.damage.places, reader.damage.bytes) == (1, HEAD_BYTES + 4 + BODY_BYTES)
    reader.close()


def test_damage_ahead_of_what_is_held_costs_nothing_of_that(tmp_path: Path) -> None:
    writer, reader = SpoolWriter(tmp_path, LIMIT), SpoolReader(tmp_path)
    writer.put(0, body(0))
    writer.flush()
    with path_of(tmp_path, 1).open("r+b") as file:
        file.seek(500)
        file.write(b"damage")
    held(writer, *range(1, 6))
    assert reader.read() == []
    assert writer.release("it")
    found = [int.from_bytes(each.body[:4]) for _ in range(2) for each in reader.read()]
    assert found == [1, 2, 3, 4, 5]
    assert (reader.damage.places, reader.damage.bytes) == (1, HEAD_BYTES + 4 + BODY_BYTES)
    reader.close()
    writer.close()


def test_a_long_piece_without_records_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_reading, "MAX_RECORD_BYTES", 30_000)
    monkeypatch.setattr(spool_reading, "READ_BYTES", 60_000)
    write(tmp_path, 0)
    garbage = path_of(tmp_path, 1)
    garbage.write_bytes(garbage.read_bytes() + bytes(200_000) + packed(1, body(1)))
    assert read(tmp_path, acknowledge=False) == [0, 1]


@pytest.mark.parametrize("said", [b"", b"{", b'{"segment":"x"}', b"\xff\xff"])
def test_without_a_position_all_is_read_again(tmp_path: Path, said: bytes) -> None:
    write(tmp_path, 0, 1)
    assert read(tmp_path) == [0, 1]
    (tmp_path / POSITION).write_bytes(said)
    assert read_position(tmp_path) == Place()
    assert read(tmp_path) == [0, 1]


def test_segments_are_never_numbered_anew(tmp_path: Path) -> None:
    for start in range(4):
        write(tmp_path, start)
        assert read(tmp_path) == [start]
    path_of(tmp_path, 4).unlink()
    write(tmp_path, 4)
    assert read(tmp_path) == [4]


def test_a_writer_killed_at_any_moment_loses_nothing_that_was_flushed(tmp_path: Path) -> None:
    told = tmp_path / "told"

    def work(folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        writer = SpoolWriter(folder, LIMIT)
        with told.open("wb", buffering=0) as flushed:
            for number in range(5):
                writer.put(number, body(number), 1)
                writer.flush()
                flushed.write(bytes([number]))

    calls = changes_of(lambda: work(tmp_path / "whole"))
    assert calls > 8
    told.unlink()
    for call in range(1, calls + 1):
        folder = tmp_path / str(call)
        assert killed_before(call, lambda folder=folder: work(folder))  # type: ignore[misc]
        flushed = list(told.read_bytes()) if told.exists() else []
        folder.mkdir(exist_ok=True)
        write(folder, 7)
        found = read(folder)
        assert found[: len(flushed)] == flushed
        assert found[-1] == 7
        assert found[:-1] == list(range(len(found) - 1))
        told.unlink(missing_ok=True)
        shutil.rmtree(folder)


def test_a_reader_killed_at_any_moment_reads_again_and_leaves_nothing_out(tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    whole.mkdir()
    write(whole, *range(7))

    def work(folder: Path, told: Path) -> None:
        reader = SpoolReader(folder)
        with told.open("ab", buffering=0) as published:
            while batch := reader.read():
                for record in batch:
                    published.write(record.body[3:4])
                    reader.acknowledge(record.end)

    def copied(name: str) -> tuple[Path, Path]:
        return Path(shutil.copytree(whole, tmp_path / name)), tmp_path / f"{name}.told"

    counted: tuple[Any, ...] = copied("counted")
    calls = changes_of(lambda: work(*counted))
    assert calls > 20
    for call in range(1, calls + 1):
        again = copied(str(call))
        assert killed_before(call, lambda again=again: work(*again))  # type: ignore[misc]
        work(*again)
        published = list(again[1].read_bytes())
        assert list(dict.fromkeys(published)) == list(range(7))
        assert len(published) <= 8  # the one in work came twice
        assert numbers(again[0]) == [2]


def held(writer: SpoolWriter, *bodies: int, whole: str | None = None) -> None:
    """Put in what goes out as a whole, a flush for each part; without a name it is never ended."""
    assert writer.hold()
    for number in bodies:
        assert writer.put(number, body(number), 1)
        assert writer.flush() == 0
    assert whole is None or writer.release(whole)


def test_what_is_held_counts_once_it_is_released(tmp_path: Path) -> None:
    writer, reader = SpoolWriter(tmp_path, LIMIT), SpoolReader(tmp_path)
    writer.put(0, body(0))
    writer.flush()
    held(writer, *range(1, 9))
    assert [each.body for each in reader.read()] == [body(0)]
    assert reader.read() == reader.read() == []
    assert writer.whole is None
    assert writer.release("it")
    assert writer.whole == "it"
    found = [each.body for _ in range(3) for each in reader.read()]
    assert found == [body(number) for number in range(1, 9)]
    reader.close()
    writer.close()


def test_what_is_held_when_its_writer_dies_is_taken_back(tmp_path: Path) -> None:
    writer, reader = SpoolWriter(tmp_path, LIMIT), SpoolReader(tmp_path)
    held(writer, 0, 1, whole="first")
    held(writer, *range(2, 9))
    writer.close()
    assert [each.body[:4] for each in reader.read()] == [number.to_bytes(4) for number in (0, 1)]
    again = SpoolWriter(tmp_path, LIMIT)
    assert again.whole == "first"
    assert reader.read() == []
    held(again, 9, whole="second")
    assert [each.body for _ in range(2) for each in reader.read()] == [body(9)]
    assert reader.damage.places == 0
    reader.close()
    again.close()


def test_what_is_held_beyond_half_of_the_bound_is_much(tmp_path: Path) -> None:
    writer = SpoolWriter(tmp_path, LIMIT)
    half = LIMIT // (2 * (BODY_BYTES + 4 + HEAD_BYTES))
    held(writer, *range(half))
    assert (writer.has_room(), writer.is_held_much) == (True, False)
    writer.put(0, body(0))
    writer.flush()
    assert (writer.has_room(), writer.is_held_much) == (False, True)
    assert writer.release(None)
    assert not writer.is_held_much
    writer.close()


def test_a_disk_without_room_holds_nothing_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = SpoolWriter(tmp_path, LIMIT)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(spool, "write_held", full)
        assert not writer.hold()
        assert writer.problem == f"{tmp_path}: no space left on device"
    assert writer.hold()
    writer.close()


def test_what_is_held_waits_for_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = SpoolWriter(tmp_path, LIMIT)
    held(writer, 0)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(spool, "write_all", full)
        for number in (1, 2):
            assert writer.put(number, body(number), 1)
            assert writer.flush() == 0
        assert not writer.has_room()
        assert not writer.release("it")
        assert writer.problem == f"{tmp_path}: no space left on device"
    assert not writer.has_room()
    assert writer.flush() == 0
    assert writer.has_room()
    assert not writer.problem
    assert writer.release("it")
    writer.close()
    assert read(tmp_path) == [0, 1, 2]


def test_files_are_let_go_though_the_disk_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = SpoolWriter(tmp_path, LIMIT)
    held(writer, 0)
    before = len(list(Path("/proc/self/fd").iterdir()))

    def failing(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", failing)
        writer.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before - 2  # segment and lock


def test_a_writer_killed_at_any_moment_leaves_only_what_is_whole(tmp_path: Path) -> None:
    def work(folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        writer = SpoolWriter(folder, LIMIT)
        for whole in range(3):
            held(writer, *range(5 * whole, 5 * whole + 5), whole=str(whole))

    calls = changes_of(lambda: work(tmp_path / "counted"))
    assert calls > 30
    wholes = set()
    for call in range(1, calls + 1):
        folder = tmp_path / str(call)
        assert killed_before(call, lambda folder=folder: work(folder))  # type: ignore[misc]
        folder.mkdir(exist_ok=True)
        reader = SpoolReader(folder)
        found = [int.from_bytes(each.body[:4]) for _ in range(9) for each in reader.read()]
        writer = SpoolWriter(folder, LIMIT)
        found += [int.from_bytes(each.body[:4]) for each in reader.read()]
        assert found == list(range(5 * (int(writer.whole or -1) + 1)))
        wholes.add(writer.whole)
        writer.close()
        reader.close()
        shutil.rmtree(folder)
    assert wholes >= {None, "0", "1"}


def test_a_spool_that_no_sensor_made_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder; start `residency run`, which makes it"):
        SpoolReader(tmp_path / "spool")

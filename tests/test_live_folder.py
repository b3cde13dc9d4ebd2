"""A folder that grows gives what its captures give at once, whatever the engine."""

import gzip
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.correlator import Correlator
from monitor.load import load_catalog
from monitor.pipeline import Pipeline
from monitor.types import Decision
from pcaps import golden
from sensors import native
from sensors.capture import CaptureReader
from sensors.connections import Counted, Seen
from sensors.engine import Options, open_sensor
from sensors.interest import Interest
from sensors.live import CaptureError, LiveSensor, Manner
from sensors.live_folder import watch_folder
from sensors.observations import Accounting, FlowUpdate, HelloSeen, NameResolved
from tests.captures_kit import NANO, pcap

ENGINES = [
    "dpkt",
    pytest.param("native", marks=pytest.mark.skipif(bool(native.MISSING), reason=native.MISSING)),
]
EVERYTHING = Interest(prefixes=("0.0.0.0/0", "::/0"))
NOTHING = Interest()
MANNER = Manner(EVERYTHING)
DEMO = golden.traffic(golden.PCAPS / "demo")
SECOND_NS = 1_000_000_000


def ethernet_captures() -> list[Path]:
    """Return our captures that can be written anew as they are."""
    captures = [golden.traffic(case) for case in golden.cases()]
    return [path for path in captures if {frame.linktype for frame in CaptureReader(path)} == {1}]


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("QUIET_SECONDS", "SETTLE_SECONDS", "LOOK_SECONDS"):
        monkeypatch.setattr(f"sensors.folder.{name}", 0.0)


def pieces(capture: Path, count: int) -> Iterator[bytes]:
    """Yield a capture's frames in so many captures."""
    frames = list(CaptureReader(capture))
    size = -(-len(frames) // count)
    for at in range(0, len(frames), size):
        yield pcap(frames[at : at + size], magic=NANO)


def put(folder: Path, number: int, data: bytes) -> Path:
    """Write a capture as tcpdump -C would, or packed."""
    packed = number % 3 == 2
    file = folder / f"trace.pcap{number}{'.gz' if packed else ''}"
    file.write_bytes(gzip.compress(data) if packed else data)
    os.utime(file, ns=(0, number * SECOND_NS))
    return file


def so_far(sensor: LiveSensor) -> list[Seen]:
    """Return what was seen until nothing more is there for now."""
    seen: list[Seen] = []
    quiet = 0
    while quiet < 2:
        batch = sensor.next_batch(0)
        assert batch is not None
        quiet = 0 if batch else quiet + 1
        seen += batch
    return seen


def rest(sensor: LiveSensor) -> list[Seen]:
    """Stop a sensor; return what it had left."""
    sensor.stop()
    return [seen for batch in iter(lambda: sensor.next_batch(0), None) for seen in batch]


def accounting(sensor: LiveSensor) -> Accounting:
    """What became of the packets."""
    (source,) = sensor.status().sources
    return source.accounting


def replayed(paths: list[Path], engine: str) -> tuple[list[Seen], Accounting]:
    """Return what an eager engine says of captures at once."""
    interest = EVERYTHING if engine == "native" else None
    sensor = open_sensor(paths, engine, Options(interest=interest, eager=True))
    return [seen for batch in sensor for seen in batch], sensor.accounting()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("capture", ethernet_captures(), ids=lambda path: path.parent.name)
def test_pieces_give_what_the_whole_gives(tmp_path: Path, engine: str, capture: Path) -> None:
    whole = tmp_path / "whole"
    whole.write_bytes(next(pieces(capture, 1)))
    sensor = watch_folder(tmp_path, MANNER, engine)
    sensor.start()
    seen = []
    for number, piece in enumerate(pieces(capture, 5)):
        put(tmp_path, number, piece)
        seen += so_far(sensor)
    seen += rest(sensor)
    assert (seen, accounting(sensor)) == replayed([whole], engine)
    assert sensor.next_batch(0) is None
    assert sensor.status().sources[0].flows == 0


@pytest.mark.parametrize("engine", ENGINES)
def test_files_that_are_there_come_in_order(tmp_path: Path, engine: str) -> None:
    for number, piece in reversed(list(enumerate(pieces(DEMO, 12)))):
        put(tmp_path, number, piece)
    sensor = watch_folder(tmp_path, MANNER, engine)
    seen = so_far(sensor) + rest(sensor)
    assert (seen, accounting(sensor)) == replayed([DEMO], engine)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_restart_reads_the_rest_and_the_file_in_work_again(tmp_path: Path, engine: str) -> None:
    folder, state = tmp_path / "folder", tmp_path / "state"
    folder.mkdir()
    files = [put(folder, number, piece) for number, piece in enumerate(pieces(DEMO, 6))]
    sizes = [len(list(CaptureReader(file))) for file in files]
    first = watch_folder(folder, MANNER, engine, state)
    while accounting(first).read.packets < sum(sizes[:3]):
        first.next_batch(0)
    del first  # as kill -9 would: the third file's last batch may not have been used
    second = watch_folder(folder, MANNER, engine, state)
    seen = so_far(second)
    assert accounting(second).read.packets == sum(sizes[2:])
    seen += rest(second)
    assert seen
    third = watch_folder(folder, MANNER, engine, state)
    assert so_far(third) == []
    assert accounting(third).read.packets == 0


class Wholes:
    """Takes what goes out, and remembers the marks."""

    def __init__(self, last: str | None = None) -> None:
        self.last = last
        self.begun, self.refuses = 0, False

    def begin(self) -> bool:
        self.begun += not self.refuses
        return not self.refuses

    def end(self, mark: str) -> bool:
        if not self.refuses:
            self.last = mark
        return not self.refuses


@pytest.mark.parametrize("engine", ENGINES)
def test_after_a_crash_flows_and_names_go_on_from_the_captures_before(tmp_path: Path, engine: str) -> None:
    folder, state = tmp_path / "folder", tmp_path / "state"
    folder.mkdir()
    files = [put(folder, number, piece) for number, piece in enumerate(pieces(DEMO, 6))]
    sizes = [len(list(CaptureReader(file))) for file in files]
    first = watch_folder(folder, MANNER, engine, state)
    seen: list[Seen] = []
    while accounting(first).read.packets < sum(sizes[:3]):
        batch = first.next_batch(0)
        seen += batch if batch and accounting(first).read.packets <= sum(sizes[:2]) else ()
    del first  # as kill -9 would; what it said of the third file counts for nothing
    second = watch_folder(folder, MANNER, engine, state)
    second.start()
    assert accounting(second).read.packets == 0
    again = second.next_batch(0) if engine == "dpkt" else ()
    assert all(isinstance(each, NameResolved | HelloSeen) and each in seen for each in again or ())
    seen += so_far(second)
    told = accounting(second)
    assert told.read.packets == sum(sizes[2:])
    assert sum(each.packets for each in (*told.decoded.values(), *told.undecoded.values())) == sum(sizes[2:])
    seen += rest(second)
    assert seen == replayed([DEMO], engine)[0]
    third = watch_folder(folder, MANNER, engine, state)
    third.start()
    assert so_far(third) == rest(third) == []  # all ended


@pytest.mark.parametrize("engine", ENGINES)
def test_a_capture_is_read_once_what_it_led_to_went_out(tmp_path: Path, engine: str) -> None:
    folder, state = tmp_path / "folder", tmp_path / "state"
    folder.mkdir()
    for number, piece in enumerate(pieces(DEMO, 2)):
        put(folder, number, piece)
    wholes = Wholes()
    sensor = watch_folder(folder, MANNER, engine, state, wholes)
    wholes.refuses = True
    assert sensor.next_batch(0) == ()  # it does not begin
    assert accounting(sensor).read.packets == 0
    wholes.refuses = False
    while not (half := accounting(sensor).read.packets):
        sensor.next_batch(0)
    wholes.refuses = True
    assert [sensor.next_batch(0) for _ in range(3)] == [()] * 3
    assert accounting(sensor).read.packets == half
    wholes.refuses = False
    so_far(sensor)
    assert (wholes.begun, len((wholes.last or "").split(":"))) == (2, 4)
    rest(sensor)
    assert (wholes.begun, wholes.last) == (3, "ended")


def decisions(sensor: LiveSensor, pipeline: Pipeline, until: int) -> list[Decision]:
    """Return what is decided on connections that ended, until so many packets were read."""
    decided: list[Decision] = []
    while accounting(sensor).read.packets < until:
        decided += pipeline.feed(sensor.next_batch(0) or ())
    return [each for each in decided if not each.is_open]


@pytest.mark.parametrize("engine", ENGINES)
def test_after_a_crash_decisions_are_those_of_one_process(tmp_path: Path, engine: str) -> None:
    folder, state, catalog = tmp_path / "folder", tmp_path / "state", load_catalog()
    folder.mkdir()
    files = [put(folder, number, piece) for number, piece in enumerate(pieces(DEMO, 6))]
    sizes = [len(list(CaptureReader(file))) for file in files]
    manner, decided = Manner(Pipeline(catalog).interest()), []
    first = watch_folder(folder, manner, engine, state)
    pipeline = Pipeline(catalog, correlator=Correlator(eager=True))
    decided = decisions(first, pipeline, sum(sizes[:2]))
    decisions(first, pipeline, sum(sizes[:3]))  # what was decided of the third file counts for nothing
    second = watch_folder(folder, manner, engine, state)
    pipeline = Pipeline(catalog, correlator=Correlator(eager=True))
    second.start()
    decided += decisions(second, pipeline, sum(sizes[2:]))
    decided += pipeline.feed(rest(second))
    replay = open_sensor([DEMO], engine, Options(interest=manner.interest if engine == "native" else None))
    assert decided == list(Pipeline(catalog).feed(each for batch in replay for each in batch)) != []


class Reluctant(Wholes):
    """Refuses the first time."""

    def begin(self) -> bool:
        self.refuses = not self.begun
        self.begun += self.refuses
        return not self.refuses


@pytest.mark.parametrize("engine", ENGINES)
def test_a_capture_that_could_not_be_begun_comes_before_the_next_one(tmp_path: Path, engine: str) -> None:
    for number, piece in enumerate(pieces(DEMO, 6)):
        put(tmp_path, number, piece)
    sensor = watch_folder(tmp_path, MANNER, engine, outlet=Reluctant())
    seen = list(sensor.next_batch(0.3) or ())
    seen += so_far(sensor) + rest(sensor)
    assert (seen, accounting(sensor)) == replayed([DEMO], engine)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_stop_reads_the_file_in_work_to_its_end(tmp_path: Path, engine: str) -> None:
    folder, state = tmp_path / "folder", tmp_path / "state"
    folder.mkdir()
    frames = list(CaptureReader(DEMO)) * 5
    for number in range(2):
        put(folder, number, pcap(frames))
    sensor = watch_folder(folder, MANNER, engine, state)
    assert sensor.next_batch(0) is not None
    rest(sensor)
    assert accounting(sensor).read.packets == len(frames)
    again = watch_folder(folder, MANNER, engine, state)
    so_far(again)
    assert accounting(again).read.packets == len(frames)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_stop_waits_only_so_long(tmp_path: Path, engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sensors.live_folder.STOP_SECONDS", 0.0)
    folder, state = tmp_path / "folder", tmp_path / "state"
    folder.mkdir()
    frames = list(CaptureReader(DEMO)) * 5
    put(folder, 0, pcap(frames))
    sensor = watch_folder(folder, MANNER, engine, state)
    seen = list(sensor.next_batch(0) or ()) + rest(sensor)
    assert 0 < accounting(sensor).read.packets < len(frames)
    assert not [one for one in seen if isinstance(one, FlowUpdate) and one.reason == "idle"]
    again = watch_folder(folder, MANNER, engine, state)
    so_far(again)
    assert accounting(again).read.packets == len(frames)


@pytest.mark.parametrize("engine", ENGINES)
def test_damaged_files_are_faults_and_what_is_good_is_used(tmp_path: Path, engine: str) -> None:
    whole, *others = pieces(DEMO, 3)
    sensor = watch_folder(tmp_path, MANNER, engine)
    for number, data in enumerate([whole[:-7], b"not a capture", b"", others[0]]):
        put(tmp_path, 3 * number, data)
        so_far(sensor)
    told = accounting(sensor)
    assert [fault.kind for fault in told.faults] == ["truncated", "unreadable", "unreadable"]
    assert told.counters["capture-faults"] == 3
    assert told.read.packets == 333 - 1 + 333
    put(tmp_path, 100, others[1])
    assert so_far(sensor)
    rest(sensor)


@pytest.mark.parametrize("engine", ENGINES)
def test_faults_that_are_kept_are_bounded(tmp_path: Path, engine: str) -> None:
    for number in range(100):
        put(tmp_path, 3 * number, b"not a capture")
    sensor = watch_folder(tmp_path, MANNER, engine)
    so_far(sensor)
    for _ in range(200):
        sensor.next_batch(0)
    told = accounting(sensor)
    assert (len(told.faults), told.counters["capture-faults"]) == (64, 100)
    rest(sensor)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_file_that_vanishes_is_a_fault(tmp_path: Path, engine: str) -> None:
    files = [put(tmp_path, 3 * number, piece) for number, piece in enumerate(pieces(DEMO, 3))]
    sensor = watch_folder(tmp_path, MANNER, engine)
    sensor.next_batch(0)
    files[1].unlink()
    so_far(sensor)
    (fault,) = accounting(sensor).faults
    assert (Path(fault.path).name, fault.problem) == (files[1].name, "there is no such file")
    assert accounting(sensor).read.packets == 666
    rest(sensor)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_folder_goes_and_comes_back(tmp_path: Path, engine: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    first, second = pieces(DEMO, 2)
    sensor = watch_folder(folder, MANNER, engine)
    put(folder, 0, first)
    so_far(sensor)
    folder.rename(tmp_path / "away")
    assert so_far(sensor) == []
    assert sensor.status().sources[0].state == "gone"
    (tmp_path / "away").rename(folder)
    put(folder, 1, second)
    assert so_far(sensor)
    (source,) = sensor.status().sources
    assert (source.name, source.state, source.packets) == (str(folder), "up", 999)
    rest(sensor)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_state_that_cannot_be_kept_is_counted(tmp_path: Path, engine: str) -> None:
    folder, states = tmp_path / "folder", tmp_path / "states"
    folder.mkdir()
    states.mkdir()
    sensor = watch_folder(folder, MANNER, engine, states / "state")
    (states / "state").unlink()
    states.rmdir()
    put(folder, 0, next(pieces(DEMO, 1)))
    so_far(sensor)
    assert accounting(sensor).counters["unsaved-states"] == 1
    rest(sensor)


def test_no_time_passes_while_no_file_comes(tmp_path: Path) -> None:
    sensor = watch_folder(tmp_path, MANNER, "dpkt")
    put(tmp_path, 0, next(pieces(DEMO, 2)))
    so_far(sensor)
    before = sensor.status()
    assert sensor.next_batch(0.3) == ()
    assert sensor.status() == before
    assert before.sources[0].flows > 0
    rest(sensor)


@pytest.mark.skipif(bool(native.MISSING), reason=native.MISSING)
def test_the_native_engine_is_retargeted(tmp_path: Path) -> None:
    sensor = watch_folder(tmp_path, Manner(NOTHING), "native")
    first, second = pieces(DEMO, 2)
    put(tmp_path, 0, first)
    few = so_far(sensor)  # those that hide their names are always of interest
    counted = sensor.retarget(EVERYTHING)
    assert counted.groups
    assert sensor.counted() == Counted()
    put(tmp_path, 1, second)
    assert len(so_far(sensor)) > 10 * len(few) > 0
    rest(sensor)


def test_the_reference_engine_hands_out_everything(tmp_path: Path) -> None:
    sensor = watch_folder(tmp_path, Manner(NOTHING), "dpkt")
    put(tmp_path, 0, next(pieces(DEMO, 1)))
    assert so_far(sensor)
    assert sensor.retarget(EVERYTHING) == sensor.counted() == Counted()
    rest(sensor)


def test_where_there_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="there is no such folder"):
        watch_folder(tmp_path / "missing", MANNER, "dpkt")


def test_a_kill_makes_the_file_in_work_be_read_again_and_no_other(tmp_path: Path) -> None:
    folder, state = tmp_path / "folder", tmp_path / "state"
    folder.mkdir()
    for number, piece in enumerate(pieces(DEMO, 6)):
        put(folder, number, piece)
    program = (
        "import os, sys; from pathlib import Path\n"
        "import sensors.folder as folder; from sensors.live_folder import watch_folder\n"
        "from sensors.live import Manner; from sensors.interest import Interest\n"
        "folder.QUIET_SECONDS = folder.SETTLE_SECONDS = folder.LOOK_SECONDS = 0.0\n"
        "sensor = watch_folder(Path(sys.argv[1]), Manner(Interest()), 'dpkt', Path(sys.argv[2]))\n"
        "while sensor.status().sources[0].packets < 400: sensor.next_batch(0)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    killed = subprocess.run([sys.executable, "-c", program, folder, state], check=False)
    assert killed.returncode == -9
    sensor = watch_folder(folder, MANNER, "dpkt", state)
    so_far(sensor)
    assert accounting(sensor).read.packets == 999 - 2 * 167
    rest(sensor)

"""The thread that records: it makes nobody wait, says what it could not do, and never ends in silence."""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from monitor.app import load_knowledge
from monitor.config import READ_STATE
from monitor.daemon import loop as loop_module
from monitor.daemon import recorder as recorder_module
from monitor.daemon.interfaces import Interfaces
from monitor.daemon.loop import Loop
from monitor.daemon.notify import open_supervisor
from monitor.daemon.parts import Judge, Parts
from monitor.daemon.recorder import Recorder
from monitor.daemon.reloading import Reloading
from monitor.daemon.signals import Wishes
from monitor.exitstatus import Exit
from monitor.metrics import Metrics
from monitor.metrics.recorded import SinkState
from monitor.pipeline import Pipeline
from monitor.settings import load_settings
from sensors.live import Manner
from sensors.live_folder import watch_folder
from tests.daemon_kit import wait_for
from tests.findings_kit import behave, decide
from tests.ledger_kit import FILING, NOW_NS
from tests.parts_kit import SENSOR, Told
from tests.recorder_kit import chores_of, decided, decisions, events, recorder_in, recording_in, told
from tests.records_kit import folder_in_memory
from tests.state_kit import DEMO, made

NO_OBJECT = [1]  # what no ledger takes: a record is an object


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Iterator[Path]:
    with folder_in_memory(tmp_path) as made:
        yield made


def hand(recorder: Recorder, count: int, start: int = 0) -> None:
    for each in decisions(count, start=start):
        recorder.decided(each, None, NOW_NS)


def test_what_is_handed_over_is_recorded_in_order_and_counted(folder: Path) -> None:
    with recorder_in(folder) as recorder:
        assert recorder.recorded().sinks == (SinkState("file"),)  # before anything was recorded
        recorder.behave([behave(), behave(connections=2)])  # the last of it says all
        hand(recorder, 7)
        assert recorder.look().unrecorded == 7
        recorder.start()
        assert recorder.drain(30)
        assert (recorder.look().unrecorded, recorder.look().problem) == (0, None)
        assert sorted(told(folder, "acme")) == [1, 2, 2, 4]
    assert decided(folder, "acme") == [each.ts_ns for each in decisions(7)]
    changes = recorder.recorded().changes
    assert sum(changes.values()) == 4
    assert sum(recorder.recorded().findings.values()) == 2
    assert recorder.recorded().entries == {"violation": 11, "record": 3}
    with recorder_in(folder) as again:  # not started yet
        assert sum(again.recorded().findings.values()) == 2


def test_a_verdict_stands_ahead_of_its_connections_end(folder: Path) -> None:
    first, last = decide(0, outcome="indeterminate", is_open=True), decide(1)  # the end matters more
    with recorder_in(folder) as recorder:
        for each in (first, last):
            recorder.decided(each, None, NOW_NS)
        recorder.start()
        assert recorder.drain(30)
    assert decided(folder, "acme") == [first.ts_ns, last.ts_ns]


def test_behaviours_that_find_no_room_are_counted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_module, "MAX_BEHAVIOURS", 2)
    with recorder_in(folder) as recorder:
        recorder.behave(replace(behave(), id=str(at)) for at in (0, 1, 0, 2, 3))
        assert recorder.look().shed == {"violation": 2}


def test_a_disk_that_fails_is_said_and_what_waits_is_recorded_later(folder: Path) -> None:
    place, aside = folder / "ledger/acme", folder / "aside"
    with recorder_in(folder) as recorder:
        hand(recorder, 1)
        recorder.start()
        assert recorder.drain(30)
        place.rename(aside)
        hand(recorder, 2, start=1)
        assert not recorder.drain(0.3)  # so a folder that is watched is not marked as read
        problem = recorder.look().problem
        assert problem is not None
        assert "put the folder back" in problem
        assert recorder.look().unrecorded == 2
        aside.rename(place)
        assert recorder.drain(30)
    assert decided(folder, "acme") == [each.ts_ns for each in decisions(3)]
    assert (recorder.look().problem, recorder.look().ended) == (None, False)


def test_an_outbox_that_takes_nothing_does_not_keep_evidence_from_the_ledger(folder: Path) -> None:
    with recording_in(folder) as (recording, catching_up):
        catching_up.run()
        recording.outbox._connection.execute("PRAGMA query_only=1")  # noqa: SLF001  as a disk that fails
        recorder = Recorder(recording, catching_up, chores_of(recording, folder), FILING)
        hand(recorder, 3)
        recorder.start()
        assert recorder.drain(30)
        hand(recorder, 3, start=3)
        assert recorder.drain(30)
        recorder.close(1)
    assert len(decided(folder, "acme")) == 6
    assert events(folder) == []


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_mistake_that_ends_the_thread_is_seen(folder: Path) -> None:
    with recorder_in(folder) as recorder:
        assert not recorder.look().ended
        recorder.start()
        assert not recorder.look().ended
        recorder.note("operator", NO_OBJECT, NOW_NS)
        recorder._thread.join(30)  # noqa: SLF001  it ends by itself
        assert recorder.look().ended
        assert not recorder.drain(0)  # what was in hand is not recorded


def test_a_disk_that_hangs_does_not_keep_the_process(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entered, goes_on, fsync = threading.Event(), threading.Event(), os.fsync

    def hanging(file: int) -> None:
        entered.set()
        goes_on.wait(60)
        fsync(file)

    with recorder_in(folder) as recorder:
        recorder.start()
        assert recorder.drain(30)
        monkeypatch.setattr(os, "fsync", hanging)
        hand(recorder, 2)
        assert entered.wait(30)
        hand(recorder, 2, start=2)  # the loop goes on
        recorder.close(0.1)
        recorder.release()  # files that are in use stay open
        assert recorder.look().unrecorded > 0
        goes_on.set()
        recorder._thread.join(30)  # noqa: SLF001  the disk answers at last
    assert decided(folder, "acme")[:2] == [each.ts_ns for each in decisions(2)]


def test_series_are_there_before_anything_is_recorded(folder: Path) -> None:
    metrics = Metrics(SENSOR, 1_000)
    with recorder_in(folder) as recorder:
        metrics.recorded(recorder.recorded())
    lines = metrics.expose("", "").body.decode().splitlines()
    for name in ("waiting_events", "oldest_seconds", "dead_events", "failing"):
        (line,) = [each for each in lines if each.startswith(f"residency_sink_{name}{{")]
        assert float(line.split()[-1]) == 0


def watching(folder: Path, recorder: Recorder, told_log: Told) -> Parts:
    """Return a daemon's parts that watch a folder with one whole capture, and a newer one."""
    config = made(folder)
    settings = load_settings(config)
    for name in ("a.pcap", "b.pcap"):
        shutil.copy(DEMO, folder / "captures" / name)
    knowledge = load_knowledge(settings.policy)
    pipeline = Pipeline(knowledge.catalog, knowledge.policy, knowledge.aids())
    manner = Manner(pipeline.interest())
    return told_log.parts(
        settings=settings,
        sensor=watch_folder(folder / "captures", manner, "dpkt", folder / READ_STATE),
        judge=Judge(knowledge, pipeline),
        recorder=recorder,
        interfaces=Interfaces(()),
        supervisor=open_supervisor({}, os.getpid()),
        wishes=Wishes(),
        reloading=Reloading(lambda: knowledge),
    )


@contextmanager
def ending(parts: Parts, is_time: Callable[[], bool]) -> Iterator[None]:
    """Ask for the daemon's end once it is time, in a thread beside the loop."""

    def ask() -> None:
        wait_for(is_time, "the moment to end")
        parts.wishes.end = True

    thread = threading.Thread(target=ask)
    thread.start()
    yield
    thread.join()


@pytest.fixture(name="log")
def _log(tmp_path: Path) -> Iterator[Told]:
    log = Told(tmp_path)
    yield log
    log.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_the_daemon_ends_when_nothing_is_recorded_any_more(folder: Path, log: Told) -> None:
    with recorder_in(folder / "line") as recorder:
        parts = watching(folder, recorder, log)
        recorder.note("operator", NO_OBJECT, NOW_NS)
        recorder.start()
        recorder._thread.join(30)  # noqa: SLF001  it ends by itself
        assert Loop(parts).run() == Exit.UNREADABLE
        assert parts.health.unreadiness() == "stopped"
    said = {line["event"] for line in log.new()}
    assert {"recording ended", "not written"} <= said
    assert "stopped" not in said
    assert "a.pcap" not in (folder / READ_STATE).read_text()


def test_a_capture_is_read_once_it_is_recorded_and_not_before(
    folder: Path, log: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop_module, "DRAIN_SECONDS", 0.3)
    (folder / "line").mkdir()
    root, aside = folder / "line/ledger", folder / "line/aside"
    with recorder_in(folder / "line") as recorder:
        parts = watching(folder, recorder, log)
        hand(recorder, 1)
        recorder.start()
        assert recorder.drain(30)
        root.rename(aside)
        with ending(parts, lambda: recorder.look().problem is not None):
            assert Loop(parts).run() == Exit.DONE
    assert {line["event"] for line in log.new()} >= {"decisions wait", "not written"}
    assert "a.pcap" not in (folder / READ_STATE).read_text()
    aside.rename(root)
    with recorder_in(folder / "line") as recorder:  # the next start reads it again
        parts = msgspec.structs.replace(
            parts,
            recorder=recorder,
            wishes=Wishes(),
            sensor=watch_folder(
                folder / "captures", Manner(parts.judge.pipeline.interest()), "dpkt", folder / READ_STATE
            ),
        )
        recorder.start()
        with ending(parts, lambda: "a.pcap" in (folder / READ_STATE).read_text()):
            assert Loop(parts).run() == Exit.DONE
    assert "a.pcap" in (folder / READ_STATE).read_text()
    assert decided(folder / "line", "acme")

"""The daemon that publishes, beside judging or instead: its spool has all that it saw. Real processes."""

import errno
import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from monitor.daemon.publishing import Publishing
from monitor.fleet.parcels import Parcel
from monitor.fleet.spool import SpoolWriter
from monitor.fleet.spool_reading import SpoolReader
from sensors.live import SourceStatus, Status
from sensors.observations import Accounting, Count
from sensors.publishing import Cut, Published
from tests.daemon_kit import (
    DEMO,
    RECEIVER,
    SENSOR,
    USER,
    Daemon,
    Wire,
    daemon,
    records,
    skip_without_wire,
    wire,
)
from tests.publish_kit import KEY, accounts_in, are_numbered, observed, observed_in, publishing, spooled

pytestmark = pytest.mark.enable_socket
COUNT = len(records(DEMO))
SECOND_NS = 1_000_000_000


@pytest.fixture(scope="module")
def lane() -> Iterator[Wire]:
    skip_without_wire()
    with wire() as made:
        yield made


def read_demo(live: Daemon, captures: Path) -> None:
    captures.mkdir()
    for name in ("a.pcap", "b.pcap"):  # what is older than another one is whole
        shutil.copy(DEMO, captures / name)
    live.start()
    live.wait_packets(COUNT)


def kinds(parcels: list[Parcel]) -> set[str]:
    return {each.kind for each in parcels}


@pytest.mark.parametrize(("engine", "judge"), [("native", True), ("native", False), ("dpkt", False)])
def test_what_is_spooled_is_all_that_was_seen(lane: Wire, engine: str, *, judge: bool) -> None:
    with daemon(lane) as live:
        captures, spool = live.folder / "captures", live.folder / "spool"
        capture = {"watch": str(captures), "engine": engine}
        live.configure(capture=capture, publish=publishing(live.folder, judge=judge))
        read_demo(live, captures)
        assert live.metric("residency_spool_limit_bytes") == 2**30
        assert live.end() == 0
        assert "Traceback" not in live.stderr()
        assert (live.said("confined")[0]["landlock"], spool.owner()) == ("full", USER)
        parcels = spooled(spool)
        assert are_numbered(parcels, SENSOR)
        assert kinds(parcels) >= {"observations", "names", "account", "end"}
        assert parcels[-1].kind == "end"
        seen = sorted(map(repr, observed_in(parcels)))
        assert seen == sorted(map(repr, observed(DEMO)))
        accounts = accounts_in(parcels)
        assert sum(each.packets for each in accounts) == COUNT
        assert all(each.shed == 0 and each.blind for each in accounts)
        assert bool(live.lines()) == judge


class Cutting:
    """A sensor that cuts so many bytes each time."""

    def __init__(self, size_bytes: int = 200_000) -> None:
        self._size_bytes = size_bytes

    def published(self, *, cut: bool) -> Published:
        data = msgspec.msgpack.encode([os.urandom(self._size_bytes)])
        return Published((Cut(False, 7, 1, 1, data),) if cut else ())


class Asked:
    """Cuts nothing, and remembers what it was asked for."""

    def __init__(self) -> None:
        self.cuts: list[bool] = []

    def published(self, *, cut: bool) -> Published:
        self.cuts.append(cut)
        return Published()


@pytest.mark.parametrize(
    ("linger_seconds", "cuts"), [(0.0, [True, True, True]), (3_600.0, [True, False, True])]
)
def test_what_is_gathered_lingers_and_what_was_cut_does_not(
    tmp_path: Path, linger_seconds: float, cuts: list[bool]
) -> None:
    sensor = Asked()
    publishing = Publishing(SENSOR, SpoolWriter(tmp_path, 2_000_000), KEY.encode(), linger_seconds, live=True)
    for now in (False, False, True):
        publishing.pump(sensor, now=now)
    assert sensor.cuts == cuts


def test_a_capture_that_takes_half_of_the_spool_goes_out_in_pieces(tmp_path: Path) -> None:
    writer = SpoolWriter(tmp_path, 2_000_000)
    publishing = Publishing(SENSOR, writer, KEY.encode(), 0.0, live=False)
    assert publishing.begin()
    while publishing.has_room():
        publishing.pump(Cutting(), now=True)
    count = len(spooled(tmp_path))
    assert count == 5  # it went out so far
    publishing.pump(Cutting(), now=True)
    assert len(spooled(tmp_path)) == count
    assert writer.whole is None
    assert publishing.end("it")
    assert (len(spooled(tmp_path)), publishing.last) == (count + 1, "it")
    writer.close()


@pytest.mark.parametrize("restarted", [True, False])
def test_what_was_published_and_stands_there_yet_makes_no_capture_wait_for_ever(
    tmp_path: Path, *, restarted: bool
) -> None:
    writer = SpoolWriter(tmp_path, 2_000_000)
    writer.put(7, os.urandom(60_000))
    writer.flush()
    if restarted:
        writer.close()
        writer = SpoolWriter(tmp_path, 2_000_000)
    reader = SpoolReader(tmp_path)
    (record,) = reader.read()
    reader.acknowledge(record.end)  # its segment goes with the next one
    publishing = Publishing(SENSOR, writer, KEY.encode(), 0.0, live=False)
    assert publishing.begin()
    cutting = Cutting(99_000)
    while publishing.has_room():
        publishing.pump(cutting, now=True)
    while batch := reader.read():
        reader.acknowledge(batch[-1].end)
    assert publishing.has_room()
    reader.close()
    writer.close()


def test_nothing_is_said_before_there_is_a_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.daemon.publishing.BEAT_SECONDS", 0.0)
    writer = SpoolWriter(tmp_path, 2_000_000)
    publishing = Publishing(SENSOR, writer, KEY.encode(), 0.0, live=False)
    accounting = Accounting(Count(0, 0), {}, {}, {})
    empty = Status(0, (SourceStatus("captures", "up", accounting),))
    publishing.turn(Asked(), empty, 1_000 * SECOND_NS)
    assert spooled(tmp_path) == []
    accounting = msgspec.structs.replace(accounting, first_ns=5 * SECOND_NS, last_ns=7 * SECOND_NS)
    publishing.turn(Asked(), Status(0, (SourceStatus("captures", "up", accounting),)), 1_000 * SECOND_NS)
    parcels = spooled(tmp_path)
    assert [(each.kind, each.clock_ns) for each in parcels] == [
        ("beat", 7 * SECOND_NS),
        ("account", 7 * SECOND_NS),
    ]
    writer.close()


def test_one_that_saw_nothing_ends_without_a_word(tmp_path: Path) -> None:
    writer = SpoolWriter(tmp_path, 2_000_000)
    publishing = Publishing(SENSOR, writer, KEY.encode(), 0.0, live=False)
    publishing.finish(Status(0, (SourceStatus("captures", "up", Accounting(Count(0, 0), {}, {}, {})),)))
    assert spooled(tmp_path) == []
    writer.close()


def test_an_account_that_the_disk_did_not_take_is_in_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = SpoolWriter(tmp_path, 2_000_000)
    publishing = Publishing(SENSOR, writer, KEY.encode(), 0.0, live=True)
    status = Status(0, (SourceStatus("eth0", "up", Accounting(Count(7, 70), {}, {}, {})),))

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    publishing.lost("ring", 3, 30)
    with monkeypatch.context() as patched:
        patched.setattr("monitor.fleet.spool.write_all", full)
        publishing.turn(Cutting(), status, 0)
    assert publishing.told().unpublished == 1
    publishing.finish(status)
    (account,) = accounts_in(spooled(tmp_path))
    assert (account.packets, account.lost, account.shed) == (7, {"ring": Count(3, 30)}, 1)
    writer.close()


def test_packets_of_a_wire_are_spooled_and_the_clock_goes_on(lane: Wire) -> None:
    with daemon(lane) as live:
        live.configure(publish=publishing(live.folder, judge=False), capture={"interfaces": [RECEIVER]})
        live.start()
        begun_ns = time.time_ns()
        lane.send(DEMO, "--topspeed")
        live.wait_packets(COUNT)
        live.wait_metric("residency_parcels_total", 8)
        live.tell(signal.SIGHUP)
        live.wait_log("reloaded")
        time.sleep(4.5)  # of silence
        assert live.end() == 0
        parcels = spooled(live.folder / "spool")
        assert are_numbered(parcels, SENSOR)
        beats = [each for each in parcels if each.kind == "beat"]
        assert len(beats) >= 3
        assert beats[-1].clock_ns > begun_ns + 1_000_000_000
        assert len(list(observed_in(parcels))) > 50
        assert sum(each.packets for each in accounts_in(parcels)) == COUNT
        assert all(each.blind == () for each in accounts_in(parcels))


def test_a_spool_without_room_is_told_once_and_in_the_next_account(lane: Wire) -> None:
    with daemon(lane) as live:
        live.configure(publish=publishing(live.folder))
        spool = live.folder / "spool"
        spool.mkdir()
        shutil.chown(spool, USER)
        filling = spool / "000000000001.spool"
        with filling.open("wb") as file:
            file.truncate(2**30)
        live.start()
        lane.send(DEMO, "--topspeed")
        live.wait_metric("residency_unpublished_observations_total", 1)
        live.wait_log("observations are given up")
        filling.unlink()
        live.wait_log("observations are spooled again")
        assert live.end() == 0
        assert len(live.said("observations are given up")) == 1
        parcels = spooled(spool)
        lost = sum(each.shed for each in accounts_in(parcels))
        assert lost == live.said("observations are spooled again")[0]["unpublished"] > 0
        assert live.lines()  # it judged meanwhile

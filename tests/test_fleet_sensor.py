"""A whole fleet of real processes: a sensor on a folder of captures is killed in the middle of one, and the
publisher with it. Decisions and findings are those of a replay of the same captures, each once.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path
from struct import pack
from typing import Any, TypeVar

import msgspec
import pytest

from monitor.findings.types import Finding
from monitor.fleet.holding import read_held
from monitor.fleet.position import read_position
from monitor.types import Decision
from sensors.capture import CaptureReader, Frame
from tests.brokers_kit import Brokers, brokers
from tests.captures_kit import NANO, pcap, pcap_header, pcap_record
from tests.daemon_kit import Daemon, Wire, daemon, skip_without_wire, wait_for, wire
from tests.fleet_kit import DEMO, POLICY, ROOT, figures, found, lines, recorded_lines
from tests.fleet_line_kit import Line, line
from tests.publish_kit import publishing

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(240)]

ROUNDS, PIECES = 3, 4  # the demo's traffic so many times, an hour apart, each in so many captures
KILLED = 6  # in the middle of this capture; connections go on into it from those before
HOUR_NS = 3_600 * 10**9
Read = TypeVar("Read")
FILLER = {"native": 600_000, "dpkt": 30_000}  # packets, about a second of reading


@pytest.fixture(scope="module")
def lane() -> Iterator[Wire]:
    skip_without_wire()
    with wire() as made:
        yield made


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Brokers]:
    with brokers(tmp_path_factory.mktemp("kafka")) as made:
        yield made


@pytest.fixture
def fleet(cluster: Brokers, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Line]:
    with line(cluster, f"sensor-{request.node.callspec.id}", tmp_path) as made:
        yield made


def filler(ts_ns: int, count: int) -> bytes:
    """Return the records of a capture with many packets of one flow that has nothing to do with LLMs."""
    udp = pack("!HHHH", 5_000, 9, 8, 0)
    addresses = IPv4Address("192.0.2.1").packed + IPv4Address("192.0.2.2").packed
    packet = pack("!BBHHHBBH", 0x45, 0, 28, 0, 0, 64, 17, 0) + addresses + udp
    data = bytes(12) + b"\x08\x00" + packet
    return pcap_record(Frame(ts_ns, 1, data, len(data)), magic=NANO) * count


def captures(folder: Path, count: int) -> list[Path]:
    """Write captures one after the other; that one in the middle of which it is killed is a long one."""
    folder.mkdir()
    once = list(CaptureReader(DEMO))
    size = -(-len(once) // PIECES)
    made: list[Path] = []
    for number in range(ROUNDS * PIECES):
        round_, piece = divmod(number, PIECES)
        frames = [
            each._replace(ts_ns=each.ts_ns + round_ * HOUR_NS)
            for each in once[piece * size : (piece + 1) * size]
        ]
        data = pcap(frames, magic=NANO)
        if number == KILLED:
            half = len(frames) // 2
            first, second = (pcap(part, magic=NANO) for part in (frames[:half], frames[half:]))
            data = first + filler(frames[half].ts_ns, count) + second[len(pcap_header(magic=NANO)) :]
        made.append(folder / f"{number:02}.pcap")
        made[-1].write_bytes(data)
    return made


def move(files: list[Path], folder: Path) -> None:
    """Put captures into the folder that is watched, in order; one that is the last waits for another."""
    for file in files:
        time.sleep(0.01)  # so that they have an order
        os.utime(file)
        shutil.copy2(file, folder.parent / "coming")
        (folder.parent / "coming").rename(folder / file.name)


def read_of(live: Daemon) -> set[str]:
    """Return the names of the captures that were read."""
    return {name for name, _ in msgspec.json.decode((live.state / "watched.json").read_bytes())["read"]}


def spooled_bytes(live: Daemon) -> int:
    """Return how much stands in the spool."""
    return sum(file.stat().st_size for file in (live.folder / "spool").glob("*.spool"))


def publisher(live: Daemon, *options: str) -> "subprocess.Popen[bytes]":
    """Start `residency publish`."""
    command = [sys.executable, "-m", "monitor", "publish", "--config", str(live.config), *options]
    with (live.folder / "publish.log").open("ab") as log:
        return subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)


def read_lines(path: Path, kind: type[Read]) -> list[Read]:
    return [msgspec.json.decode(each, type=kind) for each in path.read_bytes().splitlines()]


def replayed(files: list[Path], out: Path) -> tuple[list[bytes], list[tuple[object, ...]]]:
    """Return decisions and findings of `residency replay`."""
    command = [sys.executable, "-m", "monitor", "replay", *map(str, files)]
    command += ["--policy", str(POLICY), "--out", str(out)]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode == 1
    decisions = read_lines(out / "decisions.jsonl", Decision)
    findings = read_lines(out / "findings.jsonl", Finding)
    return lines(decisions), figures(findings)


def configure(live: Daemon, fleet: Line, engine: str, *, judge: bool) -> Path:
    """Have it watch a folder, and publish; return the folder."""
    folder = live.folder / "captures"
    folder.mkdir()
    kafka: dict[str, Any] = {"options": {"bootstrap.servers": fleet.cluster.addresses}}
    live.configure(
        capture={"watch": str(folder), "engine": engine},
        publish=publishing(live.folder, judge=judge),
        kafka=kafka | {"topic": f"{fleet.name}.observations"},
    )
    return folder


@pytest.mark.parametrize(("engine", "judge"), [("native", False), ("native", True), ("dpkt", False)])
def test_a_sensor_is_killed_in_the_middle_of_a_capture(
    lane: Wire, fleet: Line, engine: str, *, judge: bool
) -> None:
    made = captures(fleet.folder / "made", FILLER[engine])
    decisions, findings = replayed(made, fleet.folder / "replayed")
    only = fleet.start(merging={"hold_seconds": 5.0})
    with daemon(lane) as live:
        folder = configure(live, fleet, engine, judge=judge)
        live.start()
        first = publisher(live)
        move(made[:KILLED], folder)
        wait_for(lambda: len(read_of(live)) >= KILLED - 1, "the captures before", 30)
        move(made[KILLED : KILLED + 2], folder)
        wait_for(lambda: made[KILLED - 1].name in read_of(live), "the one before", 30)
        before = spooled_bytes(live)
        wait_for(lambda: spooled_bytes(live) > before + 2_000, "the capture in the middle", 30)
        live.end(signal.SIGKILL)
        assert made[KILLED].name not in read_of(live)
        assert read_held(live.folder / "spool").since is not None
        wait_for(lambda: read_position(live.folder / "spool").offset > 0, "something to be delivered")
        first.kill()
        first.wait()
        live.start()
        second = publisher(live)
        move(made[KILLED + 2 :], folder)
        wait_for(lambda: made[-1].name in read_of(live), "the last capture", 60)
        assert live.end() == 0
        second.kill()
        second.wait()
        assert publisher(live, "--once").wait(60) == 0
        fleet.wait(lambda: fleet.count() >= len(decisions))
    only.end()
    assert recorded_lines(fleet.root) == decisions
    assert figures(found(fleet.root)) == findings

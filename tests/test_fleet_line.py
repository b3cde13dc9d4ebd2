"""The whole line on real brokers, and whatever dies in it: findings are those of one process all the same."""

import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from monitor.findings.types import Finding
from tests.brokers_kit import Brokers, brokers, free_port
from tests.daemon_kit import Samples, parsed, total
from tests.fleet_kit import DEMO, POLICY, ROOT, figures, found, knowledge
from tests.fleet_line_kit import Line, Spooled, line, one_process, parted, reborn, traffic
from tests.test_correlate_partition import by_client, by_flow, dns_apart

pytestmark = [pytest.mark.enable_socket, pytest.mark.timeout(240)]

KNOWN = knowledge()
TIMES = 6


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Brokers]:
    with brokers(tmp_path_factory.mktemp("kafka")) as made:
        yield made


@pytest.fixture
def fleet(cluster: Brokers, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Line]:
    with line(cluster, request.node.name, tmp_path) as made:
        yield made


def scraped(port: int) -> Samples:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        return parsed(answer.read().decode())


def test_findings_are_those_of_a_replay(fleet: Line) -> None:
    observations = traffic(1)
    fleet.publish(parted(observations, by_client(3), KNOWN))
    port, wanted = free_port(), one_process(observations, KNOWN)
    only = fleet.start(metrics={"port": port})
    fleet.wait(lambda: fleet.count() >= len(wanted))
    findings = len(fleet.alone(wanted).findings())
    fleet.wait(lambda: total(scraped(port), "residency_findings") >= findings)
    told = scraped(port)
    assert total(told, "residency_findings") == findings
    assert total(told, "residency_finding_changes_total", reason="opened") == findings
    assert total(told, "residency_ledger_entries_total") >= len(wanted)
    assert total(told, "residency_ledger_checkpoint_timestamp_seconds") > time.time() - 600
    only.end()
    fleet.check(observations)
    out = fleet.folder / "replayed"
    command = [
        sys.executable,
        "-m",
        "monitor",
        "replay",
        str(DEMO),
        "--policy",
        str(POLICY),
        "--out",
        str(out),
    ]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode == 1
    replayed = [
        msgspec.json.decode(each, type=Finding) for each in (out / "findings.jsonl").read_bytes().splitlines()
    ]
    assert figures(found(fleet.root)) == figures(replayed)


def test_a_correlator_is_killed_in_the_middle_of_batches(fleet: Line) -> None:
    observations = traffic(TIMES)
    arrivals = parted(observations, by_flow(3), KNOWN)
    wanted = len(one_process(observations, KNOWN))
    first, second = fleet.start(), fleet.start()
    half = len(arrivals) // 2
    fleet.publish(arrivals[:half], pause=0.1)
    fleet.wait(lambda: fleet.count() > 0)
    first.kill()
    third = fleet.start()
    fleet.publish(arrivals[half:], pause=0.1)
    second.kill()
    fleet.wait(lambda: fleet.count() >= wanted)
    third.end()
    fleet.check(observations)


def test_correlators_come_and_go_under_load(fleet: Line) -> None:
    observations = traffic(TIMES)
    arrivals = parted(observations, dns_apart(3), KNOWN)
    wanted = len(one_process(observations, KNOWN))
    part = len(arrivals) // 3
    first = fleet.start()
    fleet.publish(arrivals[:part], pause=0.1)
    second = fleet.start()
    fleet.publish(arrivals[part : 2 * part], pause=0.1)
    first.end()
    fleet.publish(arrivals[2 * part :], pause=0.1)
    fleet.wait(lambda: fleet.count() >= wanted)
    second.end()
    fleet.check(observations)


def test_a_sensor_and_its_publishers_are_killed(fleet: Line) -> None:
    observations = traffic(2)
    arrivals = reborn(parted(observations, by_client(3), KNOWN), "s1")
    wanted = len(one_process(observations, KNOWN))
    only = fleet.start(merging={"hold_seconds": 20.0})  # while publishers are away
    sensors = {name: Spooled(fleet, name) for name in ("s0", "s1", "s2")}
    halves = arrivals[: len(arrivals) // 2], arrivals[len(arrivals) // 2 :]
    for half, options in zip(halves, ((), ("--once",)), strict=True):
        for name, sensor in sensors.items():
            sensor.put([each for each in half if each.parcel.sensor == name])
        publishers = [sensor.publish(*options) for sensor in sensors.values()]
        if options:
            assert [each.wait(60) for each in publishers] == [0, 0, 0]
            continue
        fleet.wait(lambda: any(each.is_begun for each in sensors.values()))
        for each in publishers:
            each.kill()
            each.wait()
    fleet.wait(lambda: fleet.count() >= wanted)
    only.end()
    fleet.check(observations)


def test_the_leader_of_three_brokers_is_killed(tmp_path: Path) -> None:
    observations = traffic(TIMES)
    arrivals = parted(observations, by_client(3), KNOWN)
    wanted, half = len(one_process(observations, KNOWN)), len(arrivals) // 2
    (tmp_path / "kafka").mkdir()
    with (
        brokers(tmp_path / "kafka", 3) as cluster,
        line(cluster, "three", tmp_path, min_insync_replicas=2) as fleet,
    ):
        only = fleet.start()
        fleet.publish(arrivals[:half], pause=0.1)
        fleet.wait(lambda: fleet.count() > 0)
        leader = cluster.leader("three.observations")
        leader.kill()
        fleet.publish(arrivals[half:], pause=0.1)
        fleet.wait(lambda: fleet.count() >= wanted)
        leader.start()
        only.end()
        fleet.check(observations)

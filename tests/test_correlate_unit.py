"""The correlator's service: what it may not do, and that it works all the same."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from monitor.fleet.config import FleetConfig
from tests.brokers_kit import brokers
from tests.fleet_kit import knowledge
from tests.fleet_line_kit import line, one_process, parted, traffic
from tests.networked_units_kit import MOST_EXPOSED, assert_held_but_for_the_network
from tests.test_correlate_partition import by_client
from tests.under_unit import settings, under_unit
from tests.units_kit import ROOT, UNITS, assert_understood, exposure, needs_root, needs_systemd

UNIT = UNITS / "residency-correlate.service"
DOCUMENTED = " ".join((ROOT / "docs/84-fleet.md").read_text("utf-8").split())


@needs_systemd
def test_the_service_is_little_exposed() -> None:
    level = exposure(UNIT)
    assert float(level) <= MOST_EXPOSED
    assert f"`residency-correlate.service` has {level}" in DOCUMENTED


@needs_systemd
def test_systemd_understands_every_line(tmp_path: Path) -> None:
    assert_understood(tmp_path, UNIT)


def test_it_is_held_as_the_sensor_is_but_for_the_network() -> None:
    assert_held_but_for_the_network(UNIT)


def test_it_may_write_where_the_configuration_writes_by_default() -> None:
    folders = [Path("/var/lib") / each for each in settings(UNIT)["StateDirectory"][0].split()]
    ledger = FleetConfig.__struct_defaults__
    assert {str(each) for each in folders} == {"/var/lib/residency/fleet", "/var/lib/residency/keys"}
    assert str(folders[0]) in ledger
    assert any(str(getattr(each, "key", "")).startswith(f"{folders[1]}/") for each in ledger)


@needs_systemd
@needs_root
@pytest.mark.enable_socket
def test_it_correlates_and_records_under_the_unit(tmp_path: Path) -> None:
    known, observations = knowledge(), traffic(1)
    (tmp_path / "kafka").mkdir()
    with brokers(tmp_path / "kafka") as cluster, line(cluster, "unit", tmp_path) as fleet:
        fleet.publish(parted(observations, by_client(3), known))
        command = [sys.executable, "-m", "monitor", "correlate", "--config", str(fleet.configured())]
        with (
            (tmp_path / "unit.log").open("wb") as log,
            subprocess.Popen(under_unit(tmp_path, *command, unit=UNIT), cwd=ROOT, stderr=log) as process,
        ):
            fleet.wait(lambda: fleet.count() >= len(one_process(observations, known)))
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
        fleet.check(observations)

"""The publisher's service: what it may not do, and that it works all the same."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from monitor.fleet.position import read_position
from tests import kafka_servers_kit
from tests.daemon_kit import wait_for
from tests.networked_units_kit import MOST_EXPOSED, assert_held_but_for_the_network
from tests.publish_kit import configured, put
from tests.under_unit import settings, under_unit
from tests.units_kit import ROOT, UNITS, assert_understood, exposure, needs_root, needs_systemd

UNIT = UNITS / "residency-publish.service"
DOCUMENTED = " ".join((ROOT / "docs/84-fleet.md").read_text("utf-8").split())


@needs_systemd
def test_the_service_is_little_exposed() -> None:
    level = exposure(UNIT)
    assert float(level) <= MOST_EXPOSED
    assert f"exposure level {level}, on a scale" in DOCUMENTED


@needs_systemd
def test_systemd_understands_every_line(tmp_path: Path) -> None:
    assert_understood(tmp_path, UNIT)


def test_it_is_held_as_the_sensor_is_but_for_the_network() -> None:
    assert_held_but_for_the_network(UNIT)
    assert settings(UNIT)["StateDirectory"] == ["residency/spool"]


@needs_systemd
@needs_root
@pytest.mark.enable_socket
def test_it_publishes_under_the_unit(tmp_path: Path) -> None:
    with kafka_servers_kit.brokers(1) as brokers:
        config = configured(tmp_path, brokers.addresses[0])
        put(tmp_path, range(100))
        spool = tmp_path / "spool"
        size = (spool / "000000000001.spool").stat().st_size
        command = [sys.executable, "-m", "monitor", "publish", "--config", str(config)]
        with subprocess.Popen(
            under_unit(spool, *command, unit=UNIT), stderr=subprocess.PIPE, text=True
        ) as publisher:
            wait_for(lambda: read_position(spool).offset == size, "all of it")
            publisher.send_signal(signal.SIGTERM)
            _, said = publisher.communicate(timeout=10)
    assert publisher.returncode == 0, said

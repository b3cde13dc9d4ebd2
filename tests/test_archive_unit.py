"""The archive's service and timer: what it may not do, and that it works all the same."""

import subprocess
import sys
from pathlib import Path

from tests.archive_kit import append, rows, varied
from tests.under_unit import settings, under_unit
from tests.units_kit import ROOT, SENSOR, UNITS, assert_understood, exposure, needs_root, needs_systemd

UNIT = UNITS / "residency-archive.service"
TIMER = UNIT.with_suffix(".timer")
DOCUMENTED = " ".join((ROOT / "docs/82-archive.md").read_text("utf-8").split())
MOST_EXPOSED = 1.0
IT_MAY = {"RestrictAddressFamilies", "PrivateNetwork"}


@needs_systemd
def test_the_service_is_little_exposed() -> None:
    level = exposure(UNIT)
    assert float(level) <= MOST_EXPOSED
    assert f"exposure level {level}, on a scale" in DOCUMENTED


@needs_systemd
def test_systemd_understands_every_line(tmp_path: Path) -> None:
    assert_understood(tmp_path, UNIT, TIMER)


def test_it_is_held_as_the_sensor_is_and_has_no_network() -> None:
    unit, sensor = settings(UNIT), settings(SENSOR)
    assert unit["CapabilityBoundingSet"] == unit["AmbientCapabilities"] == [""]
    assert unit["User"] == sensor["User"]
    assert unit["StateDirectory"] == ["residency/archive"]
    assert unit["PrivateNetwork"] == ["yes"]
    holding = {
        name for name in sensor if name.startswith(("Protect", "Private", "Restrict", "Lock", "Memory"))
    }
    holding -= IT_MAY | {"RestartPreventExitStatus"}
    assert {name: unit[name] for name in holding} == {name: sensor[name] for name in holding}
    assert unit["SystemCallFilter"] == sensor["SystemCallFilter"][:2]


@needs_systemd
@needs_root
def test_it_archives_under_the_unit(tmp_path: Path) -> None:
    append(tmp_path, *(varied(number) for number in range(20)))
    config = tmp_path / "residency.yaml"
    config.write_text(
        "version: 1\nsensor: edge\ncapture: {interfaces: [lo]}\nstate: state\n"
        "ledger: {folder: ledger, key: k.key, retention_days: {violation: 36500}}\n"
    )
    archive = tmp_path / "archive"
    archive.mkdir()
    command = [sys.executable, "-m", "monitor", "archive", "--config", str(config), "--archive"]
    done = subprocess.run(
        under_unit(archive, *command, str(archive), unit=UNIT), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(rows(archive)) == 20
    done = subprocess.run(
        under_unit(archive, *command, str(tmp_path / "other"), unit=UNIT),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "read-only file system" in done.stderr

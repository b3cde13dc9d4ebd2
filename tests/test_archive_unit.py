"""The archive's service and timer: what it may not do, and that it works all the same."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.archive_kit import append, rows, varied
from tests.under_unit import settings, under_unit

ROOT = Path(__file__).parents[1]
UNIT = ROOT / "packaging/systemd/residency-archive.service"
TIMER = UNIT.with_suffix(".timer")
SENSOR = ROOT / "packaging/systemd/residency-monitor.service"
DOCUMENTED = " ".join((ROOT / "docs/82-archive.md").read_text("utf-8").split())
MOST_EXPOSED = 1.0
IT_MAY = {"RestrictAddressFamilies", "PrivateNetwork"}

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="not root")


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = ["systemd-analyze", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@needs_systemd
def test_the_service_is_little_exposed() -> None:
    done = analyze("security", "--no-pager", "--offline=true", UNIT)
    found = re.search(r"Overall exposure level for residency-archive\.service: ([\d.]+)", done.stdout)
    assert found is not None, done.stderr
    assert float(found[1]) <= MOST_EXPOSED
    assert f"exposure level {found[1]}, on a scale" in DOCUMENTED


@needs_systemd
def test_systemd_understands_every_line(tmp_path: Path) -> None:
    unit, timer = tmp_path / UNIT.name, tmp_path / TIMER.name
    unit.write_text(UNIT.read_text("utf-8").replace("/usr/bin/residency", "/usr/bin/env"), "utf-8")
    shutil.copy(TIMER, timer)
    done = analyze("verify", "--man=no", unit, timer)
    assert (done.returncode, done.stderr) == (0, "")


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

"""What the tests of systemd's units share: what systemd says of them, and of whom the documents tell."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
UNITS = ROOT / "packaging/systemd"
SENSOR = UNITS / "residency-monitor.service"

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="not root")


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Ask systemd about units, offline."""
    command = ["systemd-analyze", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def exposure(unit: Path) -> str:
    """Return the exposure level that systemd gives a service, of 10."""
    done = analyze("security", "--no-pager", "--offline=true", unit)
    found = re.search(rf"Overall exposure level for {re.escape(unit.name)}: ([\d.]+)", done.stdout)
    assert found is not None, done.stderr
    return found[1]


def assert_understood(folder: Path, *units: Path) -> None:
    """See that systemd has nothing to say of units, copied to a folder; the program need not be installed."""
    copies = [folder / unit.name for unit in units]
    for unit, copy in zip(units, copies, strict=True):
        copy.write_text(unit.read_text("utf-8").replace("/usr/bin/residency", "/usr/bin/env"), "utf-8")
    done = analyze("verify", "--man=no", *copies)
    assert (done.returncode, done.stderr) == (0, "")

"""A correlator that records no more by a mistake in the program ends, for another one to be started."""

import multiprocessing
import sys
from pathlib import Path

import pytest

from monitor.correlating import run as running
from monitor.correlating.line import RecordingLine
from monitor.exitstatus import Exit
from monitor.fleet.settings import load_fleet
from tests.fleet_kit import configured

pytestmark = pytest.mark.enable_socket


def broken(_line: RecordingLine) -> None:
    raise ArithmeticError("a mistake")


def run(config: Path) -> None:
    """Run a correlator whose recording is broken, in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RecordingLine, "turn", broken)
        sys.exit(running.run(load_fleet(config), ("correlate", "record")))


def test_it_ends_where_recording_does(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "correlator.yaml"
    config.write_text(configured(tmp_path / "root", tmp_path, metrics={"port": 0}), "utf-8")
    process = multiprocessing.get_context("fork").Process(target=run, args=(config,))
    process.start()
    process.join(60)
    assert process.exitcode == Exit.UNREADABLE
    assert "recording ended" in capfd.readouterr().err

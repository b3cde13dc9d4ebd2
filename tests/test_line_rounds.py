"""The whole line, both of its processes killed at random moments: what was acknowledged comes through.

Each decision that a ledger acknowledged stands there once; each change of a finding came to each sink, in
order, under one key; findings are as they are without a crash. What has to hold is in `tests.line_judged`.
"""

import json
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from monitor.daemon.opening import open_recorder
from monitor.logs import start_logging
from monitor.outbox.reading import OutboxReader
from monitor.types import Subject
from tests.disk_kit import ROOT, unshared
from tests.findings_kit import decide
from tests.line_children import World

ROUNDS = 200


@pytest.mark.enable_socket
def test_killed_again_and_again_nothing_is_lost_and_nothing_made_up() -> None:
    command = [sys.executable, "-m", "tests.line_rounds", "--rounds", str(ROUNDS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    print(done.stdout)  # noqa: T201  the figures, for who asks with -s
    figures = json.loads(done.stdout)
    assert figures["rounds"] == ROUNDS
    assert min(figures["producer"], figures["courier"]) > ROUNDS / 2
    assert figures["acknowledged"] > 5 * ROUNDS
    assert figures["changes"] > 3 * ROUNDS
    assert figures["hook"] > 0  # some were killed between an event and its being noted


DISKS = {
    "full ledger": "/journal: no space left on device; make room, or shorten ledger.retention_days",
    "full state": "state/state.db: database or disk is full; make room on its disk",
    "full delivery": "state/delivery.db: database or disk is full",
    "full sink": "sink/file.jsonl: no space left on device",
    "read_only ledger": "/journal: read-only file system; mount it writable",
    "read_only state": "state/state.db: unable to open database file; see that its folder is there, mounted ",
    "read_only delivery": "state/delivery.db: unable to open database file",
    "read_only sink": "sink/file.jsonl: read-only file system",
}


@pytest.mark.enable_socket
def test_disks_that_are_full_or_read_only_are_stated_and_nothing_is_lost(tmp_path: Path) -> None:
    command = unshared(sys.executable, "-m", "tests.line_disk_world", str(tmp_path))
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    print(ran.stdout)  # noqa: T201  the figures, for who asks with -s
    said = json.loads(ran.stdout)["said"]
    assert set(said) == set(DISKS)
    assert {name: DISKS[name] in text for name, text in said.items()} == dict.fromkeys(DISKS, True)


def test_a_clean_end_leaves_no_figures_behind(tmp_path: Path) -> None:
    world = World(tmp_path, base_ns=time.time_ns())
    log = start_logging("error", "json", 2, time.monotonic_ns, "").log
    subject = Subject("acme", "backend", "crm")
    with ExitStack() as stack:
        recorder = open_recorder(world.settings, world.knowledge, log, stack)
        recorder.start()
        for number in range(3):  # the third changes figures alone
            recorder.decided(decide(number, subject=subject), None, time.time_ns())
            recorder.drain(5)
        recorder.close(5)
        assert recorder.look().problem is None
    reader = OutboxReader(world.settings.state)
    assert [each.count for each in reader.findings()] == [3]
    reader.close()

"""The events of all partitions reach the sinks, also of those that come later, or another courier has."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import structlog
from click.testing import CliRunner
from structlog.testing import capture_logs

from monitor.cli import group
from monitor.courier.deliveries import Deliveries
from monitor.fleet.delivering import Delivery, Posts
from monitor.fleet.recording.plan import Plan
from monitor.outbox.reading import OutboxReader
from monitor.sink_options import JsonlOptions
from tests.fleet_kit import ROOT, SAID, configured, knowledge, opened, plan
from tests.ledger_kit import NOW_NS

KNOWN = knowledge()
SINKS = (JsonlOptions(name="file", path="events.jsonl", checkpoints=True),)


def fill(what: Plan, number: int) -> list[str]:
    """Record the demo in a partition; return the keys of its events."""
    with opened(what, KNOWN, number) as partition:
        partition.take(SAID, 1, NOW_NS)
        assert partition.turn(NOW_NS) == ()
    with closing(OutboxReader(what.root / f"p{number}/state")) as reader:
        return [each.event.key for each in reader.peek(0, 10_000)]


def delivered(what: Plan, number: int) -> list[str]:
    """Return the keys of the events that a partition's file has."""
    path = what.root / f"p{number}/events.jsonl"
    return [json.loads(line)["key"] for line in path.read_bytes().splitlines()] if path.exists() else []


def serve(posts: Posts, done: Callable[[], bool]) -> None:
    """Turn until something is so."""
    deadline = time.monotonic() + 20
    while not done():
        assert posts.turn() == []
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_every_partition_is_served_in_its_order(tmp_path: Path) -> None:
    what = plan(tmp_path, sinks=("file",))
    posts = Posts(Delivery(what.root, SINKS, "72h", tmp_path), structlog.get_logger())
    assert posts.turn() == []  # and there is nothing yet
    with closing(posts):
        first = fill(what, 0)
        serve(posts, lambda: delivered(what, 0) == first)
        second = fill(what, 7)
        serve(posts, lambda: delivered(what, 7) == second)
    assert min(len(first), len(second)) > 3


def test_a_partition_that_another_courier_has_waits(tmp_path: Path) -> None:
    what = plan(tmp_path, sinks=("file",))
    wanted = fill(what, 0)
    posts = Posts(Delivery(what.root, SINKS, "72h", tmp_path), structlog.get_logger())
    with closing(posts):
        with closing(Deliveries(what.root / "p0/state")), capture_logs() as logs:
            posts.turn()
        assert [each["partition"] for each in logs if each["log_level"] == "error"] == [0]
        assert delivered(what, 0) == []
        serve(posts, lambda: delivered(what, 0) == wanted)


def test_the_command_serves_all_partitions(tmp_path: Path) -> None:
    what = plan(tmp_path, sinks=("file",))
    wanted = {number: fill(what, number) for number in (0, 3)}
    sink = {"type": "jsonl", "name": "file", "path": "events.jsonl", "checkpoints": True}
    config = tmp_path / "correlator.yaml"
    config.write_text(configured(what.root, tmp_path, sinks=[sink], log={"format": "json"}), "utf-8")
    command = [sys.executable, "-m", "monitor", "deliver", "--config", str(config)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 30
        while any(delivered(what, number) != keys for number, keys in wanted.items()):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        process.terminate()
        _, said = process.communicate(timeout=20)
    assert process.returncode == 0, said
    assert [json.loads(line)["event"] for line in said.splitlines()][-1] == "stopped"


def test_a_fleet_without_sinks_has_nobody_to_deliver_to(tmp_path: Path) -> None:
    config = tmp_path / "correlator.yaml"
    config.write_text(configured(tmp_path / "root", tmp_path), "utf-8")
    ran = CliRunner().invoke(group, ["deliver", "--config", str(config)])
    assert ran.exit_code == 2
    assert "no sinks" in ran.stderr

"""What a replay says, to hold what the daemon says to."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec

from monitor.types import Decision
from sensors.observations import FlowKey
from tests.daemon_kit import ROOT


def replay(capture: Path, folder: Path) -> tuple[dict[str, Any], list[Decision]]:
    """Return a replay's summary and decisions, by the engine that the daemon has."""
    out = folder / "replayed"
    command = [
        sys.executable,
        "-m",
        "monitor",
        "replay",
        str(capture),
        "--policy",
        str(folder / "etc/policy.yaml"),
    ]
    done = subprocess.run(
        [*command, "--out", str(out)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr  # there are violations
    lines = (out / "decisions.jsonl").read_bytes().splitlines()
    summary: dict[str, Any] = json.loads((out / "summary.json").read_bytes())
    return summary, [msgspec.json.decode(line, type=Decision) for line in lines]


def timeless(decision: Decision) -> dict[str, Any]:
    """Return a decision without its times, and without what follows from them."""
    said: dict[str, Any] = msgspec.to_builtins(decision)
    connection = said["connection"]
    for timed in (said, connection):
        del timed["ts_ns"]
    for timed in ("duration_ns", "handshake_rtt_ns", "first_byte_ns"):
        connection["totals"].pop(timed, None)
    return said


def by_flow(decisions: list[Decision]) -> dict[FlowKey, list[dict[str, Any]]]:
    found: dict[FlowKey, list[dict[str, Any]]] = {}
    for each in sorted(decisions, key=lambda each: each.ts_ns):
        found.setdefault(each.connection.flow, []).append(timeless(each))
    return found

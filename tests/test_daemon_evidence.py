"""The whole of it, with real processes: packets to findings, operators, sinks, ledger and evidence."""

import json
import shutil
import signal
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest

from tests.daemon_kit import DEMO, ROOT, USER, Daemon, daemon, records, wire

pytestmark = pytest.mark.enable_socket
COUNT = len(records(DEMO))


def residency(*words: str, status: int = 0) -> str:
    """Run a command as the daemon's user; return what it prints."""
    user = ("setpriv", f"--reuid={USER}", "--clear-groups")
    command = [*user, sys.executable, "-m", "monitor", *words]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == status, (words, ran.stdout, ran.stderr)
    return ran.stdout


def told(live: Daemon) -> list[dict[str, Any]]:
    """Return what the sink got."""
    path = live.folder / "out/events.jsonl"
    data = path.read_bytes() if path.exists() else b""
    return [json.loads(line) for line in data[: data.rfind(b"\n") + 1].splitlines()]


def whats(live: Daemon, finding: str) -> list[str]:
    """Return what the sink got of a finding, in order."""
    changes = [each["change"] for each in told(live) if each["type"] == "finding"]
    return [each["what"] for each in changes if each["finding"]["id"] == finding]


def test_from_packets_to_people_and_to_evidence() -> None:
    with wire() as lane, daemon(lane) as live:
        (live.folder / "out").mkdir()
        shutil.chown(live.folder, USER)
        shutil.chown(live.folder / "out", USER)
        sink = {"name": "file", "type": "jsonl", "path": str(live.folder / "out/events.jsonl")}
        live.configure(sinks=[sink | {"checkpoints": True}])
        config = "--config", str(live.config)
        live.start()
        assert live.metric("residency_findings", reason="open") == 0
        lane.send(DEMO, "--topspeed")
        live.wait_packets(COUNT)
        live.wait_metric("residency_findings", 9, reason="open")
        residency("outbox", "drain", *config)
        opened = [each for each in told(live) if each["type"] == "finding"]
        assert {each["change"]["what"] for each in opened} >= {"opened"}

        listed = [
            json.loads(line)
            for line in residency("findings", "list", "--json", *config, status=1).splitlines()
        ]
        assert {each["id"] for each in listed} == {each["change"]["finding"]["id"] for each in opened}
        first = listed[0]["id"]
        residency("findings", "ack", first, "--note", "looking into it", *config)
        live.end(signal.SIGKILL)
        live.start()
        live.wait_metric("residency_findings", 1, reason="acknowledged")
        residency(
            "findings", "cure", first, "--plan", "use the regional host", "--owner-role", "platform", *config
        )
        lane.send(DEMO, "--topspeed")
        live.wait_packets(COUNT)
        assert live.end() == 0
        residency("outbox", "drain", *config)

        told_keys = Counter(each["key"] for each in told(live))
        assert set(told_keys.values()) == {1}  # the courier was never killed
        assert whats(live, first)[0] == "opened"
        shown = json.loads(residency("findings", "show", first, "--json", *config))
        assert shown["state"] == "curing"

        assert "verified" in residency("verify", str(live.ledger))
        said = residency("ledger", "show", str(live.ledger), "--json").splitlines()
        for kinds in (json.loads(each)["kinds"] for each in said):
            assert kinds["policy-loaded"] == kinds["configuration"] == kinds["sensor-start"] == 2
        (checkpoint, *_) = [
            each for each in told(live)[::-1] if each["type"] == "checkpoint" and each["tenant"]
        ]
        kept = live.folder / "out/kept"
        kept.write_text(checkpoint["checkpoint"])
        residency("verify", str(live.ledger / "acme"), "--checkpoint", str(kept))

        bundle = str(live.folder / "out/bundle.zip")
        residency("export", "--finding", first, "--ledger", str(live.ledger), "--out", bundle)
        assert "verified" in residency("verify", bundle)
        residency("rejudge", str(live.ledger), "--policy", str(live.policy), status=1)

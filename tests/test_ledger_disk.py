"""The ledger on a real disk that is full, or read-only: a file system of its own, as root."""

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.disk_kit import ROOT, unshared


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Return what happened to a ledger whose disk failed."""
    disk = tmp_path_factory.mktemp("disk")
    command = unshared(sys.executable, "-m", "tests.ledger_full_disk_world", str(disk))
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    facts: dict[str, dict[str, Any]] = json.loads(ran.stdout)
    return facts


STAGES = ["healthy", "full", "room again", "larger", "read-only", "writable again"]


@pytest.mark.parametrize("stage", STAGES)
def test_what_was_acknowledged_can_be_read(told: dict[str, dict[str, Any]], stage: str) -> None:
    facts = told[stage]
    assert facts["in_order"]
    if not facts["waits"]:
        assert facts["read"] == facts["size"]


def test_appends_go_on_when_they_can(told: dict[str, dict[str, Any]]) -> None:
    assert told["healthy"]["refused"] == 0
    assert told["full"]["refused"] > 50
    assert told["full"]["why"] == ["No space left on device"]
    assert told["larger"]["refused"] == 0
    assert not told["larger"]["waits"]
    assert told["larger"]["size"] == told["room again"]["size"] + 200
    assert told["read-only"]["refused"] == 3
    assert told["read-only"]["why"] == ["Read-only file system"]
    assert told["read-only"]["expire"] == "Read-only file system"
    assert told["read-only"]["repair"] == "read-only file system; mount it writable"
    assert told["writable again"]["refused"] == 0

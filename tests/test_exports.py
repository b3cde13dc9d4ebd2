"""The decisions' file: in order, whatever the order they come in, and never all in memory."""

import random
from pathlib import Path

import msgspec
import pytest

from monitor import exports
from monitor.exports import DecisionFile
from monitor.types import Attribution, Connection, Decision, Subject, Totals
from tests.observed import at, flow_key


def decision(index: int) -> Decision:
    """Return a decision; three of them begin in the same second."""
    flow = flow_key(f"10.0.0.{index % 250}", port=index)
    connection = Connection(at(index // 3), flow, Subject(), (), None, Totals(), "address")
    return Decision(at(index // 3), connection, Attribution())


@pytest.mark.parametrize(
    ("count", "lines", "runs"), [(0, 5, 4), (5, 5, 4), (99, 5, 4), (99, 7, 2), (9, 50, 4)]
)
def test_decisions_stand_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int, lines: int, runs: int
) -> None:
    monkeypatch.setattr(exports, "SORTED_LINES", lines)
    monkeypatch.setattr(exports, "MAX_RUNS", runs)
    decisions = [decision(index) for index in range(count)]
    for seed in range(3):
        file = DecisionFile(tmp_path)
        for each in random.Random(seed).sample(decisions, count):
            file.add(each)
            assert len(file._lines) < lines  # noqa: SLF001  what is in memory
            assert len(file._runs) <= runs  # noqa: SLF001
        file.close()
        wanted = sorted(decisions, key=lambda each: (each.ts_ns, each.connection.flow.order()))
        found = [msgspec.json.decode(line, type=Decision) for line in file.path.read_bytes().splitlines()]
        assert found == wanted
        assert [path.name for path in tmp_path.iterdir()] == ["decisions.jsonl"]

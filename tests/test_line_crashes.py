"""The line from decision to outbox, killed ahead of calls that change the disk, and started again.

Whatever the moment: every decision is in its ledger once, every change of a finding is in the outbox once,
and all findings are as they are without a crash.
"""

import functools
import random
import shutil
from pathlib import Path

from monitor.app import Knowledge, load_knowledge
from monitor.types import Decision
from tests.line_kit import Line, changes_of, killed_before
from tests.rejudge_kit import POLICY, decisions

TOLD = (0, 1, 6, 9, 10, 12, 22, 24, 25)  # of the demo: two ledgers, every outcome, several findings
MOMENTS = 24  # at which it is killed, of several hundred


@functools.cache
def knowledge() -> Knowledge:
    return load_knowledge(POLICY)


def told() -> list[Decision]:
    found = decisions()
    return [found[at] for at in TOLD]


def is_killed(folder: Path, call: int) -> bool:
    line = Line(folder, knowledge())
    return killed_before(call, lambda: line.run(told()))


def test_a_crash_changes_nothing_that_it_comes_to(tmp_path: Path) -> None:
    whole = Line(tmp_path / "whole", knowledge())
    calls = changes_of(lambda: whole.run(told()))
    expected = whole.recorded(), whole.events(), whole.findings()
    assert sum(map(len, expected[0].values())) == len(TOLD)
    assert len(expected[1]) == len(expected[2]) == 6
    step = max(calls // MOMENTS, 1)
    for call in range(1, calls + 1, step):
        folder = tmp_path / str(call)
        assert is_killed(folder, call)
        again = Line(folder, knowledge())
        again.run(told())
        assert (again.recorded(), again.events(), again.findings()) == expected, call
        shutil.rmtree(folder)


def test_nor_do_crashes_while_it_recovers(tmp_path: Path) -> None:
    whole = Line(tmp_path / "whole", knowledge())
    calls = changes_of(lambda: whole.run(told()))
    expected = whole.recorded(), whole.events(), whole.findings()
    chance = random.Random(20)
    for attempt in range(6):
        folder = tmp_path / str(attempt)
        killed = sum(is_killed(folder, chance.randrange(1, calls // 2)) for _ in range(4))
        assert killed > 1
        again = Line(folder, knowledge())
        again.run(told())
        assert (again.recorded(), again.events(), again.findings()) == expected, attempt

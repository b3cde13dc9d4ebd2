"""The line from decision to outbox, killed ahead of calls that change the disk, and started again.

Whatever the moment: every decision is in its ledger once, every change of a finding is in the outbox once,
and all findings are as they are without a crash.
"""

import functools
import random
import shutil
from pathlib import Path

import pytest

from monitor.app import Knowledge, load_knowledge
from monitor.outbox.store import Outbox
from monitor.recording.core import Recording
from monitor.types import Decision, Subject
from tests.findings_kit import decide
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


def decided_thrice() -> list[Decision]:
    """One finding, whose third connection changes its figures alone."""
    return [decide(second, subject=Subject("acme", "crm-backend", "crm")) for second in range(3)]


def test_what_no_change_tells_of_outlives_a_crash_ahead_of_the_outbox(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = Line(tmp_path, knowledge())
    with monkeypatch.context() as patched:
        patched.setattr(Outbox, "commit", lambda *_: None)  # killed ahead of it
        line.run(decided_thrice())
    (found,) = line.findings()
    assert (found.count, found.revision) == (3, 2)
    assert {key[-1] for key in line.events()} == {"1", "2"}


def test_nor_does_a_crash_once_it_has_caught_up_lose_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = Line(tmp_path, knowledge())
    with monkeypatch.context() as patched:
        patched.setattr(Recording, "owe", lambda *_: None)  # killed ahead of it
        patched.setattr(Outbox, "commit", lambda *_: None)  # and of this
        line.run(decided_thrice())
    for _ in range(3):  # catches up, and is killed before it records anything more
        (found,) = line.findings()
        assert (found.count, found.revision) == (3, 2)

"""What a program to measure is, and how that goes: in rounds, so that a disturbance hits all alike."""

import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.harness.measure import ChildFailedError, medians, run_once
from benchmarks.harness.names import Said, Truth, compare
from benchmarks.harness.report import Line


class Program(NamedTuple):
    """A program to measure. ``names`` runs it off the clock and returns what it named."""

    title: str
    command: tuple[str, ...]
    good_statuses: tuple[int, ...] = (0,)
    names: Callable[[Path], set[Said]] | None = None
    llm_only: bool = False  # it tells of LLM endpoints alone
    missing: str = ""  # why it cannot run here
    slow: bool = False


class Rounds(NamedTuple):
    """How often programs run: the slow ones in the first rounds only."""

    usual: int
    slow: int


def measure(programs: Sequence[Program], rounds: Rounds) -> list[Line]:
    """Run every program once, then all again. One that fails runs no more: the failure is its result."""
    lines = [Line(program.title, [], missing=program.missing or None) for program in programs]
    for at in range(max(rounds)):
        for program, line in zip(programs, lines, strict=True):
            if not (line.missing or line.error) and at < (rounds.slow if program.slow else rounds.usual):
                _run(program, line)
    for line in lines:
        if line.runs and not line.error:
            line.cost = medians(line.runs)
    return lines


def look_at_names(program: Program, line: Line, truth: Truth) -> None:
    """Fill in the names that a program found."""
    if program.names is None or line.error or line.missing:
        return
    with tempfile.TemporaryDirectory() as folder:
        try:
            seen = program.names(Path(folder))
        except ChildFailedError as error:
            line.error = str(error)
            return
    line.names = compare(seen, truth, llm_only=program.llm_only)


def _run(program: Program, line: Line) -> None:
    try:
        cost = run_once(program.command, program.good_statuses)
    except ChildFailedError as error:
        line.error = str(error)
        return
    line.runs.append(cost)
    sys.stderr.write(f"{len(line.runs)}: {program.title}: {cost.wall_seconds:.2f} s\n")

"""The command: which programs are measured, in which order, and what becomes of the results."""

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import msgspec

from benchmarks.harness.measure import ChildFailedError, medians, own_peak_bytes, run_once
from benchmarks.harness.names import Said, Truth, compare, names_of_engine, names_of_replay, read_truth
from benchmarks.harness.report import Line, report, table

ROOT = Path(__file__).resolve().parents[2]
BASELINE = "bare dpkt loop"


class Program(NamedTuple):
    """A program to measure. ``names`` runs it off the clock and returns what it named."""

    title: str
    command: tuple[str, ...]
    good_statuses: tuple[int, ...] = (0,)
    names: Callable[[Path], set[Said]] | None = None
    llm_only: bool = False  # it tells of LLM endpoints alone


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table. Returns 1 where a program failed, 2 where the capture is missing."""
    options = _parse(arguments)
    chosen = programs(options.file)
    lines = [measure(program, options.repeat) for program in chosen]
    floor_bytes = own_peak_bytes()
    truth_path = options.truth or options.file.with_name(options.file.name + ".truth.jsonl")
    # Only now: what this process holds would count as its children's memory.
    truth = read_truth(truth_path) if truth_path.is_file() else None
    if truth:
        for program, line in zip(chosen, lines, strict=True):
            look_at_names(program, line, truth)
    result = report(options.file, truth, lines, floor_bytes)
    print(table(result, BASELINE))
    if options.json:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n")
    return int(any(line.error for line in lines))


def programs(path: Path) -> list[Program]:
    """Return what is measured on a capture, in the order of the table."""
    python, file = sys.executable, str(path)
    bare = (python, str(ROOT / "benchmarks" / "bare_dpkt.py"), file)
    engine = (python, str(ROOT / "benchmarks" / "drain_engine.py"), file)
    residency = str(Path(python).with_name("residency"))
    replay = (residency, "replay", file, "--policy", str(ROOT / "policies" / "eu-crm.yaml"))
    judged = (0, 1)  # both are verdicts
    return [
        Program("cat", ("cat", file)),
        Program(BASELINE, bare),
        Program("engine dpkt, to observations", engine, names=partial(names_of_engine, engine)),
        Program(
            "residency replay, to verdict",
            replay,
            judged,
            names=partial(names_of_replay, replay),
            llm_only=True,
        ),
    ]


def measure(program: Program, repeat: int) -> Line:
    """Run a program ``repeat`` times, one after the other. A failure is the result."""
    line = Line(program.title, [])
    try:
        line.runs = [run_once(program.command, program.good_statuses) for _ in range(repeat)]
        line.cost = medians(line.runs)
    except ChildFailedError as error:
        line.error = str(error)
    return line


def look_at_names(program: Program, line: Line, truth: Truth) -> None:
    """Fill in the names that a program found."""
    if program.names is None or line.error:
        return
    with tempfile.TemporaryDirectory() as folder:
        try:
            seen = program.names(Path(folder))
        except ChildFailedError as error:
            line.error = str(error)
            return
    line.names = compare(seen, truth, llm_only=program.llm_only)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure the product beside its yardsticks.")
    parser.add_argument("file", type=Path, help="a pcap, best one of make_traffic.py")
    parser.add_argument("--truth", type=Path, help="its truth file; FILE.truth.jsonl, if not named")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each program; medians count")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write all figures there")
    options = parser.parse_args(arguments)
    if not options.file.is_file():
        parser.error(f"{options.file}: no such file; make one with: python benchmarks/make_traffic.py")
    if options.repeat < 1:
        parser.error("--repeat must be positive")
    return options

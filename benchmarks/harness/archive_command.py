"""Seconds and memory of every ready question over an archive, each in a process of its own."""

import argparse
import multiprocessing
import shutil
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import msgspec

from benchmarks.harness import archive_rows
from benchmarks.harness.measure import Cost, medians, run_once
from benchmarks.harness.report import Machine, describe, machine
from monitor.archive.store import Archive
from monitor.archive.types import Part
from monitor.commands.query import questions

ROWS, DAYS = 100_000_000, 365
GOAL_SECONDS, GOAL_BYTES = 10.0, 4 * 2**30


class Line(msgspec.Struct, frozen=True):
    """A question: the medians of its runs, and each of them."""

    question: str
    cost: Cost
    runs: list[Cost]


class Report(msgspec.Struct, frozen=True):
    """All questions, and over what. ``made_seconds`` is how long it took to make it, unless it was kept."""

    rows: int
    days: int
    files: int
    archive_bytes: int
    made_seconds: float | None
    machine: Machine
    lines: list[Line]


def main(arguments: Sequence[str] | None = None) -> int:
    """Make an archive, ask it everything, print the table; status 1 where a question misses its goal."""
    options = _parse(arguments)
    folder = options.folder / "archive-benchmark"
    try:
        started = time.perf_counter()
        files, size, is_new = _make(folder, options.rows, options.days)
        made_seconds = time.perf_counter() - started if is_new else None
        measured_on = machine()
        lines = [_measured(name, folder, options.repeat) for name in options.question]
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    report = Report(options.rows, options.days, files, size, made_seconds, measured_on, lines)
    print(table(report))
    if options.json:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    return int(any(_misses(line.cost) for line in lines))


def table(report: Report) -> str:
    """Return the report as Markdown."""
    repeat = max(len(line.runs) for line in report.lines)
    about = f"{report.files:,} files, {report.archive_bytes / 1e9:.2f} GB"
    if report.made_seconds is not None:
        about += f", made in {report.made_seconds:,.0f} s"
    head = [
        f"{report.rows:,} connections of {report.days:,} days in {about}; medians of {repeat}.",
        describe(report.machine),
        "",
        "| question | wall s | CPU s | peak MB | |",
        "|---|--:|--:|--:|---|",
    ]
    rows = []
    for line in report.lines:
        cost = line.cost
        figures = f"{cost.wall_seconds:.2f} | {cost.cpu_seconds:.2f} | {cost.peak_bytes / 1e6:,.0f}"
        rows.append(f"| {line.question} | {figures} | {'misses its goal' if _misses(cost) else ''} |")
    slowest = max(report.lines, key=lambda each: each.cost.wall_seconds)
    middle = statistics.median(line.cost.wall_seconds for line in report.lines)
    last = f"Slowest: {slowest.question}, {slowest.cost.wall_seconds:.2f} s; median {middle:.2f} s."
    return "\n".join([*head, *rows, "", last])


def _misses(cost: Cost) -> bool:
    return cost.wall_seconds > GOAL_SECONDS or cost.peak_bytes > GOAL_BYTES


def _measured(name: str, folder: Path, repeat: int) -> Line:
    command = [sys.executable, "-m", "monitor", "query", name, "--archive", str(folder), "--format", "json"]
    runs = [run_once(command) for _ in range(repeat)]
    return Line(name, medians(runs), runs)


def _make(folder: Path, rows: int, days: int) -> tuple[int, int, bool]:
    """Write an archive, a process a core, unless it was kept; return files, bytes, whether it is new."""
    with Archive(folder) as archive:
        is_new = sum(part.rows for part in archive.parts.values()) != _rows(rows, days)
        if is_new:
            archive.replace(list(archive.parts.values()), _written(folder, rows, days))
            archive.commit()
        return len(archive.parts), sum(part.bytes for part in archive.parts.values()), is_new


def _rows(rows: int, days: int) -> int:
    """Return how many rows there are where about so many are asked for."""
    return sum(piece.rows for piece in archive_rows.pieces(rows, days))


def _written(folder: Path, rows: int, days: int) -> Iterator[Part]:
    with multiprocessing.get_context("spawn").Pool() as pool:
        yield from pool.imap_unordered(partial(archive_rows.write, folder), archive_rows.pieces(rows, days))


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure every ready question over an archive.")
    parser.add_argument("--rows", type=int, default=ROWS, metavar="N", help=f"connections ({ROWS})")
    parser.add_argument("--days", type=int, default=DAYS, metavar="N", help=f"that they are of ({DAYS})")
    parser.add_argument("--question", action="append", help="only this one (repeatable)")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each question; medians count")
    parser.add_argument(
        "--folder", type=Path, default=Path("build"), help="where the archive is made (build)"
    )
    parser.add_argument("--keep", action="store_true", help="leave the archive there, for the next time")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write all figures there")
    options = parser.parse_args(arguments)
    if min(options.rows, options.days, options.repeat) < 1:
        parser.error("--rows, --days and --repeat must be positive")
    asked = set(options.question or questions())
    if asked - set(questions()):
        parser.error(f"no such question; they are {', '.join(questions())}")
    options.question = sorted(asked)
    options.folder.mkdir(parents=True, exist_ok=True)
    return options

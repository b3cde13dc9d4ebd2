"""The result of a benchmark: a value for ``--json``, and a Markdown table for people."""

import os
import platform
from pathlib import Path

import msgspec

from benchmarks.harness.measure import Cost
from benchmarks.harness.names import Found, Truth

_MEGABYTE = 1_000_000


class Line(msgspec.Struct):
    """A program's result: what it cost and named, or why there is nothing to say."""

    title: str
    runs: list[Cost]
    cost: Cost | None = None
    names: Found | None = None
    error: str | None = None


class Report(msgspec.Struct, frozen=True):
    """All lines, and on what they were measured. ``packets`` is null without a truth file."""

    file: str
    file_bytes: int
    packets: int | None
    floor_bytes: int  # smaller peaks cannot be told from it
    lines: list[Line]
    python: str
    machine: str
    cpus: int


def report(path: Path, truth: Truth | None, lines: list[Line], floor_bytes: int) -> Report:
    """Return the report on a capture, with what is to be said of this machine."""
    return Report(
        file=path.name,
        file_bytes=path.stat().st_size,
        packets=truth.packets if truth else None,
        floor_bytes=floor_bytes,
        lines=lines,
        python=platform.python_version(),
        machine=f"{platform.system()} {platform.machine()}",
        cpus=os.cpu_count() or 0,
    )


def table(result: Report, baseline: str) -> str:
    """Return the report as Markdown. ``baseline`` is the title of the line that is 1.00."""
    costs = {line.title: line.cost for line in result.lines}
    base = costs.get(baseline)
    packets = f"{result.packets:,} packets" if result.packets else "packets not known: no truth file"
    repeat = max((len(line.runs) for line in result.lines), default=0)
    machine = f"Python {result.python}, {result.machine}, {result.cpus} cores"
    head = [
        f"{result.file}: {packets}, {result.file_bytes / 1e9:.2f} GB; medians of {repeat}; {machine}",
        "",
        f"| | wall s | CPU s | packets/s | of the {baseline}'s time | peak MB | names found |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    return "\n".join(head + [_row(line, result, base) for line in result.lines])


def _row(line: Line, result: Report, base: Cost | None) -> str:
    cost = line.cost
    if cost is None:
        return f"| {line.title} | failed | | | | | {_cell(line.error or 'not run')} |"
    rate = f"{result.packets / cost.wall_seconds:,.0f}" if result.packets else "?"
    ratio = f"{cost.wall_seconds / base.wall_seconds:.2f}" if base else "?"
    at_most = "at most " if cost.peak_bytes <= result.floor_bytes else ""
    peak = f"{at_most}{cost.peak_bytes / _MEGABYTE:,.0f}"
    figures = f"{cost.wall_seconds:.2f} | {cost.cpu_seconds:.2f} | {rate} | {ratio} | {peak}"
    return f"| {line.title} | {figures} | {_names(line)} |"


def _names(line: Line) -> str:
    if line.error:
        return f"failed: {_cell(line.error)}"
    if line.names is None:
        return ""
    invented = f", {line.names.invented:,} invented" if line.names.invented else ""
    return f"{line.names.right:,} of {line.names.there:,}{invented}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")

"""The result of a benchmark: a value for ``--json``, and a Markdown table for people."""

import os
import platform
import time
from pathlib import Path

import msgspec

from benchmarks.harness.measure import Cost
from benchmarks.harness.names import Found, Truth

_MEGABYTE = 1_000_000


class Line(msgspec.Struct):
    """A program's result: what it cost and named, or why there is nothing to say.

    ``of_floor`` and ``of_fair`` are wall time in multiples of the floor's, and of nDPI's in its fair setting.
    """

    title: str
    runs: list[Cost]
    cost: Cost | None = None
    names: Found | None = None
    error: str | None = None
    missing: str | None = None
    of_floor: float | None = None
    of_fair: float | None = None


class Machine(msgspec.Struct, frozen=True):
    """On what was measured, and when. ``load`` is the average of the minute before."""

    system: str
    processor: str
    cpus: int
    python: str
    date: str
    load: float


class Report(msgspec.Struct, frozen=True):
    """All lines, and on what they were measured. ``packets`` is null without a truth file."""

    file: str
    file_bytes: int
    packets: int | None
    own_bytes: int  # smaller peaks cannot be told from it
    machine: Machine
    lines: list[Line]

    def compared(self, floor: str, fair: str) -> "Report":
        """Fill in the ratios to the lines that have these titles; return this report."""
        seconds = {line.title: line.cost.wall_seconds for line in self.lines if line.cost}
        for line in self.lines:
            if line.cost:
                line.of_floor = _ratio(line.cost.wall_seconds, seconds.get(floor))
                line.of_fair = _ratio(line.cost.wall_seconds, seconds.get(fair))
        return self


def machine() -> Machine:
    """Return what is to be said of this machine."""
    return Machine(
        system=f"{platform.system()} {platform.machine()}",
        processor=_processor(),
        cpus=os.cpu_count() or 0,
        python=platform.python_version(),
        date=time.strftime("%Y-%m-%d", time.gmtime()),
        load=round(os.getloadavg()[0], 2),
    )


def report(
    path: Path, truth: Truth | None, lines: list[Line], measured_on: Machine, own_bytes: int
) -> Report:
    """Return the report on a capture."""
    packets = truth.packets if truth else None
    return Report(path.name, path.stat().st_size, packets, own_bytes, measured_on, lines)


def table(result: Report) -> str:
    """Return the report as Markdown."""
    packets = f"{result.packets:,} packets" if result.packets else "packets not known: no truth file"
    repeat = max((len(line.runs) for line in result.lines), default=0)
    head = [
        f"{result.file}: {packets}, {result.file_bytes / 1e9:.2f} GB; medians of {repeat}.",
        describe(result.machine),
        "",
        "| | wall s | CPU s | packets/s | of the floor | of nDPI | peak MB | names found |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    return "\n".join(head + [_row(line, result, repeat) for line in result.lines])


def describe(measured_on: Machine) -> str:
    """Return the machine as a line of text."""
    about = f"{measured_on.processor}, {measured_on.cpus} cores, {measured_on.system}"
    return f"{about}, Python {measured_on.python}, {measured_on.date}, load before {measured_on.load:.2f}."


def _row(line: Line, result: Report, repeat: int) -> str:
    cost = line.cost
    if cost is None:
        verdict, reason = ("not here", line.missing) if line.missing else ("failed", line.error or "not run")
        return f"| {line.title} | {verdict} | | | | | | {_cell(reason)} |"
    rate = f"{result.packets / cost.wall_seconds:,.0f}" if result.packets else "?"
    ratios = " | ".join("?" if ratio is None else f"{ratio:.2f}" for ratio in (line.of_floor, line.of_fair))
    at_most = "at most " if cost.peak_bytes <= result.own_bytes else ""
    peak = f"{at_most}{cost.peak_bytes / _MEGABYTE:,.0f}"
    runs = f" (runs: {len(line.runs)})" if len(line.runs) != repeat else ""
    figures = f"{cost.wall_seconds:.2f} | {cost.cpu_seconds:.2f} | {rate} | {ratios} | {peak}"
    return f"| {line.title}{runs} | {figures} | {_names(line)} |"


def _names(line: Line) -> str:
    if line.error:
        return f"failed: {_cell(line.error)}"
    if line.names is None:
        return ""
    invented = f", {line.names.invented:,} invented" if line.names.invented else ""
    return f"{line.names.right:,} of {line.names.there:,}{invented}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _ratio(seconds: float, base: float | None) -> float | None:
    return seconds / base if base else None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, platform.processor() or "unknown processor")

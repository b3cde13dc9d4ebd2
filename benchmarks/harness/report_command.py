"""Seconds and memory that a report takes, in parts and as a whole, each program in a process of its own."""

import argparse
import importlib.util
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from benchmarks.harness.measure import ChildFailedError, Cost, medians, run_once
from benchmarks.harness.report import Machine, describe, machine
from benchmarks.harness.report_folder import make_folder
from monitor.counts import FlowCount
from monitor.exitstatus import Exit

CONNECTIONS = 1_000_000
SCRIPT = Path(__file__).resolve().parents[1] / "make_report.py"
TITLES = {
    "floor": "floor: read the lines, see that each is JSON",
    "facts": "facts",
    "page": "facts and page",
    "command": "residency report",  # with all that it imports, and its file
}
PAGE = "report.html"


class _Said(msgspec.Struct, frozen=True):
    """What is looked at of the facts that the command prints."""

    related: FlowCount


class Line(msgspec.Struct, frozen=True):
    """A measurement: the medians of all runs, and each run's; wall time in multiples of the floor's."""

    title: str
    cost: Cost
    of_floor: float
    connections_per_second: float
    runs: list[Cost]


class Report(msgspec.Struct, frozen=True):
    """All lines, and on what they were measured. ``page_bytes`` is null where there is no page."""

    connections: int
    decisions_bytes: int
    page_bytes: int | None
    machine: Machine
    lines: list[Line]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table. Returns 1 where a program failed."""
    options = _parse(arguments)
    measured_on = machine()
    try:
        with tempfile.TemporaryDirectory(dir=options.folder) as made:
            size = _made(Path(made), options.connections)
            runs = {name: _runs(name, Path(made), options) for name in _programs()}
            page = Path(made) / PAGE
            page_bytes = page.stat().st_size if page.is_file() else None
    except ChildFailedError as error:
        print(error)
        return 1
    report = Report(options.connections, size, page_bytes, measured_on, _lines(runs, options.connections))
    print(table(report, options.repeat))
    if options.json:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    return 0


def table(report: Report, repeat: int) -> str:
    """Return the report as Markdown."""
    size = f"{report.decisions_bytes / report.connections:,.0f} bytes"
    page = f"; a page of {report.page_bytes:,} bytes" if report.page_bytes is not None else ""
    head = [
        f"{report.connections:,} connections, {size} each{page}; medians of {repeat}.",
        describe(report.machine),
        "",
        "| | seconds | CPU seconds | connections/s | peak MB | of the floor |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    return "\n".join(head + [_row(line) for line in report.lines])


def _row(line: Line) -> str:
    cost = line.cost
    speed = f"{cost.wall_seconds:.2f} | {cost.cpu_seconds:.2f} | {line.connections_per_second:,.0f}"
    return f"| {line.title} | {speed} | {cost.peak_bytes / 1e6:,.0f} | {line.of_floor:.1f} |"


def _programs() -> list[str]:
    """Return what is measured: the page, and the command that writes it, where it is there."""
    has_page = importlib.util.find_spec("monitor.report.page") is not None
    return ["floor", "facts", *(["page", "command"] if has_page else [])]


def _made(folder: Path, connections: int) -> int:
    """Make the folder in a process of its own: what it holds would count as its children's memory."""
    code = f"from pathlib import Path; {make_folder.__name__}(Path({str(folder)!r}), {connections})"
    module = make_folder.__module__
    run_once((sys.executable, "-c", f"from {module} import {make_folder.__name__}; {code}"))
    return (folder / "decisions.jsonl").stat().st_size


def _runs(name: str, folder: Path, options: argparse.Namespace) -> list[Cost]:
    """Run a program. Raises ChildFailedError, also where it read less than all."""
    out = folder / "out.txt"
    runs = []
    for _ in range(options.repeat):
        if name == "command":
            words = (sys.executable, "-m", "monitor", "report", str(folder), "--out", str(folder), "--json")
            runs.append(run_once(words, (Exit.VIOLATIONS,), output=out))
            read = msgspec.json.decode(out.read_bytes(), type=_Said).related.flows
        else:
            runs.append(run_once((sys.executable, str(SCRIPT), name, str(folder)), output=out))
            read = int(out.read_text())
        if read != options.connections:
            raise ChildFailedError(f"{name}: it read {read} connections")
    return runs


def _lines(runs: dict[str, list[Cost]], connections: int) -> list[Line]:
    floor = statistics.median(run.wall_seconds for run in runs["floor"])
    lines = []
    for name, found in runs.items():
        cost = medians(found)
        seconds = cost.wall_seconds
        lines.append(Line(TITLES[name], cost, seconds / floor, connections / seconds, found))
    return lines


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure reports.")
    parser.add_argument(
        "--connections", type=int, default=CONNECTIONS, metavar="N", help=f"recorded ({CONNECTIONS})"
    )
    parser.add_argument("--repeat", type=int, default=3, help="runs of each; medians count")
    parser.add_argument("--folder", type=Path, default=Path(), help="where there is room for them (here)")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write all figures there")
    options = parser.parse_args(arguments)
    if not options.folder.is_dir():
        parser.error(f"{options.folder}: no such folder")
    if min(options.connections, options.repeat) < 1:
        parser.error("--connections and --repeat must be positive")
    return options

"""Names a second, in this process: by kept answers, and without them."""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from benchmarks.harness.measure import own_peak_bytes
from benchmarks.harness.report import Machine, describe, machine
from benchmarks.traffic.hosts import load_hosts
from monitor.catalog import Catalog
from monitor.commands.terminal import json_line
from monitor.explain import KEPT, Circumstances, Explainer
from monitor.load import load_catalog
from monitor.namelist import Finder

NAMES = 10_000  # of the mixed list; fewer than answers are kept
_STAR = "our-prod-42"  # what a customer may have put in a pattern's star


class Line(msgspec.Struct, frozen=True):
    """A measurement: names a second of wall and of CPU time, the medians of all runs, and each run's."""

    title: str
    names_per_second: float
    names_per_cpu_second: float
    runs: list[tuple[float, float]]


class Report(msgspec.Struct, frozen=True):
    """All lines, and on what they were measured."""

    names: int
    endpoints: int
    kept_answers: int
    peak_bytes: int
    machine: Machine
    lines: list[Line]


class Lists(msgspec.Struct, frozen=True):
    """Distinct names: hosts of the catalogue, hosts that only its patterns fit, ordinary hosts, and all."""

    hosts: list[str]
    patterns: list[str]
    ordinary: list[str]
    mixed: list[str]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table."""
    options = _parse(arguments)
    measured_on = machine()
    catalog = load_catalog()
    lines = [
        _measured(title, options.repeat, prepare)
        for title, prepare in _programs(catalog, name_lists(catalog, options.names))
    ]
    report = Report(options.names, len(catalog.endpoints), KEPT, own_peak_bytes(), measured_on, lines)
    print(table(report, options.repeat))
    if options.json:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    return 0


def name_lists(catalog: Catalog, count: int) -> Lists:
    """Return the lists, which are the same for the same catalogue; the mixed one is a third of each."""
    third = max(count // 3, 1)
    matches = [each.match for each in catalog.endpoints if not each.is_range]
    hosts = list(dict.fromkeys(match for match in matches if "*" not in match))[:third]
    wild = list(dict.fromkeys(match for match in matches if "*" in match))
    patterns = [wild[at % len(wild)].replace("*", f"{_STAR}-{at}") for at in range(third)]
    domains = [host.name for host in load_hosts() if not host.llm]
    ordinary = [f"h{at}.{domains[at % len(domains)]}" for at in range(count - len(hosts) - len(patterns))]
    mixed = [name for each in zip(ordinary, patterns, strict=False) for name in each]
    mixed += [*ordinary[len(patterns) :], *hosts]
    return Lists(hosts, patterns, ordinary, mixed)


def table(report: Report, repeat: int) -> str:
    """Return the report as Markdown."""
    catalogue = f"{report.names:,} distinct names, {report.endpoints:,} endpoints"
    memory = f"at most {report.kept_answers:,} answers kept, peak {report.peak_bytes / 1e6:,.0f} MB"
    head = [
        f"{catalogue}, {memory}; medians of {repeat}.",
        describe(report.machine),
        "",
        "| | names/s | names/CPU s |",
        "|---|--:|--:|",
    ]
    return "\n".join(head + [_row(line) for line in report.lines])


def _row(line: Line) -> str:
    return f"| {line.title} | {line.names_per_second:,.0f} | {line.names_per_cpu_second:,.0f} |"


Work = Callable[[], object]


def _programs(catalog: Catalog, lists: Lists) -> list[tuple[str, Callable[[], tuple[Work, int]]]]:
    """What is measured: each gives anew the work to time, and of how many names it is."""
    at_once = Circumstances()

    def cold(names: Sequence[str]) -> tuple[Work, int]:
        explain = Explainer(catalog).explain
        return lambda: [explain(name, at_once) for name in names], len(names)

    def warm(form: Callable[[object], object] | None = None) -> tuple[Work, int]:
        explain = Explainer(catalog).explain
        for name in lists.mixed:
            explain(name, at_once)
        if form is None:
            return lambda: [explain(name, at_once) for name in lists.mixed], len(lists.mixed)
        return lambda: [form(explain(name, at_once)) for name in lists.mixed], len(lists.mixed)

    def coverage() -> tuple[Work, int]:
        find = Finder(catalog).find
        return lambda: [find(name) for name in lists.mixed], len(lists.mixed)

    return [
        ("explain, warm", warm),
        ("explain, warm, to JSON lines", lambda: warm(json_line)),
        ("explain, cold", lambda: cold(lists.mixed)),
        ("explain, cold: hosts of the catalogue", lambda: cold(lists.hosts)),
        ("explain, cold: hosts by patterns", lambda: cold(lists.patterns)),
        ("explain, cold: ordinary hosts", lambda: cold(lists.ordinary)),
        ("catalog coverage, which keeps nothing", coverage),
    ]


def _measured(title: str, repeat: int, prepare: Callable[[], tuple[Work, int]]) -> Line:
    runs: list[tuple[float, float]] = []
    for _ in range(repeat):
        work, names = prepare()
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        runs.append((names / (time.perf_counter() - wall), names / (time.process_time() - cpu)))
    walls, cpus = zip(*runs, strict=True)
    return Line(title, statistics.median(walls), statistics.median(cpus), runs)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure explain, with kept answers and without.")
    parser.add_argument("--names", type=int, default=NAMES, metavar="N", help=f"of the mixed list ({NAMES})")
    parser.add_argument("--repeat", type=int, default=7, help="runs of each; medians count")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write all figures there")
    options = parser.parse_args(arguments)
    if not 3 <= options.names <= KEPT:
        parser.error(f"--names must be from 3 to {KEPT}, the answers that are kept")
    if options.repeat < 1:
        parser.error("--repeat must be positive")
    return options

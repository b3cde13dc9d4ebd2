"""Events a second that `monitor.outbox` commits, beside the same rows in a bare table."""

import argparse
import functools
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import msgspec

from benchmarks.harness.report import Machine, describe, machine
from monitor.events.types import Basis, FindingEvent
from monitor.findings.types import Change, Finding, Sample, What
from monitor.outbox.rows import event_row
from monitor.outbox.schema import CACHE_KIB, PAGE_BYTES
from monitor.outbox.store import Outbox
from monitor.types import Evidence, Subject
from sensors.observations import FlowKey

EVENTS = 20_000
BATCHES = (500, 1_000)
GROUPS = 2_000  # findings that these are about: each changes again and again
_NOW_NS = 1_773_133_200_000_000_000
_BARE = "CREATE TABLE bare (seq INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT, body BLOB)"


class Line(msgspec.Struct, frozen=True):
    """A measurement: events a second of wall and of CPU time, the medians of all runs, and each run's."""

    title: str
    batch: int
    events_per_second: float
    events_per_cpu_second: float
    runs: list[tuple[float, float]]


class Report(msgspec.Struct, frozen=True):
    """All lines, and on what they were measured."""

    events: int
    event_bytes: int
    findings: int
    machine: Machine
    lines: list[Line]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table."""
    options = _parse(arguments)
    measured_on = machine()
    made = made_events(options.events)
    lines = [
        _measured(title, batch, options, functools.partial(run, made=made, batch=batch))
        for batch in BATCHES
        for title, run in (("outbox", into_outbox), ("bare table (floor)", into_bare_table))
    ]
    size = sum(len(event_row(each)[-1]) for each in made) // len(made)
    report = Report(options.events, size, min(GROUPS, options.events), measured_on, lines)
    print(table(report, options.repeat))
    if options.json:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    return 0


def made_events(count: int) -> list[FindingEvent]:
    """Return events about findings as violations make them."""
    basis = Basis("residency", "edge", "eu-crm@0123456789ab", "catalogue", ("aws 2026-03-01",), ("A limit.",))
    made = []
    for number in range(count):
        group, revision = number % GROUPS, number // GROUPS + 1
        what: What = "opened" if revision == 1 else "updated"
        change = Change(what, _NOW_NS + number, "A connection outside policy.", _finding(group, revision))
        made.append(FindingEvent(change.key, change.at_ns, change, basis))
    return made


def into_outbox(folder: Path, made: Sequence[FindingEvent], batch: int) -> None:
    """Commit events with their findings and the ledger's position, as the daemon does."""
    outbox = Outbox(folder, len(made) + 100, "edge", _NOW_NS)
    for start, some in _batches(made, batch):
        outbox.commit([each.change.finding for each in some], some, {"acme": start + len(some)})
    outbox.close()


def into_bare_table(folder: Path, made: Sequence[FindingEvent], batch: int) -> None:
    """Write the same events into a table without an index beside its key, as durable."""
    connection = sqlite3.connect(folder / "bare.db", isolation_level=None)
    with closing(connection):
        for pragma in (f"page_size={PAGE_BYTES}", f"cache_size=-{CACHE_KIB}", "journal_mode=DELETE"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute(_BARE)
        for _, some in _batches(made, batch):
            rows = [(row[0], row[-1]) for row in map(event_row, some)]
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT INTO bare (key, body) VALUES (?, ?)", rows)
            connection.execute("COMMIT")


def table(report: Report, repeat: int) -> str:
    """Return the report as Markdown."""
    what = f"{report.events:,} events of {report.event_bytes:,} bytes about {report.findings:,} findings"
    head = [
        f"{what}; medians of {repeat}.",
        describe(report.machine),
        "",
        "| | a commit | events/s | events/CPU s |",
        "|---|--:|--:|--:|",
    ]
    return "\n".join(head + [_row(line) for line in report.lines])


def _row(line: Line) -> str:
    speeds = f"{line.events_per_second:,.0f} | {line.events_per_cpu_second:,.0f}"
    return f"| {line.title} | {line.batch:,} | {speeds} |"


def _batches(made: Sequence[FindingEvent], batch: int) -> Iterator[tuple[int, Sequence[FindingEvent]]]:
    return ((start, made[start : start + batch]) for start in range(0, len(made), batch))


def _finding(group: int, revision: int) -> Finding:
    name = "bedrock-runtime.us-east-1.amazonaws.com"
    flow = FlowKey(f"10.20.{group // 250}.{group % 250}", 50_000, "203.0.113.7", 443, "tcp")
    evidence = Evidence("name", name, f"{name} is named by the provider as of us-east-1.", "catalogue")
    reasons = ("The rule allows processing in the EU alone.", "The name is regional.")
    return Finding(
        f"RF-{group:012x}",
        "violation",
        Subject("acme", f"group-{group}", "personal"),
        "RES-010",
        "high",
        f"group-{group} reached Amazon Bedrock in us-east-1, outside RES-010",
        *(_NOW_NS,) * 4,
        provider="aws",
        service="Amazon Bedrock",
        scope="region",
        region="us-east-1",
        countries=("US",),
        certainty="observed",
        revision=revision,
        count=revision,
        bytes_up=12_000 * revision,
        bytes_down=90_000 * revision,
        clients=(flow.client,),
        client_count=1,
        sample=Sample(_NOW_NS, flow, name, (evidence,), (), reasons),
        remediation="Point the integration at an endpoint of eu-central-1.",
        references=("GDPR Art. 44",),
    )


def _measured(title: str, batch: int, options: argparse.Namespace, run: Callable[[Path], None]) -> Line:
    runs: list[tuple[float, float]] = []
    for _ in range(options.repeat):
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            wall, cpu = time.perf_counter(), time.process_time()
            run(Path(folder))
            took = time.perf_counter() - wall, time.process_time() - cpu
        runs.append((options.events / took[0], options.events / took[1]))
    walls, cpus = zip(*runs, strict=True)
    return Line(title, batch, statistics.median(walls), statistics.median(cpus), runs)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure how many events a second become durable.")
    parser.add_argument("--events", type=int, default=EVENTS, metavar="N", help=f"of each run ({EVENTS})")
    parser.add_argument("--repeat", type=int, default=5, help="runs of each; medians count")
    parser.add_argument("--folder", type=Path, help="on the disk to measure; the system's temporary one")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write all figures there")
    options = parser.parse_args(arguments)
    if options.events < 1 or options.repeat < 1:
        parser.error("--events and --repeat must be positive")
    return options

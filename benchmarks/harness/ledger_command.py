"""Entries a second: appended durably, and verified; each beside what no program could do without."""

import argparse
import hashlib
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path

import msgspec

from benchmarks.harness.ledger_records import START_NS, records
from benchmarks.harness.measure import own_peak_bytes
from benchmarks.harness.report import Machine, describe, machine
from monitor.ledger.types import Record
from monitor.ledger.verify import verify_ledger
from monitor.ledger.writer import LedgerWriter
from monitor.merkle.note import Signer

ENTRIES = 100_000
BATCH = 1_000
_PIECE_BYTES = 1_048_576
_TENANT = "acme"
_SIGNER = Signer.generate("residency/edge-1/acme", bytes(range(32)))

APPEND, APPEND_FLOOR = "append, one fsync a batch", "floor: the same bytes to one file, one fsync a batch"
VERIFY, VERIFY_FLOOR = "verify", "floor: SHA-256 of the same files"


class Line(msgspec.Struct, frozen=True):
    """A measurement: entries a second of wall and of CPU time, the medians of all runs, and each run's."""

    title: str
    entries_per_second: float
    entries_per_cpu_second: float
    runs: list[tuple[float, float]]


class Report(msgspec.Struct, frozen=True):
    """All lines, and on what they were measured. ``payload_bytes`` is the mean, ``ledger_bytes`` the whole."""

    entries: int
    batch: int
    payload_bytes: float
    ledger_bytes: int
    peak_bytes: int
    machine: Machine
    lines: list[Line]


Work = Callable[[], object]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table. Returns 1 where the ledger that was written does not verify."""
    options = _parse(arguments)
    measured_on = machine()
    runs: dict[str, list[tuple[float, float]]] = {
        title: [] for title in (APPEND, APPEND_FLOOR, VERIFY, VERIFY_FLOOR)
    }
    payload_bytes = sum(len(record.payload) for record in records(options.entries)) / options.entries
    ledger_bytes = 0
    for _ in range(options.repeat):
        with tempfile.TemporaryDirectory(dir=options.folder) as made:
            folder = Path(made)
            runs[APPEND].append(_append(folder / "ledger", options.entries, options.batch))
            files = [path for path in sorted((folder / "ledger").rglob("*")) if path.is_file()]
            ledger_bytes = sum(path.stat().st_size for path in files)
            data = os.urandom(ledger_bytes * options.batch // options.entries)
            batches = -(-options.entries // options.batch)
            runs[APPEND_FLOOR].append(
                _timed(options.entries, lambda: _write(folder / "floor", data, batches))
            )
            (folder / "floor").unlink()
            runs[VERIFY_FLOOR].append(_timed(options.entries, lambda: [_digest(path) for path in files]))
            runs[VERIFY].append(_timed(options.entries, lambda: _verify(folder / "ledger", options.entries)))
    lines = [_line(title, found) for title, found in runs.items()]
    report = Report(
        options.entries, options.batch, payload_bytes, ledger_bytes, own_peak_bytes(), measured_on, lines
    )
    print(table(report))
    if options.json:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    return 0


def table(report: Report) -> str:
    """Return the report as Markdown."""
    per_second = {line.title: line.entries_per_second for line in report.lines}
    floors = {APPEND: APPEND_FLOOR, VERIFY: VERIFY_FLOOR}
    size = f"{report.payload_bytes:,.0f} bytes of payload each, {report.ledger_bytes / 1e6:,.0f} MB in all"
    head = [
        f"{report.entries:,} decisions in batches of {report.batch:,}, {size}; peak "
        f"{report.peak_bytes / 1e6:,.0f} MB; medians of {max(len(line.runs) for line in report.lines)}.",
        describe(report.machine),
        "",
        "| | entries/s | entries/CPU s | of the floor |",
        "|---|--:|--:|--:|",
    ]
    rows = []
    for line in report.lines:
        floor = per_second[floors.get(line.title, line.title)] / line.entries_per_second
        figures = f"{line.entries_per_second:,.0f} | {line.entries_per_cpu_second:,.0f} | {floor:.2f}"
        rows.append(f"| {line.title} | {figures} |")
    return "\n".join(head + rows)


def _append(folder: Path, entries: int, batch: int) -> tuple[float, float]:
    """Append in batches, and close; making the records is off the clock."""
    waiting = records(entries)
    ledger = LedgerWriter(folder, _SIGNER, _TENANT, START_NS)
    wall = cpu = 0.0
    while made := list(islice(waiting, batch)):
        took = _clocked(lambda made=made: ledger.append(made))  # type: ignore[misc]
        wall, cpu = wall + took[0], cpu + took[1]
    took = _clocked(ledger.close)
    return entries / (wall + took[0]), entries / (cpu + took[1])


def _write(path: Path, data: bytes, batches: int) -> None:
    """Write the same number of bytes as the ledger has, with one fsync for each batch."""
    with path.open("wb", buffering=0) as file:
        for _ in range(batches):
            file.write(data)
            os.fsync(file.fileno())


def _digest(path: Path) -> bytes:
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
    return digest.digest()


def _verify(folder: Path, entries: int) -> None:
    """Verify. Raises SystemExit where anything is wrong: a figure for that would mean nothing."""
    found = verify_ledger(folder)
    if found.faults or found.entries != entries:
        raise SystemExit(f"the ledger does not verify: {found}")


def _timed(entries: int, work: Work) -> tuple[float, float]:
    wall, cpu = _clocked(work)
    return entries / wall, entries / cpu


def _clocked(work: Work) -> tuple[float, float]:
    """Return how many seconds of wall and of CPU time it took."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, max(time.process_time() - cpu, 1e-9)


def _line(title: str, runs: list[tuple[float, float]]) -> Line:
    walls, cpus = zip(*runs, strict=True)
    return Line(title, statistics.median(walls), statistics.median(cpus), runs)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure the ledger: append and verify.")
    parser.add_argument("--entries", type=int, default=ENTRIES, metavar="N", help=f"decisions ({ENTRIES})")
    parser.add_argument("--batch", type=int, default=BATCH, metavar="N", help=f"in a batch ({BATCH})")
    parser.add_argument("--repeat", type=int, default=5, help="runs of each; medians count")
    parser.add_argument("--folder", type=Path, default=Path(), help="on the disk to measure (here)")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write all figures there")
    options = parser.parse_args(arguments)
    if not options.folder.is_dir():
        parser.error(f"{options.folder}: no such folder")
    if min(options.entries, options.batch, options.repeat) < 1:
        parser.error("--entries, --batch and --repeat must be positive")
    return options

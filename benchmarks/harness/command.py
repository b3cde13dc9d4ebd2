"""The command: which programs are measured, in which order, and what becomes of the results."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import msgspec

from benchmarks.harness.measure import own_peak_bytes, run_once
from benchmarks.harness.names import read_truth
from benchmarks.harness.ours import FLOOR, our_programs, our_slow_programs
from benchmarks.harness.peers import FAIR, NFSTREAM_PYTHON, peers, slow_peers
from benchmarks.harness.program import Program, Rounds, look_at_names, measure
from benchmarks.harness.report import machine, report, table


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table. Returns 1 where a program failed, 2 where the capture is missing."""
    options = _parse(arguments)
    measured_on = machine()
    chosen = programs(options)
    run_once(("cat", str(options.file)))  # off the clock: fills the page cache
    lines = measure(chosen, Rounds(options.repeat, options.slow_repeat if options.slow else 0))
    own_bytes = own_peak_bytes()
    truth_path = options.truth or options.file.with_name(options.file.name + ".truth.jsonl")
    # Only now: what this process holds would count as its children's memory.
    truth = read_truth(truth_path) if truth_path.is_file() else None
    if truth:
        for program, line in zip(chosen, lines, strict=True):
            look_at_names(program, line, truth)
    result = report(options.file, truth, lines, measured_on, own_bytes).compared(FLOOR, FAIR)
    print(table(result))
    if options.json:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n")
    return int(any(line.error for line in lines))


def programs(options: argparse.Namespace) -> list[Program]:
    """Return what is measured, in the order of the table."""
    chosen = [*our_programs(options.file, options.threads), *peers(options.file)]
    if options.slow:
        chosen += slow_peers(options.file, options.nfstream)
        chosen += our_slow_programs(options.file)
    return chosen


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure the product beside its yardsticks.")
    parser.add_argument("file", type=Path, help="a pcap, best one of make_traffic.py")
    parser.add_argument("--truth", type=Path, help="its truth file; FILE.truth.jsonl, if not named")
    parser.add_argument("--repeat", type=int, default=5, help="runs of each program; medians count")
    parser.add_argument("--threads", type=int, default=1, help="measure the replay with so many as well")
    parser.add_argument("--slow", action="store_true", help="measure what takes minutes as well")
    parser.add_argument("--slow-repeat", type=int, default=1, metavar="N", help="runs of each of those")
    parser.add_argument(
        "--nfstream", type=Path, default=NFSTREAM_PYTHON, metavar="PYTHON", help="that has it"
    )
    parser.add_argument("--json", type=Path, metavar="OUT", help="write all figures there")
    options = parser.parse_args(arguments)
    if not options.file.is_file():
        parser.error(f"{options.file}: no such file; make one with: python benchmarks/make_traffic.py")
    if min(options.repeat, options.slow_repeat, options.threads) < 1:
        parser.error("--repeat, --slow-repeat and --threads must be positive")
    return options

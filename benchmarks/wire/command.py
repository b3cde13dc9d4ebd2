"""The command of ``live.py``: who watches, at which rates, and how soon verdicts come."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from benchmarks.harness.measure import ChildFailedError
from benchmarks.harness.report import machine
from benchmarks.wire import cable, latency, sending
from benchmarks.wire.contenders import Contender, contenders
from benchmarks.wire.report import Line, Report, tables
from benchmarks.wire.search import Plan, Result, Try, search
from benchmarks.wire.trial import Load, Trial, attempt

OURS, YARDSTICK = 0, 2  # among the contenders
RTT_SECONDS = 0.01


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the tables. Returns 1 where a sum does not close or a program failed, 2 for usage."""
    options = _parse(arguments)
    problem = cable.missing() or sending.missing()
    if problem:
        sys.stderr.write(f"live: {problem}\n")
        return 2
    plan = Plan(options.search_seconds, options.seconds, options.beyond_seconds, options.steps)
    measured_on = machine()
    chosen = [each for each in contenders() if not options.only or options.only in each.title]
    with cable.cable() as wire:
        lines = [_measured(wire, each, options, plan) for each in chosen]
        latencies = _latencies(wire, lines, options) if options.background else {}
    report = Report(options.file.name, plan, measured_on, lines, latencies)
    print("\n".join(tables(report, contenders()[YARDSTICK].title)))
    if options.json:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    return int(report.failed)


def _measured(wire: cable.Cable, contender: Contender, options: argparse.Namespace, plan: Plan) -> Line:
    if contender.missing:
        return Line(contender.title, missing=contender.missing)

    def once(rate: float, seconds: float, stalled_seconds: float) -> Trial:
        trial = attempt(wire, contender, Load(options.file, rate, seconds, stalled_seconds))
        sent, seen = trial.sent, trial.seen
        sys.stderr.write(
            f"{contender.title}: {sent.rate:,.0f}/s for {seconds:g} s: {sent.packets:,} sent,"
            f" {seen.packets:,} seen, lost {seen.lost}, {seen.others or 'nothing'} elsewhere,"
            f" {trial.cores:.2f} cores\n"
        )
        return trial

    try:
        return Line(contender.title, _searched(once, plan, options.rate))
    except ChildFailedError as error:
        return Line(contender.title, error=str(error))


def _searched(once: Try, plan: Plan, rate: float | None) -> Result:
    """Search; or try the one rate that is asked for."""
    if rate is None:
        return search(once, plan)
    trial = once(rate, plan.hold_seconds, 0.0)
    return Result(trial if trial.is_held else None, trial, False, [trial])


def _latencies(
    wire: cable.Cable, lines: list[Line], options: argparse.Namespace
) -> dict[str, latency.Latency]:
    """Measure verdicts at half the rate that our first line held."""
    ours = next((line.result for line in lines if line.title == contenders()[OURS].title), None)
    if ours is None or ours.held is None:
        return {}
    rate = ours.held.sent.rate / 2
    background = Load(options.background, rate, options.seconds)
    found = {"of what is replayed": latency.measure(wire, Load(options.file, rate, options.seconds))}
    for rtt_seconds in (options.rtt_ms / 1_000, 0.0):
        title = f"of real clients, servers {rtt_seconds * 1_000:g} ms away"
        found[title] = latency.measure(wire, background, latency.Clients(rtt_seconds))
    return found


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure live capture beside other programs.")
    parser.add_argument("file", type=Path, help="a pcap, best one of make_traffic.py")
    parser.add_argument("--background", type=Path, metavar="FILE", help="of make_traffic.py --llm-share 0: "
                        "measures verdicts, too, at half the held rate")  # fmt: skip
    parser.add_argument("--seconds", type=float, default=30, help="that a rate is held")
    parser.add_argument("--search-seconds", type=float, default=5, help="of each step of the search")
    parser.add_argument("--beyond-seconds", type=float, default=10, help="at twice the rate that is held")
    parser.add_argument("--steps", type=int, default=7, help="of halving")
    parser.add_argument("--rate", type=float, help="try this rate alone (packets/s; 0: as many as go)")
    parser.add_argument(
        "--rtt-ms", type=float, default=RTT_SECONDS * 1_000, help="of the real clients' server"
    )
    parser.add_argument("--only", metavar="TEXT", help="measure those with this in their title")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write all figures there")
    options = parser.parse_args(arguments)
    for file in (options.file, options.background):
        if file is not None and not file.is_file():
            parser.error(f"{file}: no such file; make one with: python benchmarks/make_traffic.py")
    if min(options.seconds, options.search_seconds, options.beyond_seconds, options.steps) <= 0:
        parser.error("seconds and steps must be positive")
    return options

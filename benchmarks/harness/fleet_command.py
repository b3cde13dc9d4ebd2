"""The command line of the fleet's benchmark, and what it prints."""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks import make_traffic
from benchmarks.harness.fleet_line import STAGES, Ran, published, run
from monitor import app
from monitor.correlating.run import spare_garbage
from monitor.datasets.use import DataChoice
from monitor.fleet.judging import Judge

GOAL = 200_000  # observations a second, on one core


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; return 0, or 1 where it is slower than the goal."""
    options = _parse(arguments)
    knowledge = app.load_knowledge(options.policy, [], [], DataChoice(None, None))
    judge = Judge(knowledge.catalog, knowledge.policy, knowledge.aids())
    with tempfile.TemporaryDirectory() as folder:
        path = options.pcap
        if path is None:
            path = Path(folder) / "traffic.pcap"
            make_traffic.main(
                ["--packets", str(options.packets), "--flows", str(options.packets // 25), "--out", str(path)]
            )
        partitions = published(path, judge.interest, options.partitions, options.linger_ms * 1_000_000)
    messages = sum(map(len, partitions))
    size = sum(len(value) for each in partitions for value in each)
    print(f"{messages:,} parcels in {options.partitions} partitions, {size / 1e6:.1f} MB")
    spare_garbage()
    runs = [run(partitions, judge) for _ in range(options.repeat)]
    best = max(runs, key=lambda ran: ran.rate)
    print(f"{best.observations / messages:.1f} observations a parcel: each parcel has a cost of its own")
    print(_line("in memory", best))
    _profile(run(partitions, judge, timed=True))
    print(f"goal: {GOAL:,} observations/s: {'met' if best.rate >= GOAL else 'missed'}")
    if options.brokers:
        from benchmarks.harness.fleet_broker import through  # noqa: PLC0415  needs confluent-kafka, and a broker

        print(_line("through the broker", through(options.brokers, partitions, judge)))
    return 0 if best.rate >= GOAL else 1


def _line(what: str, ran: Ran) -> str:
    return (
        f"{what}: {ran.rate:,.0f} observations/s; {ran.observations:,} in {ran.seconds:.2f} s"
        f" ({ran.cpu_seconds:.2f} s of processor time), {ran.decisions:,} decisions"
    )


def _profile(ran: Ran) -> None:
    """Print where the time goes, of a run whose stages were timed."""
    print(f"stages ({ran.seconds:.2f} s with the clocks in between)")
    for name in STAGES:
        seconds = ran.stages[name]
        print(f"  {name:<10} {seconds:6.3f} s  {100 * seconds / ran.seconds:5.1f} %")
    rest = ran.seconds - sum(ran.stages.values())
    print(f"  {'rest':<10} {rest:6.3f} s  {100 * rest / ran.seconds:5.1f} %  merging, windows, origins")


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packets", type=int, default=492_000, help="of the traffic that is made")
    parser.add_argument("--pcap", type=Path, help="a capture instead")
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--linger-ms", type=int, default=200, help="of the sensor: how much a parcel gathers")
    parser.add_argument("--repeat", type=int, default=3, help="the fastest counts")
    parser.add_argument("--policy", type=Path, default=Path("policies/eu-crm.yaml"))
    parser.add_argument("--brokers", help="brokers to go through as well: host:port")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    started = time.perf_counter()
    sys.exit(main())

"""The command line of the fleet's benchmark, and what it prints."""

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec import structs

from benchmarks import make_traffic
from benchmarks.harness.fleet_line import Ran, run
from benchmarks.harness.fleet_topic import Fleet, Topic, observed, published
from monitor import app
from monitor.correlating.run import spare_garbage
from monitor.datasets.use import DataChoice
from monitor.fleet.judging import Judge
from sensors.observations import Observation

GOAL = 200_000  # observations a second, on one core
STAGES = {
    "librdkafka": "its threads: fetching, unpacking, sending",
    "read": "messages into Python, offsets, delivery",
    "take": "envelopes, whose they are, waiting for sensors",
    "decode": "observations, natively",
    "correlate": "in order of time, names, counts, natively",
    "hand over": "connections of interest into Python",
    "attribute": "",
    "judge": "",
    "write": "decisions, encoded",
    "say": "what is due, windows, origins",
}
LINGERS_MS = (50, 200, 1_000)
SENSORS = (10, 100)
A_PARCEL = (1, 2, 4, 16)  # observations


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; return 0, or 1 where it is slower than the goal, or decisions are not the same."""
    options = _parse(arguments)
    knowledge = app.load_knowledge(options.policy, [], [], DataChoice(None, None))
    judge = Judge(knowledge.catalog, knowledge.policy, knowledge.aids())
    observations = _observations(options)
    spare_garbage()
    fleet = Fleet(options.sensors, options.partitions, options.linger_ms * 1_000_000)
    topic = published(observations, judge.interest, fleet)
    size = sum(len(each.value) for messages in topic for each in messages)
    parcels = sum(map(len, topic))
    print(f"{fleet.sensors} sensors, {fleet.partitions} partitions: {parcels:,} parcels, {size / 1e6:.1f} MB")
    found = [_measured("in memory", lambda timed: run(topic, judge, timed=timed), options.repeat)]
    found += _through_broker(options, topic, judge)
    rows = _table(observations, judge, fleet, options.repeat)
    is_met = all(each.rate >= GOAL for each in found)
    is_same = len({each.decisions for each in (*found, *rows)}) == 1
    print(f"goal: {GOAL:,} observations/s of processor time: {'met' if is_met else 'missed'}")
    print(f"decisions: {'the same in all runs' if is_same else 'NOT THE SAME IN ALL RUNS'}")
    return 0 if is_met and is_same else 1


def _observations(options: argparse.Namespace) -> list[Observation]:
    if options.pcap is not None:
        return observed(options.pcap)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "traffic.pcap"
        flows = options.packets // 25
        make_traffic.main(["--packets", str(options.packets), "--flows", str(flows), "--out", str(path)])
        return observed(path)


def _measured(name: str, way: Callable[[bool], Ran], repeat: int) -> Ran:
    """Run it several times; print the fastest, and where the time goes in another run."""
    best = max((way(False) for _ in range(repeat)), key=lambda ran: ran.rate)
    print(
        f"{name}: {best.rate:,.0f} observations/s and {best.parcels / best.cpu_seconds:,.0f} parcels/s"
        f" of processor time; {best.observations:,} and {best.parcels:,} in {best.cpu_seconds:.2f} s"
        f" ({best.seconds:.2f} s by the wall), {best.decisions:,} decisions"
    )
    stages = way(True).stages
    whole = sum(stages.values())
    for stage, says in STAGES.items():
        if stage in stages:
            print(f"  {stage:<10} {100 * stages[stage] / whole:5.1f} %  {says}".rstrip())
    return best


def _through_broker(options: argparse.Namespace, topic: Topic, judge: Judge) -> list[Ran]:
    """Measure on brokers, where they are asked for and to be had."""
    if not options.kafka and options.brokers is None:
        return []
    from benchmarks.harness.fleet_broker import through  # noqa: PLC0415  needs confluent-kafka
    from tools.kafka.brokers import NoBrokersError, brokers  # noqa: PLC0415

    def measured(addresses: str) -> list[Ran]:
        name = "through a broker"
        return [_measured(name, lambda timed: through(addresses, topic, judge, timed=timed), options.repeat)]

    if options.brokers is not None:
        return measured(options.brokers)
    try:
        with tempfile.TemporaryDirectory() as folder, brokers(Path(folder)) as cluster:
            return measured(cluster.addresses)
    except NoBrokersError as error:
        print(f"not through a broker: {error}", file=sys.stderr)
        return []


def _table(observations: Sequence[Observation], judge: Judge, fleet: Fleet, repeat: int) -> list[Ran]:
    """Measure in memory how the rate depends on what is in a parcel; print that, and what follows."""
    fleets = [structs.replace(fleet, sensors=1, linger_ns=each * 1_000_000) for each in LINGERS_MS]
    fleets += [structs.replace(fleet, sensors=each) for each in SENSORS]
    rows = []
    print("  linger  sensors    parcels  observations  a parcel  observations/s")
    for each in fleets:
        topic = published(observations, judge.interest, each)
        ran = max((run(topic, judge) for _ in range(repeat)), key=lambda ran: ran.rate)
        rows.append(ran)
        print(
            f"{each.linger_ns // 1_000_000:5} ms {each.sensors:8} {ran.parcels:10,} {ran.observations:13,}"
            f" {ran.observations / ran.parcels:9.2f} {ran.rate:15,.0f}"
        )
    parcel, observation = fitted(rows)
    print(f"fitted: {parcel * 1e6:.2f} us a parcel and {observation * 1e6:.2f} us an observation, which is")
    for count in A_PARCEL:
        print(f"  {count / (parcel + count * observation):9,.0f} observations/s at {count} a parcel")
    return rows


def fitted(rows: Sequence[Ran]) -> tuple[float, float]:
    """Return the seconds that a parcel and an observation take, by least squares of relative errors."""
    parcels = [each.parcels / each.cpu_seconds for each in rows]
    observations = [each.observations / each.cpu_seconds for each in rows]
    pp, oo = sum(each * each for each in parcels), sum(each * each for each in observations)
    po = sum(one * other for one, other in zip(parcels, observations, strict=True))
    p, o = sum(parcels), sum(observations)
    scale = pp * oo - po * po
    return (p * oo - o * po) / scale, (o * pp - p * po) / scale


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packets", type=int, default=492_000, help="of the traffic that is made")
    parser.add_argument("--pcap", type=Path, help="a capture instead")
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--sensors", type=int, default=1, help="that the traffic's clients are parted among")
    parser.add_argument(
        "--linger-ms", type=int, default=200, help="of the sensors: how much a parcel gathers"
    )
    parser.add_argument("--repeat", type=int, default=3, help="the fastest counts")
    parser.add_argument("--policy", type=Path, default=Path("policies/eu-crm.yaml"))
    parser.add_argument("--kafka", action="store_true", help="go through a broker as well, which is started")
    parser.add_argument("--brokers", help="go through these as well: host:port")
    return parser.parse_args(arguments)

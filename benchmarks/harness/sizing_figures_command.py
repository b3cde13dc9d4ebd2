"""The command behind ``sizing_figures.py``: measures what one core does here, with the traffic of a capture.

What other benchmarks measured is taken from their ``--json``; what nobody measured stays as it was.
"""

import argparse
import shlex
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from benchmarks import fleet_publish
from benchmarks.harness import archive_command, ledger_command, outbox_command
from benchmarks.harness.fleet_line import run
from benchmarks.harness.fleet_topic import Fleet, observed, published
from benchmarks.harness.measure import ChildFailedError, medians, run_once
from benchmarks.harness.ours import ROOT
from benchmarks.harness.report import Machine, machine
from benchmarks.model.figures import FILE, Figure, Figures, read_figures, write_figures
from benchmarks.model.profile import Profile, profile
from monitor import app
from monitor.correlating.run import spare_garbage
from monitor.datasets.use import DataChoice
from monitor.fleet.judging import Judge

PARTITIONS = 4
LINGER_NS, LONG_LINGER_NS = 200_000_000, 10_000_000_000
BATCH_PARTITIONS = 64  # whose batches are compressed
_WRITTEN = "decisions.jsonl", "connections.parquet", "findings.jsonl", "behaviours.jsonl"

_SCRIPT = "benchmarks/sizing_figures.py"

T = TypeVar("T")

Measured = Iterator[tuple[str, float]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write. Returns 0, 1 where that failed, 2 for files that are of no use."""
    options = _parse(arguments)
    try:
        taken = list(_taken(options))
        begun = read_figures(options.begin)
    except ValueError as error:
        sys.stderr.write(f"sizing_figures: {error}\n")
        return 2
    measured_on = machine()
    knowledge = app.load_knowledge(options.policy, [], [], DataChoice(None, None))
    judge = Judge(knowledge.catalog, knowledge.policy, knowledge.aids())
    try:
        like = profile(options.capture, judge.interest, BATCH_PARTITIONS)
        measured = [*_of_traffic(like), *_of_sensor(options), *_of_correlator(options, judge)]
        measured += _of_replay(options, like)
    except (ChildFailedError, ValueError) as error:
        sys.stderr.write(f"sizing_figures: {error}\n")
        return 1
    said = dict(taken)
    for name, value in measured:
        said[name] = _figure(value, shlex.join(["python", _SCRIPT, options.capture.name]), measured_on)
    figures = msgspec.structs.replace(begun, **said)
    print(table(figures, like, set(said)))
    write_figures(figures, options.out)
    return 0


def table(figures: Figures, like: Profile, measured: set[str]) -> str:
    """Return all figures, those that were measured now with a star; and how near the model's parcels come."""
    rows = [
        f"  {'*' if name in measured else ' '} {name:<26} {figure.value:>14,.6g}"
        for name, figure in msgspec.structs.asdict(figures).items()
    ]
    each, near = like.observations / like.parcels, like.predicted_parcels / like.parcels
    busiest = f"{like.clients:,} clients, the busiest {like.busiest_client:.2%}"
    last = f"{like.observations:,} observations of {busiest}; {like.parcels:,} parcels, {each:.2f} a parcel"
    return "\n".join([*rows, last, f"parcels by the model: {near:.3f} of that"])


def _of_traffic(like: Profile) -> Measured:
    gb = like.wire_bytes / 1e9
    yield "packets_per_gb", like.packets / gb
    yield "observations_per_gb", like.observations / gb
    yield "observations_per_burst", like.burst
    yield "observation_bytes", like.observation_bytes
    yield "names_share", like.names_share
    yield "compression", like.compression


def _of_sensor(options: argparse.Namespace) -> Measured:
    """What publishing costs beside reading: of two runs with few and with many parcels."""
    judged, usual, dense = (fleet_publish.best(options.capture, way) for way in ("judge", "publish", "dense"))
    parcel_s = (usual.cpu_seconds - dense.cpu_seconds) / max(usual.parcels - dense.parcels, 1)
    rest_s = dense.cpu_seconds - judged.cpu_seconds - dense.parcels * max(parcel_s, 0.0)
    yield "publish_parcel_ns", max(parcel_s, 0.0) * 1e9
    yield "publish_observation_ns", max(rest_s, 0.0) / dense.observations * 1e9


def _of_correlator(options: argparse.Namespace, judge: Judge) -> Measured:
    """What a parcel costs, and an observation: of the same observations in many parcels and in fewer.

    The two take turns, so that a disturbance hits both.
    """
    spare_garbage()
    seen = observed(options.capture)
    fleets = [Fleet(1, PARTITIONS, linger_ns) for linger_ns in (LINGER_NS, LONG_LINGER_NS)]
    topics = [published(seen, judge.interest, fleet) for fleet in fleets]
    rounds = [[run(topic, judge) for topic in topics] for _ in range(options.repeat)]
    many, few = (min(runs, key=lambda ran: ran.cpu_seconds) for runs in zip(*rounds, strict=True))
    parcels, fewer = (sum(map(len, topic)) for topic in topics)
    parcel_s = max(many.cpu_seconds - few.cpu_seconds, 0.0) / max(parcels - fewer, 1)
    rest_s = max(many.cpu_seconds - parcels * parcel_s, 0.0)
    yield "correlate_parcel_ns", parcel_s * 1e9
    yield "correlate_observation_ns", rest_s / max(many.observations, 1) * 1e9
    yield "decisions_per_observation", many.decisions / max(many.observations, 1)


def _of_replay(options: argparse.Namespace, like: Profile) -> Measured:
    """What a replay in one go costs, and what it leaves. Raises ChildFailedError."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        command = [
            sys.executable,
            "-m",
            "monitor",
            "replay",
            str(options.capture),
            "--policy",
            str(options.policy),
        ]
        runs = [run_once([*command, "--out", str(out)], (0, 1)) for _ in range(options.repeat)]
        size = sum((out / name).stat().st_size for name in _WRITTEN if (out / name).exists())
        decisions = (out / "decisions.jsonl").read_bytes().count(b"\n")
    yield "replay_gb_seconds", medians(runs).cpu_seconds / (like.wire_bytes / 1e9)
    yield "output_decision_bytes", size / max(decisions, 1)


def _taken(options: argparse.Namespace) -> Iterator[tuple[str, Figure]]:
    """What other benchmarks measured. Raises ValueError where a file is not theirs."""
    if options.ledger:
        ledger = _read(options.ledger, ledger_command.Report)
        speeds = {line.title: line.entries_per_cpu_second for line in ledger.lines}
        by = "python benchmarks/ledger.py"
        yield "ledger_entry_ns", _figure(1e9 / speeds[ledger_command.APPEND], by, ledger.machine)
        yield "ledger_entry_bytes", _figure(ledger.ledger_bytes / ledger.entries, by, ledger.machine)
    if options.outbox:
        outbox = _read(options.outbox, outbox_command.Report)
        speed = max(line.events_per_cpu_second for line in outbox.lines if line.title == "outbox")
        yield "outbox_event_ns", _figure(1e9 / speed, "python benchmarks/outbox.py", outbox.machine)
    if options.archive:
        archive = _read(options.archive, archive_command.Report)
        size = archive.archive_bytes / archive.rows
        by = f"python benchmarks/archive.py --rows {archive.rows}"
        yield "archive_row_bytes", _figure(size, by, archive.machine)


def _read(path: Path, kind: type[T]) -> T:
    """Return a benchmark's figures. Raises ValueError, in one line."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except OSError as error:
        raise ValueError(
            f"{path}: {(error.strerror or 'not read').lower()}; name what --json wrote"
        ) from None
    except msgspec.DecodeError as error:
        raise ValueError(f"{path}: {error}; name what --json wrote") from None


def _figure(value: float, command: str, measured_on: Machine) -> Figure:
    """Return a figure with no more digits than it deserves."""
    about = f"{measured_on.processor}, {measured_on.cpus} cores, Python {measured_on.python}"
    about += f", load {measured_on.load:.0f} before"
    return Figure(float(f"{value:.4g}"), command, about, measured_on.date)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Measure the figures that sizing.py rests on, on this machine and this traffic.",
        epilog="example: python benchmarks/sizing_figures.py build/traffic-4920000.pcap --out figures.json\n"
        "         python benchmarks/sizing.py --figures figures.json",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("capture", type=Path, help="a capture of your own, or one of make_traffic.py")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="the file of figures to write"
    )
    parser.add_argument(
        "--begin", type=Path, default=FILE, metavar="FILE", help="figures to begin with: the shipped"
    )
    parser.add_argument("--policy", type=Path, default=ROOT / "policies" / "eu-crm.yaml")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each (3)")
    for name in ("ledger", "outbox", "archive"):
        parser.add_argument(f"--{name}", type=Path, metavar="JSON", help=f"what {name}.py --json wrote")
    options = parser.parse_args(arguments)
    if not options.capture.is_file():
        parser.error(f"{options.capture}: no such file; make one with: python benchmarks/make_traffic.py")
    if not options.policy.is_file():
        parser.error(f"{options.policy}: no such file; check --policy")
    if not options.out.absolute().parent.is_dir():
        parser.error(f"{options.out}: its folder is not there; make it, or name another")
    if options.repeat < 1:
        parser.error("--repeat must be positive")
    return options

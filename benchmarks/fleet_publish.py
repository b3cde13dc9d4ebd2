"""Measures what publishing costs a sensor: ``python benchmarks/fleet_publish.py FILE``. On one core.

The native engine reads the capture for who judges alone, publishing instead (encoded, parted by slot, put
into a spool; "dense" as on a link so busy that it takes all its time), and both. Each runs in a process of
its own, several times; the best counts. Parcels are read back: exit status 1 where a count differs.
"""

import argparse
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

RUNS = 3
WAYS = ("judge", "publish", "dense", "both")
DENSE_NS = 3_600 * 10**9  # parcels are cut by this host's time, as on a link that is as busy as this is fast
SPOOL_BYTES = 2**33


class Measured(msgspec.Struct, frozen=True):
    """One run: processor and wall time, and what it came to."""

    cpu_seconds: float
    wall_seconds: float
    packets: int
    observations: int
    parcels: int
    spool_bytes: int
    unpublished: int


def measure(capture: Path, way: str) -> Measured:
    """Read the capture in one way, on this core."""
    from monitor.daemon.publishing import Publishing as Line  # noqa: PLC0415  of the process that measures
    from monitor.fleet.spool import SpoolWriter  # noqa: PLC0415
    from monitor.load import load_catalog  # noqa: PLC0415
    from monitor.pipeline import Pipeline  # noqa: PLC0415
    from sensors.live import Manner  # noqa: PLC0415
    from sensors.publishing import LINGER_NS, Publishing  # noqa: PLC0415
    from sensors.series import NativeSeries  # noqa: PLC0415

    interest = Pipeline(load_catalog()).interest()
    linger_ns = DENSE_NS if way == "dense" else LINGER_NS
    asked = Publishing(b"key", judge=way == "both", linger_ns=linger_ns) if way != "judge" else None
    series = NativeSeries(Manner(interest, publishing=asked))
    folder = Path(tempfile.mkdtemp(prefix="residency-"))
    writer = SpoolWriter(folder, SPOOL_BYTES)
    line = Line("bench", writer, b"key", LINGER_NS / 1e9, live=False)
    begun, cpu = time.perf_counter(), time.process_time()
    series.add(capture)
    while series.is_reading:
        series.next_batch()
        line.pump(series)
    series.finish()
    while series.next_batch() is not None:
        line.pump(series)
    line.pump(series, now=True)
    wall_seconds, cpu_seconds = time.perf_counter() - begun, time.process_time() - cpu
    told = line.told()
    writer.close()
    observations = _count(folder)
    shutil.rmtree(folder)
    packets = series.accounting().read.packets
    return Measured(
        cpu_seconds, wall_seconds, packets, observations, told.parcels, told.waiting_bytes, told.unpublished
    )


def _count(folder: Path) -> int:
    """Return how many observations are in a spool."""
    from monitor.fleet.parcels import decode_parcel  # noqa: PLC0415
    from monitor.fleet.spool_reading import SpoolReader  # noqa: PLC0415

    reader, count = SpoolReader(folder), 0
    while batch := reader.read():
        for record in batch:
            count += len(msgspec.msgpack.decode(decode_parcel(record.body).data, type=list[msgspec.Raw]))
    reader.close()
    return count


def best(capture: Path, way: str) -> Measured:
    """Return the best of several runs, each in a process of its own."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1, maxtasksperchild=1) as pool:
        runs = [pool.apply(measure, (capture, way)) for _ in range(RUNS)]
    return min(runs, key=lambda run: run.cpu_seconds)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description="Measure what a sensor of a fleet publishes, on one core.")
    parser.add_argument("capture", help="a capture, such as build/traffic-492000.pcap")
    written = parser.parse_args(arguments).capture
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    found = {way: best(Path(written), way) for way in WAYS}
    observations = found["publish"].observations
    print(f"{written}: {found['judge'].packets} packets, {observations} observations")
    for way, run in found.items():
        rate = f"{observations / run.cpu_seconds:12,.0f} observations/s"
        size = f"{run.spool_bytes / max(run.observations, 1):6.0f} bytes each, {run.parcels} parcels"
        print(f"{way:8} {run.cpu_seconds:7.2f} s cpu {run.wall_seconds:7.2f} s wall {rate} {size}")
    extra = found["publish"].cpu_seconds - found["judge"].cpu_seconds
    print(f"publishing instead of judging: {extra / max(observations, 1) * 1e9:,.0f} ns more an observation")
    whole = {run.observations for way, run in found.items() if way != "judge"} == {observations}
    return int(not whole or any(run.unpublished for run in found.values()))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the script's folder is there already
    sys.exit(main())

"""Reads a capture through the sensor to observations and drops them. Run by ``run.py`` and ``flow_table.py``.

Prints one line of JSON: packets read, what the sensor counted, and the peak of this process' memory.
``--names`` and ``--records`` look into the observations; that is not for the clock.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from sensors.connections import Seen
from sensors.engine import ENGINES, Options, Sensor, open_sensor
from sensors.limits import Limits
from sensors.native import NativeSensor
from sensors.observations import FlowUpdate, HelloSeen

Batches = Iterable[Sequence[Seen]]


class Drained(msgspec.Struct, frozen=True):
    """What is printed. ``peak_bytes`` is null where the system does not say."""

    packets: int
    counters: dict[str, int]
    peak_bytes: int | None
    records: dict[str, int] = {}


def drain(batches: Iterable[object]) -> None:
    """Iterate to the end."""
    for _ in batches:
        pass


def encoded(sensor: Sensor) -> Iterable[bytes]:
    """Return what the native engine hands over, before it becomes Python objects."""
    if not isinstance(sensor, NativeSensor):
        raise SystemExit("drain_engine: only the engine native hands over encoded batches")
    return iter(sensor._engine.next_batch, None)  # noqa: SLF001  the boundary is what is measured


def note_names(batches: Batches, out: Path) -> None:
    """Write the name and five-tuple of every hello, as JSON lines."""
    with out.open("wb") as file:
        for batch in batches:
            for seen in batch:
                if isinstance(seen, HelloSeen):
                    file.write(msgspec.json.encode({"flow": seen.flow, "name": seen.server_name}) + b"\n")


def count_records(batches: Batches) -> dict[str, int]:
    """Count the last records of flows, their packets, and of the records those of flows that were evicted."""
    counts = Counter[str]()
    for batch in batches:
        for seen in batch:
            if isinstance(seen, FlowUpdate):
                counts["flows"] += seen.final
                counts["evicted"] += seen.reason == "evicted"
                counts["packets"] += seen.packets_up + seen.packets_down
    return dict(counts)


def peak_bytes() -> int | None:
    """Return the largest resident set so far. What Linux tells a parent is at least its own."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return None
    kilobytes = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(kilobytes) * 1_024


def main(arguments: Sequence[str] | None = None) -> int:
    """Drain one file."""
    options = _parse(arguments)
    sensor = open_sensor([options.file], options.engine, Options(Limits(flows=options.flows)))
    records: dict[str, int] = {}
    if options.names:
        note_names(sensor, options.names)
    elif options.records:
        records = count_records(sensor)
    else:
        drain(encoded(sensor) if options.encoded else sensor)
    accounting = sensor.accounting()
    drained = Drained(accounting.read.packets, accounting.counters, peak_bytes(), records)
    print(msgspec.json.encode(drained).decode())
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Read a capture to observations and drop them.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--engine", choices=ENGINES, default="native")
    parser.add_argument("--flows", type=int, default=Limits().flows, help="the limit of the flow table")
    parser.add_argument("--encoded", action="store_true", help="drop batches as they come from the engine")
    looking = parser.add_mutually_exclusive_group()
    looking.add_argument("--names", type=Path, metavar="OUT", help="write the names in hellos there")
    looking.add_argument("--records", action="store_true", help="count flow records")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())

"""The flow table's memory, and what becomes of flows beyond its limit. Every figure is a child's own."""

import struct
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.harness.measure import ChildFailedError, run_once
from benchmarks.harness.ours import DRAIN, FLOOR_PROGRAM

# A pcap of no packets: magic number, version 2.4, zone, accuracy, snapshot length, LINKTYPE_ETHERNET.
_EMPTY_PCAP = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, 1)


class Memory(msgspec.Struct, frozen=True):
    """What a program needed for flows that are open at once, and what it needs for none."""

    title: str
    flows: int
    peak_bytes: int
    empty_bytes: int
    bytes_a_flow: float


class Flood(msgspec.Struct, frozen=True):
    """What became of a SYN flood. ``flows`` and ``packets`` are the floor's count, the rest the engine's.

    ``evicted`` is the sensor's counter, ``evicted_records`` the flow records that say so, ``records`` the
    last record of each flow, ``recorded_packets`` the packets in all records.
    """

    limit: int
    flows: int
    packets: int
    peak_bytes: int
    evicted: int
    evicted_records: int
    records: int
    recorded_packets: int

    @property
    def closes(self) -> bool:
        """Whether every flow and packet is in a record, and every eviction in both counts."""
        seen = (self.flows, self.packets, self.evicted)
        return seen == (self.records, self.recorded_packets, self.evicted_records)


def measure_memory(path: Path) -> list[Memory]:
    """Measure the engine, its limit out of the way, beside the floor's table. Raises ChildFailedError."""
    floor = _say((str(FLOOR_PROGRAM), str(path)))
    flows = floor["flows"]
    engine = (*DRAIN, "--encoded", "--flows", str(flows))
    with tempfile.TemporaryDirectory() as folder:
        empty = Path(folder) / "empty.pcap"
        empty.write_bytes(_EMPTY_PCAP)
        small_floor, small_engine = _say((str(FLOOR_PROGRAM), str(empty))), _say((*engine, str(empty)))
    return [
        _memory("engine native, to encoded observations", flows, _say((*engine, str(path))), small_engine),
        _memory("floor: a bare table", flows, floor, small_floor),
    ]


def measure_flood(path: Path, limit: int) -> Flood:
    """Run the engine over a flood: once for its memory, once for its records. Raises ChildFailedError."""
    floor = _say((str(FLOOR_PROGRAM), str(path)))
    engine = (*DRAIN, str(path), "--flows", str(limit))
    bare, looked = _say((*engine, "--encoded")), _say((*engine, "--records"))
    records = looked["records"]
    return Flood(
        limit=limit,
        flows=floor["flows"],
        packets=floor["packets"],
        peak_bytes=bare["peak_bytes"],
        evicted=looked["counters"].get("evicted-flows", 0),
        evicted_records=records["evicted"],
        records=records["flows"],
        recorded_packets=records["packets"],
    )


def _memory(title: str, flows: int, full: dict[str, Any], empty: dict[str, Any]) -> Memory:
    peak, least = full["peak_bytes"], empty["peak_bytes"]
    return Memory(title, flows, peak, least, (peak - least) / flows)


def _say(command: Sequence[str]) -> dict[str, Any]:
    """Run a program that prints a line of JSON with its peak; return that."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "said.json"
        run_once(command, output=out)
        said = msgspec.json.decode(out.read_bytes(), type=dict[str, Any])
    if said["peak_bytes"] is None:
        raise ChildFailedError(f"{command[0]}: the system does not say what memory it used")
    return said

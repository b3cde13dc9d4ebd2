"""The command of ``flow_table.py``: what is measured, the tables, and whether the sums close."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from benchmarks.harness.flow_memory import Flood, Memory, measure_flood, measure_memory
from benchmarks.harness.measure import ChildFailedError
from benchmarks.harness.ours import floor_missing, native_missing
from benchmarks.harness.report import Machine, describe, machine
from sensors.limits import Limits

_MEGABYTE = 1_000_000


class FlowReport(msgspec.Struct, frozen=True):
    """What was measured; null what was not asked for."""

    machine: Machine
    memory: list[Memory] | None
    flood: Flood | None


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the tables. Returns 1 where a sum does not close or a program failed, 2 for usage."""
    options = _parse(arguments)
    missing = native_missing() or floor_missing()
    if missing:
        sys.stderr.write(f"flow_table: the native engine and the floor are needed: {missing}\n")
        return 2
    try:
        result = FlowReport(
            machine(),
            measure_memory(options.concurrent) if options.concurrent else None,
            measure_flood(options.syn_flood, options.limit) if options.syn_flood else None,
        )
    except ChildFailedError as error:
        sys.stderr.write(f"flow_table: {error}\n")
        return 1
    print("\n".join(tables(result)))
    if options.json:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n")
    return int(result.flood is not None and not result.flood.closes)


def tables(result: FlowReport) -> list[str]:
    """Return the report as lines of Markdown."""
    lines = [describe(result.machine)]
    if result.memory is not None:
        lines += ["", "| open at once | flows | peak MB | of an empty capture MB | bytes a flow |"]
        lines += ["|---|--:|--:|--:|--:|"]
        lines += [_memory_row(each) for each in result.memory]
    flood = result.flood
    if flood is not None:
        closes = "yes" if flood.closes else "NO"
        figures = (
            f"{flood.limit:,} | {flood.peak_bytes / _MEGABYTE:,.0f} | {flood.evicted:,} | {flood.records:,}"
        )
        lines += ["", "| SYN flood: flows | limit | peak MB | evicted, counted | flow records | sums close |"]
        lines += ["|--:|--:|--:|--:|--:|---|", f"| {flood.flows:,} | {figures} | {closes} |"]
    return lines


def _memory_row(memory: Memory) -> str:
    peaks = f"{memory.peak_bytes / _MEGABYTE:,.0f} | {memory.empty_bytes / _MEGABYTE:,.0f}"
    return f"| {memory.title} | {memory.flows:,} | {peaks} | {memory.bytes_a_flow:,.0f} |"


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure the flow table.")
    parser.add_argument("--concurrent", type=Path, metavar="FILE", help="of make_traffic.py --concurrent N")
    parser.add_argument("--syn-flood", type=Path, metavar="FILE", help="of make_traffic.py --syn-flood N")
    parser.add_argument("--limit", type=int, default=Limits().flows, help="flows kept at once in the flood")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write all figures there")
    options = parser.parse_args(arguments)
    files = [file for file in (options.concurrent, options.syn_flood) if file]
    if not files:
        parser.error("name --concurrent FILE, --syn-flood FILE or both; make_traffic.py makes them")
    for file in files:
        if not file.is_file():
            parser.error(f"{file}: no such file; make one with: python benchmarks/make_traffic.py")
    return options

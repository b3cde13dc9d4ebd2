"""Has two engines read one capture, and lays what they say side by side.

Engines give times, people look for packet numbers: those of the differences are found by one more pass of our
own reader over the file.
"""

from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path

import msgspec

from monitor.app import Knowledge
from monitor.crosscheck import LATE_FIRST, Comparison, Statement, compare
from monitor.exitstatus import Exit
from monitor.pipeline import Pipeline
from sensors.capture import CaptureReader, path_text
from sensors.engine import open_sensor
from sensors.observations import Fault
from sensors.paths import expand_paths

__all__ = ["Checked", "captures", "crosscheck", "packet_numbers", "path_text", "status"]


class Checked(msgspec.Struct, frozen=True):
    """What the comparison over one capture came to. ``faults`` are those that either engine met."""

    path: Path
    comparison: Comparison
    faults: tuple[Fault, ...]


def captures(paths: Sequence[Path]) -> list[Path]:
    """Return the captures that paths name, each once, in the order of their names."""
    return sorted(expand_paths(paths))


def crosscheck(path: Path, engines: tuple[str, str], knowledge: Knowledge) -> Checked:
    """Have two engines read a capture. Raises EngineError."""
    (left, left_faults), (right, right_faults) = (_ask(path, engine, knowledge) for engine in engines)
    comparison = compare(left, right)
    wanted = {each.ts_ns for each in comparison.differences} - {LATE_FIRST}
    numbers = packet_numbers(path, wanted) if wanted else {}
    numbered = tuple(
        msgspec.structs.replace(each, packet=numbers.get(each.ts_ns)) for each in comparison.differences
    )
    met = {(fault.path, fault.kind) for fault in left_faults}
    faults = *left_faults, *(fault for fault in right_faults if (fault.path, fault.kind) not in met)
    return Checked(path, msgspec.structs.replace(comparison, differences=numbered), faults)


def status(results: Iterable[Checked]) -> Exit:
    """Return the exit status: what was not looked at outweighs what was found."""
    checked = list(results)
    kinds = {fault.kind for each in checked for fault in each.faults}
    if "unreadable" in kinds:
        return Exit.UNREADABLE
    if kinds or any(each.comparison.left_out for each in checked):
        return Exit.INCOMPLETE
    return Exit.VIOLATIONS if any(each.comparison.differences for each in checked) else Exit.DONE


def packet_numbers(path: Path, times_ns: set[int]) -> dict[int, int]:
    """Return, for each time, the number of the first packet of that time, as tshark counts: from 1."""
    numbers: dict[int, int] = {}
    with closing(iter(CaptureReader(path))) as frames:
        for number, frame in enumerate(frames, 1):
            if frame.ts_ns in times_ns:
                numbers.setdefault(frame.ts_ns, number)
                if len(numbers) == len(times_ns):
                    break
    return numbers


def _ask(path: Path, engine: str, knowledge: Knowledge) -> tuple[Statement, Sequence[Fault]]:
    """Return what an engine says of a capture, and what the decisions are then."""
    statement = Statement(engine)
    pipeline = Pipeline(knowledge.catalog, knowledge.policy, knowledge.aids())
    sensor = open_sensor([path], engine)
    for batch in sensor:
        statement.observe(batch)
        for decision in pipeline.feed(batch):
            statement.decide(decision)
    accounting = sensor.accounting()
    statement.finish(accounting.read.packets)
    return statement, accounting.faults

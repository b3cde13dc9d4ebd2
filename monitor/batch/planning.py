"""What of a capture is read together, in which order, and whether that comes to what one reader finds.

Pure. Files whose times overlap are one; files that follow each other are read together until they are large
enough. Where the parts end follows from the files alone, never from the number of workers.
"""

from collections.abc import Iterable, Sequence

from monitor.batch.types import Known, Surveyed, Unit
from sensors.partition import SLACK_NS, Piece

MAX_JUMP_NS = 86_400_000_000_000  # as `sensors.clock` has it
_SIZE_BYTES = 128 * 1024 * 1024  # of what is read at once, about


def known(unit: Unit, found: Surveyed) -> Known | None:
    """Return a unit with its times; None where it holds no packet."""
    begin_ns = found.begins_ns[0]
    if begin_ns is None or found.span_ns is None:
        return None
    return Known(unit, found, begin_ns, found.span_ns[1])


def pieces(path: str, found: Sequence[Piece], seen: str = "") -> list[Unit]:
    """Return the pieces of a file, or of an object that was seen as this, as units."""
    return [Unit((path,), piece, piece.end - piece.begin, seen) for piece in found]


def together(files: Iterable[Sequence[Known]]) -> list[list[Known]]:
    """Put files into the order of their first packets; what overlaps in time with the one before joins it.

    A file is given as its pieces. What joins has to be surveyed anew, as one unit.
    """
    groups: list[list[Known]] = []
    until_ns = None
    for file in sorted(files, key=lambda file: (file[0].begin_ns, file[0].unit.paths)):
        last_ns = max(piece.last_ns for piece in file)
        if until_ns is None or file[0].begin_ns > until_ns:
            groups.append(list(file))
            until_ns = last_ns
        else:
            groups[-1].extend(file)
            until_ns = max(until_ns, last_ns)
    return groups


def joined(group: Sequence[Known]) -> Unit | None:
    """Return the unit that files of one group are together; None where the group is one file."""
    paths = {path: None for one in group for path in one.unit.paths}
    if len(paths) == 1:
        return None
    return Unit(tuple(paths), None, sum(one.unit.size_bytes for one in group))


def inexact(units: Sequence[Known]) -> str:
    """Say why units, in their order, cannot be read in parts; nothing where they can."""
    clock_ns = None
    for unit in units:
        reason = _odd(unit.found) or (_odd_step(unit, clock_ns) if clock_ns is not None else "")
        if reason:
            return f"{unit.unit.paths[0]}: {reason}"
        clock_ns = max(unit.last_ns, clock_ns if clock_ns is not None else unit.last_ns)
    return ""


def clocks(units: Sequence[Known]) -> list[int]:
    """Return what the clock comes to at the end of each unit."""
    times: list[int] = []
    for unit in units:
        times.append(max(unit.last_ns, times[-1] if times else unit.last_ns))
    return times


def bundles(units: Sequence[Known], size_bytes: int = _SIZE_BYTES) -> list[range]:
    """Return which units are read together, by their places: whole files, until they are large enough."""
    ranges: list[range] = []
    begin = held_bytes = 0
    for at, unit in enumerate(units):
        alone = unit.unit.piece is not None
        full = held_bytes and held_bytes + unit.unit.size_bytes > size_bytes
        if at > begin and (alone or full or units[at - 1].unit.piece is not None):
            ranges.append(range(begin, at))
            begin, held_bytes = at, 0
        held_bytes += unit.unit.size_bytes
    return [*ranges, range(begin, len(units))] if units else []


def merged(units: Sequence[Known]) -> Unit:
    """Return units that are read together as one."""
    if len(units) == 1:
        return units[0].unit
    paths = tuple(path for unit in units for path in unit.unit.paths)
    return Unit(paths, None, sum(unit.unit.size_bytes for unit in units))


def _odd(found: Surveyed) -> str:
    if not found.steady:
        return "the times of its packets leap by more than a day"
    if found.overflow:
        return "too many conversations go on at once"
    if found.delayed_files:
        return "too many files overlap in time"
    return ""


def _odd_step(unit: Known, clock_ns: int) -> str:
    """Say why the clock cannot be told to go on into a unit."""
    second_ns = unit.found.begins_ns[1]
    if unit.begin_ns < clock_ns - SLACK_NS:
        return "its packets are earlier than those before it"
    if unit.begin_ns > clock_ns + MAX_JUMP_NS and (second_ns is None or second_ns <= clock_ns + MAX_JUMP_NS):
        return "only one packet says that more than a day went by"
    return ""

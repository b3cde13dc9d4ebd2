"""Runs over all inputs: reads, judges again, counts, and hands on what changes."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from monitor.exitstatus import Exit
from monitor.files import InputError
from monitor.ledger.reader import ledgers_in
from monitor.rejudge.counting import Comparison
from monitor.rejudge.judging import Judging
from monitor.rejudge.ledgers import LedgerRecords
from monitor.rejudge.reading import Reading
from monitor.rejudge.records import Progress, Records
from monitor.rejudge.replays import ReplayedRecords
from monitor.rejudge.summary import Input, Summary
from monitor.rejudge.types import Line, Recorded


def records_of(ledger: Path | None, replayed: Path | None) -> list[Records]:
    """Return the inputs: the ledgers in a folder, or a replay. Raises InputError."""
    found: list[Records] = []
    if ledger is not None and ledger.is_file():
        found.append(ReplayedRecords(ledger))
    elif ledger is not None:
        found += [LedgerRecords(folder) for folder in ledgers_in(ledger)]
    if replayed is not None:
        found.append(ReplayedRecords(replayed))
    return found


def rejudge(
    inputs: Sequence[Records],
    judging: Judging,
    changed: Callable[[Line], object] | None = None,
    progress: Progress | None = None,
) -> tuple[Input, Comparison]:
    """Judge all that the inputs recorded. One that cannot be read on is a fault, and the next one comes."""
    reading, comparison = Reading(), Comparison()
    for records in inputs:
        for recorded in _as_far_as_it_goes(records, reading, progress or _nobody):
            line = comparison.add(judging.again(recorded))
            if line is not None and changed is not None:
                changed(line)
    return reading.total(tuple(str(each.path) for each in inputs)), comparison


def status(summary: Summary, *, found: bool) -> Exit:
    """Return the exit status; ``found`` is whether what was asked for was found."""
    if summary.input.faults:
        return Exit.UNREADABLE
    if not summary.complete:
        return Exit.INCOMPLETE
    return Exit.VIOLATIONS if found else Exit.DONE


def _as_far_as_it_goes(records: Records, reading: Reading, progress: Progress) -> Iterator[Recorded]:
    try:
        yield from records.decisions(reading, progress)
    except InputError as error:
        reading.faults.append(str(error))


def _nobody(_steps: int) -> None:
    return

"""What an input of a report is. Nothing is ever written to one."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec

from monitor.files import unreadable
from monitor.rejudge.lines import Note, bounded_lines
from monitor.rejudge.reading import MALFORMED, TOO_LONG, Reading
from monitor.rejudge.records import Records, decoded
from monitor.rejudge.types import Recorded
from monitor.report.material import Material
from monitor.report.numbers import are_sound, is_sound
from monitor.report.types import Input, InputKind
from sensors.capture import path_text

T = TypeVar("T")

MAX_LINE_BYTES = 4_194_304  # of a finding or a behaviour
RECORD_BYTES = 2_000  # what a ledger's record counts as, where progress is told in bytes
Progress = Callable[[int], object]


class Source(Protocol):
    """An input. ``length`` is about how many bytes it has."""

    path: Path
    length: int

    def may_hold(self, tenant: str) -> bool:
        """Tell whether anything of a tenant may be in it."""

    def read(self, material: Material, progress: Progress) -> tuple[str, ...]:
        """Add all of it to the material; return what tells whether another input is the same.

        Raises InputError.
        """


def sound_of(data: bytes, decoder: "msgspec.json.Decoder[T]") -> T | None:
    """Return what bytes say, or None where they do not say that, or in numbers that cannot be."""
    found = decoded(data, decoder)
    return found if are_sound(found) else None


def values(
    path: Path, decoder: "msgspec.json.Decoder[T]", problems: Counter[str], note: Note | None = None
) -> Iterator[T]:
    """Yield what the lines of a file say, and count those that say something else. Raises InputError."""
    try:
        with path.open("rb") as file:
            for line in bounded_lines(file, MAX_LINE_BYTES, note):
                found = sound_of(line, decoder) if len(line) <= MAX_LINE_BYTES else None
                if found is not None:
                    yield found
                else:
                    problems[MALFORMED if len(line) <= MAX_LINE_BYTES else TOO_LONG] += 1
    except OSError as error:
        raise unreadable(path, error) from None


def counts(
    records: Records, reading: Reading, progress: Progress, count: Callable[[Recorded], bool]
) -> tuple[int, int]:
    """Have the decisions of an input counted; return how many there were, and how many of them counted."""
    found = counted = 0
    for recorded in records.decisions(reading, progress):
        if not is_sound(recorded.decision):
            reading.problems[MALFORMED] += 1
            continue
        found += 1
        counted += count(recorded)
    return found, counted


def as_read(kind: InputKind, path: Path, reading: Reading, counted: int) -> Input:
    """Return what was read of an input."""
    total = reading.total((str(path),))
    erased = {each.payload_class: each.decisions for each in total.erased}
    return Input(kind, path_text(path), counted, problems=total.problems, erased=erased)


def say_problems(material: Material, input_: Input) -> None:
    """Say that records of an input could not be used."""
    if input_.problems:
        said = ", ".join(f"{count:,} {reason}" for reason, count in input_.problems.items())
        material.seeing.unstated(f"{input_.name}: records could not be used ({said})")


def identities(digests: Iterable[tuple[str, int]]) -> tuple[str, ...]:
    """Return the digests of files that hold anything: all empty files are the same."""
    return tuple(digest for digest, size in digests if size)

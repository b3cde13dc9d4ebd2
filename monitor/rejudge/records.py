"""What an input of recorded decisions is, and how bytes become one. Nothing is ever written to an input."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec

from monitor.rejudge.ending import Endings
from monitor.rejudge.reading import PUSHED_OUT, Reading
from monitor.rejudge.types import Recorded

T = TypeVar("T")

MAX_RECORD_BYTES = 1_048_576
Progress = Callable[[int], object]

_REFUSED = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Records(Protocol):
    """An input. ``length`` is how much of it there is, in the unit that progress is told in."""

    path: Path
    length: int

    def decisions(self, reading: Reading, progress: Progress) -> Iterator[Recorded]:
        """Yield the decisions that count. Raises InputError where the input cannot be read on."""


def decoded(data: bytes, decoder: "msgspec.json.Decoder[T]") -> T | None:
    """Return what bytes say, or None where they do not say that."""
    try:
        return decoder.decode(data)
    except _REFUSED:
        return None


def last_of(endings: Endings, reading: Reading) -> Iterator[Recorded]:
    """Yield what waited for an end to the last record, and count what waiting came to."""
    yield from endings.rest()
    reading.superseded += endings.superseded
    reading.problems[PUSHED_OUT] += endings.pushed_out

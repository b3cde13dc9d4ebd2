"""Reads the decisions that a replay left in its `decisions.jsonl`, line by line."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from monitor.exports import DECISIONS
from monitor.files import InputError, unreadable
from monitor.rejudge.ending import Endings
from monitor.rejudge.lines import Note, bounded_lines
from monitor.rejudge.reading import MALFORMED, TOO_LONG, Reading
from monitor.rejudge.records import MAX_RECORD_BYTES, Progress, decoded, last_of
from monitor.rejudge.types import Recorded
from monitor.types import Decision

_decision = msgspec.json.Decoder(Decision)


class ReplayedRecords:
    """The decisions of a replay: its folder, or the file itself. ``length`` is in bytes.

    ``note`` is given every byte that is read.
    """

    def __init__(self, path: Path, note: Note | None = None) -> None:
        """Find the file. Raises InputError."""
        self._note = note
        self.path = path / DECISIONS if path.is_dir() else path
        try:
            self.length = self.path.stat().st_size
        except FileNotFoundError:
            mend = "name a folder that `residency replay --out` left, or the decisions.jsonl in it"
            raise InputError(str(self.path), "no such file", mend) from None
        except OSError as error:
            raise unreadable(self.path, error) from None

    def decisions(self, reading: Reading, progress: Progress) -> Iterator[Recorded]:
        """Yield the decisions that count."""
        endings = Endings()
        before = reading.decisions
        try:
            with self.path.open("rb") as file:
                for index, line in enumerate(bounded_lines(file, MAX_RECORD_BYTES, self._note)):
                    reading.records += 1
                    progress(len(line))
                    found = _recorded(line, index, reading)
                    if found is not None:
                        yield from endings.take(found, len(line))
        except OSError as error:
            raise unreadable(self.path, error) from None
        yield from last_of(endings, reading)
        if self.length and reading.decisions == before:
            mend = "name the decisions.jsonl of a replay"
            raise InputError(str(self.path), "no line of it is a decision", mend)


def _recorded(line: bytes, index: int, reading: Reading) -> Recorded | None:
    if len(line) > MAX_RECORD_BYTES:
        reading.problems[TOO_LONG] += 1
        return None
    decision = decoded(line, _decision)
    if decision is None:
        reading.problems[MALFORMED] += 1
        return None
    reading.decision(decision.outcome or "inventory")
    return Recorded(decision, index)

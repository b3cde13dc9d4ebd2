"""The files that judging again leaves in a folder: the flows that change, one a line, and the summary."""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from monitor.exports import SUMMARY
from monitor.files import InputError
from monitor.rejudge.summary import Summary, summary_json
from monitor.rejudge.types import Line
from monitor.replacing import Replacing

REJUDGED = "rejudged.jsonl"


class Out:
    """Writes `rejudged.jsonl` as it goes; both files appear when they are whole. Raises InputError."""

    def __init__(self, folder: Path, inputs: Sequence[Path]) -> None:
        """Take the folder, unless it is an input's, or inside one: what is read is never written to."""
        self._folder = folder
        refuse_inputs(folder, inputs)
        self._encode = msgspec.json.Encoder().encode
        self._replacing = Replacing(folder / REJUDGED)

    def __enter__(self) -> Self:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._file = self._replacing.__enter__()
        except OSError as error:
            raise self._refused(error) from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._replacing.__exit__(kind, error, trace)
        except OSError as refusal:
            raise self._refused(refusal) from None

    def add(self, line: Line) -> None:
        """Write a flow that changes."""
        try:
            self._file.write(self._encode(line) + b"\n")
        except OSError as error:
            raise self._refused(error) from None

    def finish(self, summary: Summary) -> None:
        """Write the summary."""
        try:
            with Replacing(self._folder / SUMMARY) as file:
                file.write(summary_json(summary))
        except OSError as error:
            raise self._refused(error) from None

    def _refused(self, error: OSError) -> InputError:
        problem = error.strerror or "cannot be written"
        return InputError(str(self._folder), problem, "make room, or choose another --out")


def refuse_inputs(folder: Path, inputs: Sequence[Path]) -> None:
    """Refuse a folder that holds, or is held by, what is read."""
    place = folder.resolve()
    for each in inputs:
        read = each.resolve()
        home = read if read.is_dir() else read.parent
        if place == home or home in place.parents:
            raise InputError(
                str(folder), f"it is where {each} is", "choose another --out: what is read is not altered"
            )

"""Reads a file line by line in bounded memory, whatever stands in it."""

from collections.abc import Callable, Iterator
from typing import IO

Note = Callable[[bytes], object]


def bounded_lines(file: IO[bytes], limit_bytes: int, note: Note | None = None) -> Iterator[bytes]:
    """Yield lines; of one that is too long only so much as shows that: one byte more than the limit.

    ``note`` is given every byte of the file in order, such as to a digest.
    """
    while line := file.readline(limit_bytes + 1):
        if note is not None:
            note(line)
        yield line
        while line and not line.endswith(b"\n"):
            line = file.readline(limit_bytes + 1)
            if note is not None:
                note(line)

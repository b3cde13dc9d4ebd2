"""Reads lines of text as they come, in batches: a fast input costs little, a slow one is answered at once.

What a line holds beyond `MAX_LINE` bytes is dropped, so that an input without line ends fills no memory.
"""

from collections.abc import Iterator
from typing import Protocol

MAX_LINE = 4_096  # bytes of one input
CHUNK = 65_536


class Readable(Protocol):
    """A binary stream that gives what is there."""

    def read1(self, size: int, /) -> bytes:
        """Return what is there, at least one byte; none at the end."""


def batches(stream: Readable) -> Iterator[list[str]]:
    """Yield the lines of a stream without their ends; bytes that are no UTF-8 are replaced."""
    rest = b""
    while chunk := stream.read1(CHUNK):
        *whole, rest = (rest + chunk).split(b"\n")
        rest = rest[:MAX_LINE]
        if whole:
            yield [_text(line) for line in whole]
    if rest:
        yield [_text(rest)]


def _text(line: bytes) -> str:
    return line[:MAX_LINE].decode("utf-8", "replace").strip()

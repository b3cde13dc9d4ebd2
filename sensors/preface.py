"""What a client says before what it is read for: gathered until a parser can tell what it was.

A parser of prefaces is a pure function of a stream's first bytes, and refuses what it does not know within a
bounded number of them. So the outcome is the same however the bytes were cut, and little is kept.
"""

from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")
Parser = Callable[[bytes | bytearray], tuple[T, int] | None]  # what was said, and where it ends


class Unknown(Exception):  # noqa: N818  an outcome of parsing, named as the field names it
    """Bytes of another protocol than the one that they began like. Unknown, not malformed."""


class PrefaceReader(Generic[T]):
    """Reads a client's bytes up to the end of a preface. After that, or an exception, it is spent."""

    __slots__ = ("_buffer", "_parse")

    def __init__(self, parse: Parser[T]) -> None:
        self._buffer = bytearray()
        self._parse = parse

    def feed(self, data: bytes) -> tuple[T, bytes] | None:
        """Take the next bytes in order; return what was said and the bytes after it, None for "not yet".

        Raises Unknown for another protocol, Malformed for a broken preface.
        """
        self._buffer += data
        read = self._parse(self._buffer)
        if read is None:
            return None
        what, end = read
        return what, bytes(self._buffer[end:])


def begins_with(first_bytes: bytes, *begins: bytes) -> bool | None:
    """Tell whether a stream begins with one of ``begins``; None when more bytes are needed."""
    if first_bytes.startswith(begins):
        return True
    return None if any(begin.startswith(first_bytes) for begin in begins) else False

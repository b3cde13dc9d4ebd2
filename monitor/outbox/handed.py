"""Up to where summaries were handed out: what a receiver may have seen must not grow any more.

A reader writes the number before it reads the summaries that it hands out; the owner reads it while nobody
else can read the tables, and lets grow only what is behind it. So no number that a summary gained is missed,
whichever of the two came first.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from monitor.outbox.owning import FILE_MODE

HANDED = "handed"  # below the state folder: the greatest seq, as decimal digits
_DIGITS = 20
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


def begin(folder: Path, last_seq: int) -> None:
    """Make the file, as its owner; one that cannot be read says from now on: all. Raises OSError."""
    with _locked(folder) as (file, known):
        if known is None:
            _write(file, last_seq)


def mark(folder: Path, seq: int) -> None:
    """Say that summaries up to ``seq`` are handed out. The disk holds it. Raises OSError."""
    with _locked(folder) as (file, known):
        if known is not None and known < seq:  # what cannot be read says: all
            _write(file, seq)


def handed(folder: Path, last_seq: int) -> int:
    """Return up to which seq summaries may be handed out; all of them where that cannot be told."""
    try:
        file = os.open(folder / HANDED, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return 0
    except OSError:
        return last_seq
    try:
        known = _number(os.pread(file, _DIGITS + 2, 0))
    finally:
        os.close(file)
    return last_seq if known is None else known


def _number(text: bytes) -> int | None:
    """Return the number, 0 of an empty file, None of what is no number."""
    digits = text.removesuffix(b"\n")
    if not text:
        return 0
    return int(digits) if digits.isdigit() and len(digits) == _DIGITS else None


@contextmanager
def _locked(folder: Path) -> Iterator[tuple[int, int | None]]:
    """Open the file, which nobody else changes meanwhile; give what it says, too."""
    file = os.open(folder / HANDED, _FLAGS, FILE_MODE)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file, _number(os.pread(file, _DIGITS + 2, 0))
    finally:
        os.close(file)


def _write(file: int, seq: int) -> None:
    os.ftruncate(file, _DIGITS + 1)
    os.pwrite(file, f"{seq:0{_DIGITS}}\n".encode(), 0)
    os.fsync(file)

"""An object's bytes on this disk, as far as they are needed, in a file of the object's size with holes in it.

So what reads a file at some places reads an object there. The file is deleted when it is not needed any more.
"""

import errno
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from monitor.batch import objects

Range = tuple[int, int]  # offsets, the end is not in it

_CHUNK_BYTES = 1 << 20


class Held:
    """Some of an object's bytes, each at its place in ``file``. All methods raise OSError."""

    def __init__(self, path: str, folder: Path) -> None:
        self._path, self._folder = path, folder
        self.identity, self.size_bytes = objects.about(path)
        self._has: list[Range] = []
        self._files = 0
        self.file = self._new_file()

    @property
    def all(self) -> Sequence[Range]:
        """Where all of its bytes are."""
        return ((0, self.size_bytes),)

    def need(self, ranges: Iterable[Range]) -> None:
        """Fetch these bytes, but for those that are here."""
        missing = without(ranges, self._has)
        if not missing:
            return
        with _named(self._folder), self.file.open("r+b") as file:
            objects.fetch(self._path, missing, file)
        if objects.about(self._path)[0] != self.identity:
            raise changed(self._path)
        self._has = joined([*self._has, *missing])

    def keep(self, ranges: Iterable[Range]) -> None:
        """Give up all bytes but those of these that are here."""
        kept = common(ranges, self._has)
        before, self.file = self.file, self._new_file()
        with _named(self._folder), before.open("rb") as source, self.file.open("r+b") as copy:
            for begin, end in kept:
                _copy(source, copy, begin, end)
        before.unlink()
        self._has = kept

    def _new_file(self) -> Path:
        self._files += 1
        file = self._folder / f"object-{self._files}"
        with file.open("xb") as made:
            made.truncate(self.size_bytes)
        return file


@contextmanager
def _named(folder: Path) -> Iterator[None]:
    """Let what cannot be written name the folder."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(folder)
        raise


@contextmanager
def hold(path: str, rank: int = 0) -> Iterator[Held]:
    """Have an object's bytes in a file that sorts by rank; none of them are fetched yet. Raises OSError."""
    with tempfile.TemporaryDirectory(prefix=f"residency-{rank:06}-") as folder:
        yield Held(path, Path(folder))


def changed(path: str) -> OSError:
    """Return the error of a file or object that is another one than it was."""
    return OSError(errno.EBUSY, "it changed while it was read", path)


def joined(ranges: Iterable[Range]) -> list[Range]:
    """Return ranges in order, those that touch as one."""
    found: list[Range] = []
    for begin, end in sorted(ranges):
        if found and begin <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        elif begin < end:
            found.append((begin, end))
    return found


def without(ranges: Iterable[Range], others: Sequence[Range]) -> list[Range]:
    """Return what of ranges is in none of others, which are in order and do not touch."""
    found: list[Range] = []
    for whole_begin, end in joined(ranges):
        begin = whole_begin
        for other_begin, other_end in others:
            if begin < other_begin < end:
                found.append((begin, other_begin))
            if other_begin < end:
                begin = max(begin, other_end)
        if begin < end:
            found.append((begin, end))
    return found


def common(ranges: Iterable[Range], others: Sequence[Range]) -> list[Range]:
    """Return what of ranges is in others too."""
    wanted = joined(ranges)
    return without(wanted, without(wanted, others))


def _copy(source: BinaryIO, copy: BinaryIO, begin: int, end: int) -> None:
    source.seek(begin)
    copy.seek(begin)
    while begin < end and (chunk := source.read(min(_CHUNK_BYTES, end - begin))):
        copy.write(chunk)
        begin += len(chunk)

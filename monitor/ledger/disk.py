"""Writes the files of one folder, and remembers which of them the disk may not hold yet.

A file is written over in place, and never gets shorter than what is written: nobody who reads it sees that
the same is written once more. Only what was written before a `sync` that returned survives a loss of power.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from monitor.files import READ_FLAGS

FILE_MODE, FOLDER_MODE = 0o600, 0o700

_WRITE = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


class Disk:
    """The files below a folder, by their path in it. Everything raises OSError."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._root = f"{folder}/"
        self._files: set[str] = set()
        self._folders: set[str] = set()

    def size(self, path: str) -> int:
        """Return how long a file is; 0 where there is none."""
        try:
            found = os.stat(self._root + path, follow_symlinks=False)  # noqa: PTH116  a Path is slow to make
        except FileNotFoundError:
            return 0
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.ELOOP, "not a regular file", self._root + path)
        return found.st_size

    def write(self, path: str, data: bytes) -> None:
        """Have a file hold this and nothing else."""
        with self._opened(path) as file:
            write_all(file, data, 0)
            if os.fstat(file).st_size > len(data):
                os.ftruncate(file, len(data))

    def write_at(self, path: str, data: bytes, offset: int) -> None:
        """Have a file, which is at least ``offset`` long, hold this from there on."""
        with self._opened(path) as file:
            if os.fstat(file).st_size < offset:
                raise OSError(
                    errno.EIO, f"it is shorter than the {offset} bytes that it had", self._root + path
                )
            write_all(file, data, offset)

    def replace(self, path: str, data: bytes, *, durable: bool = False) -> None:
        """Put a file in the place of another, so that whoever opens it gets the one or the other, whole.

        Only if it is to be ``durable`` that also holds when power is lost.
        """
        made = f"{path}.new"
        self.write(made, data)
        if durable:
            sync(self._root + made)
        os.replace(self._root + made, self._root + path)  # noqa: PTH105
        self._files.discard(made)
        self._files.add(path)

    def cut(self, path: str, size: int) -> None:
        """Cut off what stands in a file behind ``size``."""
        if self.size(path) > size:
            with self._opened(path) as file:
                os.ftruncate(file, size)

    def remove(self, path: str) -> None:
        """Remove a file where there is one, and its folder where that is empty by then."""
        with suppress(FileNotFoundError):
            os.unlink(self._root + path)  # noqa: PTH108
        self._files.discard(path)
        parent = os.path.dirname(path)  # noqa: PTH120
        try:
            os.rmdir(self._root + parent)  # noqa: PTH106
        except FileNotFoundError:
            pass
        except OSError:  # there is more in it
            self._changed(parent)
            return
        self._folders.discard(parent)
        self._changed(os.path.dirname(parent))  # noqa: PTH120

    def sync(self) -> None:
        """Have the disk hold all that was written. What an error left out is tried again by the next call."""
        for pending in (self._files, self._folders):
            for path in sorted(pending):
                sync(self._root + path)
                pending.discard(path)

    @contextmanager
    def _opened(self, path: str) -> Iterator[int]:
        """Open a file to write, with the folders it needs."""
        try:
            file = os.open(self._root + path, _WRITE, FILE_MODE)
        except FileNotFoundError:
            self._make_folder(os.path.dirname(path))  # noqa: PTH120
            file = os.open(self._root + path, _WRITE, FILE_MODE)
        self._files.add(path)
        self._changed(os.path.dirname(path))  # noqa: PTH120
        try:
            yield file
        except OSError as error:
            error.filename = error.filename or self._root + path
            raise
        finally:
            os.close(file)

    def _make_folder(self, path: str) -> None:
        """Make a folder and those above it, but never the root: where that is gone, it stays so."""
        parent = os.path.dirname(path)  # noqa: PTH120
        if parent and not os.path.isdir(self._root + parent):  # noqa: PTH112
            self._make_folder(parent)
        with suppress(FileExistsError):
            os.mkdir(self._root + path, FOLDER_MODE)  # noqa: PTH102

    def _changed(self, path: str) -> None:
        """Note a folder that has other names by now, and those above it, which may be new as well."""
        while path not in self._folders:
            self._folders.add(path)
            path = os.path.dirname(path)  # noqa: PTH120


def write_all(file: int, data: bytes, offset: int) -> None:
    """Write all of it at ``offset``, however much the system takes at once. Raises OSError."""
    view = memoryview(data)
    while view:
        count = os.pwrite(file, view, offset)
        view, offset = view[count:], offset + count


def sync(path: str | Path) -> None:
    """Have the disk hold a file, or a folder's names. Raises OSError."""
    file = os.open(path, READ_FLAGS)
    try:
        os.fsync(file)
    finally:
        os.close(file)

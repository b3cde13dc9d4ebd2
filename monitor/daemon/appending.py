"""Appends whole lines to files: what stands in one after a failure, or after a kill, ends with a whole line.

No file stays open between two calls, so there is no number of them to bound, and a folder that comes back is
used again.
"""

import fcntl
import os
from contextlib import suppress
from pathlib import Path

import msgspec

from monitor.files import InputError

FILE_MODE, FOLDER_MODE = 0o600, 0o700
LOCK = ".lock"
_PIECE_BYTES = 65_536
_FLAGS = os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


class Appended(msgspec.Struct, frozen=True):
    """What became of lines: how many were written, how many bytes of a cut line went, why no more."""

    lines: int = 0
    cut_bytes: int = 0
    made: bool = False  # the file is new
    error: OSError | None = None


def append(path: Path, lines: list[bytes]) -> Appended:
    """Append as many lines as the system takes, all of them whole. Makes the file and its folder."""
    try:
        file, made = _open(path)
    except OSError as refused:
        return Appended(error=refused)
    try:
        cut = _cut_back(file)
        written, error = _write(file, b"".join(lines))
    except OSError as failed:
        return Appended(made=made, error=failed)
    finally:
        os.close(file)
    return Appended(_whole(lines, written), cut, made, error)


def repair(path: Path) -> int:
    """Cut a file back to its last whole line; return how many bytes went. Raises OSError."""
    file = os.open(path, _FLAGS)
    try:
        return _cut_back(file)
    finally:
        os.close(file)


def sync(path: Path) -> None:
    """Have the disk hold a file, or a folder's names. Raises OSError."""
    file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)


class FolderLock:
    """Keeps a second daemon out of a folder, until the process ends, however it does."""

    def __init__(self, folder: Path, key: str) -> None:
        """Take the lock. ``key`` names the folder in the configuration. Raises InputError, OSError."""
        self._folder = folder
        self._key = key
        self._file = self._take()

    def renew(self) -> None:
        """Take the lock again where the folder is another one by now. Raises InputError, OSError."""
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(self._file), (self._folder / LOCK).stat()):
                return
        taken = self._take()
        os.close(self._file)
        self._file = taken

    def close(self) -> None:
        """Let go."""
        os.close(self._file)

    def _take(self) -> int:
        self._folder.mkdir(FOLDER_MODE, parents=True, exist_ok=True)
        path = self._folder / LOCK
        # Open to read: a file system with nothing open to write can be made read-only.
        file = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(file, 20, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(file)
            problem = f"another daemon writes there (process {holder})"
            mend = f"stop that one, or give each a folder of its own ({self._key})"
            raise InputError(str(self._folder), problem, mend) from None
        with suppress(OSError):  # only said to people; a full disk does not matter
            path.write_text(f"{os.getpid()}\n")
        return file


def _open(path: Path) -> tuple[int, bool]:
    """Open a file to append to; tell whether it is new."""
    try:
        return os.open(path, _FLAGS), False
    except FileNotFoundError:
        path.parent.mkdir(FOLDER_MODE, exist_ok=True)
        return os.open(path, _FLAGS | os.O_CREAT, FILE_MODE), True


def _cut_back(file: int) -> int:
    """Cut off what stands after the last line break; return how many bytes that were."""
    size = end = os.fstat(file).st_size
    while end:
        start = max(end - _PIECE_BYTES, 0)
        found = os.pread(file, end - start, start).rfind(b"\n")
        if found >= 0:
            end = start + found + 1
            break
        end = start
    if end < size:
        os.ftruncate(file, end)
    return size - end


def _write(file: int, data: bytes) -> tuple[int, OSError | None]:
    """Write as much as the system takes; what stands behind its last whole line is cut off again.

    Returns how many bytes of whole lines stand there, and why no more. What could not even be cut off, the
    next call cuts off before it writes.
    """
    start = os.fstat(file).st_size
    view, done = memoryview(data), 0
    try:
        while done < len(data):
            done += os.write(file, view[done:])
    except OSError as error:
        whole = data.rfind(b"\n", 0, done) + 1
        with suppress(OSError):
            os.ftruncate(file, start + whole)
        return whole, error
    return done, None


def _whole(lines: list[bytes], written: int) -> int:
    """Return how many lines so many bytes are."""
    count = 0
    for line in lines:
        written -= len(line)
        if written < 0:
            break
        count += 1
    return count

"""One owner: who holds a state folder's lock may write in it, until the process ends, however it does."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from monitor.files import InputError, unreadable

LOCK = "lock"
FILE_MODE, FOLDER_MODE = 0o600, 0o700


class OwnedError(InputError):
    """Another process owns the folder."""


class Owner:
    """The lock of a state folder."""

    def __init__(self, folder: Path) -> None:
        """Make the folder where it is not there, and take it. Raises OwnedError, InputError."""
        try:
            folder.mkdir(FOLDER_MODE, parents=True, exist_ok=True)
            # Open to read: a file system with nothing open to write can be made read-only.
            flags = os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            self._file = os.open(folder / LOCK, flags, FILE_MODE)
        except OSError as error:
            raise unreadable(Path(error.filename or folder), error) from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _holder(self._file)
            os.close(self._file)
            problem = f"another process owns the findings (process {holder})"
            raise OwnedError(str(folder), problem, "stop that one, or use another state folder") from None
        with suppress(OSError):  # only said to people; a full disk does not matter
            (folder / LOCK).write_text(f"{os.getpid()}\n")

    def close(self) -> None:
        """Let go."""
        os.close(self._file)


def is_owned(folder: Path) -> bool:
    """Tell whether a process owns the folder now."""
    try:
        file = os.open(folder / LOCK, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


def _holder(file: int) -> str:
    return os.pread(file, 20, 0).decode("ascii", "replace").strip() or "unknown"

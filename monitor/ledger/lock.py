"""Locks that keep a second process out until the first one ends, however it does (flock)."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from monitor.files import InputError
from monitor.ledger.disk import FILE_MODE

LOCK = ".lock"

_MEND = "stop that one, or give each a folder of its own"


def lock_file(path: Path, who: str) -> int:
    """Open a file, made where there is none, and lock it; ``who`` else may have it.

    Raises InputError where somebody has it, OSError.
    """
    # Open to read: a file system with nothing open to write can be made read-only.
    file = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, FILE_MODE)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        raise InputError(str(path.parent), f"{who} writes there", _MEND) from None
    return file


class RootLock:
    """Keeps a second daemon out of the folder that holds all ledgers."""

    def __init__(self, root: Path) -> None:
        """Take it. Raises InputError where another process has it, OSError."""
        path = root / LOCK
        self._file = lock_file(path, f"another daemon (process {_holder(path)})")
        with suppress(OSError):  # only said to people; a full disk does not matter
            path.write_text(f"{os.getpid()}\n")

    def close(self) -> None:
        """Let it go."""
        os.close(self._file)


def _holder(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(20).decode("ascii", "replace").strip() or "unknown"
    except OSError:
        return "unknown"

"""Locks that keep a second process out until the first one ends, however it does (flock)."""

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path

FILE_MODE = 0o600
TRIES, PAUSE_SECONDS = 5, 0.05
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_PID_BYTES = 20


def hold(path: Path) -> int | None:
    """Open a file, made where there is none, and lock it until it is closed; None where another has it.

    Whoever only looks whether it is held lets it go at once, and is waited for. Raises OSError.
    """
    # Open to read: a file system with nothing open to write can be made read-only.
    file = os.open(path, _FLAGS | os.O_CREAT, FILE_MODE)
    for left in reversed(range(TRIES)):
        with suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return file
        time.sleep(PAUSE_SECONDS if left else 0)
    os.close(file)
    return None


def is_held(path: Path) -> bool:
    """Tell whether a process holds a lock now; one that this user may not look at counts as free."""
    try:
        file = os.open(path, _FLAGS)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


def sign(path: Path) -> None:
    """Write into a lock which process has it. Only said to people: a full disk does not matter."""
    with suppress(OSError):
        path.write_text(f"{os.getpid()}\n")


def holder(path: Path) -> str:
    """Return which process signed a lock, or "unknown"."""
    try:
        with path.open("rb") as file:
            return file.read(_PID_BYTES).decode("ascii", "replace").strip() or "unknown"
    except OSError:
        return "unknown"

"""Reads a person's text files. A file that cannot be used is one InputError, and one line."""

import os
from pathlib import Path

from monitor.documents import Source

MAX_SOURCE_BYTES = 8 * 1024 * 1024
# To open what another may have put there: follows no link, and waits for no pipe.
READ_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK

_MENDS: tuple[tuple[type[OSError], str], ...] = (
    (FileNotFoundError, "check the path"),
    (PermissionError, "give this user the right to read it"),
    (IsADirectoryError, "name a file in it"),
)


class InputError(Exception):
    """A file that cannot be used: which, why, and what a person can do."""

    def __init__(self, path: str, problem: str, mend: str) -> None:
        super().__init__(f"{path}: {problem}; {mend}")
        self.path = path
        self.problem = problem
        self.mend = mend

    def __reduce__(self) -> tuple[type["InputError"], tuple[str, str, str]]:
        return type(self), (self.path, self.problem, self.mend)


def read_source(path: Path) -> Source:
    """A text file in UTF-8 of at most MAX_SOURCE_BYTES. Raises InputError."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_SOURCE_BYTES + 1)
    except OSError as error:
        raise unreadable(path, error) from None
    if len(content) > MAX_SOURCE_BYTES:
        size = f"{MAX_SOURCE_BYTES // (1024 * 1024)} MiB"
        raise InputError(str(path), f"larger than {size}", "split it, or check that it is the right file")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(str(path), f"offset {error.start}: not UTF-8", "save it as UTF-8 text") from None
    return Source(str(path), text)


def unreadable(path: Path, error: OSError) -> InputError:
    """The one line for a file that the system does not hand out."""
    mend = next((mend for kind, mend in _MENDS if isinstance(error, kind)), "check the file system")
    return InputError(str(path), (error.strerror or type(error).__name__).lower(), mend)

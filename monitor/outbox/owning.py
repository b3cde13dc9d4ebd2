"""One owner: who holds a state folder's lock may write in it, until the process ends, however it does."""

import os
from pathlib import Path

from monitor.files import InputError, unreadable
from monitor.locking import hold, holder, is_held, sign

LOCK = "lock"
FILE_MODE, FOLDER_MODE = 0o600, 0o700


class OwnedError(InputError):
    """Another process owns the folder."""


class Owner:
    """The lock of a state folder."""

    def __init__(self, folder: Path) -> None:
        """Make the folder where it is not there, and take it. Raises OwnedError, InputError."""
        path = folder / LOCK
        try:
            folder.mkdir(FOLDER_MODE, parents=True, exist_ok=True)
            file = hold(path)
        except OSError as error:
            raise unreadable(Path(error.filename or folder), error) from None
        if file is None:
            problem = f"another process owns the findings (process {holder(path)})"
            raise OwnedError(str(folder), problem, "stop that one, or use another state folder")
        self._file = file
        sign(path)

    def close(self) -> None:
        """Let go."""
        os.close(self._file)


def is_owned(folder: Path) -> bool:
    """Tell whether a process owns the folder now."""
    return is_held(folder / LOCK)

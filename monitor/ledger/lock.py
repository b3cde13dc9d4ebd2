"""The ledger's locks: who writes to a tenant's, and which daemon has the folder of all."""

import os
from pathlib import Path

from monitor.files import InputError
from monitor.locking import hold, holder, sign

LOCK = ".lock"

_MEND = "stop that one, or give each a folder of its own"


def lock_file(path: Path, who: str) -> int:
    """Lock a file, made where there is none; ``who`` else may have it.

    Raises InputError where somebody has it, OSError.
    """
    file = hold(path)
    if file is None:
        raise InputError(str(path.parent), f"{who} writes there", _MEND)
    return file


class RootLock:
    """Keeps a second daemon out of the folder that holds all ledgers."""

    def __init__(self, root: Path) -> None:
        """Take it. Raises InputError where another process has it, OSError."""
        path = root / LOCK
        self._file = lock_file(path, f"another daemon (process {holder(path)})")
        sign(path)

    def close(self) -> None:
        """Let it go."""
        os.close(self._file)

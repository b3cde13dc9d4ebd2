"""Opens the file for those who only read it.

To write where that is allowed, so that SQLite can roll back what a killed owner left half done; where it is
not, and something is half done, a copy is rolled back and read instead.
"""

import os
import shutil
import sqlite3
import tempfile
from contextlib import ExitStack
from pathlib import Path

from monitor.outbox.opening import JOURNAL
from monitor.outbox.schema import OutboxError, check_version, connect, explained, version_of

NO_FILE = "start `residency run`, which makes it, or name its state folder"
_READ_ONLY = "this user may not write there: what a summary gains while it is handed out is missed"
_COPIED = (
    "its owner ended in the midst of a change, which this user may not undo there: a copy is read, in which "
    "it is undone"
)
_HALF_DONE = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)

Identity = tuple[int, ...]


class Opened:
    """A connection that reads, and what it reads: ``note`` is what that costs, or None."""

    def __init__(self, path: Path) -> None:
        """Open the file. Raises OutboxError where there is none, or it cannot be read."""
        self.note: str | None = None
        self.writable = os.access(path.parent, os.W_OK) and os.access(path, os.W_OK)
        self._path = path
        self._copied = False
        self._held = ExitStack()
        self._identity = self._now()
        self.connection = self._connect()

    def is_current(self) -> bool:
        """Tell whether the file that has the name now is the one that is read. Raises OutboxError."""
        return self._now() == self._identity

    def close(self) -> None:
        """Let go, and delete the copy if there is one."""
        self.connection.close()
        self._held.close()

    def _now(self) -> Identity:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            raise OutboxError(str(self._path), "no such file", NO_FILE) from None
        except OSError as error:
            problem = (error.strerror or "it cannot be read").lower()
            raise OutboxError(str(self._path), problem, "give this user the right to read it") from None
        identity = found.st_dev, found.st_ino
        return (*identity, found.st_mtime_ns) if self._copied else identity

    def _connect(self) -> sqlite3.Connection:
        if not self.writable:
            self.note = f"{self._path}: {_READ_ONLY}"
        try:
            return _reading(self._path, writable=self.writable)
        except sqlite3.Error as error:
            if self.writable or error.sqlite_errorcode & 0xFF not in _HALF_DONE:
                raise explained(self._path, error) from None
        self.note = f"{self._path}: {_COPIED}"
        self._copied = True
        self._identity = self._now()
        try:
            folder = Path(self._held.enter_context(tempfile.TemporaryDirectory(prefix="residency-")))
            for name in (self._path.name, self._path.name + JOURNAL):
                shutil.copyfile(self._path.with_name(name), folder / name)
            return _reading(folder / self._path.name, writable=True)
        except OSError as error:
            self._held.close()
            problem = f"it cannot be copied ({(error.strerror or 'failed').lower()})"
            raise OutboxError(str(self._path), problem, "read it as the daemon's user") from None
        except sqlite3.Error as error:
            self._held.close()
            raise explained(self._path, error) from None


def _reading(path: Path, *, writable: bool) -> sqlite3.Connection:
    """Open a connection that changes nothing. Raises OutboxError, sqlite3.Error."""
    connection = connect(path, "rw" if writable else "ro")
    try:
        connection.execute("PRAGMA query_only=1")
        check_version(path, version_of(connection))
    except BaseException:
        connection.close()
        raise
    return connection

"""The keys of pseudonyms: one file a period, for the owner's eyes only, deleted when no packet needs it.

Kept are the key of this period, of the previous one (packets may be late) and of the next (it is there before
it is needed). Without its key nobody can tell again whom a pseudonym stands for, nor link it to others.
"""

import datetime as dt
import os
import re
import secrets
from contextlib import suppress
from pathlib import Path

from monitor.files import InputError
from monitor.ledger.days import Steady, day_text
from monitor.ledger.disk import FILE_MODE, FOLDER_MODE, sync
from monitor.pseudonyms import KEY_BYTES, Pseudonyms, period_of

RETRY_NS = 60 * 1_000_000_000  # between attempts to keep a key that could not be written
_NAME = re.compile(r"(\d{4}-\d{2}-\d{2})-(\d+)d\.key")
_EPOCH = dt.date(1970, 1, 1)
_WIDE = 0o077  # rights of anybody but the owner


class RotatingPseudonyms:
    """Pseudonyms whose keys are in a folder.

    ``problem`` is why a key is only in memory, ``undeleted`` why an old one is still there, or None.
    """

    def __init__(self, folder: Path, rotate_days: int, now_ns: int) -> None:
        """Read the keys, and make those that are missing. Raises InputError."""
        self.problem: str | None = None
        self.undeleted: str | None = None
        self._folder = folder
        self._rotate_days = rotate_days
        self._steady = Steady()
        self._period = period_of(now_ns, rotate_days)
        self._tried_ns = now_ns
        try:
            folder.mkdir(FOLDER_MODE, parents=True, exist_ok=True)
            self._keys = {period: self._read_or_make(period) for period in self._wanted()}
        except OSError as error:
            raise _refused(error, folder) from None
        self._pseudonyms = Pseudonyms(self._keys, rotate_days)
        self.pseudonym = self._pseudonyms.pseudonym
        self.pseudonymised = self._pseudonyms.pseudonymised
        self.pseudonymised_behaviour = self._pseudonyms.pseudonymised_behaviour

    def turn(self, now_ns: int) -> tuple[str, ...]:
        """Go on to a new period where it is time, at least once an hour; return the keys that were deleted.

        A key that cannot be written is used all the same, until the end of the process, and tried again.
        After a step of the clock nothing is deleted for a day.
        """
        believed = self._steady.believes(now_ns)
        period = period_of(now_ns, self._rotate_days)
        waits = self.problem is not None and not 0 <= now_ns - self._tried_ns < RETRY_NS
        if period != self._period or waits:
            self._period, self._tried_ns = period, now_ns
            self._renew()
        return self._delete() if believed else ()

    def _wanted(self) -> range:
        return range(self._period - 1, self._period + 2)

    def _renew(self) -> None:
        """Have the keys of this period and those beside it."""
        self.problem = None
        keys = {}
        for period in self._wanted():
            keys[period] = self._keys.get(period) or secrets.token_bytes(KEY_BYTES)
            try:
                self._folder.mkdir(FOLDER_MODE, parents=True, exist_ok=True)
                keys[period] = self._read_or_make(period, keys[period])
            except OSError as error:
                self.problem = str(_refused(error, self._folder))
            except InputError as error:
                self.problem = str(error)
        if keys != self._keys:
            self._keys = keys
            self._pseudonyms.use(keys)

    def _read_or_make(self, period: int, key: bytes | None = None) -> bytes:
        """Return the key of a period: the file's, or else ``key`` or a new one, which is written.

        Another daemon may do the same: whose file is there first wins. Raises InputError, OSError.
        """
        path = self._folder / self._name(period)
        with suppress(FileNotFoundError):
            return _read(path)
        partial = path.with_name(f".{path.name}.{os.getpid()}")
        partial.unlink(missing_ok=True)
        try:
            _write(partial, key or secrets.token_bytes(KEY_BYTES))
            with suppress(FileExistsError):
                path.hardlink_to(partial)
        finally:
            partial.unlink(missing_ok=True)
        sync(self._folder)
        return _read(path)

    def _delete(self) -> tuple[str, ...]:
        """Delete keys of periods before the previous one, whatever length periods had."""
        first_day = min(self._wanted()) * self._rotate_days
        deleted: list[str] = []
        self.undeleted = None
        try:
            names = sorted(os.listdir(self._folder))  # noqa: PTH208  names alone
        except OSError as error:
            names, self.undeleted = [], str(_refused(error, self._folder))
        for name in names:
            end = _end_day(name)
            if end is not None and end <= first_day:
                try:
                    (self._folder / name).unlink()
                    deleted.append(name)
                except OSError as error:
                    self.undeleted = str(_refused(error, self._folder))
        return tuple(deleted)

    def _name(self, period: int) -> str:
        return f"{day_text(period * self._rotate_days)}-{self._rotate_days}d.key"


def _end_day(name: str) -> int | None:
    """Return the first day that a key is no longer for, counted from 1970-01-01; None for other files."""
    found = _NAME.fullmatch(name)
    with suppress(ValueError):
        return (dt.date.fromisoformat(found[1]) - _EPOCH).days + int(found[2]) if found else None
    return None


def _read(path: Path) -> bytes:
    """Read a key. Raises InputError, OSError."""
    mend = "delete it: this period's pseudonyms then change"
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_mode & _WIDE:
            raise InputError(str(path), "others than its owner have rights to this key", "chmod 600")
        text = file.read(2 * KEY_BYTES + 2)
    try:
        key = bytes.fromhex(text.decode("ascii"))
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise InputError(str(path), f"no key of {KEY_BYTES} bytes in hexadecimal", mend)
    return key


def _write(path: Path, key: bytes) -> None:
    """Write a key to a new file, and wait until the disk holds it."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
    try:
        text = f"{key.hex()}\n".encode()
        if os.write(file, text) != len(text):
            raise OSError("the disk is full")
        os.fsync(file)
    finally:
        os.close(file)


def _refused(error: OSError, folder: Path) -> InputError:
    problem = (error.strerror or str(error)).lower()
    mend = "let the daemon's user write there (privacy.pseudonyms.keys)"
    return InputError(str(error.filename or folder), problem, mend)

"""A folder that a person's commands put requests into, one file each, and a process its answers.

A request appears under its name when it is whole and on the disk. The process renames what it takes, so that
either it or an asker who lost patience has it, and never both. Files that are no request of somebody who may
ask are removed and counted.
"""

import os
import re
import secrets
import stat
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from monitor.files import READ_FLAGS, InputError
from monitor.outbox.owning import FOLDER_MODE

MAX_BYTES = 65_536  # of a request
MAX_ANSWER_BYTES = 1_048_576
MAX_LISTED = 4_096  # files looked at by one call
STALE_SECONDS = 3_600.0  # what nobody fetched or finished by then is removed
_POLL_SECONDS = 0.05
_MODE = 0o644  # root asks a process that is not root; the folder keeps others out
_NAME = re.compile(r"(\d{1,20}-[0-9a-f]{16})\.(json|taken|answer)")


class Asked(msgspec.Struct, frozen=True):
    """A request's file: ``uid`` is the user who wrote it."""

    name: str
    uid: int
    data: bytes


class NoAnswerError(Exception):
    """Nobody answered. ``taken``: somebody has the request all the same, or its answer is no good: why."""

    def __init__(self, why: str = "", *, taken: bool) -> None:
        super().__init__(why)
        self.taken = taken


def new_name(now_ns: int) -> str:
    """Return a request's name, which nobody else has; names sort by time."""
    return f"{now_ns}-{secrets.token_hex(8)}"


class Spool:
    """One such folder. ``ended`` is the answer to what a process took and did not finish before it ended."""

    def __init__(self, folder: Path, ended: bytes) -> None:
        self._folder, self._ended = folder, ended

    def make(self) -> None:
        """Make the folder, as its owner, where there is none. A disk that does not take it is tried again."""
        with suppress(OSError):
            self._folder.mkdir(FOLDER_MODE, exist_ok=True)

    def ask(self, name: str, data: bytes, seconds: float) -> bytes:
        """Put a request there; return the answer. Raises InputError, NoAnswerError."""
        try:
            _place(self._folder, f"{name}.json", data)
        except OSError as error:
            problem = (error.strerror or "it cannot be written").lower()
            raise InputError(str(self._folder), problem, "ask as root, or as the daemon's user") from None
        end = time.monotonic() + seconds
        while True:
            found = self._fetch(name)
            if found is not None:
                return found
            if time.monotonic() > end:
                return self._give_up(name)
            time.sleep(_POLL_SECONDS)

    def take(self, limit: int, refused: Counter[str]) -> list[Asked]:
        """Return what was asked, the oldest first, at most ``limit``.

        Only for the owner of the state folder, and when all that was taken before is answered. ``refused``
        counts, by reason, files that were removed. Never raises: what cannot be read now comes later.
        """
        found: list[Asked] = []
        for name in self._listed(refused):
            path, match = self._folder / name, _NAME.fullmatch(name)
            if match is None:
                if not name.startswith(".") or _is_stale(path):
                    _remove(path, refused, "name")
            elif match[2] == "answer":
                if _is_stale(path):
                    _remove(path, refused, "stale answer")
            elif match[2] == "taken":
                self.answer(match[1], self._ended)
            elif len(found) < limit:
                found += self._taken(match[1], refused)
        return found

    def answer(self, name: str, data: bytes) -> None:
        """Answer a request that was taken. An asker who is gone, or a full disk, does not matter."""
        with suppress(OSError):
            _place(self._folder, f"{name}.answer", data)
        with suppress(OSError):
            (self._folder / f"{name}.taken").unlink()

    def _taken(self, name: str, counts: Counter[str]) -> Iterator[Asked]:
        """Yield the request of a name, unless it is none."""
        path = self._folder / f"{name}.taken"
        try:
            (self._folder / f"{name}.json").rename(path)
            data, uid = _read(path, MAX_BYTES, {0, os.geteuid()})
        except FileNotFoundError:  # the asker has it back
            return
        except _RefusedError as error:
            _remove(path, counts, str(error))
        except OSError:
            _remove(path, counts, "unreadable")
        else:
            yield Asked(name, uid, data)

    def _listed(self, counts: Counter[str]) -> list[str]:
        """Return the names in the spool, in order."""
        names: list[str] = []
        try:
            with os.scandir(self._folder) as entries:
                for entry in entries:
                    names.append(entry.name)
                    if len(names) == MAX_LISTED:
                        counts["too many at once"] += 1
                        break
        except FileNotFoundError:
            self.make()
        except OSError:
            counts["spool unreadable"] += 1
        return sorted(names)

    def _fetch(self, name: str) -> bytes | None:
        """Return an answer, and remove it; None where there is none yet. Raises NoAnswerError."""
        path = self._folder / f"{name}.answer"
        try:
            data, _ = _read(path, MAX_ANSWER_BYTES, {0, os.geteuid(), self._folder.stat().st_uid})
        except FileNotFoundError:
            return None
        except (_RefusedError, OSError) as error:
            raise NoAnswerError(f"the answer cannot be read ({error})", taken=True) from None
        with suppress(OSError):
            path.unlink()
        return data

    def _give_up(self, name: str) -> bytes:
        """Take a request back; where the process was quicker, look for its answer. Raises NoAnswerError."""
        try:
            (self._folder / f"{name}.json").unlink()
        except OSError:
            found = self._fetch(name)
            if found is None:
                raise NoAnswerError("it was taken, and not answered in time", taken=True) from None
            return found
        raise NoAnswerError(taken=False)


class _RefusedError(Exception):
    """Why a file is no request of somebody who may ask."""


def _read(path: Path, most: int, uids: set[int]) -> tuple[bytes, int]:
    """Return a file's content and owner. Raises _RefusedError, OSError (a link among them)."""
    file = os.open(path, READ_FLAGS)
    try:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
            raise _RefusedError("not a plain file")
        if found.st_uid not in uids:
            raise _RefusedError("owner")
        data = os.read(file, most + 1)
    finally:
        os.close(file)
    if len(data) > most:
        raise _RefusedError("size")
    return data, found.st_uid


def _place(folder: Path, name: str, data: bytes) -> None:
    """Have a file appear under its name, whole and on the disk. Raises OSError."""
    part = folder / f".{name}.part"
    file = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, _MODE)
    try:
        try:
            os.fchmod(file, _MODE)  # whatever the umask
            done = 0
            while done < len(data):
                done += os.write(file, data[done:])
            os.fsync(file)
        finally:
            os.close(file)
        part.rename(folder / name)
    except OSError:
        part.unlink(missing_ok=True)
        raise
    place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(place)
    finally:
        os.close(place)


def _is_stale(path: Path) -> bool:
    try:
        return time.time() - path.lstat().st_mtime > STALE_SECONDS
    except OSError:
        return False


def _remove(path: Path, counts: Counter[str], reason: str) -> None:
    """Remove what is no request, a folder too where it is empty; count it."""
    counts[reason] += 1
    with suppress(OSError):
        if stat.S_ISDIR(path.lstat().st_mode):
            path.rmdir()
        else:
            path.unlink()

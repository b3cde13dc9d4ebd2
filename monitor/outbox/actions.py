"""What operators ask of a running daemon: one file each in the state folder's spool, and one for its answer.

A request appears under its name when it is whole and on the disk. The daemon renames what it takes, so that
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
from typing import Literal

import msgspec

from monitor.files import InputError
from monitor.findings.actions import Action
from monitor.findings.types import Finding
from monitor.outbox.owning import FOLDER_MODE

SPOOL = "actions"  # below the state folder
MAX_BYTES = 65_536  # of a request
MAX_ANSWER_BYTES = 1_048_576
MAX_LISTED = 4_096  # files looked at by one call
STALE_SECONDS = 3_600.0  # what nobody fetched or finished by then is removed
TIMEOUT_SECONDS = 15.0
_POLL_SECONDS = 0.05
_MODE = 0o644  # an operator who is root asks a daemon that is not; the folder keeps others out
_NAME = re.compile(r"(\d{1,20}-[0-9a-f]{16})\.(json|taken|answer)")
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

Status = Literal["done", "refused", "pending", "not-taken", "unknown"]


class Answer(msgspec.Struct, frozen=True):
    """What became of a request: ``says`` is a sentence, ``finding`` how it stands then.

    "done" is durable. "refused" and "not-taken" changed nothing. "pending" is done, and becomes durable once
    the disk takes it. "unknown": the daemon ended, or was slow; the finding itself tells.
    """

    status: Status
    says: str
    finding: Finding | None = None


class Request(msgspec.Struct, frozen=True):
    """An action, as it was asked for. ``uid`` is the user who wrote the file."""

    name: str
    uid: int
    at_ns: int
    action: Action


class Operated(msgspec.Struct, frozen=True):
    """What the ledger keeps of a request: the action with who did it, and the user who wrote the file."""

    action: Action
    uid: int
    asked_ns: int


class _Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What stands in a request's file."""

    at_ns: int
    action: Action


_asked = msgspec.json.Decoder(_Asked)
_answer = msgspec.json.Decoder(Answer)


def action_name(action: Action) -> str:
    """Return what an action is called in files and logs: "start-cure"."""
    return str(type(action).__struct_config__.tag)


def new_request(action: Action, now_ns: int) -> Request:
    """Return a request of this process' user, under a name that nobody else has."""
    return Request(f"{now_ns}-{secrets.token_hex(8)}", os.geteuid(), now_ns, action)


def ask(state: Path, request: Request, timeout: float = TIMEOUT_SECONDS) -> Answer:
    """Hand a request to the daemon, and wait for its answer so many seconds. Raises InputError."""
    spool = state / SPOOL
    try:
        _place(spool, f"{request.name}.json", msgspec.json.encode(_Asked(request.at_ns, request.action)))
    except OSError as error:
        problem = (error.strerror or "it cannot be written").lower()
        raise InputError(str(spool), problem, "ask as root, or as the daemon's user") from None
    end = time.monotonic() + timeout
    while True:
        found = _fetch(spool / f"{request.name}.answer")
        if found is not None:
            return found
        if time.monotonic() > end:
            return _give_up(spool, request)
        time.sleep(_POLL_SECONDS)


def make_spool(state: Path) -> None:
    """Make the spool, as its owner, where there is none. A disk that does not take it is tried again."""
    with suppress(OSError):
        (state / SPOOL).mkdir(FOLDER_MODE, exist_ok=True)


def take(state: Path, limit: int, refused: Counter[str] | None = None) -> list[Request]:
    """Return what was asked, the oldest first, at most ``limit``.

    Only for the owner of the state folder, and when all that was taken before is answered. ``refused``
    counts, by reason, files that were removed. Never raises: what cannot be read now comes later.
    """
    spool = state / SPOOL
    counts = Counter[str]() if refused is None else refused
    found: list[Request] = []
    for name in _listed(spool, counts):
        match = _NAME.fullmatch(name)
        if match is None:
            if not name.startswith(".") or _is_stale(spool / name):
                _remove(spool / name, counts, "name")
        elif match[2] == "answer":
            if _is_stale(spool / name):
                _remove(spool / name, counts, "stale answer")
        elif match[2] == "taken":
            says = "the daemon ended before it answered; look at the finding"
            _settle(spool, match[1], Answer("unknown", says))
        elif len(found) < limit:
            found += _taken(spool, match[1], counts)
    return found


def answer(state: Path, request: Request, said: Answer) -> None:
    """Answer a request that was taken. An asker who is gone, or a full disk, does not matter."""
    _settle(state / SPOOL, request.name, said)


def _taken(spool: Path, name: str, counts: Counter[str]) -> Iterator[Request]:
    """Yield the request of a name, unless it is none."""
    path = spool / f"{name}.taken"
    try:
        (spool / f"{name}.json").rename(path)
        data, uid = _read(path, MAX_BYTES, {0, os.geteuid()})
    except FileNotFoundError:  # the asker has it back
        return
    except _RefusedError as error:
        _remove(path, counts, str(error))
        return
    except OSError:
        _remove(path, counts, "unreadable")
        return
    try:
        asked = _asked.decode(data)
    except (msgspec.DecodeError, RecursionError) as error:
        counts["not a request"] += 1
        _settle(spool, name, Answer("refused", f"this is no request that the daemon knows: {error}"))
        return
    yield Request(name, uid, asked.at_ns, asked.action)


class _RefusedError(Exception):
    """Why a file is no request of somebody who may ask."""


def _read(path: Path, most: int, uids: set[int]) -> tuple[bytes, int]:
    """Return a file's content and owner. Raises _RefusedError, OSError (a link among them)."""
    file = os.open(path, _READ)
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


def _listed(spool: Path, counts: Counter[str]) -> list[str]:
    """Return the names in the spool, in order."""
    names: list[str] = []
    try:
        with os.scandir(spool) as entries:
            for entry in entries:
                names.append(entry.name)
                if len(names) == MAX_LISTED:
                    counts["too many at once"] += 1
                    break
    except FileNotFoundError:
        make_spool(spool.parent)
    except OSError:
        counts["spool unreadable"] += 1
    return sorted(names)


def _settle(spool: Path, name: str, said: Answer) -> None:
    with suppress(OSError):
        _place(spool, f"{name}.answer", msgspec.json.encode(said))
    with suppress(OSError):
        (spool / f"{name}.taken").unlink()


def _fetch(path: Path) -> Answer | None:
    """Return an answer, and remove it; None where there is none yet."""
    try:
        data, _ = _read(path, MAX_ANSWER_BYTES, {0, os.geteuid(), path.parent.stat().st_uid})
    except FileNotFoundError:
        return None
    except (_RefusedError, OSError) as error:
        return Answer("unknown", f"the answer cannot be read ({error}); look at the finding")
    with suppress(OSError):
        path.unlink()
    try:
        return _answer.decode(data)
    except msgspec.DecodeError as error:
        return Answer("unknown", f"the answer cannot be read ({error}); look at the finding")


def _give_up(spool: Path, request: Request) -> Answer:
    """Take a request back; where the daemon was quicker, say so."""
    try:
        (spool / f"{request.name}.json").unlink()
    except OSError:
        found = _fetch(spool / f"{request.name}.answer")
        late = "the daemon took it, and has not answered in time; look at the finding"
        return found or Answer("unknown", late)
    return Answer("not-taken", "the daemon did not take it in time, and it is taken back; try again")


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

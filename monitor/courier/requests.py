"""What a person asks of the courier while it works: a file each in STATE/courier, and an answer beside it.

The courier alone writes its database; whoever asks puts a whole file in place, and waits for the answer.
Where no courier works, the same is done at once by whoever owns the database then.
"""

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Literal
from uuid import uuid4

import msgspec

from monitor.courier.deliveries import Deliveries, DeliveriesError
from monitor.courier.queue import OpenQueue, Queue
from monitor.files import InputError
from monitor.replacing import Replacing
from monitor.sinks.protocol import Parcel

FOLDER = "courier"  # below the state folder
ASKED, ANSWERED = ".ask", ".answer"
MAX_REQUESTS = 100  # obeyed at one look
PAGE = 500  # events read at once
MAX_REQUEST_BYTES = 65_536
REQUEST_MODE = 0o644  # root may ask a courier that is not root; the folder keeps others out
STALE_SECONDS = 3_600.0  # after which an answer that nobody fetched goes
_POLL_SECONDS = 0.05


class Request(msgspec.Struct, frozen=True):
    """Put letters back in line, or forget events; of one sink or (retry alone) all, of one key or any.

    ``waiting``: a drop without a key passes over what waits, too.
    """

    what: Literal["retry", "drop"]
    sink: str | None = None
    key: str | None = None
    waiting: bool = False


class Answer(msgspec.Struct, frozen=True):
    """How many events it came to, or why it did not happen."""

    count: int = 0
    error: str | None = None


def obey(deliveries: Deliveries, request: Request, open_queue: OpenQueue, now_ns: int) -> Answer:
    """Do what is asked. Raises InputError, DeliveriesError."""
    if request.what == "retry":
        return Answer(deliveries.retry(request.sink, request.key, now_ns))
    if request.sink is None:
        return Answer(error="a drop needs a sink")
    if request.key is None and not request.waiting:
        return Answer(deliveries.drop_all(request.sink, 0))
    cursor = deliveries.known(request.sink)
    if cursor is None:
        return Answer(error=f"no sink {request.sink!r} has been served here")
    queue = open_queue()
    try:
        if request.key is None:
            waiting = queue.waiting(cursor)
            return Answer(waiting + deliveries.drop_all(request.sink, queue.last_seq))
        found = any(each.key == request.key for each in behind(queue, cursor))
        return Answer(deliveries.drop_key(request.sink, request.key, waiting=found))
    finally:
        queue.close()


def behind(queue: Queue, seq: int) -> Iterator[Parcel]:
    """Yield all that waits behind a number, some at a time. Raises what ``queue`` raises."""
    while page := queue.peek(seq, PAGE):
        yield from page
        seq = page[-1].seq


def obey_all(state: Path, deliveries: Deliveries, open_queue: OpenQueue, now_ns: int) -> list[Request]:
    """Do what was asked since the last look, and answer; return what was done."""
    done = []
    for path in _asked(state)[:MAX_REQUESTS]:
        request = _read(path)
        if request is None:
            answer = Answer(error="not a request that this program knows")
        else:
            try:
                answer = obey(deliveries, request, open_queue, now_ns)
                done.append(request)
            except (InputError, DeliveriesError) as error:
                answer = Answer(error=str(error))
        # Where that fails, whoever asked waits in vain, and says so.
        with suppress(OSError), Replacing(path.with_suffix(ANSWERED)) as out:
            out.write(msgspec.json.encode(answer))
        with suppress(OSError):
            path.unlink()
    return done


def ask(state: Path, request: Request, patience_seconds: float) -> Answer | None:
    """Ask the courier that works; return its answer, None where none came. Raises OSError."""
    folder = state / FOLDER
    path = folder / f"{time.time_ns():020}-{uuid4().hex}{ASKED}"
    with Replacing(path) as out:
        os.fchmod(out.fileno(), REQUEST_MODE)
        out.write(msgspec.json.encode(request))
    answer, deadline = path.with_suffix(ANSWERED), time.monotonic() + patience_seconds
    while time.monotonic() < deadline:
        with suppress(FileNotFoundError):
            found = msgspec.json.decode(answer.read_bytes(), type=Answer)
            answer.unlink()
            return found
        time.sleep(_POLL_SECONDS)
    path.unlink(missing_ok=True)
    return None


def make_spool(state: Path) -> None:
    """Make the folder of requests, as its owner. A disk that does not take it is tried again."""
    with suppress(OSError):
        (state / FOLDER).mkdir(0o700, exist_ok=True)


def sweep(state: Path, now_seconds: float) -> None:
    """Remove answers that nobody fetched."""
    with suppress(OSError):
        for path in (state / FOLDER).iterdir():
            if path.suffix != ASKED and now_seconds - path.stat().st_mtime > STALE_SECONDS:
                path.unlink(missing_ok=True)


def _asked(state: Path) -> list[Path]:
    try:
        names = os.listdir(state / FOLDER)  # noqa: PTH208  names alone
    except OSError:
        return []
    return [state / FOLDER / name for name in sorted(names) if name.endswith(ASKED) and name[0] != "."]


def _read(path: Path) -> Request | None:
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(MAX_REQUEST_BYTES), type=Request)
    except (OSError, msgspec.DecodeError):
        return None

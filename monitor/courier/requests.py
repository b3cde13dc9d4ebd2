"""What a person asks of the courier while it works, through a spool in the state folder.

The courier alone writes its database. Where no courier works, the same is done at once by whoever owns the
database then.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from time import time_ns
from typing import Literal

import msgspec

from monitor.courier.deliveries import Deliveries, DeliveriesError
from monitor.courier.queue import OpenQueue, Queue
from monitor.files import InputError
from monitor.outbox.spool import NoAnswerError, Spool, new_name
from monitor.sinks.protocol import Parcel

FOLDER = "courier"  # below the state folder
MAX_REQUESTS = 100  # obeyed at one look
PAGE = 500  # events read at once


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


_ENDED = msgspec.json.encode(Answer(error="the courier ended before it answered; see `outbox status`"))


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


def obey_all(
    state: Path, deliveries: Deliveries, open_queue: OpenQueue, now_ns: int, refused: Counter[str]
) -> list[Request]:
    """Do what was asked since the last look, and answer; return what was done. ``refused``: see ``Spool``."""
    spool, done = _spool(state), []
    for asked in spool.take(MAX_REQUESTS, refused):
        try:
            request = msgspec.json.decode(asked.data, type=Request)
            answer = obey(deliveries, request, open_queue, now_ns)
            done.append(request)
        except (msgspec.DecodeError, RecursionError) as error:
            refused["not a request"] += 1
            answer = Answer(error=f"not a request that this program knows: {error}")
        except (InputError, DeliveriesError) as error:
            answer = Answer(error=str(error))
        spool.answer(asked.name, msgspec.json.encode(answer))
    return done


def ask(state: Path, request: Request, patience_seconds: float) -> Answer | None:
    """Ask the courier that works; return its answer, None where it took nothing. Raises InputError."""
    try:
        data = _spool(state).ask(new_name(time_ns()), msgspec.json.encode(request), patience_seconds)
        return msgspec.json.decode(data, type=Answer)
    except (NoAnswerError, msgspec.DecodeError) as error:
        if isinstance(error, NoAnswerError) and not error.taken:
            return None
        return Answer(error=f"{error}; see `residency outbox status` for what became of it")


def make_spool(state: Path) -> None:
    """Make the folder of requests, as its owner."""
    _spool(state).make()


def _spool(state: Path) -> Spool:
    return Spool(state / FOLDER, _ENDED)

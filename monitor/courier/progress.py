"""How far the courier is, for whoever is not the courier: the daemon, `residency outbox`.

Reads only, cheaply. What cannot be read is never taken for delivered.
"""

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

import msgspec

from monitor.courier.letters import DeadLetter, LaneState
from monitor.courier.queue import Queue
from monitor.courier.schema import (
    DATABASE,
    DEAD_COLUMNS,
    LANE_COLUMNS,
    check_version,
    lane_of,
    letter_of,
)
from monitor.files import InputError
from monitor.outbox.reading import OutboxReader

ALL = 2**63 - 1  # greater than the number of any event
PAGE = 500  # letters read at once
WAIT_SECONDS = 1.0  # for the courier's short transaction


class Figures(msgspec.Struct, frozen=True):
    """How a sink fares: what waits for it, since when the oldest is there, and what was put aside.

    ``state.error`` and ``error_ns`` are of its last failure; it fails now where ``state.attempts`` is not 0.
    ``waiting`` and ``oldest_ns`` are None where the outbox cannot be read.
    """

    sink: str
    state: LaneState
    waiting: int | None
    oldest_ns: int | None
    dead: int
    again: int
    drop_to: int = 0  # up to there a person wants nothing delivered


def added(one: Figures, other: Figures) -> Figures:
    """Return how a sink fares in two places together: sums, the oldest, the last error, the worst trouble."""
    worse = max(one.state, other.state, key=lambda state: (state.attempts, state.next_try_ns))
    last = max(one.state, other.state, key=lambda state: state.error_ns or 0)
    known = [each for each in (one.oldest_ns, other.oldest_ns) if each is not None]
    state = msgspec.structs.replace(
        worse,
        error=last.error,
        error_ns=last.error_ns,
        delivered=one.state.delivered + other.state.delivered,
        shed=one.state.shed + other.state.shed,
    )
    waiting = None if one.waiting is None or other.waiting is None else one.waiting + other.waiting
    dead, again = one.dead + other.dead, one.again + other.again
    return Figures(one.sink, state, waiting, min(known, default=None), dead, again)


def delivered_seq(state: Path, names: Collection[str], last_seq: int = ALL) -> int:
    """Return up to which number all sinks are done, those of these names and those that the courier serves.

    Only what is behind it is still needed. ALL where there are no sinks, 0 where one was never served or this
    cannot be read. The courier may have read a configuration that the daemon has not. A sink that is beyond
    ``last_seq``, the last number of the outbox, counts in that of another one, and has all of this before it.
    """
    if not names and not (state / DATABASE).exists():
        return ALL
    try:
        with _reading(state) as db:
            rows = db.execute("SELECT sink, max(cursor, drop_to) AS done, served FROM lanes").fetchall()
    except InputError:
        return 0
    needed = {*names, *(row["sink"] for row in rows if row["served"])}
    done = {row["sink"]: int(row["done"]) for row in rows if row["done"] <= last_seq}
    return min((done.get(name, 0) for name in needed), default=ALL)


def lane_states(state: Path, queue: Queue | None = None) -> list[Figures]:
    """Return how each sink that was ever served fares, by name. ``queue`` saves opening the outbox.

    Raises InputError where the courier's database cannot be read; where there is none, the list is empty.
    """
    if not (state / DATABASE).exists():
        return []
    with _reading(state) as db:
        lanes = db.execute(f"SELECT sink, drop_to, {LANE_COLUMNS} FROM lanes ORDER BY sink").fetchall()  # noqa: S608
        counted = db.execute("SELECT sink, COUNT(*) AS dead, SUM(again) AS again FROM dead GROUP BY sink")
        dead = {row["sink"]: (row["dead"] - row["again"], row["again"]) for row in counted}
    own = _outbox(state) if queue is None else None
    outbox: Queue | None = queue if queue is not None else own
    try:
        return [_figures(row, dead.get(row["sink"], (0, 0)), outbox) for row in lanes]
    finally:
        if own is not None:
            own.close()


def dead_letters(state: Path, sink: str | None = None) -> Iterator[DeadLetter]:
    """Yield what was put aside, by sink and number, read some at a time. Raises InputError."""
    if not (state / DATABASE).exists():
        return
    query = (
        f"SELECT {DEAD_COLUMNS} FROM dead WHERE (? IS NULL OR sink = ?) AND (sink, seq) > (?, ?)"  # noqa: S608
        " ORDER BY sink, seq LIMIT ?"
    )
    last: tuple[str, int] = ("", 0)
    while True:
        with _reading(state) as db:
            page = [letter_of(row) for row in db.execute(query, (sink, sink, *last, PAGE))]
        yield from page
        if len(page) < PAGE:
            return
        last = page[-1].sink, page[-1].seq


def _figures(row: sqlite3.Row, dead: tuple[int, int], queue: Queue | None) -> Figures:
    done = max(row["cursor"], row["drop_to"])
    waiting = queue.waiting(done) if queue is not None else None
    oldest_ns = first_ns(queue, done) if queue is not None else None
    return Figures(row["sink"], lane_of(row), waiting, oldest_ns, *dead, row["drop_to"])


def first_ns(queue: Queue, seq: int) -> int | None:
    """Return when the first event behind a number happened, None where there is none."""
    return next((each.event.at_ns for each in queue.peek(seq, 1)), None)


def _outbox(state: Path) -> OutboxReader | None:
    try:
        return OutboxReader(state)
    except InputError:
        return None


@contextmanager
def _reading(state: Path) -> Iterator[sqlite3.Connection]:
    """One look at the courier's database. Raises InputError."""
    path = state / DATABASE
    address = f"file:{quote(str(path.absolute()))}?mode=ro"
    try:
        with closing(sqlite3.connect(address, timeout=WAIT_SECONDS, isolation_level=None, uri=True)) as db:
            db.row_factory = sqlite3.Row
            check_version(db, path)
            db.execute("BEGIN")
            yield db
    except (sqlite3.Error, msgspec.DecodeError) as error:
        mend = "start `residency deliver`, which makes or mends it, or name its state folder"
        raise InputError(str(path), f"cannot be read ({error})", mend) from None

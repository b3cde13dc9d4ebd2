"""A thread that serves one sink, so that no other waits for it."""

import threading
import time
from random import Random

from msgspec import Struct
from structlog.typing import FilteringBoundLogger

from monitor.courier.deliveries import Deliveries, DeliveriesError
from monitor.courier.lane import Lane
from monitor.courier.queue import OpenQueue, Queue
from monitor.courier.refresher import Refresher, refreshing
from monitor.courier.wants import Terms
from monitor.files import InputError
from monitor.sinks.protocol import Sink

TROUBLE_SECONDS = 1.0  # after the outbox could not be read


class Ground(Struct, frozen=True):
    """What all workers stand on. ``start`` is behind which event a new sink begins."""

    deliveries: Deliveries
    open_queue: OpenQueue
    start: int
    log: FilteringBoundLogger


class Worker:
    """Serves a sink until it is told to end; with ``drain`` until nothing waits any more.

    ``drained`` says that it came to that. ``crashed`` that it ended for a mistake in the program.
    """

    def __init__(self, lane: Lane, terms: Terms, open_queue: OpenQueue, log: FilteringBoundLogger) -> None:
        self.name = lane.sink.name
        self.drained = False
        self._lane, self._open_queue = lane, open_queue
        self._log = log.bind(sink=self.name)
        again = refreshing(lane.sink)
        self._refresher = Refresher(again, terms.wanted, Random()) if again is not None else None  # noqa: S311
        self._queue: Queue | None = None
        self._drain = False
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"sink {self.name}", daemon=True)
        self._started = False

    def start(self, *, drain: bool = False) -> None:
        """Begin."""
        self._drain = drain
        if drain:
            self._lane.hurry()
        self._started = True
        self._thread.start()

    def stop(self) -> None:
        """Have it end after what it is at."""
        self._ending.set()

    def join(self, seconds: float) -> None:
        """Wait for its end, so long at most."""
        if self._started:
            self._thread.join(seconds)

    @property
    def is_over(self) -> bool:
        """Whether it ended, or never began."""
        return not self._thread.is_alive()

    @property
    def crashed(self) -> bool:
        """Whether it ended and nobody told it to."""
        return self._started and self.is_over and not self.drained and not self._ending.is_set()

    def discard(self) -> None:
        """Let go of the sink of a worker that never began."""
        self._lane.sink.close()

    def _run(self) -> None:
        try:
            while not self._ending.is_set():
                pause = self._turn()
                if self.drained:
                    break
                self._ending.wait(pause)
        finally:
            self._lane.sink.close()
            self._let_go()

    def _turn(self) -> float:
        """Do the next thing; return the seconds until there may be another."""
        try:
            queue = self._reach()
            pause = self._lane.step(queue, time.time_ns(), self._log)
            if self._drain and pause > 0:
                self.drained = not self._lane.waits(queue)
            elif self._refresher is not None and pause > 0:
                pause = min(pause, self._refresher.step(queue, time.time_ns(), self._log))
        except InputError as error:
            self._log.warning("the outbox cannot be read", reason=str(error))
        except DeliveriesError as error:
            if not self._ending.is_set():  # else it was closed at the end
                reason = str(error)
                self._log.error("the courier's database failed", reason=reason)
        else:
            return pause
        self._let_go()
        return TROUBLE_SECONDS

    def _reach(self) -> Queue:
        if self._queue is None:
            self._queue = self._open_queue()
            if self._lane.recede(self._queue):
                self._log.warning("the outbox is another one: what is in it is delivered from its beginning")
        return self._queue

    def _let_go(self) -> None:
        if self._queue is not None:
            self._queue.close()
            self._queue = None


def make_worker(sink: Sink, terms: Terms, ground: Ground) -> Worker:
    """Return a worker for a sink; one that is new begins behind ``ground.start``. Raises DeliveriesError."""
    chance = Random()  # noqa: S311  spreads attempts, guards nothing
    state = ground.deliveries.lane(sink.name, ground.start)
    lane = Lane(sink, state, terms, ground.deliveries, chance)
    return Worker(lane, terms, ground.open_queue, ground.log)

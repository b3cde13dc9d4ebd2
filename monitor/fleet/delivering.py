"""Hands the events of a fleet to the sinks: a courier for each partition's state folder, all in one process.

Partitions are looked for as it goes on, wherever the recorders of the fleet make them. Each has its own place
in each sink, so each event comes at least once, in its partition's order. A folder that another courier has,
or that takes nothing, is tried again.
"""

import os
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from msgspec import Struct
from structlog.typing import FilteringBoundLogger

from monitor.courier.deliveries import Deliveries, DeliveriesError
from monitor.courier.requests import make_spool, obey_all
from monitor.courier.runner import END_SECONDS, LOOK_SECONDS, STDERR, Wishes
from monitor.courier.worker import Ground
from monitor.courier.workers import Sending, Workers, check_sinks
from monitor.documents import DocumentError
from monitor.exitstatus import Exit
from monitor.files import InputError
from monitor.fleet.folders import STATE, folder_of, partitions_in
from monitor.fleet.settings import FleetSettings
from monitor.logs import start_logging
from monitor.outbox.reading import OutboxReader
from monitor.parquet import MissingExtraError
from monitor.sink_options import AnySink

AGAIN_SECONDS = 2.0  # after a partition could not be served, and between looks for others


class Delivery(Struct, frozen=True):
    """What is delivered: of all partitions below ``root``. Secrets count from ``folder``.

    A file that a sink writes counts from the partition's folder: each partition writes one of its own.
    """

    root: Path
    sinks: tuple[AnySink, ...]
    dead_after: str
    folder: Path

    def sending(self, partition: int) -> Sending:
        """Return what is served of a partition."""
        return Sending(self.sinks, self.dead_after, self.folder, folder_of(self.root, partition))


class _Post:
    """The courier of one partition."""

    def __init__(
        self, delivery: Delivery, number: int, log: FilteringBoundLogger, only: str | None = None
    ) -> None:
        """Open it, for one sink ``only``. Raises InputError, DeliveriesError, MissingExtraError."""
        self._state = folder_of(delivery.root, number) / STATE
        self._log = log
        self._refused = Counter[str]()
        self._deliveries = Deliveries(self._state)
        try:
            self.workers = Workers(Ground(self._deliveries, self._queue, 0, log))
            self.workers.load(delivery.sending(number), only)
            make_spool(self._state)
        except BaseException:
            self._deliveries.close()
            raise

    def turn(self) -> None:
        """Do what there is to do. Raises InputError, DeliveriesError."""
        self.workers.turn()
        for request in obey_all(self._state, self._deliveries, self._queue, time.time_ns(), self._refused):
            self._log.info("done as asked", what=request.what, sink=request.sink, key=request.key)
        if self._refused:
            self._log.warning("requests were not taken", reasons=dict(self._refused))
            self._refused.clear()

    @property
    def is_draining(self) -> bool:
        """Whether there is more to be delivered, and nothing that keeps it from that for good."""
        return bool(self.workers.left()) and not self.workers.crashed()

    def close(self, seconds: float) -> None:
        """End it; what a sink that hangs had in hand is delivered again."""
        for sink in self.workers.stop(seconds):
            self._log.warning("a sink was left in the middle of a delivery", sink=sink)
        self._deliveries.close()

    def _queue(self) -> OutboxReader:
        return OutboxReader(self._state)


class Posts:
    """The couriers of all partitions. Used by one thread."""

    def __init__(self, delivery: Delivery, log: FilteringBoundLogger) -> None:
        self._delivery, self._log = delivery, log
        self._posts: dict[int, _Post] = {}
        self._said: dict[int, str] = {}
        self._next_look = 0.0

    def load(self, delivery: Delivery) -> None:
        """Serve other sinks. Raises InputError, MissingExtraError, DeliveriesError."""
        for number, post in self._posts.items():
            post.workers.load(delivery.sending(number))
        self._delivery = delivery

    def turn(self) -> list[str]:
        """Serve all partitions that can be; name sinks whose threads ended by a mistake in the program."""
        if time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + AGAIN_SECONDS
            self._look()
        crashed: list[str] = []
        for number, post in list(self._posts.items()):
            try:
                post.turn()
            except (InputError, DeliveriesError) as error:
                self._say(number, str(error))
                self._posts.pop(number).close(END_SECONDS)
            crashed += post.workers.crashed()
        return crashed

    def close(self) -> None:
        """End all."""
        deadline = time.monotonic() + END_SECONDS
        for post in self._posts.values():
            post.close(max(deadline - time.monotonic(), 0.0))
        self._posts.clear()

    def _look(self) -> None:
        """Serve the partitions that have a folder by now."""
        try:
            there = partitions_in(self._delivery.root)
        except OSError:
            return  # no recorder made it yet
        for number in there:
            if number in self._posts:
                continue
            try:
                self._posts[number] = _Post(self._delivery, number, self._log.bind(partition=number))
            except (InputError, DeliveriesError, MissingExtraError) as error:
                self._say(number, str(error))
            else:
                self._said.pop(number, None)
                self._log.info("partition served", partition=number)

    def _say(self, number: int, problem: str) -> None:
        if self._said.get(number) != problem:
            self._said[number] = problem
            self._log.error("partition waits for its courier", partition=number, problem=problem)


def delivery_of(settings: FleetSettings) -> Delivery:
    """Return what a fleet's configuration has delivered. Raises InputError where it has no sink."""
    config = settings.config
    if not config.sinks:
        mend = "add one below `sinks:`"
        raise InputError(str(settings.source.path), "no sinks, so nobody to deliver to", mend)
    return Delivery(settings.root, config.sinks, config.outbox.dead_after, settings.folder)


def deliver(settings: FleetSettings, load: Callable[[], FleetSettings]) -> Exit:
    """Deliver until a signal ends it: SIGTERM, SIGINT. SIGHUP reads the configuration again (``load``).

    Raises InputError, MissingExtraError at the start.
    """
    delivery, config = delivery_of(settings), settings.config.log
    check_sinks(delivery.sending(0))
    journal = os.environ.get("JOURNAL_STREAM", "")
    log = start_logging(config.level, config.format, STDERR, time.monotonic_ns, journal).log
    wishes = Wishes()
    wishes.listen()
    posts = Posts(delivery, log)
    log.info("started", sinks=[each.name for each in delivery.sinks])
    try:
        while not wishes.end:
            if wishes.take_reload():
                _reload(posts, load, log)
            if crashed := posts.turn():
                log.critical("a sink's thread ended", sinks=crashed)
                return Exit.UNREADABLE
            time.sleep(LOOK_SECONDS)
    finally:
        posts.close()
    log.info("stopped")
    return Exit.DONE


def drain(settings: FleetSettings, seconds: float, only: str | None) -> Exit:
    """Deliver what waits in all partitions, for so long at most; ``only`` to one sink.

    Raises InputError, MissingExtraError, and DeliveriesError where another courier is at work.
    """
    delivery, config = delivery_of(settings), settings.config.log
    check_sinks(delivery.sending(0))
    log = start_logging(config.level, config.format, STDERR, time.monotonic_ns, "").log
    wishes = Wishes()
    wishes.listen()
    deadline = time.monotonic() + seconds
    with ExitStack() as stack:
        posts: list[_Post] = []
        for number in partitions_in(delivery.root):
            posts.append(_Post(delivery, number, log.bind(partition=number), only))
            stack.callback(posts[-1].close, END_SECONDS)
        for post in posts:
            post.workers.turn(drain=True)
        while any(post.is_draining for post in posts) and not wishes.end and time.monotonic() < deadline:
            time.sleep(LOOK_SECONDS / 4)
        left = sorted({sink for post in posts for sink in post.workers.left()})
    if left:
        log.warning("not all was delivered", sinks=left)
        return Exit.INCOMPLETE
    return Exit.DONE


def _reload(posts: Posts, load: Callable[[], FleetSettings], log: FilteringBoundLogger) -> None:
    try:
        posts.load(delivery_of(load()))
    except (InputError, DocumentError, MissingExtraError, DeliveriesError) as error:
        reason = str(error).splitlines()[0]
        log.error("not reloaded", reason=reason)  # noqa: TRY400  a mistake of people, not of the program
    else:
        log.info("reloaded")

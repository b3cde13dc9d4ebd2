"""Puts the courier together, and lets it work until a signal ends it: SIGTERM, SIGINT. SIGHUP opens all anew.

The main thread looks after signals and what people ask for; each sink has a thread of its own. An end waits a
few seconds for threads; what one that hangs had in hand is delivered again at the next start.
"""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from types import FrameType

from msgspec import Struct
from structlog.typing import FilteringBoundLogger

from monitor.courier.account import become, owner_of
from monitor.courier.deliveries import Deliveries, DeliveriesError
from monitor.courier.queue import OpenQueue
from monitor.courier.requests import make_spool, obey_all
from monitor.courier.worker import TROUBLE_SECONDS, Ground
from monitor.courier.workers import Workers, check_sinks, sending_of
from monitor.documents import DocumentError
from monitor.exitstatus import Exit
from monitor.files import InputError
from monitor.logs import start_logging
from monitor.outbox.reading import OutboxReader
from monitor.parquet import MissingExtraError
from monitor.settings import Settings

STDERR = 2
LOOK_SECONDS = 0.2  # between two looks at signals and requests
END_SECONDS = 3.0  # for threads to end what they are at


class Wishes:
    """What signals asked for and was not yet done."""

    def __init__(self) -> None:
        self.end = False
        self._reload = False

    def listen(self) -> None:
        """Take the process's signals, on its main thread."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._note)

    def take_reload(self) -> bool:
        """Tell whether a reload was asked for, once."""
        asked, self._reload = self._reload, False
        return asked

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGHUP:
            self._reload = True
        else:
            self.end = True


class Mission(Struct, frozen=True):
    """What to do: ``load`` reads the configuration anew. ``drain_seconds``: end when all is delivered.

    ``from_end``: sinks that are new get what comes from now on. ``only`` is the one sink to serve.
    """

    settings: Settings
    load: Callable[[], Settings]
    from_end: bool = False
    drain_seconds: float | None = None
    only: str | None = None


def run(mission: Mission) -> Exit:
    """Deliver. Raises InputError, DocumentError, MissingExtraError at the start; draining, DeliveriesError.

    A state folder that takes nothing (a full disk, a read-only one) is waited for.
    """
    settings, config = mission.settings, mission.settings.config
    journal = os.environ.get("JOURNAL_STREAM", "")
    log = start_logging(config.log.level, config.log.format, STDERR, time.monotonic_ns, journal).log
    wishes = Wishes()
    wishes.listen()
    user = owner_of(settings.state)
    if user is not None:
        check_sinks(sending_of(settings))  # their libraries may be such as that user cannot read
        become(user)
        log.info("rights given up", user=user)
    while not wishes.end:
        try:
            return _deliver(mission, wishes, log)
        except DeliveriesError as error:
            if mission.drain_seconds is not None:
                raise
            reason = str(error)
            log.error("the courier's database failed", reason=reason)  # noqa: TRY400  the disk's mistake
            time.sleep(TROUBLE_SECONDS)
    return Exit.DONE


def _deliver(mission: Mission, wishes: Wishes, log: FilteringBoundLogger) -> Exit:
    """Open all, and deliver. Raises what ``run`` does, and DeliveriesError before it delivers."""
    settings = mission.settings
    with closing(Deliveries(settings.state)) as deliveries:
        start = _last_seq(settings) if mission.from_end else 0
        workers = Workers(Ground(deliveries, _opener(settings), start, log))
        workers.load(sending_of(settings), mission.only)
        log.info("started", sinks=[each.name for each in settings.config.sinks])
        try:
            if mission.drain_seconds is None:
                status = _serve(mission, workers, deliveries, wishes, log)
            else:
                status = _drain(mission.drain_seconds, workers, wishes, log)
        finally:
            for sink in workers.stop(END_SECONDS):
                log.warning("a sink was left in the middle of a delivery", sink=sink)
        log.info("stopped")
    return status


def _serve(
    mission: Mission, workers: Workers, deliveries: Deliveries, wishes: Wishes, log: FilteringBoundLogger
) -> Exit:
    state, opener = mission.settings.state, _opener(mission.settings)
    make_spool(state)
    refused = Counter[str]()
    while not wishes.end:
        if wishes.take_reload():
            _reload(mission, workers, log)
        workers.turn()
        for request in obey_all(state, deliveries, opener, time.time_ns(), refused):
            log.info("done as asked", what=request.what, sink=request.sink, key=request.key)
        if crashed := workers.crashed():
            log.critical("a sink's thread ended", sinks=crashed)
            return Exit.UNREADABLE
        if refused:
            log.warning("requests were not taken", reasons=dict(refused))
            refused.clear()
        time.sleep(LOOK_SECONDS)
    return Exit.DONE


def _drain(seconds: float, workers: Workers, wishes: Wishes, log: FilteringBoundLogger) -> Exit:
    deadline = time.monotonic() + seconds
    workers.turn(drain=True)
    while workers.left() and not workers.crashed() and not wishes.end and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS / 4)
    if left := workers.left():
        log.warning("not all was delivered", sinks=left)
        return Exit.INCOMPLETE
    return Exit.DONE


def _reload(mission: Mission, workers: Workers, log: FilteringBoundLogger) -> None:
    try:
        settings = mission.load()
        workers.load(sending_of(settings))
    except (InputError, DocumentError, MissingExtraError, DeliveriesError) as error:
        reason = str(error).splitlines()[0]
        log.error("not reloaded", reason=reason)  # noqa: TRY400  a mistake of people, not of the program
        return
    if settings.state != mission.settings.state:
        log.warning("another state folder needs a restart", state=str(settings.state))
    log.info("reloaded", sinks=[each.name for each in settings.config.sinks])


def _opener(settings: Settings) -> OpenQueue:
    return lambda: OutboxReader(settings.state)


def _last_seq(settings: Settings) -> int:
    """Return the number of the last event that there is, 0 while there is no outbox."""
    try:
        queue = OutboxReader(settings.state)
    except InputError:
        return 0
    try:
        return queue.last_seq
    finally:
        queue.close()

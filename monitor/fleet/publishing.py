"""Puts the publisher together, as the user whose spool it is: SIGTERM and SIGINT end it."""

import os
import signal
import time
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

from monitor.config import Kafka
from monitor.courier.account import become, owner_of
from monitor.exitstatus import Exit
from monitor.fleet.producing import Topic, configuration
from monitor.fleet.publisher import Publisher, Sources
from monitor.fleet.spool_reading import SpoolReader
from monitor.logs import start_logging
from monitor.settings import Settings

STDERR = 2


class Ending:
    """Whether the end was asked for."""

    def __init__(self) -> None:
        self.asked = False

    def listen(self) -> None:
        """Take the process's signals, on its main thread."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._note)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self.asked = True


def publish(settings: Settings, kafka: Kafka, spool: Path, *, once: bool = False) -> Exit:
    """Publish until a signal ends it, or ``once`` nothing waits. Raises InputError, MissingExtraError."""
    level = settings.config.log
    journal = os.environ.get("JOURNAL_STREAM", "")
    log = start_logging(level.level, level.format, STDERR, time.monotonic_ns, journal).log
    options = configuration(kafka, Path(settings.source.path).absolute().parent)
    user = owner_of(spool)
    if user is not None:
        become(user)
        log.info("rights given up", user=user)
    ending = Ending()
    ending.listen()
    with ExitStack() as stack:
        first = SpoolReader(spool)  # whether it can be used at all
        stack.callback(first.close)
        log.info("started", topic=kafka.topic, waiting_bytes=first.waiting_bytes())
    sources = Sources(
        reader=lambda: SpoolReader(spool),
        topic=lambda: Topic(options, kafka.topic),
        ends=lambda: ending.asked,
        log=log,
    )
    try:
        Publisher(sources, once=once).run()
    except OSError as error:
        where, problem = str(error.filename or spool), (error.strerror or str(error)).lower()
        log.error("spool not read", spool=where, problem=problem, mend="check the disk")  # noqa: TRY400
        return Exit.UNREADABLE
    log.info("stopped")
    return Exit.DONE

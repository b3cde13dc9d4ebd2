"""Puts the publisher together, as the user whose spool it is: SIGTERM and SIGINT end it, SIGHUP reloads.

Where the configuration says a port, metrics and health are handed out there.
"""

import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from structlog.typing import FilteringBoundLogger

from monitor.config import Kafka, Listening
from monitor.courier.account import become, owner_of
from monitor.courier.runner import Wishes
from monitor.daemon.health import Health
from monitor.daemon.http import Endpoint
from monitor.daemon.listening import listen
from monitor.documents import DocumentError
from monitor.exitstatus import Exit
from monitor.files import InputError
from monitor.fleet.position import read_position
from monitor.fleet.producing import Topic, configuration
from monitor.fleet.publisher import Publisher, Sources
from monitor.fleet.segments import waiting_bytes
from monitor.fleet.spool_reading import Damage, SpoolReader
from monitor.logs import start_logging
from monitor.metrics.delivery import Delivery, PublisherMetrics
from monitor.settings import Settings, load_settings

STDERR = 2


class Target:
    """Where parcels go, as the configuration says: another one after a reload."""

    def __init__(self, settings: Settings) -> None:
        """Raises InputError where nothing is published, or the options or the password are no good."""
        self.spool, self.kafka = published(settings)
        self._options: dict[str, Any] = configuration(self.kafka, _folder(settings))

    def topic(self) -> Topic:
        """Open it. Raises NotProducedError."""
        return Topic(self._options, self.kafka.topic)


class Reloads:
    """What follows from SIGHUP: the configuration is read again, or the old one stays in use."""

    def __init__(
        self, target: Target, path: Path, wishes: Wishes, metrics: PublisherMetrics, log: FilteringBoundLogger
    ) -> None:
        self.target = target
        self._path, self._wishes, self._metrics, self._log = path, wishes, metrics, log

    def topic(self) -> Topic:
        """Open the topic of the target. Raises NotProducedError."""
        return self.target.topic()

    def took(self) -> bool:
        """Tell once that there is another target."""
        if not self._wishes.take_reload():
            return False
        try:
            target = Target(load_settings(self._path))
        except (InputError, DocumentError) as error:
            for line in str(error).splitlines():
                self._log.error("reload failed, the old one stays in use", problem=line)
            self._metrics.reloaded(ok=False)
            return False
        if (target.spool, target.kafka.metrics) != (self.target.spool, self.target.kafka.metrics):
            self._log.warning("another spool or port needs a restart")
        self.target = target
        self._metrics.reloaded(ok=True)
        self._log.info("reloaded", topic=target.kafka.topic)
        return True


def published(settings: Settings) -> tuple[Path, Kafka]:
    """Return the spool, and where it is published. Raises InputError where there is none."""
    if settings.spool is None or settings.config.kafka is None:
        key = "publish:" if settings.spool is None else "kafka:"
        raise InputError(settings.source.path, f"no `{key}`, so nothing to publish", "see docs/84-fleet.md")
    return settings.spool, settings.config.kafka


def publish(settings: Settings, path: Path, *, once: bool = False) -> Exit:
    """Publish until a signal ends it, or ``once`` nothing waits. Raises InputError, MissingExtraError."""
    level = settings.config.log
    journal = os.environ.get("JOURNAL_STREAM", "")
    log = start_logging(level.level, level.format, STDERR, time.monotonic_ns, journal).log
    wishes = Wishes()
    wishes.listen()
    target = Target(settings)
    spool = target.spool
    metrics, health = PublisherMetrics(settings.sensor, time.time()), Health()
    with ExitStack() as stack:
        if target.kafka.metrics is not None:
            _serve(target.kafka.metrics, metrics, health, stack)
        user = owner_of(spool)
        if user is not None:
            become(user)
            log.info("rights given up", user=user)
        first = SpoolReader(spool)  # whether it can be used at all
        log.info("started", topic=target.kafka.topic, waiting_bytes=first.waiting_bytes())
        first.close()
        reloads, damage = Reloads(target, path, wishes, metrics, log), Damage()
        sources = Sources(
            reader=lambda: SpoolReader(spool, damage),
            topic=reloads.topic,
            ends=lambda: wishes.end,
            log=log,
            waiting=lambda: waiting_bytes(spool, read_position(spool)),
            reloads=reloads.took,
            told=_telling(metrics, health),
        )
        try:
            Publisher(sources, once=once).run()
        except OSError as error:
            where, problem = str(error.filename or spool), (error.strerror or str(error)).lower()
            log.error("spool not read", spool=where, problem=problem, mend="check the disk")  # noqa: TRY400
            return Exit.UNREADABLE
    log.info("stopped")
    return Exit.DONE


def _serve(where: Listening, metrics: PublisherMetrics, health: Health, stack: ExitStack) -> None:
    """Hand out metrics and health from now on. Raises InputError."""
    endpoint = Endpoint(stack.enter_context(listen(where.address, where.port)), metrics.expose, health)
    endpoint.start()
    stack.callback(endpoint.stop)


def _telling(metrics: PublisherMetrics, health: Health) -> Callable[[Delivery], None]:
    """Return who hears how publishing stands."""

    def told(delivery: Delivery) -> None:
        metrics.delivered(delivery, time.time())
        health.beat()
        if delivery.trouble is None:
            health.ready()
        else:
            health.not_ready(f"not published: {delivery.trouble}")

    return told


def _folder(settings: Settings) -> Path:
    return Path(settings.source.path).absolute().parent

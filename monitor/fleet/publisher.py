"""From the spool to the topic, until a signal ends it: what was delivered is removed, and nothing else.

Brokers that are away are waited for. After a crash what was delivered and not yet noted comes again, with the
same numbers.
"""

import time
from collections.abc import Callable

import msgspec
from structlog.typing import FilteringBoundLogger

from monitor.fleet.producing import NotProducedError, Topic
from monitor.fleet.segments import Place
from monitor.fleet.spool_reading import SpoolReader
from monitor.metrics.delivery import Delivery

NOTE_SECONDS = 0.5  # between two notes of how far it is
STATUS_SECONDS = 60.0
TOLD_SECONDS = 1.0
IDLE_SECONDS = 0.1
END_SECONDS = 5.0  # for what is on its way
LEAST_BACKOFF_SECONDS, MOST_BACKOFF_SECONDS = 0.5, 30.0

OpenTopic = Callable[[], Topic]
OpenReader = Callable[[], SpoolReader]


class Sources(msgspec.Struct, frozen=True):
    """What it works with, opened anew after each error: ``ends`` tells whether the end was asked for.

    ``reloads`` tells once that all is to be opened anew; ``waiting`` says how many bytes wait to be
    published, and may raise OSError. ``told`` hears how it stands, about once a second.
    """

    reader: OpenReader
    topic: OpenTopic
    ends: Callable[[], bool]
    log: FilteringBoundLogger
    waiting: Callable[[], int]
    reloads: Callable[[], bool] = lambda: False
    told: Callable[[Delivery], None] = lambda _: None


class Publisher:
    """Publishes. ``once``: until nothing waits."""

    def __init__(self, sources: Sources, *, once: bool = False) -> None:
        self._sources = sources
        self._once = once
        self._backoff_seconds = LEAST_BACKOFF_SECONDS
        self._trouble: str | None = None
        self._unkept: str | None = None
        self._delivered = self._damaged = self._damaged_bytes = self._failures = 0
        self._next_note = self._next_status = self._next_told = 0.0
        self._is_reopening = False

    def run(self) -> None:
        """Work until the end is asked for, or nothing waits.

        Raises InputError, OSError where the spool cannot be read.
        """
        while not self._sources.ends():
            try:
                self._publish()
                if not self._is_reopening:
                    return
                self._is_reopening = False
            except NotProducedError as error:
                self._failures += 1
                self._say_trouble(str(error))
                self._wait()

    def _publish(self) -> None:
        """Publish, with one producer, until that is all, or another is to do it. Raises NotProducedError."""
        topic = self._sources.topic()
        reader = None
        try:
            reader = self._sources.reader()
            self._next_status = time.monotonic() + STATUS_SECONDS
            self._work(topic, reader)
            end = time.monotonic() + END_SECONDS
            while topic.flying and time.monotonic() < end:
                topic.poll(IDLE_SECONDS)
        finally:
            self._delivered += topic.delivered
            topic.close()
            if reader is not None:
                self._note(reader, topic.done)
                reader.close()

    def _work(self, topic: Topic, reader: SpoolReader) -> None:
        """Hand on what waits, for as long as that is asked."""
        while not self._is_over():
            records = reader.read()
            for record in records:
                topic.give(record)
                self._look(topic, reader, 0.0)
                while not (is_over := self._is_over()) and not topic.push():
                    self._look(topic, reader, IDLE_SECONDS)
                if is_over:
                    return
            if not records:
                if self._once and not topic.flying:
                    return
                self._look(topic, reader, IDLE_SECONDS)
                if not topic.flying:
                    time.sleep(IDLE_SECONDS)

    def _is_over(self) -> bool:
        """Whether the end was asked for, or all is to be opened anew."""
        self._is_reopening = self._is_reopening or self._sources.reloads()
        return self._is_reopening or self._sources.ends()

    def _tell(self, topic: Topic | None = None) -> None:
        """Say how it stands, where it is time."""
        now = time.monotonic()
        if now < self._next_told:
            return
        self._next_told = now + TOLD_SECONDS
        delivered, flying = (topic.delivered, topic.flying) if topic is not None else (0, 0)
        told = Delivery(
            waiting_bytes=self._sources.waiting(),
            flying=flying,
            messages=self._delivered + delivered,
            failures=self._failures,
            damaged_bytes=self._damaged_bytes,
            trouble=self._trouble,
        )
        self._sources.told(told)

    def _look(self, topic: Topic, reader: SpoolReader, seconds: float) -> None:
        """Hear what was delivered, note it, and say how things are."""
        topic.poll(seconds)
        now = time.monotonic()
        if now >= self._next_note or not topic.flying:
            self._next_note = now + NOTE_SECONDS
            self._note(reader, topic.done)
            self._say_trouble(topic.trouble if topic.flying else "")
            if topic.done is not None and not topic.trouble:
                self._backoff_seconds = LEAST_BACKOFF_SECONDS
        self._tell(topic)
        if now >= self._next_status:
            self._next_status = now + STATUS_SECONDS
            self._say("status", topic, reader)

    def _note(self, reader: SpoolReader, done: Place | None) -> None:
        if done is not None:
            self._acknowledge(reader, done)
        damage = reader.damage
        if damage.places > self._damaged:
            mend = "what a crash tore off, or the disk damaged, is lost: see that its file system is sound"
            self._sources.log.error("spool damaged", places=damage.places, bytes=damage.bytes, mend=mend)
            self._damaged, self._damaged_bytes = damage.places, damage.bytes

    def _acknowledge(self, reader: SpoolReader, done: Place) -> None:
        """Keep how far it is. Where the disk takes nothing, more is published again after a start."""
        try:
            reader.acknowledge(done)
        except OSError as error:
            if self._unkept is None:
                self._unkept = (error.strerror or str(error)).lower()
                mend = "it goes on, and after a start publishes again: see that the disk has room"
                self._sources.log.error("position not kept", problem=self._unkept, mend=mend)  # noqa: TRY400
        else:
            self._unkept = None

    def _say(self, event: str, topic: Topic, reader: SpoolReader) -> None:
        self._sources.log.info(
            event,
            messages=self._delivered + topic.delivered,
            flying=topic.flying,
            waiting_bytes=reader.waiting_bytes(),
        )

    def _say_trouble(self, trouble: str) -> None:
        """Say once that brokers do not take parcels, and when they do again."""
        before, self._trouble = self._trouble, trouble or None
        if self._trouble is not None and before is None:
            mend = "parcels wait in the spool: see that the brokers are there, and let this client write"
            self._sources.log.error("not published", reason=self._trouble, mend=mend)
        elif self._trouble is None and before is not None:
            self._sources.log.info("published again")

    def _wait(self) -> None:
        end = time.monotonic() + self._backoff_seconds
        self._backoff_seconds = min(2 * self._backoff_seconds, MOST_BACKOFF_SECONDS)
        while time.monotonic() < end and not self._is_over():
            self._tell()
            time.sleep(IDLE_SECONDS)
        self._is_reopening = False

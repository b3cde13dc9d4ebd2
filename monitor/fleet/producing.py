"""Parcels into a Kafka topic, through librdkafka's idempotent producer: in order, no gap, for ever tried.

In each partition parcels stand in the order in which they were given. An error that the producer does not get
over by itself ends it, and whatever was not delivered comes again from the first on.
"""

from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from monitor.config import Kafka
from monitor.files import InputError
from monitor.fleet.segments import ALL, Place, Record
from monitor.parquet import MissingExtraError
from monitor.sinks.files import read_secret
from monitor.sinks.plain import plain

try:
    from confluent_kafka import KafkaError, KafkaException, Message, Producer

    from monitor.sinks.kafka import said, silent
except ModuleNotFoundError:
    raise MissingExtraError(
        "Kafka needs the kafka extra; install it: pip install 'residency-monitor[kafka]'"
    ) from None

_USUAL: dict[str, Any] = {
    "compression.type": "zstd",
    "linger.ms": 20,
    "log_level": 0,
    "queue.buffering.max.kbytes": 65_536,
    "reconnect.backoff.max.ms": 5_000,
}
_OWN: dict[str, Any] = {
    "acks": "all",
    "enable.idempotence": True,
    "enable.gapless.guarantee": True,
    "message.timeout.ms": 0,  # for ever
}
_ASK_SECONDS = 2.0
_PURGE_SECONDS = 1.0


class NotProducedError(Exception):
    """The topic does not take parcels now. One line."""


class _Flying(msgspec.Struct):
    """A parcel on its way: how many partitions have yet to take it."""

    end: Place
    left: int


class _Begun(msgspec.Struct):
    """A parcel that is being written, and the partitions that it is not given to yet."""

    body: bytes
    key: str | None
    flying: _Flying
    partitions: deque[int]


def configuration(kafka: Kafka, folder: Path) -> dict[str, Any]:
    """Return librdkafka's configuration. Raises InputError where that, or a secret, is no good."""
    options = _USUAL | kafka.options | _OWN
    if kafka.password_file is not None:
        options["sasl.password"] = read_secret(kafka.password_file, folder)
    servers = options.pop("bootstrap.servers")
    try:
        Producer(options | {"logger": silent()})  # without a broker it connects nowhere
    except (KafkaException, TypeError, ValueError) as error:
        raise InputError("kafka.options", plain(said(error)), "see the configuration of librdkafka") from None
    return options | {"bootstrap.servers": servers}


class Topic:
    """One topic, whose partitions are asked for once. ``done`` is the place up to which all was delivered."""

    def __init__(self, options: dict[str, Any], name: str) -> None:
        """Raises NotProducedError where no broker knows the topic now."""
        self.done: Place | None = None
        self.delivered = 0  # messages
        self._name = name
        self._trouble = ""
        self._failed: str | None = None
        self._flying: deque[_Flying] = deque()
        self._begun: _Begun | None = None
        self._producer = Producer(options | {"error_cb": self._heard, "logger": silent()})
        self._partitions = self._ask()

    @property
    def flying(self) -> int:
        """How many parcels are on their way."""
        return len(self._flying)

    @property
    def trouble(self) -> str:
        """What the client says of its connections, while it tries; nothing where all is well."""
        return self._trouble

    def give(self, record: Record) -> None:
        """Take a parcel that is to be written, once ``push`` said that the one before is on its way."""
        everywhere = record.slot == ALL
        partitions = range(self._partitions) if everywhere else (record.slot % self._partitions,)
        flying = _Flying(record.end, len(partitions))
        self._flying.append(flying)
        self._begun = _Begun(record.body, None if everywhere else str(record.slot), flying, deque(partitions))

    def push(self) -> bool:
        """Write it; tell whether all of it is on its way, or has to wait. Raises NotProducedError."""
        begun = self._begun
        if begun is None:
            return True

        def report(error: KafkaError | None, _message: Message) -> None:
            self._report(begun.flying, error)

        while begun.partitions:
            try:
                self._producer.produce(
                    self._name, begun.body, begun.key, begun.partitions[0], on_delivery=report
                )
            except BufferError:  # its queue is full
                return False
            except KafkaException as error:
                raise NotProducedError(plain(said(error))) from None
            begun.partitions.popleft()
        self._begun = None
        return True

    def poll(self, seconds: float) -> None:
        """Hear what was delivered. Raises NotProducedError where something never will be."""
        try:
            self._producer.poll(seconds)
        except KafkaException as error:  # one that the producer does not survive
            self._failed = self._failed or plain(said(error))
        while self._flying and not self._flying[0].left:
            self.done = self._flying.popleft().end
        if self._failed is not None:
            raise NotProducedError(self._failed)

    def close(self) -> None:
        """Let go of it, with what is still on its way."""
        self._producer.purge()
        with suppress(KafkaException):
            self._producer.flush(_PURGE_SECONDS)

    def _ask(self) -> int:
        """Return how many partitions there are."""
        try:
            found = self._producer.list_topics(self._name, _ASK_SECONDS).topics[self._name]
        except KafkaException as error:
            self._producer.poll(0)  # hears what the client says of its connections
            raise NotProducedError(self._trouble or plain(said(error))) from None
        if found.error is not None or not found.partitions:
            what = plain(found.error.str()) if found.error is not None else "no partitions"
            raise NotProducedError(f"topic {self._name}: {what}")
        return len(found.partitions)

    def _report(self, flying: _Flying, error: KafkaError | None) -> None:
        if error is None:
            flying.left -= 1
            self.delivered += 1
            self._trouble = ""
        elif self._failed is None:
            self._failed = plain(error.str())

    def _heard(self, error: KafkaError) -> None:
        if error.code() != KafkaError._ALL_BROKERS_DOWN or not self._trouble:  # noqa: SLF001
            self._trouble = plain(error.str())

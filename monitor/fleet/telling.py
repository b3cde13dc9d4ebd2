"""Writes what correlators say to Kafka, in order and without a gap, or says that it could not.

Delivered is what all in-sync replicas have. After a message that was refused no later one is: whoever calls
begins again where all was delivered. A message too large for the brokers can never be, and is left out.
"""

from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer

from monitor.files import InputError
from monitor.fleet.parcels import Judged, Said, encode
from monitor.fleet.settings import Options
from monitor.fleet.tenants import key_of, partition_of
from monitor.sinks.kafka import said as text_in
from monitor.sinks.kafka import silent
from monitor.sinks.plain import plain

ASK_SECONDS = 10.0  # for how many partitions there are
FULL_SECONDS = 0.05  # to wait where the queue is full
OWN: Options = {
    "acks": "all",
    "enable.idempotence": True,
    "enable.gapless.guarantee": True,
    "message.timeout.ms": 0,  # never: what waits too long is no reason to leave a gap
}
_SERVERS = frozenset({"bootstrap.servers", "metadata.broker.list"})
USUAL: Options = {"linger.ms": 20, "compression.type": "zstd"}


class NotSaidError(Exception):
    """Something could not be written, and nothing after it is."""


class Teller:
    """Writes decisions to their tenants' partitions, and windows to all."""

    def __init__(self, kafka: Options, topic: str) -> None:
        """Raises KafkaException, NotSaidError where the topic is not there."""
        self.too_large = 0
        self._topic = topic
        self._problem: str | None = None
        self._producer = Producer({**USUAL, **kafka, **OWN, "on_delivery": self._delivered})
        found = self._producer.list_topics(topic, ASK_SECONDS).topics[topic]
        if found.error is not None or not found.partitions:
            raise NotSaidError(f"topic {topic}: {found.error.str() if found.error else 'no partitions'}")
        self._partitions = len(found.partitions)

    def say(self, said: Said) -> None:
        """Write a message, some time before ``flush`` returns. Raises NotSaidError."""
        message = encode(said)
        if isinstance(said, Judged):
            tenant = said.decision.connection.subject.tenant
            self._produce(message, partition_of(tenant, self._partitions), key_of(tenant))
            return
        for partition in range(self._partitions):
            self._produce(message, partition, None)

    def flush(self, seconds: float) -> bool:
        """Wait until all is delivered, for so long at most; return whether it is. Raises NotSaidError."""
        left = self._producer.flush(seconds)
        self._check()
        return left == 0

    def close(self) -> None:
        """Let go of what is not delivered."""
        self._producer.purge()
        self._producer.flush(FULL_SECONDS)

    def _produce(self, message: bytes, partition: int, key: bytes | None) -> None:
        while True:
            try:
                self._producer.produce(self._topic, message, key, partition)
            except BufferError:
                self._producer.poll(FULL_SECONDS)
                self._check()
            except KafkaException as error:
                first = error.args[0]
                if isinstance(first, str) or first.code() != KafkaError.MSG_SIZE_TOO_LARGE:
                    raise NotSaidError(text_of(error)) from None
                self.too_large += 1
                return
            else:
                return

    def _delivered(self, error: Any, _message: object) -> None:
        if error is not None and self._problem is None:
            self._problem = plain(error.str())

    def _check(self) -> None:
        if self._problem is not None:
            raise NotSaidError(self._problem)


def text_of(error: KafkaException) -> str:
    """Return what went wrong, fit for a line."""
    return plain(text_in(error))


def check_options(kafka: Options) -> None:
    """Find out whether librdkafka takes the options, without a broker. Raises InputError."""
    alone = {name: value for name, value in kafka.items() if name not in _SERVERS}
    try:
        Producer({**USUAL, **alone, **OWN, "logger": silent()})
    except (KafkaException, TypeError, ValueError) as error:
        problem = plain(text_in(error))
        raise InputError("kafka.options", problem, "see the configuration of librdkafka") from None

"""A Kafka topic, through librdkafka's idempotent producer: delivered is what all in-sync replicas have.

Events of one finding have one key, so they stay in order. A record that was written and not heard of is
written again by a new attempt, with the same idempotency key in its header.
"""

import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from monitor.events import Event, FindingEvent, render
from monitor.files import InputError
from monitor.parquet import MissingExtraError
from monitor.sink_options import KafkaOptions
from monitor.sinks.files import read_secret
from monitor.sinks.plain import plain
from monitor.sinks.protocol import Dead, Delivered, Outcome, Parcel, RetryAfter

try:
    from confluent_kafka import KafkaError, KafkaException, Producer
except ModuleNotFoundError:
    raise MissingExtraError(
        "Kafka needs the kafka extra; install it: pip install 'residency-monitor[kafka]'"
    ) from None

KEY_HEADER, TYPE_HEADER = "idempotency-key", "type"
_GRACE_SECONDS = 1.0  # for the last delivery reports, behind the time-out of their records
_POLL_SECONDS = 0.1
_OWN = frozenset(
    {
        "acks", "bootstrap.servers", "delivery.timeout.ms", "enable.idempotence", "message.timeout.ms",
        "metadata.broker.list", "request.required.acks", "sasl.password",
    }
)  # fmt: skip
_SECRETS = "put the password into a file: password_file"
# What is wrong with the record itself. All else is how the cluster is.
_NEVER = frozenset(
    {
        KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE, KafkaError.INVALID_MSG_SIZE,
        KafkaError.INVALID_RECORD, KafkaError.POLICY_VIOLATION, KafkaError.INVALID_TIMESTAMP,
    }
)  # fmt: skip
_OPAQUE = frozenset({KafkaError._MSG_TIMED_OUT, KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT})  # noqa: SLF001

Report = KafkaError | None


class KafkaSink:
    """One topic. The producer is made when it is first needed, and anew after an error that ends it."""

    def __init__(self, options: KafkaOptions, folder: Path) -> None:
        """Raises InputError where librdkafka does not take the options, or the password's file is no good."""
        self.name = options.name
        self.batch = options.batch
        self._options = options
        self._configuration = _configured(options, folder)
        self._producer: Producer | None = None
        self._trouble = ""

    def deliver(self, parcels: Sequence[Parcel]) -> Outcome:
        """Write a record for each parcel. Brokers refuse records together: then each goes alone."""
        outcome = self._deliver(parcels)
        if not isinstance(outcome, Dead) or len(parcels) == 1:
            return outcome
        for done in range(outcome.done, len(parcels)):
            alone = self._deliver(parcels[done : done + 1])
            if isinstance(alone, RetryAfter):
                return RetryAfter(alone.reason, alone.seconds, done)
            if isinstance(alone, Dead):
                return Dead(alone.reason, done)
        return Delivered()

    def close(self) -> None:
        """Let the producer go, with whatever is still in it: none of that was called delivered."""
        if self._producer is not None:
            self._producer.purge()
            with suppress(KafkaException):
                self._producer.flush(_POLL_SECONDS)
            self._producer = None

    def _deliver(self, parcels: Sequence[Parcel]) -> Outcome:
        self._trouble = ""
        reports: dict[int, Report] = {}
        producer = self._producer = self._producer or Producer(
            self._configuration | {"error_cb": self._heard, "logger": silent()}
        )
        end = time.monotonic() + self._options.timeout_seconds + _GRACE_SECONDS
        for place, parcel in enumerate(parcels):
            if not self._produce(producer, parcel, partial(_note, reports, place), end):
                break
        try:
            while len(reports) < len(parcels) and producer.flush(_POLL_SECONDS) and time.monotonic() < end:
                pass
        except KafkaException as error:  # one that the producer does not survive
            self._trouble = plain(said(error))
            self.close()
        return self._outcome(reports, len(parcels))

    def _produce(self, producer: Producer, parcel: Parcel, report: Any, end: float) -> bool:
        """Hand a record to the producer; return whether the next may follow."""
        headers: list[tuple[str, str | bytes]] = [
            (KEY_HEADER, parcel.key),
            (TYPE_HEADER, str(parcel.event.__struct_config__.tag)),
        ]
        value, key = render(parcel.event, self._options.format), _key(parcel.event)
        while True:
            try:
                producer.produce(self._options.topic, value, key, headers=headers, on_delivery=report)
            except BufferError:  # its queue is full
                if time.monotonic() >= end:
                    return False
                producer.poll(_POLL_SECONDS)
            except KafkaException as error:
                report(error.args[0], None)
                return False
            else:
                return True

    def _outcome(self, reports: dict[int, Report], parcels: int) -> Outcome:
        for done in range(parcels):
            if done not in reports:
                self.close()
                return RetryAfter(self._where(self._trouble or "no answer in time"), done=done)
            error = reports[done]
            if error is None:
                continue
            if error.code() in _NEVER:
                return Dead(self._where(plain(error.str())), done)
            if error.fatal():
                self.close()
            said = self._trouble if error.code() in _OPAQUE and self._trouble else error.str()
            return RetryAfter(self._where(plain(said)), done=done)
        return Delivered()

    def _heard(self, error: KafkaError) -> None:
        """Keep what the client says of its connections: it tells more than that a record timed out."""
        if error.code() != KafkaError._ALL_BROKERS_DOWN or not self._trouble:  # noqa: SLF001
            self._trouble = plain(error.str())

    def _where(self, reason: str) -> str:
        return f"{', '.join(self._options.brokers)}: {reason}"


def _configured(options: KafkaOptions, folder: Path) -> dict[str, Any]:
    """Return librdkafka's configuration. Raises InputError."""
    where = f"sink {options.name}: options"
    for name in options.options:
        if name in _OWN:
            mend = _SECRETS if name == "sasl.password" else "remove it"
            raise InputError(where, f"{name!r} is set by this program", mend)
    own: dict[str, Any] = {
        "acks": "all",
        "enable.idempotence": True,
        "message.timeout.ms": max(1, int(options.timeout_seconds * 1_000)),
    }
    if options.password_file is not None:
        own["sasl.password"] = read_secret(options.password_file, folder)
    configuration: dict[str, Any] = {"log_level": 0} | options.options | own
    try:
        Producer(configuration | {"logger": silent()})  # without a broker it connects nowhere
    except (KafkaException, TypeError, ValueError) as error:
        raise InputError(where, plain(said(error)), "see the configuration of librdkafka") from None
    return configuration | {"bootstrap.servers": ",".join(options.brokers)}


def silent() -> logging.Logger:
    """Return a log that says nothing: librdkafka's would go to stderr, and outcomes say what matters."""
    log = logging.Logger("librdkafka", logging.CRITICAL + 1)  # noqa: LOG001  nobody else's, and nowhere kept
    log.addHandler(logging.NullHandler())
    return log


def said(error: Exception) -> str:
    """Return what the library says of an error."""
    first = error.args[0] if error.args else error
    return first.str() if isinstance(first, KafkaError) else str(first)


def _note(reports: dict[int, Report], place: int, error: Report, _: object) -> None:
    reports[place] = error


def _key(event: Event) -> str:
    return event.change.finding.id if isinstance(event, FindingEvent) else event.key

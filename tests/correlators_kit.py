"""Correlators of a fleet in processes of their own, on real brokers, and what is published to and by them."""

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition

from monitor.fleet.parcels import TO_ALL, Parcel, Said, decode_said, encode
from tests.brokers_kit import SECONDS, Brokers

ROOT = Path(__file__).parents[1]
SESSION_MS = 3_000
CONFIG = """\
version: 1
fleet: test
kafka:
  options: {{bootstrap.servers: "{brokers}", session.timeout.ms: {session}, heartbeat.interval.ms: 500}}
topics: {{observations: {observations}, decisions: {decisions}}}
groups: {{correlate: {observations}-correlate, record: {observations}-record}}
merging: {{hold_seconds: {hold}, patience_seconds: {hold}, window: 1h}}
policy: {policy}
root: {root}
ledger: {{key: {key}}}
metrics: {{port: {port}}}
log: {{format: json}}
{more}"""


class Correlator:
    """The process, which may be killed, or end in order."""

    def __init__(self, config: Path, only: str | None, log: Path) -> None:
        self.log = log
        command = [sys.executable, "-m", "monitor", "correlate", "--config", str(config)]
        command += ["--only", only] if only is not None else []
        with log.open("ab") as file:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=file, stderr=file)

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait()

    def end(self) -> None:
        """Have it end in order."""
        self.process.terminate()
        assert self.process.wait(SECONDS) == 0, self.said()

    def said(self) -> str:
        """Return its log."""
        return self.log.read_text("utf-8")


@contextmanager
def correlator(config: Path, name: str, only: str | None = "correlate") -> Iterator[Correlator]:
    """Run one, until the end."""
    made = Correlator(config, only, config.with_name(f"{name}.log"))
    try:
        yield made
    finally:
        if made.process.poll() is None:
            made.kill()


def publish(cluster: Brokers, topic: str, parcels: Sequence[Parcel], partitions: int) -> None:
    """Publish parcels in order, each to where it belongs."""
    producer = Producer(
        {"bootstrap.servers": cluster.addresses, "enable.idempotence": True, "log_level": 0, "linger.ms": 5}
    )
    for parcel in parcels:
        where = range(partitions) if parcel.kind in TO_ALL else [(parcel.slot or 0) % partitions]
        for number in where:
            producer.produce(topic, encode(parcel), str(parcel.slot), number)
            producer.poll(0)
    assert producer.flush(SECONDS) == 0


class Decisions:
    """What was published of decisions so far, as it is read on."""

    def __init__(self, cluster: Brokers, topic: str, partitions: int) -> None:
        self.said: list[Said] = []
        self._consumer = Consumer(
            {"bootstrap.servers": cluster.addresses, "group.id": "reader", "enable.auto.commit": False}
        )
        self._consumer.assign([TopicPartition(topic, number, 0) for number in range(partitions)])

    def read(self, seconds: float = 0.2) -> None:
        """Read what there is."""
        for message in self._consumer.consume(1_000, seconds):
            error = message.error()
            assert error is None or error.code() == KafkaError._PARTITION_EOF, error  # noqa: SLF001
            if error is None:
                self.said.append(decode_said(message.value() or b""))

    def read_until(self, told: int, seconds: float = SECONDS) -> None:
        """Read until so many came, those that came again among them."""
        deadline = time.monotonic() + seconds
        while len(self.said) < told and time.monotonic() < deadline:
            self.read()

    def close(self) -> None:
        self._consumer.close()

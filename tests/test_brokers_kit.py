"""The brokers that tests run are real: what was written outlives a kill. For three: test_fleet_line.py."""

import time
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from monitor.fleet.callbacks import failing_whole
from tests.brokers_kit import SECONDS, Brokers, brokers

pytestmark = pytest.mark.enable_socket


def write(cluster: Brokers, topic: str, *values: bytes) -> None:
    """Write messages, each known to be kept by enough brokers."""
    producer = Producer({"bootstrap.servers": cluster.addresses, "acks": "all", "log_level": 0})
    for each in values:
        producer.produce(topic, each, partition=0)
    assert producer.flush(SECONDS) == 0


def read(cluster: Brokers, topic: str, count: int) -> list[bytes | None]:
    """Read so many messages from the beginning."""
    options = {"bootstrap.servers": cluster.addresses, "group.id": "test", "log_level": 0}
    consumer = Consumer(options | {"auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    got: list[bytes | None] = []
    while len(got) < count:
        message = consumer.poll(SECONDS)
        assert message is not None
        assert message.error() is None, message.error()
        got.append(message.value())
    consumer.close()
    return got


def consume_until(consumer: Consumer, end: float) -> None:
    while time.monotonic() < end:
        consumer.consume(1, 0.5)


def failing(consumer: Consumer, _partitions: list[TopicPartition]) -> None:
    consumer.get_watermark_offsets(TopicPartition("not there", 7), timeout=0.5)


def test_a_failure_in_a_callback_reaches_the_caller(tmp_path: Path) -> None:
    with brokers(tmp_path) as cluster:
        cluster.topic("any")
        options = {"bootstrap.servers": cluster.addresses, "group.id": "failing", "log_level": 0}
        consumer = Consumer(options | {"auto.offset.reset": "earliest"})
        consumer.subscribe(["any"], on_assign=failing_whole(failing))
        with pytest.raises(KafkaException, match="watermark"):
            consume_until(consumer, time.monotonic() + SECONDS)
        consumer.close()


def test_a_broker_that_was_killed_has_what_was_written(tmp_path: Path) -> None:
    with brokers(tmp_path) as cluster:
        cluster.topic("kept")
        write(cluster, "kept", b"a", b"b")
        (broker,) = cluster.nodes
        broker.kill()
        assert not broker.is_running()
        broker.start()
        cluster.ready()
        write(cluster, "kept", b"c")
        assert read(cluster, "kept", 3) == [b"a", b"b", b"c"]

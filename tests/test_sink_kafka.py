"""The Kafka sink, and brokers that take its records, refuse them, and are away."""

import logging
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Message, TopicPartition

from monitor.events import read_native
from monitor.files import InputError
from monitor.sink_options import KafkaOptions
from monitor.sinks.kafka import KafkaSink
from monitor.sinks.protocol import Dead, Delivered, RetryAfter
from tests.kafka_servers_kit import Brokers, brokers
from tests.sinks_kit import HOST, finding, free_port, opened, parcels, some, summary, told

TOPIC = "residency-events"
pytestmark = pytest.mark.enable_socket


@pytest.fixture
def cluster() -> Iterator[Brokers]:
    with brokers() as started:
        yield started


def options_of(cluster: Brokers, **changes: Any) -> KafkaOptions:
    base = KafkaOptions(name="bus", brokers=cluster.addresses, timeout_seconds=5)
    return msgspec.structs.replace(base, **changes)


def records(cluster: Brokers, keys: set[str]) -> list[Message]:
    """Return the topic's records, as another client reads them, until all keys were there."""
    settings = {"bootstrap.servers": ",".join(cluster.addresses), "group.id": "reader", "log_level": 0}
    consumer = Consumer(settings)
    found: list[Message] = []
    try:
        partitions = consumer.list_topics(TOPIC, 10).topics[TOPIC].partitions
        consumer.assign([TopicPartition(TOPIC, each, OFFSET_BEGINNING) for each in partitions])
        while not keys <= set(map(key_of, found)):
            (record,) = consumer.consume(1, 10)
            assert record.error() is None
            found.append(record)
    finally:
        consumer.close()
    return found


def key_of(record: Message) -> str:
    return dict(record.headers() or [])["idempotency-key"].decode()


def test_a_batch_is_there_for_another_client_to_read(
    cluster: Brokers, tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    batch = parcels([opened(1), told(finding(1, "cured"), "closed"), opened(2), summary()])
    with closing(KafkaSink(options_of(cluster), tmp_path)) as sink:
        assert sink.deliver(batch) == Delivered()
        assert capfd.readouterr() == ("", "")
        assert not caplog.records
    found = records(cluster, {each.key for each in batch})
    assert len(found) == 4
    of_one = [each for each in found if each.key() == finding(1).id.encode()]
    assert [read_native(each.value() or b"") for each in of_one] == [batch[0].event, batch[1].event]
    assert {dict(each.headers() or [])["type"] for each in found} == {b"finding", b"summary"}


def test_an_error_that_passes_is_got_over_without_a_second_record(cluster: Brokers, tmp_path: Path) -> None:
    cluster.answer(KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.REQUEST_TIMED_OUT)
    with closing(KafkaSink(options_of(cluster), tmp_path)) as sink:
        assert sink.deliver(some(1, 20)) == Delivered()
        assert sink.deliver(some(21, 1)) == Delivered()
    assert len(records(cluster, {each.key for each in some(1, 21)})) == 21


def test_brokers_that_are_away_are_waited_for_no_longer_than_said(cluster: Brokers, tmp_path: Path) -> None:
    with closing(KafkaSink(options_of(cluster, timeout_seconds=1.0), tmp_path)) as sink:
        assert sink.deliver(some(1, 3)) == Delivered()
        cluster.down()
        outcome = sink.deliver(some(4, 3))
        assert isinstance(outcome, RetryAfter)
        assert outcome.done == 0
        cluster.up()
        outcomes = [sink.deliver(some(4, 3)) for _ in range(5)]
        assert Delivered() in outcomes
    assert len(records(cluster, {each.key for each in some(1, 6)})) >= 6


def test_nobody_there_is_said_as_it_is(tmp_path: Path) -> None:
    address = f"{HOST}:{free_port()}"
    options = KafkaOptions(name="bus", brokers=(address,), timeout_seconds=0.5)
    with closing(KafkaSink(options, tmp_path)) as sink:
        outcome = sink.deliver(some(1, 2))
    assert isinstance(outcome, RetryAfter)
    assert outcome.reason.startswith(f"{address}: ")
    assert "Connection refused" in outcome.reason


def test_of_records_that_are_refused_together_the_guilty_one_is_found(
    cluster: Brokers, tmp_path: Path
) -> None:
    options = options_of(cluster, options={"linger.ms": 200})
    batch = parcels([opened(1)] * 3)  # of one key, so in one partition and one request
    refusal = KafkaError.MSG_SIZE_TOO_LARGE
    with closing(KafkaSink(options, tmp_path)) as sink:
        cluster.answer(refusal, KafkaError.NO_ERROR, refusal)
        dead = Dead(f"{', '.join(cluster.addresses)}: Broker: Message size too large", 1)
        assert sink.deliver(batch) == dead
        cluster.answer(refusal)
        assert sink.deliver(batch) == Delivered()


def test_a_record_that_is_too_large_for_the_client_is_found(cluster: Brokers, tmp_path: Path) -> None:
    large = told(finding(2, title="x" * 4_000))
    with closing(KafkaSink(options_of(cluster, options={"message.max.bytes": 3_000}), tmp_path)) as sink:
        outcome = sink.deliver(parcels([opened(1), large, opened(3)]))
        assert isinstance(outcome, Dead)
        assert outcome.done == 1
        assert "too large" in outcome.reason.lower()
        assert sink.deliver(parcels([opened(3)])) == Delivered()
    assert len(records(cluster, {opened(1).key, opened(3).key})) == 2


def test_a_topic_that_we_may_not_write_is_tried_again(cluster: Brokers, tmp_path: Path) -> None:
    cluster.forbid(TOPIC, KafkaError.TOPIC_AUTHORIZATION_FAILED)
    with closing(KafkaSink(options_of(cluster, timeout_seconds=1.0), tmp_path)) as sink:
        outcome = sink.deliver(some(1, 2))
    assert isinstance(outcome, RetryAfter)
    assert "Topic authorization failed" in outcome.reason


def test_an_error_that_the_producer_does_not_survive_costs_it_alone(
    cluster: Brokers, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with closing(KafkaSink(options_of(cluster), tmp_path)) as sink:
        assert sink.deliver(some(1, 1)) == Delivered()
        cluster.answer(KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER)
        lost = sink.deliver(some(2, 1))
        said = "Broker: Broker received an out of order sequence number"
        assert lost == RetryAfter(f"{', '.join(cluster.addresses)}: {said}")
        assert sink.deliver(some(2, 1)) == Delivered()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"acks": 1}, "'acks' is set by this program; remove it"),
        ({"sasl.password": "secret"}, "put the password into a file: password_file"),
        ({"compression.type": "sand"}, 'Invalid value "sand" for configuration property "compression.codec"'),
        ({"no.such.thing": 1}, 'No such configuration property: "no.such.thing"'),
        ({"max.in.flight": 50}, "max.in.flight"),
    ],
)
def test_options_that_librdkafka_does_not_take_are_refused_at_once(
    tmp_path: Path, options: dict[str, Any], problem: str
) -> None:
    with pytest.raises(InputError, match=problem):
        KafkaSink(KafkaOptions(name="bus", brokers=(f"{HOST}:1",), options=options), tmp_path)

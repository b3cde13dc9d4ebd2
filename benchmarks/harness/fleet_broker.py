"""A correlator's stage on a real broker: the same parcels, published before, and read as fast as it can."""

import contextlib
import time
from collections.abc import Sequence

import structlog
from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from benchmarks.harness.fleet_line import Ran
from monitor.fleet.consuming import Knowing, Plan, Stage
from monitor.fleet.judging import Judge
from monitor.fleet.merging import Bounds
from monitor.metrics.fleet import Work
from sensors.relayed import Relayed

SECONDS = 60.0
HOLD_SECONDS = 1.0


def through(brokers: str, partitions: Sequence[Sequence[bytes]], judge: Judge) -> Ran:
    """Publish all of it, then have one stage read it and publish what comes of it."""
    name = f"bench-{time.time_ns()}"
    _publish(brokers, name, partitions)
    kafka: dict[str, str | int | float | bool] = {"bootstrap.servers": brokers, "log_level": 0}
    plan = Plan(kafka, name, f"{name}-decisions", name, 0, Bounds(HOLD_SECONDS))
    knowing = Knowing(judge, lambda each: Relayed(each.interest), lambda _: None)
    log = structlog.wrap_logger(
        structlog.ReturnLogger(), wrapper_class=structlog.make_filtering_bound_logger(50)
    )
    stage, work = Stage(plan, knowing, Work(), log), Work()
    while not stage.owned:
        stage.turn()
    begun, begun_cpu = time.perf_counter(), time.process_time()
    wanted = sum(map(len, partitions))
    while work.parcels < wanted and time.perf_counter() - begun < SECONDS:
        stage.turn()
        work = stage.work()
    seconds, cpu = time.perf_counter() - begun, time.process_time() - begun_cpu
    deadline = time.perf_counter() + 3 * HOLD_SECONDS
    while time.perf_counter() < deadline:
        stage.turn()
    work = stage.work()
    stage.close()
    return Ran(work.observations, work.judged, seconds, cpu, {})


def _publish(brokers: str, name: str, partitions: Sequence[Sequence[bytes]]) -> None:
    admin = AdminClient({"bootstrap.servers": brokers})
    topics = [NewTopic(name, len(partitions), 1), NewTopic(f"{name}-decisions", 4, 1)]
    for made in admin.create_topics(topics).values():
        with contextlib.suppress(KafkaException):
            made.result(SECONDS)
    producer = Producer(
        {"bootstrap.servers": brokers, "enable.idempotence": True, "compression.type": "zstd"}
    )
    for number, messages in enumerate(partitions):
        for message in messages:
            while True:
                try:
                    producer.produce(name, message, partition=number)
                except BufferError:
                    producer.poll(0.1)
                else:
                    break
    producer.flush(SECONDS)

"""A correlator's stage on a real broker: the same parcels, published before, and read as fast as it can.

What is measured begins when the partitions are assigned, and ends when the last decision is delivered and the
offsets are committed: in this process, librdkafka's threads among it, and not in the broker's.
"""

import time
from collections.abc import Iterable, Sequence

import structlog
from confluent_kafka import Consumer, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from benchmarks.harness.fleet_line import Clocks, Ran, TimedRelayed, judging_timed
from benchmarks.harness.fleet_topic import Topic
from monitor.fleet.consuming import Knowing, Plan, Stage
from monitor.fleet.judging import Judge
from monitor.fleet.merging import Bounds
from monitor.fleet.parcels import Said
from monitor.metrics.fleet import Work

SECONDS = 120.0
DECISIONS = 4  # partitions


class BrokerTroubleError(RuntimeError):
    """The broker did not take, or hand out, what it should."""


class _Moment:
    """Now, by the wall, and in processor time of the process and of this thread."""

    def __init__(self) -> None:
        self.wall, self.process, self.thread = time.perf_counter(), time.process_time(), time.thread_time()


class _TimedStage(Stage):
    """A stage that notes when it begins and when all is delivered, and times its parts."""

    def __init__(self, clocks: Clocks, plan: Plan, knowing: Knowing) -> None:
        self._clocks = clocks
        self.begun: _Moment | None = None
        self.delivered = _Moment()
        quiet = structlog.make_filtering_bound_logger(50)
        super().__init__(
            plan, knowing, Work(), structlog.wrap_logger(structlog.ReturnLogger(), wrapper_class=quiet)
        )

    def has_said(self, topic: Topic) -> bool:
        """Tell whether all of a topic was read, and is said."""
        return len(self.owned) == len(topic) and all(
            owned.next_offset >= len(topic[number]) and owned.partition.unsaid() is None
            for number, owned in self.owned.items()
        )

    def _assigned(self, consumer: Consumer, partitions: Sequence[TopicPartition]) -> None:
        super()._assigned(consumer, partitions)
        self.begun = self.begun or _Moment()

    def _take(self, messages: Iterable[Message], now_s: float) -> None:
        self._clocks.count("take", super()._take, messages, now_s)

    def _say(self, messages: Iterable[Said]) -> None:
        self._clocks.count("say", self._tell, messages)

    def _tell(self, messages: Iterable[Said]) -> None:
        for said in messages:
            self._clocks.count("write", super()._say, (said,))

    def _commit(self, numbers: Iterable[int], *, asynchronous: bool = False) -> None:
        super()._commit(numbers, asynchronous=asynchronous)
        self.delivered = _Moment()


def through(brokers: str, topic: Topic, judge: Judge, *, timed: bool = False) -> Ran:
    """Publish all of it, then have one stage read it, and say what comes of it. Raises BrokerTroubleError."""
    name = f"bench-{time.time_ns()}"
    _publish(brokers, name, topic)
    clocks = Clocks(on=timed)
    kafka: dict[str, str | int | float | bool] = {"bootstrap.servers": brokers, "log_level": 0}
    plan = Plan(kafka, name, f"{name}-decisions", name, 0, Bounds())
    knowing = Knowing(judge, lambda each: TimedRelayed(each, clocks), lambda _: None)
    with judging_timed(judge, clocks):
        stage = _TimedStage(clocks, plan, knowing)
        deadline = time.perf_counter() + SECONDS
        while not stage.has_said(topic):
            stage.turn()
            if time.perf_counter() > deadline:
                raise BrokerTroubleError(f"not all was read and said within {SECONDS:g} s")
        stage.close()
    begun, ended, work = stage.begun or _Moment(), stage.delivered, stage.work()
    cpu, thread = ended.process - begun.process, ended.thread - begun.thread
    if timed:
        clocks.seconds["read"] = thread - sum(clocks.seconds.values())
        clocks.seconds["librdkafka"] = cpu - thread
    return Ran(
        work.parcels, work.observations, work.judged, ended.wall - begun.wall, cpu, dict(clocks.seconds)
    )


def _publish(brokers: str, name: str, topic: Topic) -> None:
    """Make both topics and fill one, without loss or doubles."""
    admin = AdminClient({"bootstrap.servers": brokers})
    kept = {"retention.ms": "-1"}  # packets may be older than brokers keep messages
    topics = [NewTopic(name, len(topic), 1, config=kept), NewTopic(f"{name}-decisions", DECISIONS, 1)]
    for made in admin.create_topics(topics, operation_timeout=SECONDS).values():
        made.result(SECONDS)
    producer = Producer(
        {
            "bootstrap.servers": brokers,
            "enable.idempotence": True,
            "compression.type": "zstd",
            "linger.ms": 20,
        }
    )
    for partition, messages in enumerate(topic):
        for stamp_ms, value in messages:
            while True:
                try:
                    producer.produce(name, value, partition=partition, timestamp=stamp_ms)
                except BufferError:
                    producer.poll(0.1)
                else:
                    break
    if producer.flush(SECONDS):
        raise BrokerTroubleError(f"not all was published within {SECONDS:g} s")

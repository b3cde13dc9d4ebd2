"""Reads decisions off Kafka, as one of a group, and has each partition that is its own recorded.

A partition is read once its folder is there and no other process has it. Offsets are committed behind what is
durable, so what was not is read again; what cannot be recorded now holds its partition up, and no other.
"""

import time
from collections.abc import Iterable, Sequence
from contextlib import suppress

from confluent_kafka import Consumer, KafkaException, TopicPartition
from structlog.typing import FilteringBoundLogger

from monitor.app import Knowledge
from monitor.files import InputError
from monitor.fleet.callbacks import failing_whole
from monitor.fleet.recording.lane import Lane
from monitor.fleet.recording.partition import Partition
from monitor.fleet.recording.plan import Options, Plan
from monitor.metrics.fleet import Kept
from monitor.metrics.recorded import Recorded
from monitor.metrics.recorded_sums import RecordedSums

MESSAGES = 4_000  # read at once
SECONDS = 0.2  # to wait for so many
COMMIT_SECONDS = 0.5  # between two commits of offsets
ASK_SECONDS = 10.0  # for how many partitions there are
OWN: Options = {  # what is ours to say: without it something could be lost, or read without being recorded
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "auto.offset.reset": "earliest",
    "partition.assignment.strategy": "cooperative-sticky",
}


class Stage:
    """All partitions of this process. Used by one thread, which turns it until the end, and closes it."""

    def __init__(
        self, plan: Plan, knowledge: Knowledge, log: FilteringBoundLogger, counts: tuple[Kept, RecordedSums]
    ) -> None:
        """Join the group. ``counts`` are counted on. Raises KafkaException for options that cannot be."""
        self._kept, self._sums = counts
        self._plan, self._knowledge, self._log = plan, knowledge, log
        self._lanes: dict[int, Lane] = {}
        self._paused: set[int] = set()
        self._committed: dict[int, int] = {}
        self._next_commit = 0.0
        self._said: dict[int | str, str | None] = {}
        self._consumer = Consumer({"log_level": 0, **plan.kafka, **OWN, "group.id": plan.group})
        self._consumer.subscribe(
            [plan.topic],
            on_assign=failing_whole(self._assigned),
            on_revoke=failing_whole(self._revoked),
            on_lost=failing_whole(self._lost),
        )

    def turn(self, seconds: float = SECONDS) -> None:
        """Read what there is, for so long at the most, and record it."""
        for message in self._consumer.consume(MESSAGES, seconds):
            error = message.error()
            lane = self._lanes.get(message.partition() or 0)
            if error is not None:
                self._say("kafka", error.str())
            elif lane is not None:
                self._say("kafka", None)
                lane.put(message)
        for lane in self._lanes.values():
            lane.turn(time.time_ns())
            self._tell(lane)
        self._pause()
        self._commit()

    def use(self, knowledge: Knowledge) -> None:
        """Judge findings by this from now on."""
        self._knowledge = knowledge
        for lane in self._lanes.values():
            if lane.partition is not None:
                lane.partition.use(knowledge, time.time_ns())

    def recorded(self) -> Recorded:
        """Return what all partitions recorded, and how that stands."""
        there = [lane.partition for lane in self._lanes.values() if lane.partition is not None]
        return self._sums.of(each.turns.recorded() for each in there)

    def look(self) -> str | None:
        """Note how it stands in what is counted; return what holds a partition up, if anything does."""
        kept, lanes = self._kept, self._lanes.values()
        problems = [lane.problem for lane in lanes if lane.problem is not None]
        kept.waiting = sum(lane.waiting for lane in lanes)
        kept.held_up, kept.recording = len(problems), len(lanes) - len(problems)
        return problems[0] if problems else None

    def close(self) -> None:
        """Record what was taken, leave the group, and let all folders go."""
        self._let_go(list(self._lanes))
        self._consumer.close()

    def _open(self, number: int, now_ns: int) -> Partition:
        """Open a partition's folder. Raises InputError."""
        try:
            topic = self._consumer.list_topics(self._plan.topic, ASK_SECONDS).topics[self._plan.topic]
        except KafkaException as error:
            raise InputError(self._plan.topic, str(error), "see that the brokers run") from None
        count = len(topic.partitions)
        if number >= count:
            problem = f"the brokers tell of {count} partitions of it, and {number} is one of them"
            raise InputError(self._plan.topic, problem, "see that all its partitions have a leader")
        partition = Partition(self._plan, number, count, self._knowledge, now_ns)
        self._log.info("partition taken", partition=number)
        if partition.note is not None:
            self._log.error("findings made anew from the ledger", partition=number, problem=partition.note)
        return partition

    def _assigned(self, _consumer: Consumer, partitions: Sequence[TopicPartition]) -> None:
        for each in partitions:
            self._lanes[each.partition] = Lane(each.partition, self._open, self._kept)

    def _revoked(self, _consumer: Consumer, partitions: Sequence[TopicPartition]) -> None:
        self._let_go([each.partition for each in partitions])

    def _lost(self, _consumer: Consumer, partitions: Sequence[TopicPartition]) -> None:
        """Let go of what others may read by now; whose folder they cannot have before."""
        self._let_go([each.partition for each in partitions], ours=False)

    def _let_go(self, numbers: Iterable[int], *, ours: bool = True) -> None:
        for number in numbers:
            lane = self._lanes.pop(number, None)
            if lane is None:
                continue
            last = lane.close(time.time_ns())
            if last is not None:
                self._sums.let_go(last)
            if ours:
                self._commit_of({number: lane.offset}, wait=True)
            self._paused.discard(number)
            self._committed.pop(number, None)
            self._log.info("partition let go", partition=number)

    def _pause(self) -> None:
        """Read only of partitions that can take more."""
        wanting = {number for number, lane in self._lanes.items() if lane.wants}
        pause, resume = self._lanes.keys() - wanting - self._paused, self._paused & wanting
        if pause:
            self._consumer.pause(self._places(pause))
        if resume:
            self._consumer.resume(self._places(resume))
        self._paused = (self._paused | pause) - resume

    def _places(self, numbers: Iterable[int]) -> list[TopicPartition]:
        return [TopicPartition(self._plan.topic, number) for number in sorted(numbers)]

    def _commit(self) -> None:
        if time.monotonic() >= self._next_commit:
            self._next_commit = time.monotonic() + COMMIT_SECONDS
            self._commit_of({number: lane.offset for number, lane in self._lanes.items()})

    def _commit_of(self, offsets: dict[int, int | None], *, wait: bool = False) -> None:
        """Have the group go on behind what is durable. If that fails it comes again, and is passed over."""
        known = {number: end for number, end in offsets.items() if end is not None}
        wanted = {number: end for number, end in known.items() if end != self._committed.get(number)}
        if not wanted:
            return
        places = [TopicPartition(self._plan.topic, number, end) for number, end in wanted.items()]
        with suppress(KafkaException):
            if wait:
                self._consumer.commit(offsets=places, asynchronous=False)
            else:
                self._consumer.commit(offsets=places, asynchronous=True)
            self._committed |= wanted

    def _tell(self, lane: Lane) -> None:
        """Tell the log what is new of a partition."""
        for said in lane.partition.said() if lane.partition is not None else ():
            (self._log.error if said.level == "error" else self._log.info)(
                said.event, partition=lane.number, **said.fields
            )
        self._say(lane.number, lane.problem)

    def _say(self, what: int | str, problem: str | None) -> None:
        """Tell the log what hinders, once, and when it is over."""
        if problem == self._said.get(what):
            return
        self._said[what] = problem
        if problem is not None:
            self._log.error("decisions wait", of=what, problem=problem)
        else:
            self._log.info("decisions are written again", of=what)

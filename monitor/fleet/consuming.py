"""Reads parcels off Kafka as one of a group, and publishes what comes of them. One thread.

Offsets are committed for the first parcel that is not wholly said, once what was said is delivered: what was
said and not committed is said again. Whoever gets a partition reads a while of it again before that, to know
what correlation has to. Any trouble ends the stage; a new one begins where all was delivered.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

from confluent_kafka import OFFSET_INVALID, Consumer, KafkaError, KafkaException, Message, TopicPartition
from msgspec import Struct, structs
from structlog.typing import FilteringBoundLogger

from monitor.fleet.callbacks import failing_whole
from monitor.fleet.hiding import FleetPseudonyms
from monitor.fleet.judging import Judge
from monitor.fleet.merging import Bounds
from monitor.fleet.owned import Owned, Start
from monitor.fleet.parcels import Judged, Said
from monitor.fleet.partition import Correlating, Partition
from monitor.fleet.settings import Options
from monitor.fleet.telling import Teller, text_of
from monitor.fleet.working import add_work
from monitor.metrics.fleet import Work

MESSAGES = 2_000  # read at once
SECONDS = 0.2  # to wait for so many
COMMIT_SECONDS = 1.0
FLUSH_SECONDS = 30.0
ASK_SECONDS = 10.0
OWN: Options = {
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "enable.partition.eof": True,
    "auto.offset.reset": "earliest",
    "isolation.level": "read_committed",
    "partition.assignment.strategy": "cooperative-sticky",
}


class Plan(Struct, frozen=True):
    """What a correlator reads and writes, and how; ``window_ms`` is how much it reads again."""

    kafka: Options
    observations: str
    decisions: str
    group: str
    window_ms: int
    bounds: Bounds


class Knowing(Struct):
    """What partitions are judged by, how each correlates, who is told of decisions. A reload changes it."""

    judge: Judge
    correlating: Callable[[Judge], Correlating]
    told: Callable[[Judged], object]
    pseudonyms: FleetPseudonyms | None = None


class Stage:
    """All partitions of this process. Turn it until the end, and close it."""

    def __init__(self, plan: Plan, knowing: Knowing, work: Work, log: FilteringBoundLogger) -> None:
        """Join the group. ``work`` is what was done before. Raises KafkaException, NotSaidError."""
        self.owned: dict[int, Owned] = {}
        self._plan, self._knowing, self._work, self._log = plan, knowing, work, log
        self._is_given_up = False
        self._next_commit = 0.0
        self._teller = Teller(plan.kafka, plan.decisions)
        self._consumer = Consumer({**plan.kafka, **OWN, "group.id": plan.group})
        self._consumer.subscribe(
            [plan.observations],
            on_assign=failing_whole(self._assigned),
            on_revoke=failing_whole(self._revoked),
            on_lost=failing_whole(self._gone),
        )

    def turn(self, seconds: float = SECONDS) -> None:
        """Read what there is, for so long at most, and say what comes of it.

        Raises KafkaException, NotSaidError: then this one is of no more use.
        """
        messages = self._consumer.consume(MESSAGES, seconds)
        now_s = time.time()
        self._take(messages, now_s)
        for owned in self.owned.values():
            self._say(owned.say(now_s))
        if time.monotonic() >= self._next_commit:
            self._commit(self.owned, asynchronous=True)
            self._next_commit = time.monotonic() + COMMIT_SECONDS

    def retarget(self) -> None:
        """Judge by what ``knowing`` now holds from here on."""
        for owned in self.owned.values():
            owned.partition.retarget(self._knowing.judge)

    def behind(self) -> int:
        """Return how many messages of its partitions are not read yet, as far as is known."""
        behind = 0
        for number, owned in self.owned.items():
            place = TopicPartition(self._plan.observations, number)
            with suppress(KafkaException):
                _, high = self._consumer.get_watermark_offsets(place, cached=True)
                behind += max(high - owned.next_offset, 0)
        return behind

    def work(self) -> Work:
        """Return what was done until now."""
        work = structs.replace(self._work)
        work.too_large += self._teller.too_large
        for owned in self.owned.values():
            add_work(work, owned)
        return work

    def close(self) -> None:
        """Have what was said delivered and committed, and leave the group. Raises as ``turn``."""
        try:
            self._commit(self.owned)
        finally:
            self.give_up()

    def give_up(self) -> None:
        """Leave the group, with nothing more delivered or committed."""
        self._is_given_up = True
        self._work.too_large += self._teller.too_large
        self._teller.close()
        self._consumer.close()
        for number in list(self.owned):
            self._forget(number)

    def _take(self, messages: Iterable[Message], now_s: float) -> None:
        for message in messages:
            error = message.error()
            if error is not None and error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001  so it is named
                raise KafkaException(error)
            owned = self.owned.get(message.partition() or 0)
            if owned is None:
                continue
            if error is None:
                owned.put(message.value(), message.offset() or 0, message.timestamp()[1], now_s)
            else:
                owned.reached_end()

    def _say(self, messages: Iterable[Said]) -> None:
        for said in messages:
            if isinstance(said, Judged):
                self._knowing.told(said)
            self._teller.say(self._hidden(said))

    def _hidden(self, said: Said) -> Said:
        """Return a message without its client's address, where that is asked for."""
        if self._knowing.pseudonyms is None or not isinstance(said, Judged):
            return said
        return structs.replace(said, decision=self._knowing.pseudonyms.pseudonymised(said.decision))

    def _commit(self, numbers: Iterable[int], *, asynchronous: bool = False) -> None:
        """Commit how far partitions are wholly said, once that is delivered."""
        if not self._teller.flush(FLUSH_SECONDS):
            self._log.warning("decisions wait", problem="the brokers have not taken them yet")
            return
        places = []
        for number in numbers:
            owned = self.owned[number]
            offset, stamp_ms = owned.unsaid()
            if offset > (owned.committed if asynchronous else owned.said_to):
                owned.committed = offset
                topic = self._plan.observations
                places.append(TopicPartition(topic, number, offset, metadata=str(stamp_ms)))
        if not places:
            return
        try:
            self._consumer.commit(offsets=places, asynchronous=asynchronous)
        except KafkaException as error:  # a rebalance, most of all: who comes next says it again
            self._work.commit += 1
            self._log.info("offsets not committed", problem=text_of(error))

    def _assigned(self, consumer: Consumer, partitions: Sequence[TopicPartition]) -> None:
        places = []
        for place in consumer.committed(list(partitions), ASK_SECONDS):
            number, start = place.partition, self._start(place)
            judge, plan = self._knowing.judge, self._plan
            partition = Partition(number, judge, self._knowing.correlating(judge), plan.bounds, start.said_to)
            self.owned[number] = Owned(partition, start)
            places.append(TopicPartition(plan.observations, number, start.offset))
            self._work.assigned += 1
            self._work.deleted += start.deleted
            self._log.info("partition taken", partition=number, begins=start.offset, says=start.said_to)
            if start.deleted:
                mend = "run more correlators, or keep the topic longer"
                self._log.error("parcels deleted unread", partition=number, parcels=start.deleted, mend=mend)
        consumer.incremental_assign(places)

    def _start(self, place: TopicPartition) -> Start:
        """Return where to begin: a window of the brokers' time before what was said."""
        if place.error is not None:
            raise KafkaException(place.error)
        topic, number = self._plan.observations, place.partition
        low, _ = self._consumer.get_watermark_offsets(TopicPartition(topic, number), ASK_SECONDS)
        if place.offset == OFFSET_INVALID:
            return Start(low, 0)
        since_ms = max(_stamp(place.metadata) - self._plan.window_ms, 0)
        (found,) = self._consumer.offsets_for_times([TopicPartition(topic, number, since_ms)], ASK_SECONDS)
        if found.error is not None:
            raise KafkaException(found.error)
        begin = min(found.offset, place.offset) if found.offset >= 0 else place.offset
        return Start(max(begin, low), place.offset, max(low - place.offset, 0))

    def _revoked(self, consumer: Consumer, partitions: Sequence[TopicPartition]) -> None:
        """Have delivered and committed what was said, and give partitions up."""
        if not self._is_given_up:
            self._commit([each.partition for each in partitions if each.partition in self.owned])
        self._drop(consumer, partitions)
        self._work.revoked += len(partitions)

    def _gone(self, consumer: Consumer, partitions: Sequence[TopicPartition]) -> None:
        """Give up partitions that others have by now."""
        self._drop(consumer, partitions)
        self._work.lost += len(partitions)

    def _drop(self, consumer: Consumer, partitions: Sequence[TopicPartition]) -> None:
        for each in partitions:
            self._forget(each.partition)
            self._log.info("partition let go", partition=each.partition)
        consumer.incremental_unassign(list(partitions))

    def _forget(self, number: int) -> None:
        owned = self.owned.pop(number, None)
        if owned is not None:
            add_work(self._work, owned)


def _stamp(metadata: str | None) -> int:
    """Return the stamp that was committed with an offset; where there is none, the time now."""
    if metadata is not None and metadata.isascii() and metadata.isdigit():
        return int(metadata)
    return time.time_ns() // 1_000_000

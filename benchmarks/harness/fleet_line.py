"""A correlator's line in memory: sensors' parcels in, encoded decisions out, and where the time goes."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

import msgspec

from benchmarks.harness.fleet_topic import Message, Topic
from monitor.fleet.judging import Judge
from monitor.fleet.merging import Bounds
from monitor.fleet.parcels import Said, encode
from monitor.fleet.partition import Partition
from sensors.connections import Seen
from sensors.parcelled import Placed, Taken
from sensors.relayed import Relayed

AT_ONCE = 500  # messages of a partition, as they come of a consumer
AFTERWARDS_S = 1_000.0  # nobody is waited for any more

P = ParamSpec("P")
R = TypeVar("R")


class Ran(msgspec.Struct, frozen=True):
    """What a run came to. ``stages`` are seconds of processor time, where they were timed."""

    parcels: int
    observations: int
    decisions: int
    seconds: float
    cpu_seconds: float
    stages: dict[str, float]

    @property
    def rate(self) -> float:
        """Observations a second of processor time."""
        return self.observations / self.cpu_seconds


class Clocks:
    """Sums up this thread's processor time by stage. What is called inside of a call is not in its own."""

    def __init__(self, *, on: bool) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.on = on
        self._inside = [0.0]

    def count(self, stage: str, call: Callable[P, R], *arguments: P.args, **named: P.kwargs) -> R:
        """Call, and count what it takes for a stage."""
        if not self.on:
            return call(*arguments, **named)
        self._inside.append(0.0)
        begun = time.thread_time()
        try:
            return call(*arguments, **named)
        finally:
            took = time.thread_time() - begun
            self.seconds[stage] += took - self._inside.pop()
            self._inside[-1] += took


class TimedRelayed(Relayed):
    """Correlation whose parts are timed."""

    def __init__(self, judge: Judge, clocks: Clocks) -> None:
        super().__init__(judge.interest)
        self._clocks = clocks

    def hold(self, parcels: Sequence[Placed]) -> Taken:
        """Decode parcels."""
        return self._clocks.count("decode", super().hold, parcels)

    def release(self, until_ns: int) -> list[int]:
        """Correlate."""
        return self._clocks.count("correlate", super().release, until_ns)

    def handed_out(self) -> Iterator[tuple[int, Seen]]:
        """Decode what came of it."""
        yield from self._clocks.count("hand over", lambda: list(Relayed.handed_out(self)))


def run(topic: Topic, judge: Judge, *, timed: bool = False) -> Ran:
    """Feed the messages of all partitions, some of each in turn, and encode what comes of it."""
    clocks = Clocks(on=timed)
    owned = [Partition(at, judge, TimedRelayed(judge, clocks), Bounds()) for at in range(len(topic))]
    begun, begun_cpu = time.perf_counter(), time.process_time()
    with judging_timed(judge, clocks):
        for at in range(0, max(map(len, topic)), AT_ONCE):
            for partition, messages in zip(owned, topic, strict=True):
                some = messages[at : at + AT_ONCE]
                if some:
                    clocks.count("take", _offer, partition, some, at)
                    clocks.count("say", _write, clocks, partition.say(some[-1].stamp_ms / 1_000))
        for partition, messages in zip(owned, topic, strict=True):
            clocks.count("say", _write, clocks, partition.say(messages[-1].stamp_ms / 1_000 + AFTERWARDS_S))
    seconds, cpu = time.perf_counter() - begun, time.process_time() - begun_cpu
    counts = [each.counts for each in owned]
    return Ran(
        sum(each.parcels for each in counts),
        sum(each.observations for each in counts),
        sum(each.judged for each in counts),
        seconds,
        cpu,
        dict(clocks.seconds),
    )


def _offer(partition: Partition, messages: Sequence[Message], offset: int) -> None:
    for at, (stamp_ms, value) in enumerate(messages, offset):
        partition.offer(value, at, stamp_ms, stamp_ms / 1_000)


def _write(clocks: Clocks, messages: Iterator[Said]) -> None:
    for said in messages:
        clocks.count("write", encode, said)


@contextmanager
def judging_timed(judge: Judge, clocks: Clocks) -> Iterator[None]:
    """Have attribution and judgement timed meanwhile, where clocks are on."""
    if not clocks.on:
        yield
        return
    pipeline = judge._pipeline  # noqa: SLF001  only here is one told from the other
    calls = {name: getattr(pipeline, name) for name in ("_read", "_judge", "_connection")}
    try:
        for (name, call), stage in zip(calls.items(), ("attribute", "judge", "judge"), strict=True):
            setattr(pipeline, name, lambda *given, _call=call, _as=stage: clocks.count(_as, _call, *given))
        yield
    finally:
        for name, call in calls.items():
            setattr(pipeline, name, call)

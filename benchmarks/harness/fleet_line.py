"""A correlator's line in memory: a sensor's parcels in, encoded decisions out, and where the time goes."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from monitor.fleet.judging import Judge
from monitor.fleet.merging import Bounds
from monitor.fleet.parcels import TO_ALL, Parcel, ParcelKind, encode
from monitor.fleet.partition import Partition
from sensors.connections import Seen
from sensors.interest import Interest
from sensors.live import Manner
from sensors.parcelled import Place, Taken
from sensors.publishing import Publishing
from sensors.relayed import Relayed
from sensors.series import NativeSeries

STAGES = ("decode", "correlate", "hand over", "attribute", "judge", "write")
AT_ONCE = 500  # messages of a partition, as they come of a consumer
BEAT_NS = 2_000_000_000
KEY = b"benchmark" * 4


class Ran(msgspec.Struct, frozen=True):
    """What a run came to. ``stages`` are seconds, where they were timed."""

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
    """Sums up the time of stages; calls inside one another are subtracted from the outer one."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._inside = [0.0]

    def timed(self, stage: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """Return a call whose time is counted for a stage."""

        def measured(*arguments: Any) -> Any:
            self._inside.append(0.0)
            begun = time.perf_counter()
            try:
                return call(*arguments)
            finally:
                took = time.perf_counter() - begun
                self.seconds[stage] += took - self._inside.pop()
                self._inside[-1] += took

        return measured


class TimedRelayed(Relayed):
    """Correlation whose parts are timed."""

    def __init__(self, interest: Interest, clocks: Clocks) -> None:
        super().__init__(interest)
        self._hold = clocks.timed("decode", super().hold)
        self._release = clocks.timed("correlate", super().release)
        self._all = clocks.timed("hand over", lambda: list(Relayed.handed_out(self)))

    def hold(self, place: Place, batch: bytes) -> Taken:
        """Decode a parcel."""
        taken: Taken = self._hold(place, batch)
        return taken

    def release(self, until_ns: int) -> list[int]:
        """Correlate."""
        done: list[int] = self._release(until_ns)
        return done

    def handed_out(self) -> Iterator[tuple[int, Seen]]:
        """Decode what came of it."""
        yield from self._all()


def published(path: Path, interest: Interest, partitions: int, linger_ns: int) -> list[list[bytes]]:
    """Return the messages of each partition, as one sensor publishes what it sees in a capture."""
    series = NativeSeries(
        Manner(interest=interest, publishing=Publishing(KEY, judge=False, linger_ns=linger_ns))
    )
    series.add(path)
    topic: list[list[bytes]] = [[] for _ in range(partitions)]
    number = beat_ns = 0

    def put(kind: ParcelKind, slot: int | None, clock_ns: int, data: bytes = b"") -> None:
        nonlocal number
        message = encode(Parcel("bench", "run", number, clock_ns, kind, slot, data))
        number += 1
        for partition in range(partitions) if kind in TO_ALL else [(slot or 0) % partitions]:
            topic[partition].append(message)

    def take(*, cut: bool) -> None:
        nonlocal beat_ns
        for each in series.published(cut=cut).cuts:
            if each.clock_ns >= beat_ns + BEAT_NS:
                beat_ns = each.clock_ns
                put("beat", None, beat_ns)
            put("names" if each.names else "observations", each.slot, each.clock_ns, each.data)

    while series.is_reading:
        series.next_batch()
        take(cut=False)
    series.finish()
    while series.next_batch():
        take(cut=False)
    take(cut=True)
    put("end", None, 2**62)
    return topic


def run(partitions: Sequence[Sequence[bytes]], judge: Judge, *, timed: bool = False) -> Ran:
    """Feed the messages of all partitions, some of each in turn, and encode what comes of it."""
    clocks, write = Clocks(), encode
    undo = []
    if timed:
        write = clocks.timed("write", encode)
        undo = judge_timed(judge, clocks)
    relayed = [TimedRelayed(judge.interest, clocks) if timed else Relayed(judge.interest) for _ in partitions]
    owned = [Partition(at, judge, each, Bounds()) for at, each in enumerate(relayed)]
    begun, begun_cpu = time.perf_counter(), time.process_time()
    size = decisions = 0
    for at in range(0, max(map(len, partitions)), AT_ONCE):
        now_s = 4e9 + at  # the first seconds are waited for whoever else there is
        for partition, messages in zip(owned, partitions, strict=True):
            for offset in range(at, min(at + AT_ONCE, len(messages))):
                partition.offer(messages[offset], offset, 0, now_s)
            for said in partition.say(now_s):
                size += len(write(said))
                decisions += 1
    for partition in owned:
        for said in partition.say(5e9):
            size += len(write(said))
            decisions += 1
    seconds, cpu = time.perf_counter() - begun, time.process_time() - begun_cpu
    for name, was in undo:
        setattr(judge._pipeline, name, was)  # noqa: SLF001
    observations = sum(each.counts.observations for each in owned)
    return Ran(observations, decisions, seconds, cpu, dict(clocks.seconds))


def judge_timed(judge: Judge, clocks: Clocks) -> list[tuple[str, Any]]:
    """Have attribution and judgement timed; return what was there before."""
    pipeline = judge._pipeline  # noqa: SLF001  only here is one told from the other
    before = [(name, getattr(pipeline, name)) for name in ("_read", "_judge", "_connection")]
    for (name, call), stage in zip(before, ("attribute", "judge", "judge"), strict=True):
        setattr(pipeline, name, clocks.timed(stage, call))
    return before

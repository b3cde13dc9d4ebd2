"""Simulated sensors of a fleet, and a broker's partitions, without any broker."""

import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

import msgspec

from monitor.fleet.judging import Judge
from monitor.fleet.merging import Bounds
from monitor.fleet.parcels import (
    MAX_OBSERVATIONS,
    SLOTS,
    TO_ALL,
    Account,
    Judged,
    Origin,
    Parcel,
    ParcelKind,
    Said,
    encode,
    slot_of,
)
from monitor.fleet.partition import Partition
from monitor.pipeline import Pipeline
from monitor.types import Decision
from pcaps import golden
from sensors.interest import Interest
from sensors.names import AddressSet, NameSet
from sensors.observations import Gap, NameResolved, Observation
from sensors.relayed import Relayed

KEY = b"k" * 32
BEAT_NS = 2_000_000_000
ENCODE = msgspec.msgpack.Encoder().encode
ENCODE_JSON = msgspec.json.Encoder(order="sorted").encode

Split = Callable[[Observation], int]  # which sensor sees it


def said(case: str) -> list[Observation]:
    """Return what a sensor says of a capture of pcaps."""
    lines = (golden.PCAPS / case / "observations.jsonl").read_bytes().splitlines()
    return [msgspec.json.decode(line, type=Observation) for line in lines]


def client_of(observation: Observation) -> str:
    """Return whose an observation is; nobody's is an empty text."""
    if isinstance(observation, Gap):
        return ""
    return observation.client if isinstance(observation, NameResolved) else observation.flow.client


class Sensor:
    """Parts observations into slots, and cuts parcels."""

    def __init__(self, name: str, interest: Interest, run: str = "r") -> None:
        self._name, self._run = name, run
        self._resolvers = AddressSet(interest.resolvers)
        self._names = NameSet(interest.names)
        self._number = 0
        self.clock_ns = 0
        self._open: dict[int, list[Observation]] = defaultdict(list)

    def see(self, seen: Observation) -> Iterator[Parcel]:
        """Gather an observation; yield what has to be cut before it."""
        whose = self._whose(seen)
        if isinstance(seen, NameResolved) and seen.ech_public_names:
            yield from self.cut()
        self._open[whose].append(seen)

    def cut(self) -> Iterator[Parcel]:
        """Yield what is gathered, names first."""
        for whose, gathered in sorted(self._open.items()):
            kind: ParcelKind = "names" if whose < 0 else "observations"
            slot = whose if whose >= 0 else None
            for at in range(0, len(gathered), MAX_OBSERVATIONS):
                yield self._parcel(kind, slot, ENCODE(gathered[at : at + MAX_OBSERVATIONS]))
        self._open.clear()

    def beat(self) -> Parcel:
        return self._parcel("beat", None)

    def end(self) -> Iterator[Parcel]:
        yield from self.cut()
        yield self._parcel("end", None)

    def account(self, account: Account) -> Parcel:
        return self._parcel("account", zlib.crc32(self._name.encode()) % SLOTS, ENCODE(account))

    def _whose(self, observation: Observation) -> int:
        if isinstance(observation, NameResolved) and self._is_everybodys(observation):
            return -1
        return slot_of(client_of(observation), KEY)

    def _is_everybodys(self, answer: NameResolved) -> bool:
        names = answer.qname, *answer.cnames
        return any(map(self._names.fits, names)) or self._resolvers.fits(answer.client)

    def _parcel(self, kind: ParcelKind, slot: int | None, data: bytes = b"") -> Parcel:
        self._number += 1
        return Parcel(self._name, self._run, self._number - 1, self.clock_ns, kind, slot, data)


class Arrival(NamedTuple):
    """A parcel as it comes to the brokers, in seconds since the Unix epoch."""

    at_s: float
    parcel: Parcel


class Topic:
    """Partitions of messages, each with the time at which it came."""

    def __init__(self, partitions: int) -> None:
        self.partitions: list[list[tuple[float, bytes]]] = [[] for _ in range(partitions)]

    def put(self, arrival: Arrival) -> None:
        """Take what arrives to where it belongs."""
        count, parcel = len(self.partitions), arrival.parcel
        where = range(count) if parcel.kind in TO_ALL else [(parcel.slot or 0) % count]
        for number in where:
            self.partitions[number].append((arrival.at_s, encode(parcel)))


class Habits(NamedTuple):
    """How a sensor works: observations are cut after so many, and parcels are so long on their way."""

    linger: int = 20
    delay_s: float = 0.1


def fleet(
    observations: Sequence[Observation], split: Split, habits: Sequence[Habits], interest: Interest
) -> list[Arrival]:
    """Return what some sensors publish, as it arrives; each beats every two seconds of packet time."""
    arrivals: list[Arrival] = []
    clocks = list(accumulate((each.ts_ns for each in observations), max))
    for number, habit in enumerate(habits):
        mine = [
            (clock, each) for clock, each in zip(clocks, observations, strict=True) if split(each) == number
        ]
        arrivals += _published(Sensor(f"s{number}", interest), mine, (clocks[0], clocks[-1]), habit)
    return sorted(arrivals, key=lambda arrival: arrival.at_s)  # stable: a sensor's stay in order


def _published(
    sensor: Sensor, mine: Sequence[tuple[int, Observation]], span: tuple[int, int], habit: Habits
) -> Iterator[Arrival]:
    """Yield what one sensor publishes; ``mine`` is what it sees, each with the time at which it does."""
    begun_ns, ended_ns = span
    beats = list(range(begun_ns, ended_ns, BEAT_NS))
    moments = sorted(
        [(clock, 1, each) for clock, each in mine] + [(each, 0, None) for each in beats], key=_when
    )
    gathered = 0
    for clock_ns, _, seen in moments:
        sensor.clock_ns = max(sensor.clock_ns, clock_ns)
        at_s = clock_ns / 1e9 + habit.delay_s
        if seen is not None:
            yield from (Arrival(at_s, each) for each in sensor.see(seen))
            gathered += 1
        if seen is None or gathered % habit.linger == 0:
            yield from (Arrival(at_s, each) for each in sensor.cut())
        if seen is None:
            yield Arrival(at_s, sensor.beat())
    yield from (Arrival(ended_ns / 1e9 + habit.delay_s, each) for each in sensor.end())


def _when(moment: tuple[int, int, object]) -> tuple[int, int]:
    return moment[:2]


def partition(number: int, judge: Judge, said_to: int = 0, bounds: Bounds | None = None) -> Partition:
    return Partition(number, judge, Relayed(judge.interest), bounds or Bounds(), said_to)


def one_process(observations: Iterable[Observation], pipeline: Pipeline) -> list[bytes]:
    """Return what one process decides, sorted."""
    return sorted(ENCODE_JSON(each) for each in pipeline.feed(observations))


def as_told(messages: Iterable[Said]) -> list[bytes]:
    """Return the decisions that came, without those whose origin came before, sorted."""
    found: dict[Origin, Decision] = {}
    for each in messages:
        if isinstance(each, Judged):
            assert found.setdefault(each.origin, each.decision) == each.decision
    return sorted(map(ENCODE_JSON, found.values()))

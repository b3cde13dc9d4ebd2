"""Simulated sensors of a fleet, and a broker's partitions, without any broker."""

import random
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

from monitor.fleet.judging import Judge
from monitor.fleet.merging import Bounds
from monitor.fleet.parcels import (
    MAX_OBSERVATIONS,
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
from sensors.observations import Gap, NameResolved, Observation
from sensors.relayed import Relayed
from tests.test_native_correlator import CATALOG

KEY = b"k" * 32
NOW_S = 4_000_000_000.0  # later than any capture
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
        self._names = Relayed(interest)  # only its interest is asked
        self._interest = interest
        self._number = 0
        self.clock_ns = 0
        self._open: dict[int, list[Observation]] = defaultdict(list)

    def see(self, observations: Iterable[Observation], linger: int) -> Iterator[Parcel]:
        """Yield parcels: a cut of all slots after so many observations, and a beat behind it."""
        gathered = 0
        for observation in observations:
            self.clock_ns = max(self.clock_ns, observation.ts_ns)
            whose = self._whose(observation)
            if isinstance(observation, NameResolved) and observation.ech_public_names and whose < 0:
                yield from self.cut()
            self._open[whose].append(observation)
            gathered += 1
            if gathered >= linger:
                gathered = 0
                yield from self.cut()

    def cut(self) -> Iterator[Parcel]:
        """Yield what is gathered, names first."""
        for whose, gathered in sorted(self._open.items()):
            kind: ParcelKind = "names" if whose < 0 else "observations"
            for at in range(0, len(gathered), MAX_OBSERVATIONS):
                yield self._parcel(kind, max(whose, 0), ENCODE(gathered[at : at + MAX_OBSERVATIONS]))
        self._open.clear()

    def beat(self) -> Parcel:
        return self._parcel("beat", None)

    def end(self) -> Iterator[Parcel]:
        yield from self.cut()
        yield self._parcel("end", None)

    def account(self, account: Account) -> Parcel:
        return self._parcel("account", zlib.crc32(self._name.encode()) % 1_024, ENCODE(account))

    def _whose(self, observation: Observation) -> int:
        if isinstance(observation, NameResolved) and self._is_everybodys(observation):
            return -1
        return slot_of(client_of(observation), KEY)

    def _is_everybodys(self, answer: NameResolved) -> bool:
        names = answer.qname, *answer.cnames
        known = any(CATALOG.match_name(name) is not None for name in names)
        return known or bool(self._interest.resolvers)

    def _parcel(self, kind: ParcelKind, slot: int | None, data: bytes = b"") -> Parcel:
        self._number += 1
        return Parcel(self._name, self._run, self._number - 1, self.clock_ns, kind, slot, data)


class Topic:
    """Partitions of parcels, as messages."""

    def __init__(self, partitions: int) -> None:
        self.partitions: list[list[bytes]] = [[] for _ in range(partitions)]

    def put(self, parcel: Parcel) -> None:
        count = len(self.partitions)
        where = range(count) if parcel.kind in TO_ALL else [(parcel.slot or 0) % count]
        for number in where:
            self.partitions[number].append(encode(parcel))


def fleet(observations: Sequence[Observation], split: Split, lingers: Sequence[int]) -> list[list[Parcel]]:
    """Return what each of some sensors publishes."""
    interest = Pipeline(CATALOG).interest()
    published = []
    for number, linger in enumerate(lingers):
        sensor = Sensor(f"s{number}", interest)
        mine = [each for each in observations if split(each) == number]
        parcels = []
        for parcel in sensor.see(mine, linger):
            parcels.append(parcel)
        published.append([*parcels, *sensor.cut(), sensor.beat(), *sensor.end()])
    return published


def interleaved(published: Sequence[Sequence[Parcel]], seed: int) -> Iterator[Parcel]:
    """Yield the parcels of all sensors, each sensor's in order."""
    chance = random.Random(seed)
    rest = [list(reversed(each)) for each in published]
    while left := [each for each in rest if each]:
        yield chance.choice(left).pop()


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

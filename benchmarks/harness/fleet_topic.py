"""A topic as sensors fill it: a capture, its clients parted among them, as parcels with brokers' times."""

import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from monitor.fleet.parcels import TO_ALL, Parcel, ParcelKind, encode
from sensors.engine import Options, open_sensor
from sensors.interest import Interest
from sensors.observations import Gap, NameResolved, Observation
from sensors.publishing import Publisher, Publishing

BEAT_NS = 2_000_000_000
KEY = b"benchmark" * 4
ENDED_NS = 2**62


class Message(NamedTuple):
    """A parcel, encoded, and its broker's time in milliseconds: that of the packets."""

    stamp_ms: int
    value: bytes


Topic = Sequence[Sequence[Message]]


class Fleet(msgspec.Struct, frozen=True):
    """How many sensors there are, how many partitions, and how long observations are gathered."""

    sensors: int = 1
    partitions: int = 4
    linger_ns: int = 200_000_000


class _Sensor:
    """One that publishes into all partitions."""

    def __init__(self, name: str, fleet: Fleet, interest: Interest, topic: Sequence[list[Message]]) -> None:
        publishing = Publishing(KEY, judge=False, linger_ns=fleet.linger_ns)
        self._publisher = Publisher(publishing, interest)
        self._name, self._topic = name, topic
        self._number = self._clock_ns = 0

    def take(self, seen: Observation) -> None:
        self._publisher.take([seen])

    def cut(self, now_ns: int) -> None:
        """Publish what is gathered."""
        for each in self._publisher.published(cut=True).cuts:
            self._clock_ns = max(self._clock_ns, each.clock_ns)
            self._put("names" if each.names else "observations", now_ns, each.slot, each.data)

    def beat(self, now_ns: int) -> None:
        self.cut(now_ns)
        self._clock_ns = now_ns
        self._put("beat", now_ns)

    def end(self, now_ns: int) -> None:
        self.cut(now_ns)
        self._clock_ns = ENDED_NS
        self._put("end", now_ns)

    def _put(self, kind: ParcelKind, now_ns: int, slot: int | None = None, data: bytes = b"") -> None:
        parcel = Parcel(self._name, "run", self._number, self._clock_ns, kind, slot, data)
        self._number += 1
        message = Message(now_ns // 1_000_000, encode(parcel))
        count = len(self._topic)
        for partition in range(count) if kind in TO_ALL else [(slot or 0) % count]:
            self._topic[partition].append(message)


def observed(path: Path) -> list[Observation]:
    """Return what a live sensor sees of a capture."""
    sensor = open_sensor([path], "native", Options(eager=True))
    return [seen for batch in sensor for seen in batch]  # type: ignore[misc]


def published(observations: Iterable[Observation], interest: Interest, fleet: Fleet) -> Topic:
    """Return the messages of each partition, in the order of the packets' time."""
    topic: list[list[Message]] = [[] for _ in range(fleet.partitions)]
    sensors = [_Sensor(f"sensor-{each}", fleet, interest, topic) for each in range(fleet.sensors)]
    gathering: dict[int, _Sensor] = {}
    now_ns = next_cut = next_beat = 0
    for seen in observations:
        now_ns = max(now_ns, seen.ts_ns)
        if now_ns >= next_cut:
            for sensor in gathering.values():
                sensor.cut(now_ns)
            gathering.clear()
            next_cut = now_ns + fleet.linger_ns
        if now_ns >= next_beat:
            for sensor in sensors:
                sensor.beat(now_ns)
            next_beat = now_ns + BEAT_NS
        whose = zlib.crc32(_client(seen).encode()) % len(sensors)
        gathering[whose] = sensors[whose]
        sensors[whose].take(seen)
    for sensor in sensors:
        sensor.end(now_ns)
    return topic


def _client(seen: Observation) -> str:
    if isinstance(seen, Gap):
        return ""
    return seen.client if isinstance(seen, NameResolved) else seen.flow.client

"""A whole fleet on real brokers: simulated sensors that publish, and correlators, a process each."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import yaml
from confluent_kafka import Producer
from msgspec.structs import replace

from monitor.app import Knowledge
from monitor.findings import Book
from monitor.fleet.parcels import TO_ALL, encode
from monitor.fleet.position import read_position
from monitor.fleet.segments import ALL
from monitor.fleet.spool import SpoolWriter
from monitor.pipeline import Pipeline
from monitor.types import Decision
from sensors.observations import FlowUpdate, Gap, Observation
from tests.brokers_kit import SECONDS, Brokers
from tests.fleet_kit import POLICY, ROOT, figures, found, knowledge, lines, recorded_lines
from tests.parcels_kit import Arrival, Habits, Split, fleet, said
from tests.publish_kit import LIMIT, configured

OBSERVED, DECIDED = 4, 3  # partitions
AGAIN_NS = 100 * 10**9  # the demo takes 80 s
HABITS = Habits(7, 0.2), Habits(50, 1.0), Habits(3, 0.0)
OPTIONS: dict[str, str | int] = {
    "session.timeout.ms": 2_000,
    "heartbeat.interval.ms": 300,
    "max.poll.interval.ms": 60_000,
    "topic.metadata.refresh.interval.ms": 1_000,
}


def traffic(times: int) -> list[Observation]:
    """Return what sensors see of the demo's traffic, so many times, one after another."""
    once = said("demo")
    return [_later(each, number * AGAIN_NS) for number in range(times) for each in once]


def _later(seen: Observation, by_ns: int) -> Observation:
    seen = replace(seen, ts_ns=seen.ts_ns + by_ns)
    if isinstance(seen, FlowUpdate):
        return replace(seen, first_ns=seen.first_ns + by_ns)
    return replace(seen, since_ns=seen.since_ns + by_ns) if isinstance(seen, Gap) else seen


def one_process(observations: Sequence[Observation], known: Knowledge) -> list[Decision]:
    """Return what one process decides."""
    return list(Pipeline(known.catalog, known.policy, known.aids()).feed(observations))


class Correlator:
    """A process, which may be killed."""

    def __init__(self, config: Path, log: Path) -> None:
        self.log = log
        command = [sys.executable, "-m", "monitor", "correlate", "--config", str(config)]
        with log.open("ab") as file:
            self._process = subprocess.Popen(command, cwd=ROOT, stdout=file, stderr=file)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._process.kill()
        self._process.wait()

    def end(self) -> None:
        """Have it end in order."""
        self._process.send_signal(signal.SIGTERM)
        assert self._process.wait(30) == 0, self.log.read_text("utf-8")[-3_000:]

    def close(self) -> None:
        """See that it is no more."""
        if self._process.poll() is None:
            self.kill()


class Line:
    """A fleet: topics of its own, and a folder."""

    def __init__(self, cluster: Brokers, name: str, folder: Path, **topic: str | int) -> None:
        self.cluster, self.folder, self.name = cluster, folder, name
        self.root = folder / "partitions"
        self._stack = ExitStack()
        self._count = 0
        cluster.topic(f"{name}.observations", OBSERVED, **topic)
        cluster.topic(f"{name}.decisions", DECIDED, **topic)
        options: dict[str, str | int] = {"acks": "all", "log_level": 0, **OPTIONS_OF_PRODUCERS}
        self._producer = Producer({"bootstrap.servers": cluster.addresses, **options})

    def start(self, **other: object) -> Correlator:
        """Start a correlator."""
        config = self.configured(**other)
        made = Correlator(config, config.with_suffix(".log"))
        self._stack.callback(made.close)
        return made

    def configured(self, **other: object) -> Path:
        """Write the configuration of another correlator."""
        self._count += 1
        config = self.folder / f"{self._count}.yaml"
        config.write_text(yaml.safe_dump(self._configuration() | other), "utf-8")
        return config

    def publish(self, arrivals: Sequence[Arrival], pause: float = 0.0) -> None:
        """Publish what sensors say, in this order, with pauses."""
        for at, arrival in enumerate(arrivals):
            parcel, topic = arrival.parcel, f"{self.name}.observations"
            where = range(OBSERVED) if parcel.kind in TO_ALL else [(parcel.slot or 0) % OBSERVED]
            for number in where:
                self._producer.produce(topic, encode(parcel), str(parcel.slot), partition=number)
            if pause and at % 50 == 0:
                assert self._producer.flush(SECONDS) == 0
                time.sleep(pause)
        assert self._producer.flush(SECONDS) == 0

    def count(self) -> int:
        """Return how many decisions are recorded, counted by lines of payload files."""
        return sum(
            line.startswith(b'{"') and b'"decision":' in line
            for path in self.root.glob("p*/ledger/*/payloads/*/*.jsonl")
            for line in path.read_bytes().splitlines()
        )

    def wait(self, done: Callable[[], bool], seconds: float = SECONDS) -> None:
        """Wait until something is so."""
        deadline = time.monotonic() + seconds
        while not done():
            said = [path.read_text("utf-8")[-1_500:] for path in self.folder.glob("*.log")]
            assert time.monotonic() < deadline, (self.count(), said)
            time.sleep(0.1)

    def check(self, observations: Sequence[Observation]) -> None:
        """Compare what was recorded with what one process makes of it."""
        wanted = one_process(observations, knowledge())
        assert recorded_lines(self.root) == lines(wanted)
        assert figures(found(self.root)) == figures(self.alone(wanted).findings())

    @staticmethod
    def alone(decisions: Sequence[Decision]) -> Book:
        """Return what one process makes of decisions."""
        book = Book(knowledge().policy)
        for each in decisions:
            book.offer(each)
        return book

    def close(self) -> None:
        """End all that runs."""
        self._stack.close()

    def _configuration(self) -> dict[str, object]:
        return {
            "version": 1,
            "fleet": "test",
            "kafka": {"options": {"bootstrap.servers": self.cluster.addresses, **OPTIONS}},
            "topics": {"observations": f"{self.name}.observations", "decisions": f"{self.name}.decisions"},
            "groups": {"correlate": f"{self.name}-a", "record": f"{self.name}-b"},
            "merging": {"hold_seconds": 2.0},
            "policy": str(POLICY),
            "root": str(self.root),
            "ledger": {"key": str(self.folder / "keys/ledger.key")},
            "metrics": {"port": 0},
        }


OPTIONS_OF_PRODUCERS: dict[str, str | int] = {"enable.idempotence": "true"}


@contextmanager
def line(cluster: Brokers, name: str, folder: Path, **topic: str | int) -> Iterator[Line]:
    """Make a fleet's topics; end its processes at the end."""
    made = Line(cluster, name, folder, **topic)
    try:
        yield made
    finally:
        made.close()


def parted(observations: Sequence[Observation], split: Split, known: Knowledge) -> list[Arrival]:
    """Return what sensors publish of it, each with habits of its own."""
    interest = Pipeline(known.catalog, known.policy, known.aids()).interest()
    return fleet(observations, split, HABITS, interest)


def reborn(arrivals: Sequence[Arrival], sensor: str) -> list[Arrival]:
    """Return the same, where a sensor died in the middle, and began anew with what it had in hand."""
    mine = [at for at, each in enumerate(arrivals) if each.parcel.sensor == sensor]
    after = frozenset(mine[len(mine) // 2 :])
    first = arrivals[min(after)].parcel.number
    return [
        each._replace(parcel=replace(each.parcel, run="again", number=each.parcel.number - first))
        if at in after
        else each
        for at, each in enumerate(arrivals)
    ]


class Spooled:
    """A sensor's spool, and the publisher that empties it."""

    def __init__(self, made: Line, sensor: str) -> None:
        self._folder = made.folder / sensor
        self._folder.mkdir()
        self._config = configured(self._folder, made.cluster.addresses, topic=f"{made.name}.observations")

    def put(self, arrivals: Sequence[Arrival]) -> None:
        """Have parcels wait, as the sensor does."""
        writer = SpoolWriter(self._folder / "spool", LIMIT)
        for each in arrivals:
            assert writer.put(ALL if each.parcel.slot is None else each.parcel.slot, encode(each.parcel))
        assert writer.flush() == 0
        writer.close()

    @property
    def is_begun(self) -> bool:
        """Whether the publisher noted that something was delivered."""
        return read_position(self._folder / "spool").offset > 0

    def publish(self, *options: str) -> "subprocess.Popen[bytes]":
        """Start the publisher."""
        command = [sys.executable, "-m", "monitor", "publish", "--config", str(self._config), *options]
        with (self._folder / "log").open("ab") as log:
            return subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)

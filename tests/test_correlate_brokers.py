"""Correlators on a real broker: they share partitions, come and go under load, and are killed."""

import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from monitor import app
from monitor.fleet.judging import Judge
from monitor.fleet.parcels import Covered, Origin, Parcel, Said
from monitor.fleet.settings import load_fleet
from monitor.pipeline import Pipeline
from monitor.windows import Window
from sensors import native
from sensors.observations import FlowUpdate, NameResolved, Observation
from tests.brokers_kit import SECONDS, Brokers, brokers
from tests.correlators_kit import CONFIG, SESSION_MS, Decisions, correlator, publish
from tests.metrics_kit import EXAMPLE
from tests.parcels_kit import Habits, as_told, fleet, one_process, said

pytestmark = [
    pytest.mark.enable_socket,
    pytest.mark.skipif(bool(native.MISSING), reason=f"the native engine is not built: {native.MISSING}"),
]
PARTITIONS = 4  # of observations
DECIDED = 2  # and of decisions
TIMES = 12  # that the traffic of the demo comes, each time later and from other ports
HOUR_NS = 3_600_000_000_000


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Brokers]:
    with brokers(tmp_path_factory.mktemp("kafka")) as made:
        yield made


@pytest.fixture
def config(cluster: Brokers, request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Make topics, and the configuration of correlators that use them."""
    name = f"{zlib.crc32(request.node.name.encode()):08x}"
    cluster.topic(f"observations-{name}", PARTITIONS)
    cluster.topic(f"decisions-{name}", DECIDED)
    return configured(cluster, name, tmp_path)


def configured(cluster: Brokers, name: str, folder: Path, more: str = "") -> Path:
    path = folder / "correlator.yaml"
    text = CONFIG.format(
        brokers=cluster.addresses,
        session=SESSION_MS,
        observations=f"observations-{name}",
        decisions=f"decisions-{name}",
        hold=4,
        policy=EXAMPLE,
        root=folder / "fleet",
        key=folder / "ledger.key",
        port=0,
        more=more,
    )
    path.write_text(text, encoding="utf-8")
    return path


def traffic() -> list[Observation]:
    """Return the demo's traffic, many times over, at other times."""
    found: list[Observation] = []
    for round_ in range(TIMES):
        for seen in said("demo"):
            later = {"ts_ns": seen.ts_ns + round_ * HOUR_NS}
            if isinstance(seen, FlowUpdate):
                later["first_ns"] = seen.first_ns + round_ * HOUR_NS
            found.append(msgspec.structs.replace(seen, **later))
    return found


def published(observations: Sequence[Observation], judge: Judge) -> list[Parcel]:
    """Return what two sensors publish of it: DNS one, flows the other."""
    habits = Habits(5, 0.05), Habits(9, 0.1)
    arrivals = fleet(
        observations, lambda seen: int(not isinstance(seen, NameResolved)), habits, judge.interest
    )
    return [each.parcel for each in arrivals if each.parcel.kind != "beat" or each.parcel.number % 50 == 0]


class Wanted(NamedTuple):
    """What is published, what one process decides of it, and how many connections it counts."""

    parcels: list[Parcel]
    decisions: list[bytes]
    connections: int


@pytest.fixture(scope="module")
def wanted() -> Wanted:
    """Have one process decide."""
    knowledge = app.load_knowledge(EXAMPLE)
    observations = traffic()
    parcels = published(observations, Judge(knowledge.catalog, knowledge.policy, knowledge.aids()))
    pipeline = Pipeline(knowledge.catalog, knowledge.policy, knowledge.aids())
    decisions = one_process(observations, pipeline)
    return Wanted(parcels, decisions, pipeline.tally.connections().flows)


def topics(config: Path) -> tuple[str, str]:
    """Return the topics of a configuration."""
    made = load_fleet(config).config.topics
    return made.observations, made.decisions


def chunks(parcels: Sequence[Parcel], size: int) -> Iterator[Sequence[Parcel]]:
    for at in range(0, len(parcels), size):
        yield parcels[at : at + size]


def told_all(told: Decisions, count: int) -> None:
    """Read until so many decisions came, each once."""
    deadline = time.monotonic() + SECONDS
    while len(as_told(told.said)) < count and time.monotonic() < deadline:
        told.read()


def connections(told: Sequence[Said]) -> int:
    """Return how many connections were covered, each window once, and the same where it came again."""
    found: dict[Origin, Window] = {}
    for each in told:
        if isinstance(each, Covered):
            assert found.setdefault(each.origin, each.window) == each.window
    return sum(window.connections for window in found.values())


def test_two_that_come_and_one_that_is_killed_while_parcels_come_say_what_one_process_does(
    cluster: Brokers, config: Path, wanted: Wanted
) -> None:
    observed, decided = topics(config)
    told = Decisions(cluster, decided, DECIDED)
    quarter = len(wanted.parcels) // 4
    parts = [wanted.parcels[at * quarter : (at + 1) * quarter if at < 3 else None] for at in range(4)]
    with ExitStack() as stack:
        first = stack.enter_context(correlator(config, "first"))
        publish(cluster, observed, parts[0], PARTITIONS)
        told_all(told, 1)
        second = stack.enter_context(correlator(config, "second"))
        for part in chunks(parts[1], 40):  # while partitions change hands
            publish(cluster, observed, part, PARTITIONS)
            told.read(0.1)
        publish(cluster, observed, parts[2], PARTITIONS)
        told.read(0.3)
        first.kill()  # in the midst of that
        third = stack.enter_context(correlator(config, "third"))
        publish(cluster, observed, parts[3], PARTITIONS)
        told_all(told, len(wanted.decisions))
        second.end()
        third.end()
    told.read(1.0)
    told.close()
    assert as_told(told.said) == wanted.decisions
    assert connections(told.said) == wanted.connections
    assert "partition taken" in second.said()
    assert "partition taken" in third.said()

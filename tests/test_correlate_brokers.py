"""Correlators on a real broker: they share partitions, come and go under load, and are killed."""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import msgspec
import pytest

from monitor import app
from monitor.fleet.judging import Judge
from monitor.fleet.parcels import Covered, Judged, Parcel
from monitor.pipeline import Pipeline
from sensors import native
from sensors.observations import FlowUpdate, NameResolved, Observation
from tests.brokers_kit import Brokers, brokers
from tests.correlators_kit import CONFIG, SESSION_MS, Correlator, Decisions, correlator, publish
from tests.metrics_kit import EXAMPLE
from tests.parcels_kit import Habits, as_told, client_of, fleet, one_process, said

pytestmark = [
    pytest.mark.enable_socket,
    pytest.mark.skipif(bool(native.MISSING), reason=f"the native engine is not built: {native.MISSING}"),
]
PARTITIONS = 4
TIMES = 12  # that the traffic of the demo comes, each time later and from other ports
HOUR_NS = 3_600_000_000_000


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Brokers]:
    with brokers(tmp_path_factory.mktemp("kafka")) as made:
        yield made


@pytest.fixture
def config(cluster: Brokers, request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Make topics, and the configuration of correlators that use them."""
    name = request.node.name.replace("[", "-").replace("]", "")
    cluster.topic(f"observations-{name}", PARTITIONS)
    cluster.topic(f"decisions-{name}", 2)
    return configured(cluster, name, tmp_path)


def configured(cluster: Brokers, name: str, folder: Path, more: str = "") -> Path:
    path = folder / "correlator.yaml"
    text = CONFIG.format(
        brokers=cluster.addresses,
        session=SESSION_MS,
        observations=f"observations-{name}",
        decisions=f"decisions-{name}",
        hold=2,
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
    arrivals = fleet(observations, lambda seen: int(not isinstance(seen, NameResolved)), habits, judge.interest)
    return [each.parcel for each in arrivals if each.parcel.kind != "beat" or each.parcel.number % 50 == 0]


@pytest.fixture(scope="module")
def wanted() -> tuple[list[Parcel], list[bytes]]:
    """Return what is published, and what one process decides of it."""
    knowledge = app.load_knowledge(EXAMPLE)
    observations = traffic()
    parcels = published(observations, Judge(knowledge.catalog, knowledge.policy, knowledge.aids()))
    pipeline = Pipeline(knowledge.catalog, knowledge.policy, knowledge.aids())
    return parcels, one_process(observations, pipeline)


def test_one(cluster: Brokers, config: Path, wanted: tuple[list[Parcel], list[bytes]]) -> None:
    parcels, decisions = wanted
    name = "test_one"
    publish(cluster, f"observations-{name}", parcels, PARTITIONS)
    told = Decisions(cluster, f"decisions-{name}", 2)
    t = time.monotonic()
    with correlator(config, "a") as only:
        while len(as_told(told.said)) < len(decisions) and time.monotonic() < t + 40:
            told.read()
        only.end()
    told.read(1.0)
    told.close()
    print(only.said(), time.monotonic() - t)
    assert as_told(told.said) == decisions

"""Correlators on a real broker: they share partitions, come and go under load, and are killed."""

import signal
import socket
import time
import urllib.request
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from monitor import app
from monitor.fleet.judging import Judge
from monitor.fleet.parcels import Covered, Judged, Origin, Parcel, Said
from monitor.fleet.settings import load_fleet
from monitor.pipeline import Pipeline
from monitor.pseudonyms import TEXT
from monitor.windows import Window
from sensors import native
from sensors.observations import FlowUpdate, NameResolved, Observation
from tests.brokers_kit import SECONDS, Brokers, brokers
from tests.correlators_kit import CONFIG, SESSION_MS, Correlator, Decisions, correlator, publish
from tests.metrics_kit import EXAMPLE
from tests.parcels_kit import Habits, as_told, fleet, one_process, said

pytestmark = [
    pytest.mark.enable_socket,
    pytest.mark.skipif(bool(native.MISSING), reason=f"the native engine is not built: {native.MISSING}"),
]
PARTITIONS = 4  # of observations
DECIDED = 2  # and of decisions
TOLD_SECONDS = 40.0  # that all decisions may take
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
    deadline = time.monotonic() + TOLD_SECONDS
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


def test_clients_are_pseudonyms_and_a_reload_changes_what_is_judged_by(
    cluster: Brokers, config: Path, wanted: Wanted
) -> None:
    secret, policy = config.with_name("secret"), config.with_name("policy.yaml")
    secret.write_text("s" * 64, encoding="utf-8")
    secret.chmod(0o600)
    policy.write_bytes(EXAMPLE.read_bytes())
    more = f"privacy: {{pseudonyms: {{enabled: true, secret: {secret}}}}}\n"
    text = config.read_text("utf-8").replace(str(EXAMPLE), str(policy))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config.write_text(text.replace("port: 0", f"port: {port}") + more, encoding="utf-8")
    observed, decided = topics(config)
    told = Decisions(cluster, decided, DECIDED)
    publish(cluster, observed, wanted.parcels, PARTITIONS)
    with correlator(config, "one") as one:
        told_all(told, len(wanted.decisions))
        policy.write_text(EXAMPLE.read_text("utf-8").replace("id: eu-crm", "id: another"), encoding="utf-8")
        one.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "reloaded" in one.said(), one)
        policy.write_text("id: 7\n", encoding="utf-8")
        one.process.send_signal(signal.SIGHUP)
        wait_for(lambda: "the old one stays in use" in one.said(), one)
        wait_for(lambda: "residency_reload_failed" in scraped(port), one)
        counted = scraped(port)
        one.end()
    told.close()
    judged = [each.decision for each in told.said if isinstance(each, Judged)]
    assert len(judged) == len(wanted.decisions)
    assert {each.connection.flow.client[: len(TEXT)] for each in judged} == {TEXT}
    assert f'residency_fleet_said_total{{reason="judged",sensor="test"}} {len(judged)}' in counted
    assert 'residency_fleet_partitions{reason="following",sensor="test"} 4' in counted
    assert 'residency_reloads_total{reason="failed",sensor="test"} 1' in counted
    assert 'policy="another@' in counted


def scraped(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        text: str = answer.read().decode()
    return text


def wait_for(done: Callable[[], bool], of: Correlator) -> None:
    deadline = time.monotonic() + SECONDS
    while not done():
        assert time.monotonic() < deadline, of.said()
        assert of.process.poll() is None, of.said()
        time.sleep(0.1)


def test_brokers_that_are_away_are_waited_for(config: Path) -> None:
    text = config.read_text("utf-8")
    addresses = text.partition('bootstrap.servers: "')[2].partition('"')[0]
    config.write_text(text.replace(addresses, "127.0.0.1:1"), encoding="utf-8")
    with correlator(config, "one") as one:
        wait_for(lambda: "begins again" in one.said(), one)
        one.end()
    assert "stopped" in one.said()


def test_options_that_librdkafka_does_not_know_end_it_with_one_line(config: Path) -> None:
    text = config.read_text("utf-8").replace("options: {", "options: {bootstrap.server: x, ")
    config.write_text(text, encoding="utf-8")
    with correlator(config, "one") as one:
        assert one.process.wait(SECONDS) == 2
    (line,) = [each for each in one.said().splitlines() if not each.startswith("{")]
    assert "kafka.options" in line
    assert "bootstrap.server" in line

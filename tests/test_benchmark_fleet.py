"""The fleet's benchmark measures what it says: the same decisions, however traffic is parted and read."""

from pathlib import Path

import pytest

from benchmarks.harness.fleet_broker import through
from benchmarks.harness.fleet_command import STAGES, fitted
from benchmarks.harness.fleet_line import Ran, run
from benchmarks.harness.fleet_topic import Fleet, Topic, observed, published
from monitor.fleet.judging import Judge
from monitor.pipeline import Pipeline
from sensors import native
from tests.brokers_kit import brokers
from tests.fleet_kit import DEMO, knowledge

pytestmark = pytest.mark.skipif(
    bool(native.MISSING), reason=f"the native engine is not built: {native.MISSING}"
)
LINGER_NS = 50_000_000


@pytest.fixture(scope="module")
def judge() -> Judge:
    known = knowledge()
    return Judge(known.catalog, known.policy, known.aids())


def topic_of(judge: Judge, sensors: int) -> Topic:
    return published(observed(DEMO), judge.interest, Fleet(sensors, 3, LINGER_NS))


@pytest.mark.parametrize("sensors", [1, 2, 9])
def test_any_number_of_sensors_leads_to_what_one_process_decides(judge: Judge, sensors: int) -> None:
    known, topic = knowledge(), topic_of(judge, sensors)
    ran = run(topic, judge)
    alone = Pipeline(known.catalog, known.policy, known.aids())
    assert ran.decisions == len(list(alone.feed(observed(DEMO)))) > 0
    assert ran.parcels == sum(map(len, topic))
    assert ran.stages == {}


def test_a_timed_run_says_of_each_stage_what_it_took(judge: Judge) -> None:
    ran = run(topic_of(judge, 1), judge, timed=True)
    assert set(ran.stages) == set(STAGES) - {"librdkafka", "read"}
    assert sum(ran.stages.values()) <= ran.cpu_seconds


def test_costs_are_those_that_runs_are_made_of() -> None:
    runs = [Ran(p, o, 0, 0.0, p * 4e-6 + o * 1e-6, {}) for p, o in [(10, 90), (50, 95), (30, 80)]]
    assert fitted(runs) == pytest.approx((4e-6, 1e-6))


@pytest.mark.enable_socket
def test_a_broker_between_changes_no_decision(judge: Judge, tmp_path: Path) -> None:
    topic = topic_of(judge, 2)
    with brokers(tmp_path) as cluster:
        ran = through(cluster.addresses, topic, judge, timed=True)
    here = run(topic, judge)
    assert (ran.parcels, ran.observations, ran.decisions) == (here.parcels, here.observations, here.decisions)
    assert set(ran.stages) == set(STAGES)
    assert sum(ran.stages.values()) == pytest.approx(ran.cpu_seconds)

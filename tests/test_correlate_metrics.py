"""What a correlator counts is exposed, each series under the fleet's name, from the start."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from monitor.app import load_knowledge
from monitor.metrics.families_fleet import FAMILIES
from monitor.metrics.fleet import FleetLevels, FleetMetrics, Work
from tests.metrics_kit import EXAMPLE

NAMES = {family.name for family in FAMILIES}


def exposed(metrics: FleetMetrics) -> dict[tuple[str, str | None], float]:
    """Return the values, by name and reason."""
    text = metrics.expose("", "").body.decode()
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    ours = [sample for sample in samples if sample.name.startswith("residency_")]
    assert {sample.labels["sensor"] for sample in ours} == {"test"}
    return {(sample.name, sample.labels.get("reason")): sample.value for sample in ours}


@pytest.fixture
def metrics() -> FleetMetrics:
    made = FleetMetrics("test", 10_000, 5.0)
    made.load(load_knowledge(EXAMPLE))
    made.measured(FleetLevels())
    return made


def test_every_counter_begins_at_nothing(metrics: FleetMetrics) -> None:
    found = exposed(metrics)
    assert {name for name, _ in found} <= NAMES
    fleet = {key: value for key, value in found.items() if key[0].startswith("residency_fleet_")}
    assert set(fleet.values()) == {0.0}
    assert {name for name, _ in fleet} == {name for name in NAMES if name.startswith("residency_fleet_")}


def test_what_was_done_is_added_and_what_stands_is_set(metrics: FleetMetrics) -> None:
    metrics.worked(Work(parcels=3, late=2, judged=1))
    metrics.worked(Work(parcels=5, late=2, judged=4, kafka=1))
    metrics.measured(FleetLevels(held=7, held_bytes=8, lag=9, following=1, rebuilding=2, silent=3))
    metrics.reloaded(9.0, ok=False)
    found = exposed(metrics)
    wanted = {
        ("residency_fleet_parcels_total", None): 5,
        ("residency_fleet_odd_parcels_total", "late"): 2,
        ("residency_fleet_said_total", "judged"): 4,
        ("residency_fleet_troubles_total", "kafka"): 1,
        ("residency_fleet_held_parcels", None): 7,
        ("residency_fleet_held_bytes", None): 8,
        ("residency_fleet_lag_parcels", None): 9,
        ("residency_fleet_partitions", "rebuilding"): 2,
        ("residency_fleet_silent_sensors", None): 3,
        ("residency_reloads_total", "failed"): 1,
        ("residency_start_timestamp_seconds", None): 5,
    }
    assert {key: found[key] for key in wanted} == wanted

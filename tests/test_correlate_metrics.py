"""What a correlator counts is exposed, each series under the fleet's name, from the start."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from monitor.app import load_knowledge
from monitor.metrics.families_fleet import EVIDENCE, FAMILIES
from monitor.metrics.fleet import FleetLevels, FleetMetrics, Work
from monitor.metrics.recorded import FindingRow, Recorded, SinkState
from monitor.metrics.recorded_sums import RecordedSums
from monitor.types import Subject
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


ACME, BETA = (FindingRow(Subject(name, "crm"), "RES-010", "high") for name in ("acme", "beta"))
ONE = Recorded(
    findings={(ACME, "open"): 2, (BETA, "cured"): 1},
    changes={(ACME, "opened"): 3},
    deadlines={ACME: 9_000_000_000},
    entries={"violation": 5},
    checkpoint_ns=8_000_000_000,
    folded=1,
    sinks=(SinkState("soc", 4, 2.0, 1, failing=True), SinkState("file", 1)),
)
OTHER = Recorded(
    findings={(ACME, "open"): 1},
    changes={(ACME, "opened"): 1, (BETA, "opened"): 1},
    deadlines={ACME: 7_000_000_000, BETA: 6_000_000_000},
    entries={"violation": 1, "allow": 2},
    checkpoint_ns=7_000_000_000,
    folded=2,
    sinks=(SinkState("soc", 1, 3.0, 0), SinkState("file")),
)


def test_partitions_add_up_and_what_a_partition_counted_stays_when_it_goes() -> None:
    sums = RecordedSums()
    assert sums.of(()) == Recorded()
    assert sums.of((ONE, OTHER, Recorded())) == Recorded(
        findings={(ACME, "open"): 3, (BETA, "cured"): 1},
        changes={(ACME, "opened"): 4, (BETA, "opened"): 1},
        deadlines={ACME: 7_000_000_000, BETA: 6_000_000_000},
        entries={"violation": 6, "allow": 2},
        checkpoint_ns=7_000_000_000,
        folded=3,
        sinks=(SinkState("soc", 5, 3.0, 1, failing=True), SinkState("file", 1)),
    )
    sums.let_go(OTHER)
    left = sums.of((ONE,))
    assert (left.findings, left.deadlines, left.sinks) == (ONE.findings, ONE.deadlines, ONE.sinks)
    assert (left.changes, left.entries, left.folded) == (
        {(ACME, "opened"): 4, (BETA, "opened"): 1},
        {"violation": 6, "allow": 2},
        3,
    )


def test_who_records_tells_of_findings_ledgers_and_sinks_and_nobody_else(metrics: FleetMetrics) -> None:
    metrics.evidence(RecordedSums().of((ONE, OTHER)))
    found = exposed(metrics)
    assert {family.name for family in EVIDENCE} <= {name for name, _ in found}
    assert found["residency_ledger_entries_total", "violation"] == 6
    assert found["residency_ledger_checkpoint_timestamp_seconds", None] == 7
    assert found["residency_outbox_folded_total", None] == 3
    without = FleetMetrics("test", 10_000, 5.0, records=False)
    without.load(load_knowledge(EXAMPLE))
    without.evidence(ONE)
    assert not {name for name, _ in exposed(without)} & {family.name for family in EVIDENCE}

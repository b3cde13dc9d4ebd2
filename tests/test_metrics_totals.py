"""Totals that others keep: what they had counted stays when they begin anew."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.app import load_knowledge
from monitor.groups import number_groups
from monitor.metrics.families import BYTES, DECODED, EVENTS, FAMILIES, PACKETS
from monitor.metrics.series import Series
from monitor.metrics.totals import Totals
from monitor.tally import Tally
from monitor.types import Connection, Hello, Subject
from monitor.types import Totals as Traffic
from sensors.observations import Accounting, Count, EchState
from tests.metrics_kit import CRM, EXAMPLE, exposed, loaded, row, value
from tests.observed import at, flow_key

OFFICE = Subject("acme", "office", "general")
GROUPS = number_groups((("10.20.0.0/16", CRM), ("10.40.0.0/16", OFFICE)))


def grown(tally: Tally, subject: Subject, times: int) -> None:
    for _ in range(times):
        traffic = Traffic(bytes_up=10, bytes_down=100)
        tally.connection(Connection(at(0), flow_key(), subject, (), None, traffic, "sni"))


def accounting(packets: int) -> Accounting:
    count = Count(packets, packets * 100)
    return Accounting(
        count, {"tcp": count}, {"malformed-ipv4": Count()}, {"evicted-flows": packets}, (), 0, at(packets)
    )


def test_coverage_by_group_grows_over_tallies() -> None:
    metrics = loaded()
    first, second = Tally(GROUPS), Tally(GROUPS)
    grown(first, CRM, 3)
    metrics.covered(first)
    metrics.covered(first)
    grown(first, OFFICE, 2)
    metrics.covered(first)
    grown(second, CRM, 1)
    metrics.covered(second)
    crm = {"tenant": "acme", "source_group": "crm-backend", "reason": "sni"}
    assert value(metrics, "residency_connections_total", **crm) == 4
    assert value(metrics, "residency_connection_bytes_total", **crm) == 440
    assert value(metrics, "residency_connections_total", source_group="office") == 2
    assert value(metrics, "residency_connections_total") == 6


def test_ech_is_counted_beside_the_class_from_0_on() -> None:
    metrics, tally = loaded(), Tally(GROUPS)
    begun = exposed(metrics)["residency_ech_connections_total"]
    owners = ("acme", "crm-backend"), ("acme", "data-platform"), ("acme", "office"), ("none", "none")
    assert begun == {
        row({"tenant": tenant, "source_group": group, "reason": reason}): 0
        for tenant, group in owners
        for reason in ("offered", "grease")
    }
    states: list[EchState] = ["offered", "grease", "grease", "none"]
    for ech in states:
        tally.connection(Connection(at(0), flow_key(), CRM, (), Hello("tls", ech=ech), Traffic(), "sni"))
    metrics.covered(tally)
    metrics.covered(tally)
    after = exposed(metrics)["residency_ech_connections_total"]
    assert {key: count for key, count in after.items() if count} == {
        row({"tenant": "acme", "source_group": "crm-backend", "reason": "offered"}): 1,
        row({"tenant": "acme", "source_group": "crm-backend", "reason": "grease"}): 2,
    }
    assert value(metrics, "residency_connections_total", reason="sni") == 4


@given(steps=st.lists(st.integers(0, 1_000), max_size=20))
def test_an_accounting_that_begins_anew_is_added(steps: list[int]) -> None:
    series = Series(FAMILIES, 1_000)
    totals = Totals(series)
    total = last = 0
    for packets in steps:
        totals.accounted(accounting(packets))
        total += packets - last if packets >= last else packets
        last = packets
    values = series.snapshot().values
    for family in (PACKETS, DECODED, EVENTS):
        assert sum(values[family.name].values()) == total
    assert values[BYTES.name][()] == total * 100


def test_reasons_that_were_not_yet_met_begin_at_0() -> None:
    metrics = loaded()
    metrics.accounted(accounting(5))
    undecoded = exposed(metrics)["residency_undecoded_packets_total"]
    assert undecoded == {row({"reason": "malformed-ipv4"}): 0}
    assert value(metrics, "residency_last_packet_timestamp_seconds") == pytest.approx(at(5) / 1e9)


def test_no_counter_goes_down_over_a_reload() -> None:
    metrics = loaded()
    tally = Tally(GROUPS)
    grown(tally, CRM, 3)
    metrics.covered(tally)
    metrics.accounted(accounting(7))
    before = exposed(metrics)
    metrics.load(load_knowledge())  # without a policy
    assert "residency_policy_info" not in exposed(metrics)
    metrics.load(load_knowledge(EXAMPLE))
    metrics.covered(Tally(GROUPS))
    metrics.accounted(accounting(0))
    after = exposed(metrics)
    for name, series in before.items():
        if name.endswith(("_total", "_bucket", "_count", "_sum")):
            for key, number in series.items():
                assert after[name][key] >= number, (name, key)

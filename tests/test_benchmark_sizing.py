"""``benchmarks/sizing.py``: the model loses nothing, more of what helps never harms, and parts are ours."""

import random
from itertools import accumulate, pairwise
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.model.figures import FILE, Figures, read_figures
from benchmarks.model.late import Came, come_back
from benchmarks.model.parcelling import Parcelling, folded, parcels_per_s
from benchmarks.model.partitions import site_rates
from benchmarks.model.plan import GIB, Plan
from benchmarks.model.queues import Chunk, Correlators, Queue, correlators_needed
from benchmarks.model.report import Report, work_out
from benchmarks.model.sizes import Keeping
from benchmarks.model.spooling import Gathered, Spool
from benchmarks.model.world import Array, client_address, slot_shares, slots
from monitor.fleet.parcels import slot_of
from sensors.interest import Interest
from sensors.observations import FlowKey, HelloSeen
from sensors.publishing import Publisher, Publishing
from sensors.slots import SLOTS

FIGURES = read_figures(FILE)
SMALL = Plan(
    sensors=12, partitions=8, gbit=2, clients=60, absent=3, hours=30, step_seconds=60, absent_hours=8
)


def planned(**said: Any) -> Plan:
    return msgspec.structs.replace(SMALL, **said)


def worked_out(plan: Plan, figures: Figures = FIGURES) -> Report:
    report = work_out(plan, Keeping(), figures)
    assert report is not None
    return report


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"absent_hours": 0},
        {"spool_gib": 0.0625},
        {"spool_gib": 64},
        {"spool_gib": 64, "uplink_mbit": 0.5},
        {"dies_hour": -1},
        {"correlators": 1},
        {"correlators": 1, "gbit": 60},
        {"window_hours": 0},
        {"linger_ms": 2_000, "skew": 0, "gateways": 0},
        {"absent_hours": 100},
    ],
    ids=str,
)
def test_what_is_published_is_judged_or_waits_or_was_given_up(said: dict[str, Any]) -> None:
    outcome = worked_out(planned(**said)).outcome
    assert outcome.judged + outcome.waiting + outcome.given_up == pytest.approx(outcome.published, rel=1e-9)
    assert min(outcome.judged, outcome.published) > 0
    assert min(outcome.waiting, outcome.given_up, outcome.late) >= 0


def test_the_same_plan_comes_to_the_same_and_another_seed_to_something_else() -> None:
    first, second = (msgspec.json.encode(worked_out(SMALL)) for _ in range(2))
    assert first == second
    assert msgspec.json.encode(worked_out(planned(seed=2))) != first


def test_clients_are_where_the_sensors_publisher_puts_them() -> None:
    places = slots(planned(sensors=2, clients=40))
    publisher = Publisher(Publishing(b"a key of a model" * 2), Interest())
    for number in range(80):
        flow = FlowKey(client_address(number), 40_000, "192.0.2.1", 443, "tcp")
        publisher.take([HelloSeen(10**9, flow, "tls", "example.org")])
        (cut,) = publisher.published(cut=True).cuts
        assert places[divmod(number, 40)] == cut.slot


@pytest.mark.parametrize("partitions", [1, 3, 8, 48, SLOTS])
def test_slots_are_folded_into_partitions_as_the_publisher_does(partitions: int) -> None:
    parted = folded(np.eye(SLOTS), partitions)
    assert np.array_equal(np.argmax(parted, axis=1), np.arange(SLOTS) % partitions)
    assert np.array_equal(parted.sum(axis=1), np.ones(SLOTS))


@given(st.lists(st.floats(0, 1e6), min_size=64, max_size=64), st.integers(0, 5))
def test_twice_the_partitions_never_make_the_hottest_heavier(by_slot: list[float], power: int) -> None:
    shares = np.array(by_slot)
    few, many = (float(folded(shares, count).max()) for count in (1 << power, 2 << power))
    assert many <= few * (1 + 1e-12)
    assert many >= shares.max()


def test_a_gateway_is_one_slot_that_no_number_of_partitions_parts() -> None:
    report = worked_out(planned(gateways=1.0, gateway_share=0.5))
    choices = {each.partitions: each for each in report.choices}
    assert choices[SLOTS].hottest / SLOTS == pytest.approx(max(s.busiest_slot for s in report.skews), rel=0.3)
    assert choices[SLOTS].to_all_messages == pytest.approx(SLOTS / 8 * choices[8].to_all_messages, rel=0.02)
    assert choices[SLOTS].cores > choices[8].cores
    hottest = [each.hottest / each.partitions for each in report.choices if each.partitions & 7 == 0]
    assert all(many <= few * (1 + 1e-12) for few, many in pairwise(hottest))


def test_more_skew_is_a_hotter_partition() -> None:
    even, *_, skewed = (each for each in worked_out(SMALL).skews if not each.gateways)
    assert even.skew < skewed.skew
    assert even.busiest_slot < skewed.busiest_slot
    assert all(one < other for one, other in zip(even.hottest, skewed.hottest, strict=True))


@given(
    st.lists(st.integers(0, 10**8).map(lambda each: each / 1_000), min_size=1, max_size=20),
    st.floats(0.01, 10),
    st.floats(1, 5),
    st.floats(1.01, 10),
)
def test_parcels_rise_with_observations_and_fall_with_the_linger(
    rates: list[float], linger_s: float, burst: float, more: float
) -> None:
    by_slot = np.array(rates)
    parcels = parcels_per_s(by_slot, linger_s, burst)
    assert np.all(parcels <= by_slot / burst * (1 + 1e-9) + by_slot / 4_096)
    assert np.all(parcels_per_s(by_slot * more, linger_s, burst) >= parcels * (1 - 1e-9))
    assert np.all(parcels_per_s(by_slot, linger_s * more, burst) <= parcels * (1 + 1e-9))


def test_a_live_sensors_parcels_are_those_of_the_publisher_that_is_cut_by_the_clock() -> None:
    chance, key, linger_s = random.Random(7), b"k" * 32, 0.2
    clients = {client_address(number): 0.2 * 1.3**number for number in range(20)}  # bursts a second
    moments = sorted(
        (at_s, client)
        for client, rate in clients.items()
        for at_s in accumulate(chance.expovariate(rate) for _ in range(int(rate * 130)))
        if at_s < 100
    )
    publisher, parcels, cut_s = Publisher(Publishing(key), Interest()), 0, linger_s
    for at_s, client in moments:
        while at_s >= cut_s:
            parcels += len(publisher.published(cut=True).cuts)
            cut_s += linger_s
        flow = FlowKey(client, 40_000, "192.0.2.1", 443, "tcp")
        publisher.take([HelloSeen(int(at_s * 1e9), flow, "tls", "example.org")] * 2)
    by_slot = np.zeros(SLOTS)
    for client, rate in clients.items():
        by_slot[slot_of(client, key)] += 2 * rate
    assert parcels == pytest.approx(100 * parcels_per_s(by_slot, linger_s, 2.0).sum(), rel=0.04)


def test_loads_between_two_levels_are_near_what_they_are() -> None:
    shares = slot_shares(SMALL, slots(SMALL))
    rates_per_s = site_rates(SMALL, FIGURES)
    parcelling = Parcelling(SMALL, FIGURES, shares, rates_per_s)
    for load in (0.0, 0.1, 0.37, 1.0, 2.9):
        found = parcelling.at(np.full(SMALL.sensors, load))
        own: Array = load * rates_per_s[:, None] * (1 - FIGURES.names_share.value) * shares
        exact = folded(
            parcels_per_s(own, SMALL.linger_s, FIGURES.observations_per_burst.value), SMALL.partitions
        )
        assert found.observations == pytest.approx(folded(own, SMALL.partitions))
        assert found.parcels == pytest.approx(exact, rel=0.02)
        assert parcelling.of_one(3, load)[1] == pytest.approx(found.parcels[3])


def test_there_is_no_lag_where_there_is_room_for_all() -> None:
    outcome = worked_out(planned(absent_hours=0, dies_hour=-1, correlators=8)).outcome
    assert outcome.worst_lag_s == outcome.waiting == outcome.late == outcome.given_up == 0.0
    assert outcome.judged == pytest.approx(outcome.published)


def test_the_lag_grows_where_there_is_not() -> None:
    busy = planned(absent_hours=0, dies_hour=-1, correlators=1, gbit=60, night=1)
    outcome = worked_out(busy).outcome
    assert outcome.busy_share == pytest.approx(1.0)
    assert outcome.worst_by_hour_s == sorted(outcome.worst_by_hour_s)
    assert outcome.waiting > 0
    assert worked_out(msgspec.structs.replace(busy, correlators=4)).outcome.waiting < outcome.waiting


def test_a_correlator_that_dies_costs_its_window_and_nothing_else() -> None:
    calm, died = (worked_out(planned(dies_hour=hour, correlators=4)).outcome for hour in (-1, 14))
    assert calm.death is None
    assert died.death is not None
    assert died.death.partitions == 2
    assert died.judged == pytest.approx(calm.judged)
    assert died.death.again_s > 0
    again_s = died.busy_share * 3 - calm.busy_share * 4  # of one that is gone, and was counted
    assert died.busy_share > calm.busy_share
    assert again_s < died.busy_share
    assert died.death.worst_lag_s >= SMALL.session_seconds
    assert died.death.recovered_s is not None
    short = worked_out(planned(dies_hour=14, correlators=4, window_hours=0.5)).outcome.death
    assert short is not None
    assert short.again_s < died.death.again_s
    assert short.recovered_s is not None
    assert short.recovered_s <= died.death.recovered_s


def test_whoever_is_left_takes_partitions_over_and_the_last_one_begins_anew() -> None:
    queues = [Queue() for _ in range(5)]
    correlators = Correlators(queues, 2)
    assert correlators.owned == [[0, 2, 4], [1, 3]]
    assert correlators.die(0) == [0, 2, 4]
    for queue in queues:
        queue.put(Chunk(0.0, 1.0, 10.0))
    correlators.turn(10.0)
    assert [queue.judged for queue in queues] == [0, 10, 0, 10, 0]
    correlators.take_over()
    assert sorted(correlators.owned[0]) == [0, 1, 2, 3, 4]
    correlators.die(0)
    correlators.take_over()
    correlators.turn(10.0)
    assert [queue.judged for queue in queues] == [10] * 5


@given(st.integers(0, 2**32), st.floats(0.1, 3))
def test_queues_are_served_alike_and_nothing_is_lost(seed: int, capacity_s: float) -> None:
    chance = random.Random(seed)
    queues = [Queue() for _ in range(3)]
    correlators = Correlators(queues, 1)
    put = again_s = work_s = 0.0
    for step in range(20):
        for queue in queues:
            chunk = Chunk(float(step), chance.random(), chance.random() * 100)
            put, work_s = put + chunk.observations, work_s + chunk.work_s
            queue.put(chunk)
        if chance.random() < 0.1:
            queues[0].rebuild_s += 1.0
            again_s += 1.0
        correlators.turn(capacity_s)
    judged, waiting = (sum(map(f, queues)) for f in (lambda q: q.judged, lambda q: q.waiting()))
    assert judged + waiting == pytest.approx(put)
    assert correlators.busy_s <= 20 * capacity_s * (1 + 1e-9)
    done_s = correlators.busy_s + sum(queue.rebuild_s for queue in queues)
    assert done_s <= (work_s + again_s) * (1 + 1e-9)
    if not waiting:
        assert correlators.busy_s + queues[0].rebuild_s == pytest.approx(work_s + again_s)


@pytest.mark.parametrize(
    ("work", "headroom", "needed"),
    [
        ([0.1] * 8, 0.6, 2),
        ([0.1] * 8, 0.8, 1),
        ([0.5, 0.1, 0.1, 0.1], 0.5, 4),
        ([0.7, 0.1], 0.6, None),
        ([0.3] * 4, 0.3, 4),
    ],
)
def test_how_many_correlators_are_needed(work: list[float], headroom: float, needed: int | None) -> None:
    assert correlators_needed(np.array(work), headroom) == needed


@settings(max_examples=50)
@given(st.integers(0, 2**32), st.floats(10, 5_000))
def test_a_spool_gives_up_the_newest_and_drains_in_order(seed: int, limit_bytes: float) -> None:
    chance = random.Random(seed)
    spool = Spool(limit_bytes)
    put = drained = 0.0
    moments: list[float] = []
    for step in range(60):
        gathered = Gathered(float(step), 1.0, chance.random() * 10, chance.random() * 100, 50.0, 0.1)
        put += gathered.observations
        spool.put(gathered)
        if step % 3 == 2:
            parts = spool.drain(chance.random() * 0.2, chance.random() * 200)
            drained += sum(part.observations for part in parts)
            moments += [part.at_s for part in parts]
        spool.give_up()
        assert spool.bytes <= limit_bytes * (1 + 1e-9)
    assert moments == sorted(moments)
    assert drained + spool.waiting() + spool.given_up == pytest.approx(put)


def test_a_spool_keeps_the_beginning_of_an_absence() -> None:
    spool = Spool(250.0)
    for step in range(5):
        spool.put(Gathered(float(step), 1.0, 10.0, 100.0, 50.0, 0.1))
        assert spool.give_up() == (0, 0, 5, 10, 10)[step]
    assert (spool.given_up, spool.oldest_s()) == (25.0, 0.0)
    assert [part.at_s for part in spool.drain(9.0, 9_000.0)] == [0.0, 1.0, 2.0]


def test_merging_judges_what_comes_a_day_late_as_late_and_makes_the_others_wait() -> None:
    plan = planned(sensors=20)
    came = Came(86_400.0, 86_400.0, 120.0, 200_000.0, 10_000_000.0)
    late = come_back(plan, came)
    assert late.others == 19
    assert (late.before.parcels, late.before.late, late.before.overdue, late.before.pressed) == (0, 0, 0, 0)
    assert late.before.behind_s < 2 * 2.0
    assert late.during.parcels == 60
    assert late.during.late >= 59  # the last of them is as old as a beat
    assert late.during.overdue > 0
    assert late.during.pressed == 0
    assert late.during.behind_s == pytest.approx(plan.hold_seconds, abs=2.1)
    assert (late.after.late, late.after.overdue, late.after.pressed) == (0, 0, 0)


def test_where_there_is_no_room_to_hold_the_others_they_are_pressed() -> None:
    plan = planned(sensors=20, held_bytes=2**20)
    late = come_back(plan, Came(86_400.0, 86_400.0, 60.0, 500_000.0, 1_000_000.0))
    assert late.during.pressed > 0
    assert late.during.behind_s < plan.hold_seconds


def test_the_model_says_of_a_sensor_that_was_away_what_merging_does() -> None:
    report = worked_out(planned(spool_gib=64, uplink_mbit=20))
    absence, outcome = report.outcome.absence, report.outcome
    assert absence.given_up == 0
    assert absence.spool_needed_bytes < 64 * GIB
    assert absence.drained_s is not None
    assert absence.drained_s > 3_600
    assert outcome.late >= absence.observed  # and what it observed until it had caught up
    assert absence.merging is not None
    assert absence.merging.during.late >= absence.merging.during.parcels - 1
    assert absence.merging.before.late == absence.merging.after.late == 0


def test_a_small_spool_gives_up_most_of_a_day_and_a_large_one_nothing() -> None:
    small, large = (worked_out(planned(spool_gib=gib)).outcome for gib in (0.0625, 64))
    assert small.absence.given_up > 0.5 * small.absence.observed
    assert small.late == pytest.approx(small.absence.observed - small.absence.given_up, rel=0.05)
    assert small.absence.span_s < 8 * 3_600
    assert large.given_up == 0
    assert large.judged == pytest.approx(large.published)
    assert small.absence.spool_needed_bytes == large.absence.spool_needed_bytes


def test_addresses_are_all_different() -> None:
    assert len({client_address(number) for number in range(0, 5_000_000, 1_009)}) == -(-5_000_000 // 1_009)
    assert {slot_of(client_address(number), b"k" * 32) for number in range(20_000)} == set(range(SLOTS))

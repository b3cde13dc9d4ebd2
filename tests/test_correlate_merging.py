"""Parcels wait for every sensor's clock, within bounds of time and memory, each of which is counted."""

import pytest

from monitor.fleet.merging import MAX_AHEAD_NS, MAX_RUNS, MAX_SENSORS, Bounds, Counts, Merging
from monitor.fleet.parcels import Parcel, ParcelKind

S = 1_000_000_000
NOW = 1_000.0  # seconds: the wall
BOUNDS = Bounds(hold_seconds=10, patience_seconds=30, held_bytes=10_000)


class Sensor:
    """Numbers parcels."""

    def __init__(self, name: str, run: str = "r") -> None:
        self.name, self.run, self.number = name, run, -1

    def __call__(self, clock: int, kind: ParcelKind = "observations", data: bytes = b"\x90") -> Parcel:
        self.number += 1
        return Parcel(self.name, self.run, self.number, clock * S, kind, data=data)


def forget(name: str) -> None:
    pytest.fail(f"{name} is forgotten")


def started(*sensors: Sensor) -> Merging:
    """Return one that has heard of the sensors, and waited for more."""
    merging = Merging(BOUNDS, forget)
    for sensor in sensors:
        merging.arrive(sensor(1, "beat"), NOW - 10)
    return merging


def clocks(merging: Merging, now: float) -> list[int]:
    return sorted(held.parcel.clock_ns // S for held in merging.due(now) if held.parcel.kind != "beat")


def test_at_the_beginning_all_are_waited_for() -> None:
    merging, a = Merging(BOUNDS, forget), Sensor("a")
    for clock in (1, 2, 3):
        merging.arrive(a(clock), NOW)
    assert clocks(merging, NOW + 9.9) == []
    assert clocks(merging, NOW + 10) != []


def test_the_slowest_sensor_says_how_far() -> None:
    a, b = Sensor("a"), Sensor("b")
    merging = started(a, b)
    for clock in (2, 4, 6):
        merging.arrive(a(clock), NOW)
    merging.arrive(b(3), NOW)
    merging.due(NOW)
    assert merging.passed_ns // S == 1  # of b's third second more may come
    merging.arrive(b(5, "beat"), NOW)
    merging.due(NOW)
    assert merging.passed_ns == 4 * S  # of a's sixth second more may come, and not of its fourth
    assert merging.counts == Counts()


def test_several_parcels_of_one_clock_have_one_span() -> None:
    a = Sensor("a")
    merging = started(a)
    held = [merging.arrive(a(clock), NOW) for clock in (5, 5, 7, 7)]
    assert [(each.since_ns // S, each.until_ns // S) for each in held if each] == [
        (1, 5),
        (1, 5),
        (5, 7),
        (5, 7),
    ]


def test_a_run_may_tell_of_any_time_and_waits_for_none_before_it() -> None:
    a, again, b = Sensor("a"), Sensor("a", "again"), Sensor("b")
    merging = started(a, b)
    for parcel in (b(4, "beat"), a(5), a(10)):
        merging.arrive(parcel, NOW)
    assert clocks(merging, NOW) == [5]
    merging.arrive(again(7), NOW)
    assert clocks(merging, NOW) == [7]


def test_what_comes_again_is_passed_over() -> None:
    a = Sensor("a")
    merging, parcel = started(a), a(5)
    assert merging.arrive(parcel, NOW) is not None
    assert merging.arrive(parcel, NOW) is None
    assert merging.arrive(Sensor("a", "another run")(5), NOW) is not None
    assert merging.counts == Counts(duplicate=1)


def test_nothing_waits_longer_than_it_may() -> None:
    a, b = Sensor("a"), Sensor("b")
    merging = started(a, b)
    merging.arrive(a(20), NOW)
    clocks(merging, NOW + 9)
    assert merging.passed_ns // S == 1
    clocks(merging, NOW + 10)
    assert merging.passed_ns // S == 20
    assert merging.counts == Counts(overdue=1)
    merging.arrive(b(15), NOW + 11)  # behind it by now
    assert clocks(merging, NOW + 11) == [15]
    assert merging.counts == Counts(overdue=1, late=1)


def test_a_silent_sensor_is_waited_for_no_longer_than_it_may() -> None:
    a, b = Sensor("a"), Sensor("b")
    merging = started(a, b)
    merging.arrive(a(40, "beat"), NOW + 19)
    assert merging.silent(NOW + 19) == []
    merging.due(NOW + 19)
    assert merging.passed_ns <= 2 * S
    merging.arrive(a(41, "beat"), NOW + 21)
    merging.due(NOW + 21)
    assert merging.silent(NOW + 21) == ["b"]
    assert merging.passed_ns == 41 * S


def test_a_sensor_that_ended_is_not_waited_for() -> None:
    a, b = Sensor("a"), Sensor("b")
    merging = started(a, b)
    merging.arrive(b(2, "end"), NOW)
    merging.arrive(a(9, "beat"), NOW)
    merging.due(NOW)
    assert merging.passed_ns == 9 * S
    assert merging.silent(NOW + 1_000) == ["a"]


def test_memory_is_bounded() -> None:
    a, b = Sensor("a"), Sensor("b")
    merging = started(a, b)
    for clock in range(2, 40):
        merging.arrive(a(clock, data=bytes(1_000)), NOW)
        merging.due(NOW)
        assert merging.held_bytes <= BOUNDS.held_bytes + 1_600
    assert merging.counts.pressed > 20
    assert merging.counts.overdue == 0


def test_a_clock_ahead_of_time_is_believed_for_a_minute_only() -> None:
    a, b = Sensor("a"), Sensor("b")
    merging = started(a, b)
    held = merging.arrive(a(1_000_000), NOW)
    assert held is not None
    assert held.until_ns == int(NOW) * S + MAX_AHEAD_NS
    assert merging.counts == Counts(ahead=1)


def test_sensors_and_runs_are_remembered_within_bounds() -> None:
    forgotten: list[str] = []
    merging = Merging(BOUNDS, forgotten.append)
    for number in range(MAX_SENSORS + 2):
        merging.arrive(Sensor(f"s{number}")(1, "beat"), NOW)
    assert forgotten == ["s0", "s1"]
    for number in range(MAX_RUNS + 1):
        merging.arrive(Sensor("s5", f"r{number}")(1, "beat"), NOW)
    assert merging.arrive(Sensor("s5", f"r{MAX_RUNS}")(1, "beat"), NOW) is None


@pytest.mark.parametrize("kind", ["account", "names", "observations"])
def test_all_kinds_keep_their_sensors_order(kind: ParcelKind) -> None:
    a = Sensor("a")
    merging = started(a)
    numbers = [held.number for clock in (3, 4, 5) if (held := merging.arrive(a(clock, kind), NOW))]
    merging.arrive(a(9, "beat"), NOW)
    due = [held.number for held in merging.due(NOW)]
    assert [each for each in due if each in numbers] == numbers

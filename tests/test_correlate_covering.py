"""Windows of sensors: what could be named, what was lost, and where nobody can tell."""

from itertools import count

import msgspec

from monitor.fleet.covering import MAX_SPANS, Covering
from monitor.fleet.parcels import Account
from monitor.windows import WINDOW_NS, Window
from sensors.connections import Counted, Flows, GroupCounted
from sensors.observations import Count

S = 1_000_000_000


class Natively:
    """Connections that were counted, by account, each told once."""

    def __init__(self) -> None:
        self.flows: dict[int, int] = {}

    def __call__(self, account: int) -> Counted:
        flows = self.flows.pop(account, 0)
        return Counted({0: GroupCounted({"sni": Flows(flows, 1, 2)})}) if flows else Counted()


def test_a_window_is_told_when_its_sensor_came_past_it() -> None:
    natively = Natively()
    covering = Covering("a", natively, count(1))
    span = covering.span(10 * S)
    natively.flows[span.account] = 7
    span.accounted(Account(0, 60 * S, 100, {"ring": Count(3, 0)}, shed=2, blind=("eth1 was not up",)))
    assert list(covering.passed(10 * S)) == []
    clocks = range(20 * S, WINDOW_NS + S, 20 * S)
    (window,) = [window for clock in clocks for window in covering.passed(clock)]
    assert (window.since_ns, window.until_ns, window.sensor) == (0, WINDOW_NS, "a")
    assert (window.connections, window.bytes, window.coverage) == (7, 3, {"sni": 7})
    assert (window.packets, window.lost, window.shed) == (100, {"ring": Count(3, 0)}, 2)
    assert window.blind == ("eth1 was not up",)
    assert "100.0 % of 7 connections could be named" in window.says


def test_windows_are_as_long_as_is_said() -> None:
    covering = Covering("a", Natively(), count(1), 3_600 * S)
    covering.span(10 * S).accounted(Account(0, 60 * S, 100, {}))
    windows = [window for clock in range(10 * S, 3_601 * S, 10 * S) for window in covering.passed(clock)]
    assert [(window.since_ns, window.until_ns) for window in windows] == [(0, 3_600 * S)]


def test_where_a_sensor_was_silent_nobody_can_tell() -> None:
    covering = Covering("a", Natively(), count(1))
    covering.span(10 * S)
    list(covering.passed(10 * S))
    first, between = covering.passed(3 * WINDOW_NS + 5 * S)
    assert (first.since_ns, first.until_ns) == (0, WINDOW_NS)
    assert (between.since_ns, between.until_ns) == (WINDOW_NS, 3 * WINDOW_NS)
    assert first.blind == between.blind == ("nothing came of the sensor for 895 s",)
    (last,) = covering.passed(3 * WINDOW_NS + 6 * S, ended=True)
    assert (last.since_ns, last.until_ns) == (3 * WINDOW_NS, 3 * WINDOW_NS + 6 * S)
    assert last.blind == first.blind


def test_a_partition_without_a_share_says_nothing() -> None:
    covering = Covering("a", Natively(), count(1))
    covering.span(10 * S)
    windows = [window for clock in range(10 * S, 3 * WINDOW_NS, 20 * S) for window in covering.passed(clock)]
    assert windows == []


def test_a_sensor_that_never_comes_back_is_told_of_when_others_came_past() -> None:
    natively = Natively()
    covering = Covering("a", natively, count(1))
    natively.flows[covering.span(10 * S).account] = 4
    assert list(covering.given_up(WINDOW_NS)) == []
    (window,) = covering.given_up(2 * WINDOW_NS)
    assert window.connections == 4
    assert window.blind == ("nothing more came of the sensor",)
    assert list(covering.given_up(3 * WINDOW_NS)) == []


def test_what_was_counted_before_other_groups_count_stays() -> None:
    natively = Natively()
    covering = Covering("a", natively, count(1))
    account = covering.span(10 * S).account
    natively.flows[account] = 4
    covering.settle()
    natively.flows[account] = 5
    (window,) = covering.passed(12 * S, ended=True)
    assert window.connections == 9


def test_whatever_a_sensor_says_it_lost_comes_to_a_number_that_can_be_told() -> None:
    covering = Covering("a", Natively(), count(1))
    span = covering.span(10 * S)
    most, less = 2**63 - 1, Count(-7, -9)
    for packets, lost in ((most, Count(2**64 - 1, 5)), (most, Count(2**64 - 1, 5)), (3, less)):
        span.accounted(Account(0, 60 * S, packets, {"ring": lost}, shed=packets))
    (window,) = covering.passed(12 * S, ended=True)
    assert (window.packets, window.lost, window.shed) == (most, {"ring": Count(most, 10)}, most)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(window), type=Window) == window


def test_bytes_beyond_all_measure_come_to_a_number_that_can_be_told() -> None:
    enormous = Counted({0: GroupCounted({"sni": Flows(2, 2**64 - 1, 2**64 - 1)})})
    covering = Covering("a", lambda _: enormous, count(1))
    covering.span(10 * S)
    (window,) = covering.passed(12 * S, ended=True)
    assert (window.connections, window.bytes) == (2, 2**63 - 1)


def test_a_clock_that_only_goes_back_opens_so_many_windows() -> None:
    accounts = count(1)
    covering = Covering("a", Natively(), accounts)
    for number in range(3 * MAX_SPANS, 0, -1):
        clock_ns = number * WINDOW_NS
        covering.span(clock_ns).accounted(Account(0, 1, 1))
        assert covering.passed(clock_ns) == []
    assert next(accounts) == MAX_SPANS + 1
    windows = covering.passed(4 * MAX_SPANS * WINDOW_NS)
    assert sum(each.packets for each in windows) == 3 * MAX_SPANS

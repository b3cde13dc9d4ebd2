"""What could be seen in a window of time."""

import msgspec

from monitor.counts import FlowCount
from monitor.daemon.windows import Windows
from monitor.tally import Tally
from monitor.types import Coverage
from monitor.windows import OF_CAPTURES, WINDOW_NS, Window
from sensors.connections import Counted, Flows, GroupCounted
from sensors.observations import Count

START_NS = 1_000


def count(tally: Tally, **classes: int) -> None:
    """Count flows of 10 bytes up and 20 down."""
    coverage: dict[Coverage, Flows] = {
        msgspec.convert(name, Coverage): Flows(flows, 10 * flows, 20 * flows)
        for name, flows in classes.items()
    }
    tally.counted(Counted({0: GroupCounted(coverage)}))


def test_a_window_holds_what_came_since_the_last_one() -> None:
    tally, windows = Tally(), Windows("edge", START_NS)
    count(tally, sni=8, address=2)
    assert windows.close(tally, 100, 5_000) == Window(
        since_ns=START_NS,
        until_ns=5_000,
        sensor="edge",
        says="80.0 % of 10 connections could be named; nothing was lost",
        connections=10,
        bytes=300,
        coverage={"sni": 8, "address": 2},
        packets=100,
        lost={},
    )
    count(tally, dns=1)
    second = windows.close(tally, 130, 9_000)
    assert (second.since_ns, second.connections, second.coverage) == (5_000, 1, {"dns": 1})
    assert second.packets == 30


def test_an_interface_that_is_away_and_captures_show_nothing_of_the_time() -> None:
    tally, windows = Tally(), Windows("edge", START_NS)
    windows.away("eth1")
    windows.away("eth1")
    first = windows.close(tally, 0, 5_000)
    assert first.blind == ("eth1 was not up",)
    assert first.says == "no connection; nothing was lost; eth1 was not up"
    assert windows.close(tally, 0, 6_000).blind == ()
    captures = Windows("edge", START_NS, live=False)
    assert [captures.close(tally, 9, end).blind for end in (5_000, 6_000)] == [(OF_CAPTURES,)] * 2
    assert captures.close(tally, 9, 7_000).says.endswith(f"nothing was lost; {OF_CAPTURES}")


def test_what_was_lost_stands_in_its_window_alone() -> None:
    tally, windows = Tally(), Windows("edge", START_NS)
    windows.lost("ring", 7, 0)
    windows.lost("table", 2, 90)
    windows.lost("ring", 3, 0)
    windows.shed(4)
    first = windows.close(tally, 0, 5_000)
    assert first.lost == {"ring": Count(10, 0), "table": Count(2, 90)}
    assert first.shed == 4
    assert first.says == (
        "no connection; packets lost: 10 (ring): what they held is not known, and not in these numbers; "
        "packets read and not wholly understood: 2 (table); "
        "4 connections were counted and not decided on, because too many came at once"
    )
    assert windows.close(tally, 0, 6_000).says == "no connection; nothing was lost"
    windows.unwritten(9)
    third = windows.close(tally, 0, 7_000)
    assert third.unwritten == 9
    assert third.says == "no connection; 9 records are missing, because the disk did not take them"
    assert windows.close(tally, 0, 8_000).unwritten == 0


def test_what_was_left_at_the_end_is_said() -> None:
    window = Windows("edge", START_NS).close(Tally(), 5, 5_000, left=7)
    assert window.left == 7
    assert window.says == (
        "no connection; 7 observations were left undecided at the end, and are not in these numbers"
    )


def test_a_reload_in_the_middle_loses_nothing_and_counts_nothing_twice() -> None:
    old, new, windows = Tally(), Tally(), Windows("edge", START_NS)
    count(old, sni=5)
    windows.close(old, 10, 2_000)
    count(old, sni=2, address=1)
    windows.restart(old)
    count(new, sni=4)
    window = windows.close(new, 20, 3_000)
    assert (window.coverage, window.bytes) == ({"sni": 6, "address": 1}, 7 * 30)
    count(new, dns=1)
    assert windows.close(new, 20, 4_000).coverage == {"dns": 1}


def test_two_reloads_in_one_window() -> None:
    tallies = [Tally() for _ in range(3)]
    windows = Windows("edge", START_NS)
    for tally in tallies:
        count(tally, sni=2)
    windows.restart(tallies[0])
    windows.restart(tallies[1])
    assert windows.close(tallies[2], 0, 2_000).coverage == {"sni": 6}


def test_a_window_is_over_in_time_and_when_the_clock_went_back() -> None:
    windows = Windows("edge", WINDOW_NS)
    assert not windows.is_over(WINDOW_NS)
    assert not windows.is_over(2 * WINDOW_NS - 1)
    assert windows.is_over(2 * WINDOW_NS)
    assert windows.is_over(WINDOW_NS - 1)


def test_counts_of_the_tally_are_left_alone() -> None:
    tally, windows = Tally(), Windows("edge", START_NS)
    count(tally, sni=1)
    windows.close(tally, 0, 2_000)
    assert tally.coverage["sni"] == FlowCount(1, 10, 20)

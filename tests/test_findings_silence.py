"""Silence: what coverage windows show of a stretch of time, and when that is evidence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from monitor.findings.silence import MAX_GAPS, Silence, Unseen, lacks, silence
from monitor.policy.findings import SilenceLimits
from monitor.windows import Window
from sensors.observations import Count
from tests.observed import at

HOUR, DAY = 3_600, 86_400
LIMITS = SilenceLimits()
GOOD = Silence(at(0), at(DAY), 1.0, ("s",), 288, 100, 0.9, 10_000)


def window(since: float, until: float, sensor: str = "s", **other: object) -> Window:
    """Return a window in which ten connections of fifteen could be named."""
    usual: dict[str, object] = {
        "connections": 15,
        "coverage": {"sni": 9, "dns": 1, "address": 5},
        "packets": 100,
        "lost": {},
    }
    return Window(at(since), at(until), sensor, "", bytes=0, **{**usual, **other})  # type: ignore[arg-type]


def test_what_windows_add_up_to() -> None:
    lost = {"ring": Count(2), "decode": Count(1)}
    windows = [window(0, 300), window(300, 600, lost=lost, shed=2, left=3)]
    assert silence(windows, at(0), at(600)) == Silence(
        since_ns=at(0),
        until_ns=at(600),
        covered_share=1.0,
        sensors=("s",),
        windows=2,
        connections=30,
        named_share=0.6666,
        packets=200,
        lost_packets=3,
        undecided=5,
    )


@pytest.mark.parametrize(
    ("windows", "share", "gaps"),
    [
        ([], 0.0, [(0, 600)]),
        ([(0, 300)], 0.5, [(300, 600)]),
        ([(300, 900)], 0.5, [(0, 300)]),
        ([(-300, 100), (500, 900)], 0.3333, [(100, 500)]),
        ([(0, 400), (200, 600)], 1.0, []),
        ([(0, 600), (100, 200)], 1.0, []),
        ([(400, 500), (100, 200)], 0.3333, [(0, 100), (200, 400), (500, 600)]),
        ([(-300, 0), (600, 900)], 0.0, [(0, 600)]),
        ([(500, 300)], 0.0, [(0, 600)]),  # a clock that was set back
    ],
)
def test_what_of_the_time_is_covered(
    windows: list[tuple[int, int]], share: float, gaps: list[tuple[int, int]]
) -> None:
    found = silence([window(*each) for each in windows], at(0), at(600))
    assert (found.covered_share, found.gaps) == (share, tuple(Unseen(at(a), at(b)) for a, b in gaps))


def test_of_several_sensors_the_one_that_covers_least_counts() -> None:
    windows = [window(0, 600, "a"), window(0, 150, "b"), window(0, 300, "c")]
    found = silence(windows, at(0), at(600))
    assert (found.covered_share, found.sensors) == (0.25, ("a", "b", "c"))
    assert found.gaps == (Unseen(at(150), at(600)),)


def test_windows_that_saw_nothing_of_their_time_cover_nothing() -> None:
    windows = [window(0, 300), window(300, 600, blind=("eth1 was not up",))]
    found = silence(windows, at(0), at(600))
    assert (found.covered_share, found.packets, found.blind) == (0.5, 200, ("eth1 was not up",))
    assert "and 95 % are needed; eth1 was not up" in " ".join(lacks(found, LIMITS))


def test_gaps_are_bounded() -> None:
    windows = [window(2 * n, 2 * n + 1) for n in range(50)]
    found = silence(windows, at(0), at(100))
    assert (len(found.gaps), found.more_gaps, found.covered_share) == (MAX_GAPS, 30, 0.5)


def test_no_time_at_all_is_not_covered() -> None:
    assert silence([window(0, 600)], at(100), at(100)).covered_share == 0.0
    assert silence([window(0, 600)], at(100), at(50)).covered_share == 0.0


@given(st.lists(st.tuples(st.integers(-50, 150), st.integers(-50, 150)), max_size=12))
def test_covered_and_not_covered_are_all(spans: list[tuple[int, int]]) -> None:
    found = silence([window(*each) for each in spans], at(0), at(100))
    seconds = {second for a, b in spans for second in range(max(a, 0), min(b, 100))}
    assert found.covered_share == len(seconds) / 100
    assert found == silence([window(*each) for each in reversed(spans)], at(0), at(100))


@pytest.mark.parametrize(
    ("found", "limits", "missing"),
    [
        (GOOD, LIMITS, []),
        (replace(GOOD, until_ns=at(DAY - 1)), LIMITS, ["it lasts 24.0 h, and has to last 24h"]),
        (replace(GOOD, until_ns=at(60)), LIMITS, ["it lasts 60 s, and has to last 24h"]),
        (replace(GOOD, covered_share=0.95), LIMITS, []),
        (
            replace(GOOD, covered_share=0.9499, gaps=(Unseen(at(0), at(4_320)),)),
            LIMITS,
            [
                (
                    "sensors covered 94.99 % of the time (first not from 2026-03-10 09:00:00 to 2026-03-10"
                    " 10:12:00 UTC), and 95 % are needed"
                )
            ],
        ),
        (replace(GOOD, lost_packets=100), LIMITS, []),
        (
            replace(GOOD, lost_packets=102),
            LIMITS,
            ["1.00 % of the packets were lost, and less than 1 % may be"],
        ),
        (
            replace(GOOD, lost_packets=1),
            LIMITS._replace(lost_percent=0),
            ["0.00 % of the packets were lost, and less than 0 % may be"],
        ),
        (GOOD, LIMITS._replace(lost_percent=0), []),
        (
            replace(GOOD, undecided=2),
            LIMITS,
            ["1.96 % of the connections were not decided on, and less than 1 % may be"],
        ),
        (
            GOOD,
            LIMITS._replace(named_percent=95),
            ["90.00 % of the connections could be named, and 95 % are needed"],
        ),
        (replace(GOOD, connections=0, named_share=None), LIMITS._replace(named_percent=95), []),
        (
            Silence(at(0), at(0), 0.0),
            LIMITS,
            [
                "it lasts 0 s, and has to last 24h",
                "sensors covered 0.00 % of the time, and 95 % are needed",
                "no packet was read at all in that time",
            ],
        ),
    ],
)
def test_what_silence_lacks(found: Silence, limits: SilenceLimits, missing: list[str]) -> None:
    assert list(lacks(found, limits)) == missing

"""The latency premium: which side a connection is on, the medians, and when a difference is said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.behaviours.histogram import Histogram
from monitor.behaviours.latency import LatencyReport
from monitor.types import Decision, Name, Scope, Totals
from tests.behaviours_kit import decide, watch

MS = 1_000_000


def measured(
    rtt_ms: int | None,
    scope: Scope = "region",
    countries: tuple[str, ...] = ("DE",),
    provider: str | None = "aws",
    names: tuple[Name, ...] = (),
) -> Decision:
    """Return a decision on a connection with these times; the first byte takes ten times the handshake."""
    rtt_ns = None if rtt_ms is None else rtt_ms * MS
    totals = Totals(handshake_rtt_ns=rtt_ns, first_byte_ns=None if rtt_ns is None else rtt_ns * 10)
    return decide(0, provider=provider, scope=scope, countries=countries, names=names, totals=totals)


def report(*seen: Decision, minimum: int = 1) -> LatencyReport:
    """Return what was measured."""
    section = f"latency: {{sovereign: [EEA], minimum_connections: {minimum}}}"
    latency = watch(section, seen)[0].latency()
    assert latency is not None
    return latency


@pytest.mark.parametrize(
    ("scope", "countries", "inside", "others", "left_open"),
    [
        ("region", ("DE",), 1, 0, 0),
        ("entry", ("DE",), 1, 0, 0),
        ("group", ("DE", "FR"), 1, 0, 0),
        ("group", ("CH", "DE"), 0, 0, 1),
        ("region", ("US",), 0, 1, 0),
        ("global", (), 0, 1, 0),
        ("unknown", ("US",), 0, 1, 0),
        ("unknown", ("DE",), 0, 0, 1),
        ("storage", ("DE",), 0, 0, 1),
        ("region", (), 0, 0, 1),
    ],
)
def test_sides(scope: Scope, countries: tuple[str, ...], inside: int, others: int, left_open: int) -> None:
    found = report(measured(5, scope, countries))
    assert found.left_open == left_open
    assert [row.provider for row in found.rows] == ([] if left_open else [None, "aws"])
    for row in found.rows:
        assert (row.sovereign.connections, row.others.connections) == (inside, others)


def test_medians_and_premium() -> None:
    seen = [measured(rtt) for rtt in (3, 9, 500)] + [measured(rtt, "region", ("US",)) for rtt in (90, 95, 96)]
    everyone, aws = report(*seen, measured(200, "global", (), "openai")).rows[:2]
    assert aws.provider == "aws"
    assert aws.sovereign.handshake_rtt.median_ns == pytest.approx(9 * MS, rel=0.03)
    assert aws.others.first_byte.median_ns == pytest.approx(950 * MS, rel=0.03)
    assert aws.handshake_rtt_premium_ns == pytest.approx(-86 * MS, rel=0.04)
    assert everyone.provider is None
    assert everyone.others.connections == 4


def test_no_difference_is_said_of_few() -> None:
    seen = [measured(3), measured(3), measured(90, "global", ()), measured(None, "global", ())]
    assert report(*seen, minimum=2).rows[0].handshake_rtt_premium_ns is None
    assert report(*seen, measured(90, "global", ()), minimum=2).rows[0].handshake_rtt_premium_ns is not None


def test_a_proxy_is_left_out() -> None:
    found = report(measured(1, names=(Name("api.openai.com", "connect"),)), measured(1, provider=None))
    assert (found.rows, found.through_proxy, found.left_open) == ((), 1, 0)


@given(st.lists(st.integers(0, 10**13), min_size=1))
def test_a_median_is_right_within_3_percent(durations: list[int]) -> None:
    histogram = Histogram()
    for duration in durations:
        histogram.add(duration)
    median = sorted(durations)[(len(durations) - 1) // 2]
    assert histogram.median_ns() == pytest.approx(median, rel=0.032)
    assert len(histogram._counts) <= 800  # noqa: SLF001  bounded by the bits of a time


def test_nothing_has_no_median() -> None:
    assert Histogram().median_ns() is None

"""The ceiling on series: never exceeded by more than what is counted under "other", and sums stay exact."""

import itertools
import math
import threading
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.metrics import Metrics
from monitor.metrics.families import DECISIONS, DESTINATIONS, FAMILIES, FIRST_BYTE, FOLDED, OPEN, SERIES
from monitor.metrics.family import LABELS, Family
from monitor.metrics.series import Series
from monitor.types import Attribution
from tests.metrics_kit import NAME, exposed, feed, loaded, value, verdict

CEILING = 40
FULL = ("acme", "crm", "RES-030", "openai", "aws:eu", "violation", "high", "observed")
MANY = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 30), st.sampled_from(["allow", "violation"])))


def labels_of(tenant: int, provider: int, outcome: str) -> dict[str, str]:
    given_ = {"tenant": f"t{tenant}", "provider": f"p{provider}", "outcome": outcome}
    return dict(zip(DECISIONS.labels, FULL, strict=True)) | given_


@given(rows=MANY)
def test_sums_stay_exact_above_the_ceiling(rows: list[tuple[int, int, str]]) -> None:
    series = Series([DECISIONS, FOLDED, SERIES], CEILING)
    for each in rows:
        series.add(DECISIONS, labels_of(*each))
    values = series.snapshot().values
    decided = values[DECISIONS.name]
    assert sum(decided.values()) == len(rows)
    outcome = DECISIONS.labels.index("outcome")
    by_outcome: Counter[str] = Counter()
    for key, count in decided.items():
        by_outcome[key[outcome]] += int(count)
    assert by_outcome == Counter(each[2] for each in rows)
    assert values[SERIES.name][()] == sum(map(len, values.values())) <= CEILING + 2
    assert (values[FOLDED.name][()] > 0) == any("other" in key for key in decided)


def test_the_endpoint_is_given_up_before_the_owner() -> None:
    series = Series([DECISIONS, FOLDED, SERIES], CEILING)
    admitted = [series.add(DECISIONS, labels_of(0, number, "violation")) for number in range(100)]
    assert admitted[0] == ("t0", "crm", "RES-030", "p0", "aws:eu", "violation", "high", "observed")
    assert admitted[-1] == ("t0", "crm", "RES-030", "other", "other", "violation", "high", "other")
    admitted = [series.add(DECISIONS, labels_of(number, 99, "violation")) for number in range(100)]
    assert admitted[-1] == ("other", "other", "other", "other", "other", "violation", "high", "other")


@given(
    rows=st.lists(st.tuples(st.integers(0, 20), st.integers(0, 50_000)), max_size=60),
    ceiling=st.integers(1, 300),
)
def test_a_histogram_s_counts_and_sums_stay_exact_above_the_ceiling(
    rows: list[tuple[int, int]], ceiling: int
) -> None:
    series = Series([FIRST_BYTE, FOLDED, SERIES], ceiling)
    for number, milliseconds in rows:
        labels = {"provider": f"p{number}", "dst_region": "global"}
        series.observe(FIRST_BYTE, labels, milliseconds / 1_024)  # whose sums have no error
    snapshot = series.snapshot()
    histograms = snapshot.histograms[FIRST_BYTE.name]
    limits = (*FIRST_BYTE.bounds, math.inf)
    for at, (low, high) in enumerate(itertools.pairwise((-1.0, *limits))):
        wanted = sum(low < milliseconds / 1_024 <= high for _, milliseconds in rows)
        assert sum(each.counts[at] for each in histograms.values()) == wanted
    assert sum(each.total for each in histograms.values()) == sum(each for _, each in rows) / 1_024
    lines = len(limits) + 2
    assert snapshot.values[SERIES.name][()] == len(histograms) * lines + 2
    own = max(0, (ceiling - ceiling // 2 - 2) // lines)
    assert len(histograms) == min(own + 1, len({number for number, _ in rows}))
    folded = snapshot.values[FOLDED.name][()]
    assert (folded > 0) == (("other", "other") in histograms)


def test_histograms_leave_room_for_others() -> None:
    series = Series([FIRST_BYTE, DECISIONS, FOLDED, SERIES], 300)
    for number in range(50):
        series.observe(FIRST_BYTE, {"provider": f"p{number}", "dst_region": "global"}, 1)
    admitted = [series.add(DECISIONS, labels_of(0, number, "violation")) for number in range(100)]
    assert not any("other" in each for each in admitted)
    assert series.snapshot().values[SERIES.name][()] <= 300


def test_countries_are_given_up_before_the_owner() -> None:
    series = Series([DESTINATIONS, FOLDED, SERIES], CEILING)
    labels = {"tenant": "t", "source_group": "g", "outcome": "allow"}
    admitted = [series.add(DESTINATIONS, {**labels, "country": f"C{number}"}) for number in range(100)]
    assert (admitted[0], admitted[-1]) == (("t", "g", "C0", "allow"), ("t", "g", "other", "allow"))
    decided = series.snapshot().values[DESTINATIONS.name]
    assert sum(decided.values()) == 100


@pytest.mark.parametrize("ceiling", [1, 100, 250, 400])
def test_a_flood_of_places_reaches_the_ceiling(ceiling: int) -> None:
    metrics = loaded(ceiling)
    before = value(metrics, "residency_series")
    regions = [Attribution("aws", scope="region", region=f"r{number}") for number in range(1_000)]
    feed(metrics, [verdict(port=at, attribution=each) for at, each in enumerate(regions)])
    assert (
        value(metrics, "residency_series") <= max(before, ceiling) + 4
    )  # decisions, countries, and bytes both ways
    assert value(metrics, "residency_decisions_total", outcome="violation", severity="high") == 1_000
    assert value(metrics, "residency_destination_connections_total", outcome="violation") == 1_000
    assert value(metrics, "residency_verdicts_total", outcome="violation", severity="high") == 1_000
    assert value(metrics, "residency_violations_open") == 0
    assert value(metrics, "residency_folded_series_total") >= 1_800


def test_what_was_opened_under_other_is_closed_there() -> None:
    series = Series([OPEN, FOLDED, SERIES], 1)
    labels = {"tenant": "t", "source_group": "g", "policy": "r", "severity": "high"}
    admitted = series.add(OPEN, labels)
    series.add_to(OPEN, admitted, -1)
    assert admitted == ("other", "other", "other", "high")
    assert series.snapshot().values[OPEN.name] == {admitted: 0}


def test_labels_outside_the_closed_set_are_refused() -> None:
    with pytest.raises(ValueError, match="outside the closed set"):
        Series([Family("x_total", "counter", "X.", ("address",))], CEILING)
    assert all(LABELS.issuperset(family.labels) for family in FAMILIES)


def test_a_scrape_sees_a_call_wholly_or_not_at_all() -> None:
    metrics = Metrics(NAME, 1_000)
    stop = threading.Event()

    def feed_on() -> None:
        port = 0
        while not stop.is_set():
            port += 1
            feed(metrics, [verdict(port=port)])

    feeder = threading.Thread(target=feed_on)
    feeder.start()
    try:
        for _ in range(50):
            series = exposed(metrics)
            ended = sum(series.get("residency_decisions_total", {}).values())
            assert sum(series.get("residency_decision_bytes_total", {}).values()) == ended * 1_100
            still_open = sum(series.get("residency_violations_open", {}).values())
            assert sum(series.get("residency_verdicts_total", {}).values()) == ended + still_open
    finally:
        stop.set()
        feeder.join()

"""The timeline of a report: few buckets of one width, whatever the order and the times."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.report.timeline import MAX_BUCKETS, ORIGIN_NS, TimelineCount
from monitor.report.types import JUDGEMENTS, Judgement, Timeline
from tests.observed import SECOND_NS, START_NS, at

DAY = 86_400
TIMES = st.one_of(
    st.integers(START_NS, START_NS + 10_000 * SECOND_NS),
    st.integers(START_NS, START_NS + 400 * DAY * SECOND_NS),
    st.integers(-(2**63), 2**64),
)
CONNECTIONS = st.lists(st.tuples(TIMES, st.sampled_from(JUDGEMENTS)), max_size=60)


def counted(connections: list[tuple[int, Judgement]]) -> Timeline:
    count = TimelineCount()
    for ts_ns, judgement in connections:
        count.add(ts_ns, judgement)
    return count.timeline()


@pytest.mark.parametrize(
    ("seconds", "width"),
    [
        (0, 1), (119, 1), (121, 10), (1_100, 10), (1_300, 60), (3 * 3_600, 300), (DAY, 900), (4 * DAY, 3_600),
        (20 * DAY, 21_600), (100 * DAY, DAY), (700 * DAY, 7 * DAY), (3_000 * DAY, 28 * DAY),
        (5_000 * DAY, 56 * DAY),
    ],
)  # fmt: skip
def test_the_width_suits_how_long_it_was(seconds: int, width: int) -> None:
    timeline = counted([(at(0), "allow"), (at(seconds), "violation")])
    assert timeline.width_ns == width * SECOND_NS
    assert sum(sum(each.counts.values()) for each in timeline.buckets) == 2


def test_buckets_of_weeks_begin_on_mondays() -> None:
    timeline = counted([(at(0), "allow"), (at(700 * DAY), "allow")])
    assert {(each.start_ns // SECOND_NS // DAY) % 7 for each in timeline.buckets} == {4}  # 1970-01-05


def test_counts_stand_worst_first_and_without_zeros() -> None:
    timeline = counted([(at(0), "allow"), (at(0.5), "violation"), (at(0.9), "allow"), (at(9), "inventory")])
    assert [list(each.counts.items()) for each in timeline.buckets] == [
        [("violation", 1), ("allow", 2)],
        [("inventory", 1)],
    ]


def test_nothing_is_an_empty_timeline() -> None:
    assert counted([]) == Timeline(SECOND_NS)


@given(CONNECTIONS, st.randoms(use_true_random=False))
def test_any_order_gives_the_same(connections: list[tuple[int, Judgement]], random: object) -> None:
    timeline = counted(connections)
    random.shuffle(connections)  # type: ignore[attr-defined]
    assert counted(connections) == timeline
    assert sum(sum(each.counts.values()) for each in timeline.buckets) == len(connections)
    starts = [each.start_ns for each in timeline.buckets]
    assert starts == sorted(set(starts))
    assert all((start - ORIGIN_NS) % timeline.width_ns == 0 for start in starts)
    if starts:
        assert (starts[-1] - starts[0]) // timeline.width_ns < MAX_BUCKETS


@given(CONNECTIONS)
def test_each_connection_is_in_its_bucket(connections: list[tuple[int, Judgement]]) -> None:
    timeline = counted(connections)
    for bucket in timeline.buckets:
        inside = [
            judgement
            for ts_ns, judgement in connections
            if bucket.start_ns <= ts_ns < bucket.start_ns + timeline.width_ns
        ]
        assert bucket.counts == {name: inside.count(name) for name in JUDGEMENTS if name in inside}

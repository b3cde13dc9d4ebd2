"""However observations are parted among sensors and partitions, decisions are those of one process."""

import random
import zlib
from collections.abc import Callable, Sequence
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.fleet.judging import Judge
from monitor.fleet.parcels import Said
from monitor.pipeline import Pipeline
from pcaps import golden
from sensors import native
from sensors.connections import ConnectionSeen
from sensors.engine import Options, open_sensor
from sensors.observations import NameResolved, Observation
from tests.exchanges_kit import Answer, Call, Flow, capture, exchanges
from tests.parcels_kit import (
    Arrival,
    Habits,
    Split,
    Topic,
    as_told,
    client_of,
    fleet,
    one_process,
    partition,
    said,
)
from tests.policy_help import compiled as compiled_policy
from tests.test_native_correlator import CATALOG, GROUPS, RESOLVER

pytestmark = pytest.mark.skipif(
    bool(native.MISSING), reason=f"the native engine is not built: {native.MISSING}"
)
POLICY = compiled_policy(f"{GROUPS}resolvers: [{RESOLVER}]\n")[0]
CASES = [case.name for case in golden.cases()]
AWHILE_S = 60  # after all came


def by_client(sensors: int) -> Split:
    return lambda seen: zlib.crc32(client_of(seen).encode()) % sensors


def by_flow(sensors: int) -> Split:
    def split(seen: Observation) -> int:
        flow = getattr(seen, "flow", None)
        return zlib.crc32(repr(flow or seen).encode()) % sensors

    return split


def dns_apart(sensors: int) -> Split:
    flows = by_flow(max(sensors - 1, 1))
    return lambda seen: 0 if isinstance(seen, NameResolved) else flows(seen) + (sensors > 1)


SPLITS = (by_client, by_flow, dns_apart)


def told(arrivals: Sequence[Arrival], judge: Judge, partitions: int) -> list[Said]:
    """Return what is said of it, where nothing came late."""
    topic = Topic(partitions)
    messages: list[Said] = []
    for arrival in arrivals:
        topic.put(arrival)
    for number, stored in enumerate(topic.partitions):
        here = partition(number, judge)
        for offset, (at_s, message) in enumerate(stored):
            here.offer(message, offset, 0, at_s)
            messages += here.say(at_s)
        messages += here.say(arrivals[-1].at_s + AWHILE_S)
        assert here.unsaid() is None
        counts = here.merging.counts
        assert (counts.late, counts.duplicate, counts.pressed) == (0, 0, 0)
    return messages


@pytest.mark.parametrize(("case", "split"), [*zip(CASES, cycle(SPLITS), strict=False)])
def test_decisions_of_every_capture_are_those_of_one_process(
    case: str, split: Callable[[int], Split]
) -> None:
    observations, judge = said(case), Judge(CATALOG)
    habits = Habits(7, 0.2), Habits(50, 3.0), Habits(3, 0.0)
    arrivals = fleet(observations, split(3), habits, judge.interest)
    assert as_told(told(arrivals, judge, 3)) == one_process(observations, Pipeline(CATALOG))


@settings(max_examples=60, deadline=None)
@given(
    made=exchanges(),
    split=st.sampled_from(SPLITS),
    habits=st.lists(st.builds(Habits, st.integers(1, 60), st.floats(0, 5)), min_size=1, max_size=3),
    partitions=st.integers(1, 4),
)
def test_any_traffic_parted_in_any_way_leads_to_the_same(
    made: list[Answer | Flow | Call], split: Callable[[int], Split], habits: list[Habits], partitions: int
) -> None:
    with TemporaryDirectory() as folder:
        sensor = open_sensor([capture(made, Path(folder))], "native", Options())
        observations = [seen for batch in sensor for seen in batch if not isinstance(seen, ConnectionSeen)]
    judge = Judge(CATALOG, POLICY)
    arrivals = fleet(observations, split(len(habits)), habits, judge.interest)
    assert as_told(told(arrivals, judge, partitions)) == one_process(observations, Pipeline(CATALOG, POLICY))


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), restarts=st.lists(st.floats(0, 1), max_size=4))
def test_what_comes_again_and_a_process_that_ends_anywhere_change_nothing(
    seed: int, restarts: list[float]
) -> None:
    observations, judge, chance = said("demo"), Judge(CATALOG), random.Random(seed)
    habits = Habits(4, 1.0), Habits(9, 0.3)
    topic = Topic(1)
    for arrival in fleet(observations, dns_apart(2), habits, judge.interest):
        topic.put(arrival)
        if chance.random() < 0.2:
            topic.put(arrival)  # a sensor's producer tried again
    (stored,) = topic.partitions
    ends = sorted(int(each * len(stored)) for each in restarts)
    messages: list[Said] = []
    committed = duplicates = 0
    for end in (*ends, len(stored)):
        here = partition(0, judge, said_to=committed)
        for offset, (at_s, message) in enumerate(stored[:end]):
            here.offer(message, offset, 0, at_s)
            messages += here.say(at_s)
            if offset >= committed and chance.random() < 0.3:
                unsaid = here.unsaid()
                committed = unsaid[0] if unsaid is not None else offset + 1
        duplicates += here.merging.counts.duplicate
    messages += here.say(stored[-1][0] + AWHILE_S)
    assert as_told(messages) == one_process(observations, Pipeline(CATALOG))
    assert duplicates > 0

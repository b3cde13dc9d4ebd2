"""However observations are parted among sensors, partitions and processes, the decisions are those of one process."""

import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.fleet.judging import Judge
from monitor.fleet.parcels import Said
from monitor.pipeline import Pipeline
from pcaps import golden
from sensors import native
from sensors.observations import NameResolved, Observation
from tests.fleet_kit import (
    NOW_S,
    Split,
    Topic,
    as_told,
    client_of,
    fleet,
    interleaved,
    one_process,
    partition,
    said,
)
from tests.test_native_correlator import CATALOG

pytestmark = pytest.mark.skipif(
    bool(native.MISSING), reason=f"the native engine is not built: {native.MISSING}"
)
CASES = [case.name for case in golden.cases()]
LATER_S = NOW_S + 11


def by_client(sensors: int) -> Split:
    return lambda seen: zlib.crc32(client_of(seen).encode()) % sensors


def by_flow(sensors: int) -> Split:
    def split(seen: Observation) -> int:
        flow = getattr(seen, "flow", None)
        return zlib.crc32(repr(flow or client_of(seen)).encode()) % sensors

    return split


def dns_apart(sensors: int) -> Split:
    flows = by_flow(sensors - 1) if sensors > 1 else by_flow(1)
    return lambda seen: 0 if isinstance(seen, NameResolved) else flows(seen) + (sensors > 1)


SPLITS = (by_client, by_flow, dns_apart)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("split", SPLITS, ids=lambda split: split.__name__)
def test_decisions_of_every_capture_are_those_of_one_process(case: str, split) -> None:
    observations = said(case)
    judge, topic = Judge(CATALOG), Topic(3)
    for parcel in interleaved(fleet(observations, split(3), [7, 50, 3]), seed=1):
        topic.put(parcel)
    told: list[Said] = []
    for number, messages in enumerate(topic.partitions):
        here = partition(number, judge)
        for offset, message in enumerate(messages):
            here.offer(message, offset, 0, NOW_S)
            told += here.say(NOW_S)
        told += here.say(LATER_S)
        assert here.unsaid() is None
        assert (here.merging.counts.late, here.merging.counts.overdue) == (0, 0)
    assert as_told(told) == one_process(observations, Pipeline(CATALOG))

"""What a sensor says, encoded and read elsewhere, leads to the same connections, counts and decisions."""

from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.pipeline import Pipeline
from pcaps import golden
from sensors import native
from sensors.engine import Options, open_sensor
from sensors.interest import Interest
from sensors.observations import Observation
from sensors.relayed import NotABatchError, Relayed, Taken
from tests.test_native_correlator import CATALOG, EVERYTHING

pytestmark = pytest.mark.skipif(
    bool(native.MISSING), reason=f"the native engine is not built: {native.MISSING}"
)
CASES = [case.name for case in golden.cases()]
ENCODE = msgspec.msgpack.Encoder().encode


def said(case: str) -> list[Observation]:
    lines = (golden.PCAPS / case / "observations.jsonl").read_bytes().splitlines()
    return [msgspec.json.decode(line, type=Observation) for line in lines]


def handed_out(relayed: Relayed) -> Iterator[object]:
    while batch := relayed.next_batch():
        yield from batch


@pytest.mark.parametrize("case", CASES)
def test_connections_and_counts_are_those_of_a_sensor_here(case: str) -> None:
    interest = Pipeline(CATALOG).interest()
    for wanted in (EVERYTHING, interest, Interest()):
        sensor = open_sensor([golden.traffic(golden.PCAPS / case)], "native", Options(interest=wanted))
        here = [seen for batch in sensor for seen in batch]
        relayed = Relayed(wanted)
        observations = said(case)
        assert relayed.take(ENCODE(observations)) == Taken(len(observations), 0, 0)
        assert list(handed_out(relayed)) == here
        assert relayed.counted() == sensor.counted()


@given(sizes=st.lists(st.integers(1, 9), min_size=1, max_size=20))
def test_batches_of_any_size_say_the_same(sizes: list[int]) -> None:
    observations = said("demo")
    whole, pieces = Relayed(EVERYTHING), Relayed(EVERYTHING)
    whole.take(ENCODE(observations))
    rest = iter(observations)
    for size in sizes * (len(observations) // sum(sizes) + 1):
        pieces.take(ENCODE([each for _, each in zip(range(size), rest, strict=False)]))
    assert list(handed_out(pieces)) == list(handed_out(whole))
    assert pieces.counted() == whole.counted()


def test_what_is_no_observation_is_counted_and_the_others_stand() -> None:
    good = said("openai-eu")
    mixed = [{"type": "weather", "ts_ns": 1}, *good, 7, {"type": "gap"}, {"no": "type"}]
    relayed = Relayed(EVERYTHING)
    assert relayed.take(ENCODE(mixed)) == Taken(len(good), 3, 1)
    whole = Relayed(EVERYTHING)
    whole.take(ENCODE(good))
    assert list(handed_out(relayed)) == list(handed_out(whole))


@pytest.mark.parametrize("batch", [b"", b"\x01", b"\x81\xa1a\x01", b"\xdd\xff\xff\xff\xff", b"\xc1"])
def test_what_is_no_batch_is_refused(batch: bytes) -> None:
    relayed = Relayed(EVERYTHING)
    with pytest.raises(NotABatchError):
        relayed.take(batch)
    assert relayed.next_batch() == ()


def test_another_interest_counts_by_other_groups() -> None:
    relayed = Relayed(Interest())
    relayed.take(ENCODE(said("openai-eu")))
    before = relayed.retarget(Interest(groups=(("10.20.0.0/16", 3),)))
    assert set(before.groups) == {0}
    relayed.take(ENCODE(said("openai-eu")))
    assert set(relayed.counted().groups) == {3}
    with pytest.raises(ValueError, match="not a prefix"):
        relayed.retarget(Interest(prefixes=("not a prefix",)))

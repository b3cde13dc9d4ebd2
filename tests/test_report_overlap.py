"""Inputs that share connections are noticed, in bounded memory and in any order."""

import random
import tracemalloc

import pytest

from monitor.report.overlap import REMEMBERED, Overlap
from sensors.observations import FlowKey
from tests.observed import at


def connection(number: int) -> tuple[int, FlowKey]:
    return at(number * 0.37), FlowKey("10.0.0.1", 1_024 + number % 50_000, "203.0.113.9", 443, "tcp")


@pytest.mark.parametrize(
    ("first", "second", "shared"),
    [
        (range(10), range(10), True),
        (range(10), range(10, 20), False),
        (range(10), range(9, 20), True),
        (range(20_000), range(20_000, 40_000), False),
        (range(20_000), range(18_000, 38_000), True),
        (range(20_000), range(19_500, 20_000), True),
        (range(0), range(0), False),
    ],
)
def test_what_is_noticed(first: range, second: range, shared: bool) -> None:  # noqa: FBT001
    overlap = Overlap()
    for input_, numbers in enumerate((first, second)):
        mixed = list(numbers)
        random.Random(input_).shuffle(mixed)
        for number in mixed:
            overlap.add(*connection(number))
        assert overlap.close(input_) == (0 if input_ and shared else None)


def test_few_are_remembered() -> None:
    overlap = Overlap()
    tracemalloc.start()
    for number in range(50_000):
        overlap.add(*connection(number))
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert used < REMEMBERED * 2 * 1_000


def test_one_time_and_other_ends_are_two_connections() -> None:
    overlap = Overlap()
    for input_, server in enumerate(("203.0.113.9", "203.0.113.10")):
        overlap.add(at(1), FlowKey("10.0.0.1", 1_024, server, 443, "tcp"))
        assert overlap.close(input_) is None


def test_one_input_may_say_a_connection_twice() -> None:
    overlap = Overlap()
    for _ in range(2):
        overlap.add(*connection(1))
    assert overlap.close(0) is None

"""How long the courier waits."""

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.courier.backoff import (
    CEILING_SECONDS,
    FIRST_SECONDS,
    LEAST_SECONDS,
    MAX_SECONDS,
    SPREAD,
    pause_seconds,
)


class Fixed:
    def __init__(self, number: float) -> None:
        self.number = number

    def random(self) -> float:
        return self.number


@pytest.mark.parametrize(
    ("attempts", "whole"),
    [(1, FIRST_SECONDS), (2, 2.0), (3, 4.0), (9, 256.0), (10, MAX_SECONDS), (10_000, MAX_SECONDS)],
)
def test_it_doubles_up_to_its_most(attempts: int, whole: float) -> None:
    assert pause_seconds(attempts, None, Fixed(0.0)) == whole / 2
    assert pause_seconds(attempts, None, Fixed(0.5)) == whole * 0.75
    assert pause_seconds(attempts, None, Fixed(math.nextafter(1.0, 0.0))) <= whole


@pytest.mark.parametrize(
    ("asked", "least"),
    [(0.0, LEAST_SECONDS), (7.0, 7.0), (1e300, CEILING_SECONDS), (CEILING_SECONDS + 1, CEILING_SECONDS)],
)
def test_what_is_asked_for_is_kept_to(asked: float, least: float) -> None:
    assert pause_seconds(5, asked, Fixed(0.0)) == least
    assert pause_seconds(5, asked, Fixed(0.9)) == pytest.approx(least * (1 + SPREAD * 0.9))


@pytest.mark.parametrize("asked", [math.nan, math.inf, -1.0, None])
def test_what_no_one_can_ask_for_is_not_heard(asked: float | None) -> None:
    assert pause_seconds(1, asked, Fixed(0.0)) == FIRST_SECONDS / 2


@given(st.integers(0, 10**9), st.none() | st.floats(), st.integers())
def test_it_is_never_nothing_and_never_for_ever(attempts: int, asked: float | None, seed: int) -> None:
    found = pause_seconds(attempts, asked, Random(seed))
    assert LEAST_SECONDS <= found <= CEILING_SECONDS * (1 + SPREAD)

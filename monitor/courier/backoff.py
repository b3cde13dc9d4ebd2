"""How long to wait after a receiver did not take what it was given. Pure: chance is handed in."""

import math
from typing import Protocol

FIRST_SECONDS = 1.0
MAX_SECONDS = 300.0  # between two attempts, where the receiver says nothing
CEILING_SECONDS = 3_600.0  # of what a receiver may ask for
LEAST_SECONDS = 0.2  # even where it asks for none
SPREAD = 0.1  # so much more than was asked for, at most: not all senders come back at once
_MAX_DOUBLINGS = 30


class Chance(Protocol):
    """What `random.Random` offers of itself."""

    def random(self) -> float:
        """Return a number of [0, 1)."""


def pause_seconds(attempts: int, asked: float | None, chance: Chance) -> float:
    """Return the pause after so many failed attempts in a row (from 1).

    Without ``asked`` it doubles, and lies between half of that and all of it. What a receiver asks for is
    kept to, up to CEILING_SECONDS, and never fallen short of.
    """
    if asked is not None and math.isfinite(asked) and asked >= 0:
        return max(min(asked, CEILING_SECONDS), LEAST_SECONDS) * (1 + SPREAD * chance.random())
    whole: float = min(FIRST_SECONDS * 2 ** min(max(attempts - 1, 0), _MAX_DOUBLINGS), MAX_SECONDS)
    return whole * (0.5 + 0.5 * chance.random())

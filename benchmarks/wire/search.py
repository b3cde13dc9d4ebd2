"""Looks for the highest rate that is held without loss: by halving, then for longer. Pure."""

from collections.abc import Callable

import msgspec

from benchmarks.wire.sending import AS_MANY_AS_GO
from benchmarks.wire.trial import Trial

SLOWER = 0.95  # what is tried next where a rate is not held for longer
CONFIRMATIONS = 5
BEYOND = 2.0  # times the rate that is held

Try = Callable[[float, float, float], Trial]  # a rate, for how many seconds, and how many of these stalled


class Plan(msgspec.Struct, frozen=True):
    """How long each step is, in seconds, and how many steps of halving."""

    search_seconds: float
    hold_seconds: float
    beyond_seconds: float
    steps: int


class Result(msgspec.Struct, frozen=True):
    """``held`` is the confirmed trial, null where there is none; ``beyond`` is one that asks for too much.

    ``by_sender`` says that the sender has no more: what could be held is not known, and to be asked too much
    the program is stopped for half of the time. All trials are kept.
    """

    held: Trial | None
    beyond: Trial
    by_sender: bool
    trials: list[Trial]


def search(attempt: Try, plan: Plan) -> Result:
    """Search, confirm, and go beyond."""
    top = attempt(AS_MANY_AS_GO, plan.search_seconds, 0.0)
    trials = [top]
    rate = top.sent.rate
    if not top.is_held:
        low, high = 0.0, rate
        for _ in range(plan.steps):
            middle = (low + high) / 2
            trials.append(attempt(middle, plan.search_seconds, 0.0))
            low, high = (middle, high) if trials[-1].is_held else (low, middle)
        rate = low
    held = _confirmed(attempt, rate, plan, trials) if rate else None
    by_sender = held is not None and held.wanted_rate == AS_MANY_AS_GO
    wanted = BEYOND * held.sent.rate if held is not None and not by_sender else AS_MANY_AS_GO
    wanted = AS_MANY_AS_GO if wanted > top.sent.rate else wanted
    stalled_seconds = plan.beyond_seconds / 2 if by_sender else 0.0
    beyond = attempt(wanted, plan.beyond_seconds, stalled_seconds)
    return Result(held, beyond, by_sender, [*trials, beyond])


def _confirmed(attempt: Try, rate: float, plan: Plan, trials: list[Trial]) -> Trial | None:
    """Hold a rate for longer; where that fails, one that is a little lower."""
    wanted = AS_MANY_AS_GO if trials[0].is_held else rate
    for _ in range(CONFIRMATIONS):
        trials.append(attempt(wanted, plan.hold_seconds, 0.0))
        if trials[-1].is_held:
            return trials[-1]
        rate *= SLOWER
        wanted = rate
    return None

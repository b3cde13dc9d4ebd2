"""What the number of partitions, which is chosen once, does to the hottest of them, at several skews."""

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from benchmarks.model.figures import Figures
from benchmarks.model.parcelling import Parcelling, folded
from benchmarks.model.plan import Plan
from benchmarks.model.queues import correlators_needed
from benchmarks.model.work import Work
from benchmarks.model.world import Array, slot_shares, zipf
from sensors.slots import SLOTS


class Choice(msgspec.Struct, frozen=True):
    """A number of partitions in the busiest hour. ``hottest`` is in multiples of the mean, by observations.

    ``correlators`` is how many keep each below the plan's headroom, None where no number does.
    """

    partitions: int
    hottest: float
    hottest_cores: float
    cores: float
    to_all_messages: float  # a second
    correlators: int | None


class Skewed(msgspec.Struct, frozen=True):
    """How hot the hottest partition is, for each number of partitions, at a skew of clients."""

    skew: float
    gateways: bool
    hottest: list[float]
    busiest_slot: float  # in shares of all observations


def site_rates(plan: Plan, figures: Figures) -> Array:
    """Return each sensor's observations a second in the busiest hour."""
    found: Array = zipf(plan.sensors, plan.site_skew) * plan.gbit / 8 * figures.observations_per_gb.value
    return found


def counts(plan: Plan) -> list[int]:
    """Return the numbers of partitions that are compared: powers of two, and the plan's."""
    usual = {1 << power for power in range(3, SLOTS.bit_length())}
    return sorted({*usual, plan.partitions})


def choices(plan: Plan, figures: Figures, shares: Array) -> Iterator[Choice]:
    """Yield what each number of partitions would come to."""
    rates_per_s = site_rates(plan, figures)
    for count in counts(plan):
        other = msgspec.structs.replace(plan, partitions=count)
        rates = Parcelling(other, figures, shares, rates_per_s).at(np.ones(plan.sensors))
        work = Work(figures, count)
        found = work_by_partition(work, rates.observations, rates.parcels, work.to_all(rates))
        observed = rates.observations.sum(axis=0)
        yield Choice(
            count,
            float(observed.max() / observed.mean()),
            float(found.max()),
            float(found.sum()),
            count * (float(rates.names.sum()) + plan.sensors * work.signs_per_partition()),
            correlators_needed(found, plan.headroom),
        )


def work_by_partition(work: Work, observations: Array, parcels: Array, to_all: float) -> Array:
    """Return each partition's work, in cores."""
    return work.correlating(observations.sum(axis=0), parcels.sum(axis=0)) + to_all


def skews(plan: Plan, places: npt.NDArray[np.int64], exponents: Sequence[float]) -> Iterator[Skewed]:
    """Yield the hottest partition's share at several skews, without gateways and with those of the plan."""
    weights = zipf(plan.sensors, plan.site_skew)
    for gateways in (0.0, plan.gateways) if plan.gateways else (0.0,):
        for skew in exponents:
            other = msgspec.structs.replace(plan, skew=skew, gateways=gateways)
            by_slot: Array = weights @ slot_shares(other, places)
            hottest = [float(folded(by_slot, count).max() * count) for count in counts(plan)]
            yield Skewed(skew, gateways > 0, hottest, float(by_slot.max()))

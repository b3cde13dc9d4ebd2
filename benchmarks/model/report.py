"""All that is worked out of a plan, in order."""

from functools import lru_cache

import msgspec
import numpy as np

from benchmarks.model.figures import Figures
from benchmarks.model.parcelling import Parcelling
from benchmarks.model.partitions import Choice, Skewed, choices, site_rates, skews, work_by_partition
from benchmarks.model.plan import Plan
from benchmarks.model.queues import correlators_needed
from benchmarks.model.running import Outcome, run
from benchmarks.model.sizes import Cost, Keeping, Sizes, cost, sizes
from benchmarks.model.work import Work
from benchmarks.model.world import slot_shares, slots

SKEWS = (0.0, 0.8, 1.0, 1.2)


class Report(msgspec.Struct, frozen=True):
    """All that was worked out."""

    plan: Plan
    keeping: Keeping
    figures: Figures
    sizes: Sizes
    cost: Cost
    choices: list[Choice]
    skews: list[Skewed]
    outcome: Outcome


@lru_cache(maxsize=4)
def work_out(plan: Plan, keeping: Keeping, figures: Figures) -> Report | None:
    """Size and simulate; None where the hottest partition is too much for one core."""
    places = slots(plan)
    shares = slot_shares(plan, places)
    parcelling = Parcelling(plan, figures, shares, site_rates(plan, figures))
    rates = parcelling.at(np.ones(plan.sensors))
    work = Work(figures, plan.partitions)
    by_partition = work_by_partition(work, rates.observations, rates.parcels, work.to_all(rates))
    correlators = plan.correlators or correlators_needed(by_partition, plan.headroom)
    if correlators is None:
        return None
    found = sizes(plan, figures, keeping, rates)
    return Report(
        plan,
        keeping,
        figures,
        found,
        cost(plan, keeping, found, correlators),
        list(choices(plan, figures, shares)),
        list(skews(plan, places, SKEWS)),
        run(plan, figures, parcelling, correlators),
    )

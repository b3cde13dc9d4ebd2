"""How a piece of evidence is added to an attribution: it agrees, fills in, weakens, or contradicts. Pure."""

from collections.abc import Sequence

from msgspec.structs import replace

from monitor.catalog import Catalog
from monitor.catalog.endpoints import Endpoint
from monitor.types import Attribution, Certainty, Evidence

CERTAINTIES: tuple[Certainty, ...] = ("observed", "inferred", "indeterminate")


def agree(attribution: Attribution, step: Endpoint, catalog: Catalog) -> bool:
    """Whether a weaker piece of evidence is about the same place."""
    if attribution.countries and not set(step.countries) <= set(attribution.countries):
        return False
    if attribution.region is None or step.region is None or attribution.region == step.region:
        return True
    vendor = step.provider or ""
    return None in (catalog.region(vendor, attribution.region), catalog.region(vendor, step.region))


def can_fill(attribution: Attribution, step: Endpoint) -> bool:
    """Whether a step of the chain, or a range, may name the region that is open."""
    return step.region is not None and attribution.region is None and attribution.scope != "global"


def filled(attribution: Attribution, step: Endpoint, said: Evidence) -> Attribution:
    """The attribution with the place that a step of the chain, or a range, names."""
    return replace(
        attribution,
        region=step.region,
        countries=step.countries or attribution.countries,
        scope=step.scope if attribution.scope == "unknown" else attribution.scope,
        evidence=(*attribution.evidence, said),
    )


def add(attribution: Attribution, *said: Evidence) -> Attribution:
    """The attribution with more evidence for it, or beside it."""
    return replace(attribution, evidence=(*attribution.evidence, *said)) if said else attribution


def against(attribution: Attribution, conflicts: Sequence[Evidence]) -> Attribution:
    """The attribution with evidence as strong as its own against it."""
    if not conflicts:
        return attribution
    return replace(attribution, certainty="indeterminate", conflicts=(*attribution.conflicts, *conflicts))


def weaken(attribution: Attribution, certainty: Certainty) -> Attribution:
    """The attribution, at most so certain."""
    weaker = max(attribution.certainty, certainty, key=CERTAINTIES.index)
    return replace(attribution, certainty=weaker)

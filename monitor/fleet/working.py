"""Adds up what the partitions of a correlator did, and how they stand, for its metrics."""

from collections.abc import Collection

from monitor.fleet.owned import Owned
from monitor.metrics.fleet import FleetLevels, Work

_COUNTED = ("parcels", "observations", "malformed", "unknown", "judged", "covered")
_MERGED = ("duplicate", "late", "ahead", "overdue", "pressed")


def add_work(work: Work, owned: Owned) -> None:
    """Add what was done for a partition."""
    counts, merged = owned.partition.counts, owned.partition.merging.counts
    for name in _COUNTED:
        setattr(work, name, getattr(work, name) + getattr(counts, name))
    for name in _MERGED:
        setattr(work, name, getattr(work, name) + getattr(merged, name))


def levels_of(owned: Collection[Owned], lag: int, now_s: float) -> FleetLevels:
    """Return how partitions stand."""
    rebuilding = sum(each.is_rebuilding for each in owned)
    return FleetLevels(
        held=sum(each.partition.merging.waiting() for each in owned),
        held_bytes=sum(each.partition.merging.held_bytes for each in owned),
        lag=lag,
        following=len(owned) - rebuilding,
        rebuilding=rebuilding,
        silent=max((len(each.partition.merging.silent(now_s)) for each in owned), default=0),
    )

"""The summary of a replay as one document: what was read, what could be named, who was reached, what follows.

Pure: it arranges what the sensor and the tally counted. `summary.json` is this document, key by key.
"""

from collections.abc import Sequence

import msgspec

from monitor.correlator import CorrelatorCounters
from monitor.tally import Destination, FlowCount, Tally
from monitor.types import Coverage, Outcome
from sensors.observations import Accounting, Count

SCHEMA = "residency-summary/1"
LIMITS = (
    "Network evidence shows where a connection ended, not where inference ran.",
    "Traffic that did not pass the capture point is not in these figures.",
)


class Versions(msgspec.Struct, frozen=True):
    """What a run was made with. Two runs with equal versions over equal input give equal decisions."""

    tool: str
    engine: str
    catalogue: str
    policy: str | None
    datasets: tuple[str, ...] = ()


class Summary(msgspec.Struct, frozen=True):
    """All that a replay says in total."""

    versions: Versions
    inputs: tuple[str, ...]
    complete: bool
    accounting: Accounting
    gaps: dict[str, Count]
    connections: FlowCount
    coverage: dict[Coverage, FlowCount]
    named_share: float | None
    lookups: FlowCount
    forgotten: CorrelatorCounters
    llm_related: FlowCount
    outcomes: dict[Outcome, FlowCount] | None
    destinations: tuple[Destination, ...]
    folded_destinations: int
    limits: tuple[str, ...] = LIMITS
    schema: str = SCHEMA


def summarise(
    versions: Versions,
    inputs: Sequence[str],
    accounting: Accounting,
    counted: tuple[Tally, CorrelatorCounters],
) -> Summary:
    """Arrange the totals of a run."""
    tally, forgotten = counted
    connections = tally.connections()
    named = tally.coverage["sni"].flows + tally.coverage["dns"].flows
    return Summary(
        versions=versions,
        inputs=tuple(inputs),
        complete=is_complete(accounting, tally),
        accounting=accounting,
        gaps=dict(sorted(tally.gaps.items())),
        connections=connections,
        coverage=tally.coverage,
        named_share=round(named / connections.flows, 4) if connections.flows else None,
        lookups=tally.lookups,
        forgotten=forgotten,
        llm_related=tally.related,
        outcomes=tally.outcomes if versions.policy is not None else None,
        destinations=tuple(tally.destinations()),
        folded_destinations=tally.folded_destinations,
    )


def is_complete(accounting: Accounting, tally: Tally) -> bool:
    """Tell whether everything that was on the wire at the capture point could be looked at."""
    lost = {"ring", "table", "snaplen"} & tally.gaps.keys()
    return not accounting.faults and not lost

"""Turns destinations into a flow over three columns: whose clients, which provider, which place. Pure.

Each column keeps so many names; the connections of the others are added up under one. Sums stay what they
were: every connection is in one band between the first two columns, and in one between the last two.
"""

from collections.abc import Mapping, Sequence

import msgspec

from monitor.counts import FlowCount
from monitor.report.charts.judged import judgement
from monitor.report.charts.places import provider, short_place, source_group
from monitor.report.types import JUDGEMENTS, Judgement
from monitor.tally import Destination

COLUMNS = ("source group", "provider", "place")
MOST_NODES = (
    12,
    9,
    6,
)  # names in a column, with that of the others: fewer where there would be too many bands
MOST_BANDS = 160  # between two columns

Names = tuple[str, str, str]


class Band(msgspec.Struct, frozen=True):
    """Connections of one judgement from a name in one column to a name in the next."""

    source: str
    target: str
    judgement: Judgement
    count: FlowCount


class Flow(msgspec.Struct, frozen=True):
    """The names of each column with their connections, and the bands between the columns."""

    columns: tuple[dict[str, FlowCount], ...]
    gaps: tuple[tuple[Band, ...], ...]
    others: frozenset[str] = frozenset()  # names that stand for those which are left out


def folded(rows: Sequence[Destination]) -> Flow:
    """Return the flow of the destinations, within the bounds."""
    for most in MOST_NODES:
        flow = _flow(rows, most)
        if all(len(gap) <= MOST_BANDS for gap in flow.gaps):
            break
    return flow


def _flow(rows: Sequence[Destination], most: int) -> Flow:
    names: list[Names] = [(source_group(row.key), provider(row.key), short_place(row.key)) for row in rows]
    calls = [_called(rows, [each[column] for each in names], most) for column in range(len(COLUMNS))]
    columns: tuple[dict[str, FlowCount], ...] = tuple({} for _ in COLUMNS)
    gaps: tuple[dict[tuple[str, str, Judgement], FlowCount], ...] = ({}, {})
    for row, own in zip(rows, names, strict=True):
        called = [calls[column][name] for column, name in enumerate(own)]
        for column, name in zip(columns, called, strict=True):
            column.setdefault(name, FlowCount()).include(row.count)
        for gap, source, target in zip(gaps, called, called[1:], strict=False):
            gap.setdefault((source, target, judgement(row)), FlowCount()).include(row.count)
    bands = tuple(tuple(Band(*key, count) for key, count in gap.items()) for gap in gaps)
    others = frozenset(call for names in calls for name, call in names.items() if call != name)
    return Flow(columns, bands, others)


def _called(rows: Sequence[Destination], names: Sequence[str], most: int) -> Mapping[str, str]:
    """Return what each name is called: itself, or "others" beyond the most; those with violations first."""
    flows: dict[str, int] = {}
    outside: set[str] = set()
    for row, name in zip(rows, names, strict=True):
        flows[name] = flows.get(name, 0) + row.count.flows
        if judgement(row) == JUDGEMENTS[0]:
            outside.add(name)
    if len(flows) <= most:
        return {name: name for name in flows}
    ranked = sorted(flows, key=lambda name: (name not in outside, -flows[name], name))
    others = f"{len(ranked) - most + 1:,} others"
    return {name: name if rank < most - 1 else others for rank, name in enumerate(ranked)}

"""The numbers behind the charts, as tables for those who read them so. Pure.

Each row counts connections by judgement, and every connection of the destinations is in one row of a table.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby

import msgspec

from monitor.report.charts.judged import judgement
from monitor.report.charts.places import place_in_full, provider, short_place, source_group
from monitor.report.types import JUDGEMENTS, Facts, Judgement, Loaded
from monitor.tally import Destination, DestinationKey

MAX_ROWS = 200


class Row(msgspec.Struct, frozen=True):
    """What is counted, and connections by judgement, in the order of JUDGEMENTS."""

    names: tuple[str, ...]
    counts: tuple[int, ...]

    @property
    def total(self) -> int:
        """The connections of all judgements."""
        return sum(self.counts)


def by_place(rows: Iterable[Destination]) -> list[Row]:
    """Return connections by place as the map calls it, and what is promised of it; most connections first."""
    return _counted(rows, lambda key: (short_place(key), place_in_full(key)))


def by_way(rows: Iterable[Destination]) -> list[Row]:
    """Return connections by source group, provider and place; most connections first."""
    return _counted(rows, lambda key: (source_group(key), provider(key), short_place(key)))


def marks(loaded: Sequence[Loaded]) -> list[tuple[int, str]]:
    """Return when a ledger began to use another policy, catalogue or data set, and which."""
    found: list[tuple[int, str]] = []
    ordered = sorted(
        (each for each in loaded if each.at_ns is not None), key=lambda each: (each.input, each.at_ns or 0)
    )
    for _, of_input in groupby(ordered, key=lambda each: each.input):
        before: Loaded | None = None
        for each in of_input:
            changes = ", ".join(_changes(before, each))
            if changes:
                found.append((each.at_ns or 0, changes))
            before = each
    return sorted(set(found))


def judgements_in(facts: Facts) -> tuple[Judgement, ...]:
    """Return the judgements that any part of the facts counts, in order."""
    present = {judgement(row) for row in facts.destinations}
    present |= {name for bucket in facts.timeline.buckets for name in bucket.counts}
    return tuple(each for each in JUDGEMENTS if each in present)


def _counted(rows: Iterable[Destination], name: Callable[[DestinationKey], tuple[str, ...]]) -> list[Row]:
    counts: dict[tuple[str, ...], dict[Judgement, int]] = {}
    for row in rows:
        of_name = counts.setdefault(name(row.key), {})
        of_name[judgement(row)] = of_name.get(judgement(row), 0) + row.count.flows
    made = (Row(names, tuple(found.get(each, 0) for each in JUDGEMENTS)) for names, found in counts.items())
    return sorted(made, key=lambda row: (-row.total, row.names))


def _changes(before: Loaded | None, after: Loaded) -> Iterator[str]:
    """Yield what was loaded that was not there before; of the first, all but the data sets' names."""
    if before is None or before.policy != after.policy:
        yield f"policy {after.policy or 'none'}"
    if before is None or before.catalogue != after.catalogue:
        yield f"catalogue {after.catalogue}"
    if before is not None and before.datasets != after.datasets:
        new = [each for each in after.datasets if each not in before.datasets]
        yield f"data sets {', '.join(new)}" if new else "fewer data sets"

"""Makes one statement for each prefix out of all rows that hold it. Pure.

The longest prefix that names a region names it; the service is the one with the fewest addresses of those
that the prefix is published under. A prefix that leaves something open takes it from the one around it.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

import msgspec

from monitor.datasets.rows import ADDRESS_BITS, Prefix, Row, overlap


class Statement(msgspec.Struct, frozen=True):
    """What a provider says of a prefix, all its rows taken together."""

    region: str | None
    service: str | None
    generic: bool
    anycast: bool
    dataset: str


def resolve(files: Sequence[tuple[str, Sequence[Row]]]) -> dict[Prefix, Statement]:
    """The statements of one provider, whose ``files`` are the names of data sets, with their rows.

    Where a prefix stands in several files, the first of them speaks.
    """
    own: dict[Prefix, list[Row]] = {}
    datasets: dict[Prefix, str] = {}
    for dataset, rows in files:
        for row in rows:
            if datasets.setdefault(row.prefix, dataset) == dataset:
                own.setdefault(row.prefix, []).append(row)
    sizes = _sizes(own)
    statements: dict[Prefix, Statement] = {}
    for prefix, around in _nested(sorted(own, key=lambda prefix: (prefix.first, prefix.length))):
        outer = statements[around] if around is not None else None
        statements[prefix] = _statement(own[prefix], outer, sizes, datasets[prefix])
    return statements


def _sizes(own: dict[Prefix, list[Row]]) -> dict[str | None, int]:
    """How many addresses each service is published with."""
    prefixes: dict[str | None, set[Prefix]] = defaultdict(set)
    for prefix, rows in own.items():
        for row in rows:
            prefixes[row.service].add(prefix)
    return {
        service: sum(1 << (ADDRESS_BITS - prefix.length) for prefix in found)
        for service, found in prefixes.items()
    }


def _nested(prefixes: Sequence[Prefix]) -> Iterator[tuple[Prefix, Prefix | None]]:
    """Each prefix with the next one around it. ``prefixes`` are sorted by first address, then length."""
    open_: list[Prefix] = []
    for prefix in prefixes:
        while open_ and not overlap(open_[-1], prefix):
            open_.pop()
        yield prefix, open_[-1] if open_ else None
        open_.append(prefix)


def _statement(
    rows: Sequence[Row], outer: Statement | None, sizes: dict[str | None, int], dataset: str
) -> Statement:
    regions = sorted({row.region for row in rows if row.region is not None})
    placed = len(regions) == 1  # several that disagree name none
    stated = bool(regions) or any(row.everywhere for row in rows)
    region = regions[0] if placed else outer.region if outer is not None and not stated else None
    specific = [row for row in rows if not row.generic]
    anycast = any(row.anycast for row in rows)
    if specific:
        best = min(specific, key=lambda row: (sizes[row.service], row.service or ""))
        return Statement(region, best.service, generic=False, anycast=anycast, dataset=dataset)
    if outer is not None and (not stated or (not outer.generic and outer.region == region)):
        return Statement(region, outer.service, outer.generic, outer.anycast, dataset)
    return Statement(region, rows[0].service, generic=True, anycast=anycast, dataset=dataset)

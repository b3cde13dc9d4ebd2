"""Writes many small parts as few: of a day, and of a month that is over. To be committed.

So a query opens thousands of files where it would open hundreds of thousands. A merged part is bounded, for
it is sorted in memory.
"""

import datetime as dt
from collections.abc import Iterable, Iterator

from monitor.archive.layout import Place, is_over
from monitor.archive.parts import read_part, write_table
from monitor.archive.store import Archive
from monitor.archive.types import Part

MAX_ROWS = 250_000  # of a merged part: some 0.5 GB while it is sorted
MANY = 8  # parts of a partition that are worth to be merged
SETTLED_DAYS = 7  # after a month's end: what comes later is rare


def compact(archive: Archive, today: dt.date) -> Iterator[int]:
    """Merge small parts of each partition; yield how many became one. Raises InputError."""
    for place, parts in _partitions(archive.parts.values(), today):
        for group in _groups(parts) if len(parts) >= MANY else ():
            archive.replace(group, [_merged(archive, place, group)])
            yield len(group)


def _partitions(parts: Iterable[Part], today: dt.date) -> list[tuple[Place, list[Part]]]:
    """Return what belongs together: a month that is over, where that has many parts, or else each day."""
    by_month: dict[Place, list[Part]] = {}
    for part in parts:
        by_month.setdefault(part.place.month, []).append(part)
    found: dict[Place, list[Part]] = {}
    for month, whole in by_month.items():
        fold = is_over(month.period, today, SETTLED_DAYS) and len(whole) >= MANY
        for part in whole:
            found.setdefault(month if fold else part.place, []).append(part)
    return [(place, found[place]) for place in sorted(found, key=lambda each: each.folder)]


def _groups(parts: Iterable[Part]) -> Iterator[list[Part]]:
    """Yield parts that are to become one: neighbours in time, as many as one may hold."""
    group: list[Part] = []
    rows = 0
    for part in sorted(parts, key=lambda each: (each.first_ns, each.name)):
        if group and rows + part.rows > MAX_ROWS:
            if len(group) > 1:
                yield group
            group, rows = [], 0
        group.append(part)
        rows += part.rows
    if len(group) > 1:
        yield group


def _merged(archive: Archive, place: Place, group: Iterable[Part]) -> Part:
    import pyarrow as pa  # noqa: PLC0415  optional and heavy

    return write_table(archive.root, place, pa.concat_tables(read_part(archive.root, part) for part in group))

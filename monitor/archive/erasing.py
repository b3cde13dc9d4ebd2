"""Deletes what was kept long enough, and what ledgers say they erased.

A part of which only some rows go is written anew without them. To be committed.
"""

import datetime as dt
import functools
import operator
from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from monitor.archive.layout import Table
from monitor.archive.parts import read_part, write_table
from monitor.archive.store import Archive
from monitor.archive.types import Erasure, Part
from monitor.ledger.days import DAY_NS, day_number, day_text
from monitor.ledger.retention import KeptDays
from monitor.ledger.types import PayloadClass

Why = Literal["expired", "erased"]


class Deleted(msgspec.Struct, frozen=True):
    """Rows that were deleted of one class of a tenant, out of one file, and their days.

    ``why``: they were kept long enough here (expired), or a ledger says that it erased them.
    """

    table: Table
    tenant: str | None
    payload_class: PayloadClass
    first_day: str
    last_day: str
    rows: int
    why: Why


def expire(archive: Archive, kept_days: KeptDays, now_ns: int) -> list[Deleted]:
    """Delete rows whose class is kept for fewer days than they were. Raises InputError."""
    deleted = []
    for part in list(archive.parts.values()):
        days = kept_days(part.place.payload_class)
        if days is None:
            continue
        first_kept = day_text(day_number(now_ns - days * DAY_NS))
        if part.first_day < first_kept:
            deleted += _without(
                archive, part, [_Rows(part.first_day, min(part.last_day, _before(first_kept)))]
            )
    return deleted


def erase(archive: Archive) -> list[Deleted]:
    """Delete rows that ledgers say they erased; then nothing is left to be erased. Raises InputError."""
    by_place: dict[tuple[str | None, PayloadClass], list[Erasure]] = {}
    for each in archive.erasures:
        by_place.setdefault((each.tenant, each.payload_class), []).append(each)
    deleted = []
    for part in list(archive.parts.values()):
        found = [
            _Rows(each.day, each.day, each.source, each.before)
            for each in by_place.get((part.place.tenant, part.place.payload_class), ())
            if each.source in part.sources and part.first_day <= each.day <= part.last_day
        ]
        if found:
            deleted += _without(archive, part, found)
    archive.erasures = ()
    return deleted


class _Rows(msgspec.Struct, frozen=True):
    """Which rows go: of days from the first to the last; of one source, before one of its entries."""

    first_day: str
    last_day: str
    source: str | None = None
    before: int = 0

    def which(self) -> Any:
        """Return them as an expression."""
        import pyarrow.compute as pc  # noqa: PLC0415  optional and heavy

        day = pc.field("day")
        found = (day >= dt.date.fromisoformat(self.first_day)) & (day <= dt.date.fromisoformat(self.last_day))
        if self.source is None:
            return found
        return found & (pc.field("source") == self.source) & (pc.field("ledger_index") < self.before)


def _without(archive: Archive, part: Part, gone: Sequence[_Rows]) -> list[Deleted]:
    """Have a part count without some rows; return what that deletes."""
    why: Why = "expired" if any(each.source is None for each in gone) else "erased"
    if any(each.source is None and part.last_day <= each.last_day for each in gone):
        archive.replace([part], [])
        return [_deleted(part, (part.first_day, part.last_day), part.rows, why)]
    going = functools.reduce(operator.or_, (each.which() for each in gone))
    table = read_part(archive.root, part)
    left = table.filter(~going)
    rows = part.rows - left.num_rows
    if not rows:
        return []
    archive.replace([part], [write_table(archive.root, part.place, left)] if left.num_rows else [])
    first, last = min(each.first_day for each in gone), max(each.last_day for each in gone)
    return [_deleted(part, (max(first, part.first_day), min(last, part.last_day)), rows, why)]


def _deleted(part: Part, days: tuple[str, str], rows: int, why: Why) -> Deleted:
    place = part.place
    return Deleted(place.table, place.tenant, place.payload_class, *days, rows, why)


def _before(day: str) -> str:
    return (dt.date.fromisoformat(day) - dt.timedelta(days=1)).isoformat()

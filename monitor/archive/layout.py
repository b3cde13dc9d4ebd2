"""Where in an archive rows stand: by table, tenant, class and day, or month where that is over. Pure.

A tenant's name is encoded as a ledger encodes it: none leads out of the archive, or looks like another key.
"""

import datetime as dt
from typing import Literal

import msgspec

from monitor.ledger.names import tenant_folder
from monitor.ledger.types import PayloadClass

Table = Literal["decisions", "coverage"]
TABLES: tuple[Table, ...] = ("decisions", "coverage")
COVERAGE: PayloadClass = "coverage"  # the class of coverage's rows, as retention calls it
MAX_TENANT_BYTES = 240  # of its name in a path: a name may have 255, with "tenant=" before it


class Place(msgspec.Struct, frozen=True):
    """A partition. ``period`` is a day ("2026-03-10") or a month ("2026-03")."""

    table: Table
    tenant: str | None
    payload_class: PayloadClass
    period: str

    @property
    def folder(self) -> str:
        """Its folder in the archive."""
        key = "month" if self.is_month else "day"
        by_class = f"/class={self.payload_class}" if self.table == "decisions" else ""
        return f"{self.table}/tenant={tenant_folder(self.tenant)}{by_class}/{key}={self.period}"

    @property
    def is_month(self) -> bool:
        """Whether it holds the days of a month."""
        return len(self.period) == len("2026-03")

    @property
    def month(self) -> "Place":
        """The partition of its whole month."""
        return msgspec.structs.replace(self, period=self.period[: len("2026-03")])


def place_of(table: Table, tenant: str | None, payload_class: PayloadClass, day: str) -> Place:
    """Return a day's partition. Raises ValueError for a tenant that can have no folder."""
    if len(tenant_folder(tenant)) > MAX_TENANT_BYTES:
        raise ValueError(f"more than {MAX_TENANT_BYTES} characters are no name of a folder")
    return Place(table, tenant, payload_class, day)


def is_over(period: str, today: dt.date, days: int) -> bool:
    """Tell whether a period's month ended so many days ago."""
    year, month = int(period[:4]), int(period[5:7])
    if (year, month) >= (today.year, today.month):
        return False
    following = dt.date(year + month // 12, month % 12 + 1, 1)
    return (today - following).days >= days

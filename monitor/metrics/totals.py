"""Totals that somebody else keeps, and may begin anew, as counters that never go down.

A reload begins a new tally, and a capture that is opened again a new accounting. What they had counted stays.
"""

import msgspec

from monitor.coverage import ClassCounts
from monitor.metrics import families
from monitor.metrics.family import Family
from monitor.metrics.labels import of_group
from monitor.metrics.series import Series
from monitor.tally import Tally
from sensors.observations import Accounting

SECOND_NS = 1_000_000_000

Row = tuple[Family, dict[str, str], int]
Part = tuple[int, str, str | None]  # of a total: the group's number, the metric, the reason


class Growth:
    """What was last seen of each part of a total."""

    def __init__(self, series: Series) -> None:
        self._series = series
        self._seen: dict[Part, int] = {}

    def seen(self, family: Family) -> int:
        """Return the last value of a part that stands for all."""
        return self._seen.get((0, family.name, None), 0)

    def reach(self, number: int, row: Row) -> None:
        """Add what a part grew by; the first time all of it, which may be 0."""
        family, labels, total = row
        part = number, family.name, labels.get("reason")
        before = self._seen.get(part)
        if total != before:
            self._series.add(family, labels, max(0, total - (before or 0)))
            self._seen[part] = total


class Totals:
    """Adds what totals grew by since they were last given. Whoever calls holds the lock of the series."""

    def __init__(self, series: Series) -> None:
        self._series = series
        self._tally: Tally | None = None
        self._states: dict[int, bytes] = {}  # of the tally's groups, so that most need no second look
        self._of_tally = Growth(series)
        self._of_accounting = Growth(series)

    def covered(self, tally: Tally) -> None:
        """Take the coverage by source group of the tally in use."""
        if tally is not self._tally:
            self._tally = tally
            self._states = {}
            self._of_tally = Growth(self._series)
        for number, (group, counts) in enumerate(tally.covered_by_group()):
            state = msgspec.msgpack.encode(counts)
            if self._states.get(number) != state:
                self._states[number] = state
                for row in coverage_rows(of_group(group), counts):
                    self._of_tally.reach(number, row)

    def accounted(self, accounting: Accounting) -> None:
        """Take what the sensor counted since it began."""
        if accounting.read.packets < self._of_accounting.seen(families.PACKETS):
            self._of_accounting = Growth(self._series)
        for row in _accounting_rows(accounting):
            self._of_accounting.reach(0, row)
        if accounting.last_ns is not None:
            self._series.set(families.LAST_PACKET, {}, accounting.last_ns / SECOND_NS)


def coverage_rows(owner: dict[str, str], counts: ClassCounts) -> list[Row]:
    """Return the totals of one source group."""
    rows: list[Row] = []
    for name, count in counts.coverage.items():
        labels = owner | {"reason": name}
        rows.append((families.CONNECTIONS, labels, count.flows))
        rows.append((families.CONNECTION_BYTES, labels, count.bytes()))
    for kind, count in counts.concealing.items():
        rows.append((families.CONCEALING, owner | {"reason": kind}, count.flows))
    for ech, count in (("offered", counts.ech_offered), ("grease", counts.ech_grease)):
        rows.append((families.ECH, owner | {"reason": ech}, count.flows))
    rows.append((families.UNNAMED_HOSTED, owner, counts.address_hosting.flows))
    rows.append((families.LOOKUPS, owner, counts.lookups.flows))
    return rows


def _accounting_rows(accounting: Accounting) -> list[Row]:
    """Return the totals of a sensor."""
    rows: list[Row] = [
        (families.PACKETS, {}, accounting.read.packets),
        (families.BYTES, {}, accounting.read.bytes),
    ]
    for protocol, count in accounting.decoded.items():
        rows.append((families.DECODED, {"reason": protocol}, count.packets))
    for reason, count in accounting.undecoded.items():
        rows.append((families.UNDECODED, {"reason": reason}, count.packets))
    for event, times in accounting.counters.items():
        rows.append((families.EVENTS, {"reason": event}, times))
    return rows

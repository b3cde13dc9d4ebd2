"""Gathers rows, and writes those of each partition as a part, a bounded number at a time.

What is written counts once it is committed, together with how far its ledger then was archived.
"""

from collections.abc import Iterable

import msgspec

from monitor.archive.columns import Row
from monitor.archive.layout import Place
from monitor.archive.parts import write_rows
from monitor.archive.store import Archive

MAX_ROWS = 20_000  # in memory, some 5 kB each


class Placed(msgspec.Struct, frozen=True):
    """A row, and the partition that it belongs to."""

    place: Place
    row: Row


class Gathering:
    """Rows that have yet to be written. ``rows`` counts those that were."""

    def __init__(self, archive: Archive, max_rows: int = MAX_ROWS) -> None:
        self.rows = 0
        self._archive = archive
        self._max_rows = max_rows
        self._waiting: dict[Place, list[Row]] = {}
        self._held = 0

    def add(self, rows: Iterable[Placed]) -> bool:
        """Take rows; tell whether it is time to write them."""
        for placed in rows:
            self._waiting.setdefault(placed.place, []).append(placed.row)
            self._held += 1
        return self._held >= self._max_rows

    def write(self) -> None:
        """Write what waits; to be committed. Raises InputError."""
        for place in sorted(self._waiting, key=_order):
            rows = self._waiting[place]
            self._archive.replace((), [write_rows(self._archive.root, place, rows)])
            self.rows += len(rows)
        self._waiting.clear()
        self._held = 0

    def drop(self, rows: int) -> None:
        """Let what waits go, and count so many rows again."""
        self.rows, self._held = rows, 0
        self._waiting.clear()


def _order(place: Place) -> str:
    return place.folder

"""Between the loop, which nothing makes wait, and the thread that records: a bounded queue.

What is urgent wakes that thread at once; the rest may wait for a while, so that there are fewer writes.
"""

import threading
from collections.abc import Sequence

from msgspec import Struct

from monitor.daemon.backlog import Backlog, Item
from monitor.ledger.types import PayloadClass

BACKLOG_BYTES = 33_554_432  # of items that wait, some 14,000 decisions
WAKE_BYTES = 262_144  # items that wait for no pause
URGENT: frozenset[PayloadClass] = frozenset({"violation", "indeterminate"})


class Waiting(Struct, frozen=True):
    """How many items wait, and how many were shed, by class."""

    waiting: dict[PayloadClass, int]
    shed: dict[PayloadClass, int]


class Intake:
    """One thread puts in, another takes out."""

    def __init__(self, limit_bytes: int = BACKLOG_BYTES) -> None:
        self._backlog = Backlog(limit_bytes)
        self._wake_bytes = min(WAKE_BYTES, limit_bytes // 2)
        self._changed = threading.Condition()
        self._is_urgent = self._is_closed = self._in_hand = False

    def put(self, item: Item) -> None:
        """Add an item."""
        with self._changed:
            self._backlog.add(item)
            if item.record.payload_class in URGENT or self._backlog.bytes >= self._wake_bytes:
                self._wake()

    def wake(self) -> None:
        """Have what is there taken now."""
        with self._changed:
            self._wake()

    def close(self) -> None:
        """Let ``take`` return at once from now on."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def take(self, least_bytes: int, pause_seconds: float) -> list[Item]:
        """Wait until there is something urgent, or much, or for so long; return items as a backlog does.

        They are in hand until ``put_back``.
        """
        with self._changed:
            if not (self._is_urgent or self._is_closed):
                self._changed.wait(pause_seconds)
            items = self._backlog.take(least_bytes)
            self._is_urgent = self._backlog.bytes >= self._wake_bytes
            self._in_hand = bool(items)
            return items

    def pause(self, seconds: float) -> None:
        """Wait for so long, or until it is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed, seconds)

    def put_back(self, left: Sequence[Item]) -> None:
        """Keep what could not be recorded of the items in hand; all others are done."""
        with self._changed:
            self._backlog.put_back(left)
            self._in_hand = False
            if left:
                self._is_urgent = False  # it is tried again after a pause
            self._changed.notify_all()

    def drain(self, seconds: float) -> None:
        """Wait until all is recorded, for so long at the most."""
        with self._changed:
            self._wake()
            self._changed.wait_for(lambda: not (self._in_hand or self._backlog.count()), seconds)

    def look(self) -> Waiting:
        """Return what waits, and what was shed."""
        with self._changed:
            return Waiting(self._backlog.count(), dict(self._backlog.shed))

    def _wake(self) -> None:
        if not self._is_urgent:
            self._is_urgent = True
            self._changed.notify_all()

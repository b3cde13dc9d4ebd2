"""Between the loop, which nothing makes wait, and the thread that records: a bounded queue.

What is urgent wakes that thread at once; the rest may wait for a while, so that there are fewer writes.
"""

import threading
from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from msgspec import Struct

from monitor.daemon.backlog import Backlog
from monitor.ledger.types import PayloadClass
from monitor.recording.items import Item

BACKLOG_BYTES = 33_554_432  # of items that wait, some 14,000 decisions
WAKE_BYTES = 262_144  # items that wait for no pause
URGENT: frozenset[PayloadClass] = frozenset({"violation", "indeterminate"})


class Waiting(Struct, frozen=True):
    """How many items wait, and how many were shed, by class; ``in_hand`` are being recorded."""

    waiting: dict[PayloadClass, int]
    shed: dict[PayloadClass, int]
    in_hand: int = 0


class Intake:
    """One thread puts in, another takes out."""

    def __init__(self, limit_bytes: int = BACKLOG_BYTES) -> None:
        self._backlog = Backlog(limit_bytes)
        self._wake_bytes = min(WAKE_BYTES, limit_bytes // 2)
        self._changed = threading.Condition()
        self._is_urgent = self._is_closed = False
        self._in_hand = self._owed = 0

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

    def take(
        self, least_bytes: int, pause_seconds: float, failing: AbstractSet[str | None] = frozenset()
    ) -> list[Item]:
        """Wait until there is something urgent, or much, or for so long; return items as a backlog does.

        They are in hand until ``put_back``.
        """
        with self._changed:
            if not (self._is_urgent or self._is_closed):
                self._changed.wait(pause_seconds)
            items = self._backlog.take(least_bytes, failing)
            self._is_urgent = self._backlog.bytes >= self._wake_bytes
            self._in_hand = len(items)
            return items

    def pause(self, seconds: float) -> None:
        """Wait for so long, or until it is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed, seconds)

    def put_back(self, left: Sequence[Item], owed: int = 0) -> None:
        """Keep what could not be recorded of the items in hand; all others are done.

        ``owed`` is how much of what came of them is not recorded yet.
        """
        with self._changed:
            self._backlog.put_back(left)
            self._in_hand, self._owed = 0, owed
            if left:
                self._is_urgent = False  # it is tried again after a pause
            self._changed.notify_all()

    def drain(self, seconds: float) -> bool:
        """Wait until all is recorded, for so long at the most; tell whether it is."""
        with self._changed:
            if self._is_drained():
                return True
            self._wake()
            return self._changed.wait_for(self._is_drained, seconds)

    def look(self) -> Waiting:
        """Return what waits, and what was shed."""
        with self._changed:
            return Waiting(self._backlog.count(), dict(self._backlog.shed), self._in_hand + self._owed)

    def _is_drained(self) -> bool:
        return not (self._in_hand or self._owed or self._backlog.count())

    def _wake(self) -> None:
        if not self._is_urgent:
            self._is_urgent = True
            self._changed.notify_all()

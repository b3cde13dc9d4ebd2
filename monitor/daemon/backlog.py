"""What waits to be recorded: bounded, and what matters least goes first. Pure."""

from collections import Counter, deque
from collections.abc import Iterable
from collections.abc import Set as AbstractSet

from monitor.ledger.types import CLASSES, PayloadClass
from monitor.recording.items import Item


class Backlog:
    """Items by class, in the order they came. Above ``limit`` bytes the oldest of the least class are shed.

    ``shed`` counts them.
    """

    def __init__(self, limit: int) -> None:
        self.shed: Counter[PayloadClass] = Counter()
        self.bytes = 0
        self._limit = limit
        self._items: dict[PayloadClass, deque[Item]] = {each: deque() for each in CLASSES}

    def add(self, item: Item) -> None:
        """Add an item behind those of its class."""
        self._items[item.record.payload_class].append(item)
        self._grown(item)

    def take(self, least_bytes: int, failing: AbstractSet[str | None] = frozenset()) -> list[Item]:
        """Return items of so many bytes, or all; the most important first. They are no longer here.

        Those of ``failing`` tenants come on top, so that they do not keep the others from their turn.
        """
        taken: list[Item] = []
        size = counted = 0
        for items in self._items.values():
            while items and counted < least_bytes:
                item = items.popleft()
                taken.append(item)
                size += item.bytes
                counted += 0 if item.tenant in failing and not item.everywhere else item.bytes
        self.bytes -= size
        return taken

    def put_back(self, items: Iterable[Item]) -> None:
        """Put what was taken, and could not be recorded, before all else of its class."""
        for item in reversed(list(items)):
            self._items[item.record.payload_class].appendleft(item)
            self._grown(item)

    def count(self) -> dict[PayloadClass, int]:
        """Return how many items of each class wait."""
        return {name: len(items) for name, items in self._items.items() if items}

    def _grown(self, item: Item) -> None:
        self.bytes += item.bytes
        if self.bytes > self._limit:
            self._shed()

    def _shed(self) -> None:
        for name in reversed(CLASSES):
            items = self._items[name]
            while items and self.bytes > self._limit:
                self.bytes -= items.popleft().bytes
                self.shed[name] += 1

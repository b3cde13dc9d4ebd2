"""A partition that is this process's: how far it was read, and what time it is by its brokers.

What was written before now is read as if it came then: so whoever reads a partition again, or late, waits for
sensors as it would have then.
"""

from collections.abc import Iterator

from msgspec import Struct

from monitor.fleet.parcels import Said
from monitor.fleet.partition import Partition


class Start(Struct, frozen=True):
    """Where to begin to read, what was said before, and how many messages were deleted unread."""

    offset: int
    said_to: int
    deleted: int = 0


class Owned:
    """A partition at work. ``committed`` is the offset that whoever comes next begins to say from."""

    def __init__(self, partition: Partition, start: Start) -> None:
        self.partition = partition
        self.committed = start.said_to
        self.next_offset = start.offset
        self.stamp_ms = 0
        self.said_to = start.said_to
        self._is_at_end = False

    @property
    def is_rebuilding(self) -> bool:
        """Whether what is read was said before."""
        return self.next_offset < self.said_to

    def put(self, value: bytes | None, offset: int, stamp_ms: int, now_s: float) -> None:
        """Take a message, with the time that its broker gave it."""
        self.next_offset = offset + 1
        if stamp_ms > self.stamp_ms:
            self.stamp_ms = max(self.stamp_ms, min(stamp_ms, int(now_s * 1_000)))
        self._is_at_end = False
        self.partition.offer(value or b"", offset, stamp_ms, self.stamp_ms / 1_000)

    def reached_end(self) -> None:
        """Take note that there is no more now."""
        self._is_at_end = True

    def say(self, now_s: float) -> Iterator[Said]:
        """Yield what there is to be said by now."""
        yield from self.partition.say(now_s if self._is_at_end else self.stamp_ms / 1_000)

    def unsaid(self) -> tuple[int, int]:
        """Return the offset from which on something is to be said, and its stamp."""
        unsaid = self.partition.unsaid()
        offset, stamp_ms = unsaid if unsaid is not None else (self.next_offset, self.stamp_ms)
        return max(offset, self.said_to), stamp_ms

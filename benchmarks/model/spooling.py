"""A sensor's spool while no broker is reached, and how it is drained: in order, at the publisher's rate."""

from collections import deque

import msgspec


class Gathered(msgspec.Struct):
    """What one sensor published in a step."""

    at_s: float
    load: float  # of the step, that its partitions follow from
    observations: float
    spool_bytes: float
    wire_bytes: float
    publisher_s: float  # of processor time
    share: float = 1.0  # of it, that is still here

    def part(self, share: float) -> "Gathered":
        """Return some of it."""
        return Gathered(
            self.at_s,
            self.load,
            self.observations * share,
            self.spool_bytes * share,
            self.wire_bytes * share,
            self.publisher_s * share,
            self.share * share,
        )


class Spool:
    """Bounded. ``given_up`` are observations that there was no room for: the newest."""

    def __init__(self, limit_bytes: float) -> None:
        self.given_up = 0.0
        self.bytes = 0.0
        self._limit_bytes = limit_bytes
        self._waiting: deque[Gathered] = deque()

    def put(self, gathered: Gathered) -> None:
        """Take what came in a step; after it, and what is drained within it, comes ``give_up``."""
        self._waiting.append(gathered)
        self.bytes += gathered.spool_bytes

    def give_up(self) -> float:
        """Give up what there is no room for; return how many observations that was."""
        lost = 0.0
        while self._waiting and self.bytes > self._limit_bytes:
            last = self._waiting.pop()
            over = self.bytes - self._limit_bytes
            share = min(over / last.spool_bytes, 1.0)
            self.bytes -= last.spool_bytes * share
            lost += last.observations * share
            if share < 1.0:
                self._waiting.append(last.part(1 - share))
                break
        self.given_up += lost
        return lost

    def drain(self, publisher_s: float, wire_bytes: float) -> list[Gathered]:
        """Hand on what so much processor time and so many bytes on the wire allow, the oldest first."""
        found = []
        while self._waiting:
            first = self._waiting[0]
            share = min(
                publisher_s / first.publisher_s if first.publisher_s > publisher_s else 1.0,
                wire_bytes / first.wire_bytes if first.wire_bytes > wire_bytes else 1.0,
            )
            if share <= 1e-9:
                break
            part = first.part(share)
            found.append(part)
            publisher_s -= part.publisher_s
            wire_bytes -= part.wire_bytes
            self.bytes -= part.spool_bytes
            if share >= 1.0:
                self._waiting.popleft()
            else:
                self._waiting[0] = first.part(1 - share)
                break
        return found

    def waiting(self) -> float:
        """Return how many observations wait."""
        return sum(each.observations for each in self._waiting)

    def oldest_s(self) -> float | None:
        """Return when the first that waits was observed."""
        return self._waiting[0].at_s if self._waiting else None

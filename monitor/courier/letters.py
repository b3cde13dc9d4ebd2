"""What the courier remembers of each sink, and what it put aside for it. Frozen values."""

import msgspec

from monitor.events.types import Event
from monitor.sinks.protocol import Parcel


class LaneState(msgspec.Struct, frozen=True):
    """How far a sink is: all up to ``cursor`` is done. Times are of this host's clock.

    ``attempts`` are those that failed in a row, since ``failing_ns``; ``error`` is the last failure, also of
    a sink that works by now. ``delivered``, and ``shed`` (dead letters that there was no room for), count
    since the sink is known.
    """

    cursor: int = 0
    attempts: int = 0
    failing_ns: int | None = None
    next_try_ns: int = 0
    error: str | None = None
    error_ns: int | None = None
    delivered: int = 0
    shed: int = 0


class DeadLetter(msgspec.Struct, frozen=True):
    """An event that a sink did not take: why, since when it was tried, how often. ``again``: back in line."""

    sink: str
    seq: int
    event: Event
    reason: str
    since_ns: int
    attempts: int
    again: bool = False

    @property
    def key(self) -> str:
        """The event's idempotency key."""
        return self.event.key

    @property
    def parcel(self) -> Parcel:
        """It, as it goes to the sink again."""
        return Parcel(self.seq, self.event)

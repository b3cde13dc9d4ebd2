"""What the courier asks of the outbox. The real one is `monitor.outbox.reading`."""

from collections.abc import Callable, Sequence
from typing import Protocol

from monitor.events.types import FindingEvent
from monitor.sinks.protocol import Parcel


class Queue(Protocol):
    """Events in the order in which they were put there. Used by one thread. What fails raises InputError."""

    @property
    def last_seq(self) -> int:
        """The number of the last event that was ever put there; 0 where there was none."""

    def after(self, seq: int, limit: int) -> Sequence[Parcel]:
        """Return the first events behind ``seq`` that are still there, at most ``limit``."""

    def waiting(self, seq: int = 0) -> int:
        """Return how many events stand behind ``seq``."""

    def peek(self, seq: int, limit: int) -> Sequence[Parcel]:
        """Return the same, for people: summaries among them may still grow."""

    def open_events(self) -> Sequence[FindingEvent]:
        """Return the last event of each finding that is open."""

    def close(self) -> None:
        """Let go of it."""


OpenQueue = Callable[[], Queue]

"""What a sink is: it takes a batch, and says what became of it. It keeps nothing, and raises nothing."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from monitor.events.types import Event, FindingEvent


class Parcel(msgspec.Struct, frozen=True):
    """An event on its way, with its place in the queue."""

    seq: int
    event: Event

    @property
    def key(self) -> str:
        """The idempotency key: a receiver that saw it may drop the parcel."""
        return self.event.key


class Delivered(msgspec.Struct, frozen=True):
    """The receiver took the whole batch."""


class RetryAfter(msgspec.Struct, frozen=True):
    """The receiver took the first ``done`` parcels; the others later: after ``seconds``, if it said so."""

    reason: str
    seconds: float | None = None
    done: int = 0


class Dead(msgspec.Struct, frozen=True):
    """The receiver took the first ``done`` parcels, and will never take the one behind them."""

    reason: str
    done: int = 0


Outcome = Delivered | RetryAfter | Dead


class Sink(Protocol):
    """A receiver. Used by one thread."""

    @property
    def name(self) -> str:
        """What the configuration calls it."""

    @property
    def batch(self) -> int:
        """How many parcels it takes at once, at most."""

    def deliver(self, parcels: Sequence[Parcel]) -> Outcome:
        """Hand over at least one and at most ``batch`` parcels, in order."""

    def close(self) -> None:
        """Let go of what it holds."""


class RefreshingSink(Sink, Protocol):
    """A receiver that forgets: what is open has to be told to it again and again (Alertmanager)."""

    @property
    def refresh_seconds(self) -> float:
        """How often."""

    def refresh(self, still_open: Sequence[FindingEvent]) -> Outcome:
        """Tell of all findings that are open now, each by its last event; ``done`` counts these."""

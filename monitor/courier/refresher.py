"""Tells a receiver that forgets of all that is open, again and again."""

from collections.abc import Callable
from typing import cast

from structlog.typing import FilteringBoundLogger

from monitor.courier.backoff import Chance, pause_seconds
from monitor.courier.queue import Queue
from monitor.events.types import Event
from monitor.sinks.protocol import Dead, Delivered, RefreshingSink, Sink

SECOND_NS = 1_000_000_000


class Refresher:
    """The clock of one such receiver. Used by one thread."""

    def __init__(self, sink: RefreshingSink, wanted: Callable[[Event], bool], chance: Chance) -> None:
        self._sink, self._wanted, self._chance = sink, wanted, chance
        self._attempts = 0
        self._next_ns: int | None = None  # None: at once

    def step(self, queue: Queue, now_ns: int, log: FilteringBoundLogger) -> float:
        """Tell it where that is due; return the seconds until it is again. Raises what ``queue`` raises."""
        whole_ns = int(self._sink.refresh_seconds * SECOND_NS)
        if self._next_ns is not None and now_ns < self._next_ns <= now_ns + 2 * max(whole_ns, SECOND_NS):
            return (self._next_ns - now_ns) / SECOND_NS
        pause = self._refresh(queue, log)
        self._next_ns = now_ns + int(pause * SECOND_NS)
        return pause

    def _refresh(self, queue: Queue, log: FilteringBoundLogger) -> float:
        """Tell of all; return the seconds until the next time. What is refused is passed over."""
        left = [each for each in queue.open_events() if self._wanted(each)]
        while left:
            outcome = self._sink.refresh(left)
            if isinstance(outcome, Delivered):
                break
            done = min(max(outcome.done, 0), len(left))
            if isinstance(outcome, Dead):
                log.warning("a refresh was refused", reason=outcome.reason)
                left = left[done + 1 :]
                continue
            self._attempts += 1
            log.warning("a sink took no refresh", reason=outcome.reason, attempts=self._attempts)
            pause = pause_seconds(self._attempts, outcome.seconds, self._chance)
            return min(pause, self._sink.refresh_seconds)
        self._attempts = 0
        return self._sink.refresh_seconds


def refreshing(sink: Sink) -> RefreshingSink | None:
    """Return the sink as one that wants to be told again, if it is one."""
    return cast("RefreshingSink", sink) if hasattr(sink, "refresh") else None

"""Dead letters that a person put back in line: tried when nothing else waits, so that they hold up nothing.

One that is not taken lets the next one pass; one that was not taken for ``dead_after_ns`` since it came back,
or is refused, is put aside once more.
"""

from msgspec.structs import replace
from structlog.typing import FilteringBoundLogger

from monitor.courier.backoff import Chance, pause_seconds
from monitor.courier.deliveries import Deliveries
from monitor.courier.letters import DeadLetter
from monitor.sinks.protocol import Dead, Delivered, Outcome, RetryAfter, Sink

SECOND_NS = 1_000_000_000


class Returns:
    """The letters of one sink that are back in line. Used by one thread."""

    def __init__(self, sink: Sink, deliveries: Deliveries, chance: Chance, dead_after_ns: int) -> None:
        self._sink, self._deliveries, self._chance = sink, deliveries, chance
        self._dead_after_ns = dead_after_ns
        self._behind = 0  # the letter that was not taken last; the next ones come first
        self._attempts = 0
        self._next_ns: int | None = None

    def step(self, now_ns: int, log: FilteringBoundLogger) -> int | None:
        """Try the next letters; return how many were taken, None where there was nothing to do.

        Raises DeliveriesError.
        """
        if self._next_ns is not None and self._next_ns - now_ns > 0:
            return None
        self._next_ns = None
        letters = self._deliveries.again(self._sink.name, self._behind, self._sink.batch)
        if not letters:
            if not self._behind:
                return None
            self._behind = 0
            return 0
        outcome = self._sink.deliver([each.parcel for each in letters])
        done = taken_of(outcome, len(letters))
        taken, left = letters[:done], letters[done:]
        if done:
            self._attempts = 0
        aside = self._judged(outcome, left[0], now_ns) if left else None
        self._deliveries.settle(self._sink.name, [each.seq for each in taken], [aside] if aside else [])
        if aside is not None and not aside.again:
            log.error("an event was put aside", seq=aside.seq, key=aside.key, reason=aside.reason)
        return done

    def _judged(self, outcome: Outcome, letter: DeadLetter, now_ns: int) -> DeadLetter:
        """Return the letter as it is after it was not taken."""
        assert not isinstance(outcome, Delivered)  # noqa: S101  there is one that was not taken
        letter = replace(letter, reason=outcome.reason, attempts=letter.attempts + 1)
        if isinstance(outcome, Dead):
            return replace(letter, again=False)
        self._wait(outcome, now_ns)
        self._behind = letter.seq
        if now_ns - letter.since_ns >= self._dead_after_ns:
            return replace(letter, again=False, reason=f"not taken in time: {outcome.reason}")
        return letter

    def _wait(self, outcome: RetryAfter, now_ns: int) -> None:
        self._attempts += 1
        pause = pause_seconds(self._attempts, outcome.seconds, self._chance)
        self._next_ns = now_ns + int(pause * SECOND_NS)


def taken_of(outcome: Outcome, given: int) -> int:
    """Return how many of the parcels that were given a sink took."""
    return given if isinstance(outcome, Delivered) else min(max(outcome.done, 0), given)

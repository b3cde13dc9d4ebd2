"""One sink's lane: what waits for it goes there in order, and what it says decides what is next.

The cursor moves after the sink said what it took. What it refuses, and what it did not take for
``dead_after_ns`` since it was put there and the sink began to fail, is put aside. When the first event is put
aside for its age, the rest is tried once more at once; where that fails too, it is the receiver that is gone,
and all that is as old goes aside with it.
"""

from collections.abc import Sequence

from msgspec.structs import replace
from structlog.typing import FilteringBoundLogger

from monitor.courier.backoff import CEILING_SECONDS, Chance, pause_seconds
from monitor.courier.deliveries import Deliveries, Taken
from monitor.courier.letters import DeadLetter, LaneState
from monitor.courier.queue import Queue
from monitor.courier.returns import Returns, taken_of
from monitor.courier.wants import Terms
from monitor.sinks.protocol import Dead, Delivered, Outcome, Parcel, RetryAfter, Sink

IDLE_SECONDS = 0.2  # between two looks at the outbox
READ_EVENTS = 100  # at once at least, of which the sink may want few
SECOND_NS = 1_000_000_000
_LONGEST_PAUSE_NS = 2 * int(CEILING_SECONDS) * SECOND_NS  # what is more, a step of the clock did


class Lane:
    """A sink, how far it is, and what is next for it. Used by one thread."""

    def __init__(
        self, sink: Sink, state: LaneState, terms: Terms, deliveries: Deliveries, chance: Chance
    ) -> None:
        self.sink, self.state = sink, state
        self._terms, self._deliveries, self._chance = terms, deliveries, chance
        self._unsaved: Taken | None = None
        self._returns = Returns(sink, deliveries, chance, terms.dead_after_ns)
        self._gave_up = False  # on an event for its age, and nothing was taken since

    def step(self, queue: Queue, now_ns: int, log: FilteringBoundLogger) -> float:
        """Do the next thing; return the seconds until there may be another, 0 for at once.

        Raises what ``queue`` raises, and DeliveriesError.
        """
        if self._unsaved is not None:
            self._keep(self.state, self._unsaved)
        pause_ns = self.state.next_try_ns - now_ns
        if 0 < pause_ns <= _LONGEST_PAUSE_NS:
            return pause_ns / SECOND_NS
        if self._events(queue, now_ns, log):
            return 0.0
        returned = self._returns.step(now_ns, log)
        if returned:
            self.state = replace(self.state, delivered=self.state.delivered + returned)
        return IDLE_SECONDS if returned is None else 0.0

    def waits(self, queue: Queue) -> bool:
        """Tell whether there is anything that the sink has not taken."""
        return self._unsaved is not None or bool(
            self._read(queue)[0] or self._deliveries.again(self.sink.name, 0, 1)
        )

    def hurry(self) -> None:
        """Have the next step try, whatever was to be waited for."""
        self.state = replace(self.state, next_try_ns=0)

    def recede(self, queue: Queue) -> bool:
        """Begin anew where the outbox is another one than the cursor counts in; tell whether that was so."""
        drop_to, _ = self._deliveries.dropped(self.sink.name)
        if queue.last_seq >= max(self.state.cursor, drop_to):
            return False
        state = replace(self.state, cursor=0)
        self._deliveries.begin_anew(self.sink.name, state)
        self.state = state
        return True

    def _events(self, queue: Queue, now_ns: int, log: FilteringBoundLogger) -> bool:
        """Deliver what waits next; tell whether anything was done."""
        wanted, passed, end = self._read(queue)
        chunk = wanted[: self.sink.batch]
        if end == self.state.cursor:
            return False
        if not chunk:
            self._keep(replace(self.state, cursor=end), Taken(passed=passed))
            return True
        outcome = self.sink.deliver(chunk)
        done = taken_of(outcome, len(chunk))
        aside, state = self._judged(outcome, chunk[done:], now_ns, done)
        done += len(aside)
        if done == len(wanted):
            state = replace(state, cursor=end)
        elif done:
            state = replace(state, cursor=chunk[done - 1].seq)
        self._keep(state, Taken(aside=aside, passed=passed))
        self._tell(outcome, aside, log)
        return True

    def _read(self, queue: Queue) -> tuple[list[Parcel], list[str], int]:
        """Return what is wanted of what comes next, the keys a person had dropped, and where that ends."""
        read = queue.after(self.state.cursor, max(READ_EVENTS, self.sink.batch))
        if not read:
            return [], [], self.state.cursor
        drop_to, keys = self._deliveries.dropped(self.sink.name)
        passed = [each.key for each in read if each.key in keys] if keys else []
        wanted = [
            each
            for each in read
            if each.seq > drop_to and each.key not in keys and self._terms.wanted(each.event)
        ]
        return wanted, passed, read[-1].seq

    def _judged(
        self, outcome: Outcome, left: Sequence[Parcel], now_ns: int, done: int
    ) -> tuple[list[DeadLetter], LaneState]:
        """Return what of the parcels that were not taken is put aside, and the sink's state."""
        state = replace(self.state, delivered=self.state.delivered + done)
        if done:
            self._gave_up = False
        if isinstance(outcome, Delivered) or not left:
            return [], replace(state, attempts=0, failing_ns=None, next_try_ns=0)
        state = replace(state, error=outcome.reason, error_ns=now_ns)
        if isinstance(outcome, Dead):
            letter = self._letter(left[0], outcome.reason, self.state.failing_ns or now_ns)
            return [letter], replace(state, attempts=0, failing_ns=None, next_try_ns=0)
        return self._failed(outcome, left, now_ns, state, fresh=bool(done))

    def _failed(
        self, outcome: RetryAfter, left: Sequence[Parcel], now_ns: int, state: LaneState, *, fresh: bool
    ) -> tuple[list[DeadLetter], LaneState]:
        """Wait, or put aside what was tried for too long."""
        since_ns = now_ns if fresh or state.failing_ns is None else min(state.failing_ns, now_ns)
        attempts = 1 if fresh else state.attempts + 1
        old = [each for each in left if now_ns - _began(each, since_ns, now_ns) >= self._terms.dead_after_ns]
        if old and old[0] is left[0]:
            ages = old if self._gave_up else old[:1]
            aside = [each for each, other in zip(ages, left, strict=False) if each is other]
            self._gave_up = True
            reason = f"not taken in time: {outcome.reason}"
            letters = [self._letter(each, reason, _began(each, since_ns, now_ns)) for each in aside]
            return letters, replace(state, attempts=attempts, failing_ns=since_ns, next_try_ns=0)
        pause = pause_seconds(attempts, outcome.seconds, self._chance)
        next_ns = now_ns + int(pause * SECOND_NS)
        return [], replace(state, attempts=attempts, failing_ns=since_ns, next_try_ns=next_ns)

    def _letter(self, parcel: Parcel, reason: str, since_ns: int) -> DeadLetter:
        return DeadLetter(self.sink.name, parcel.seq, parcel.event, reason, since_ns, self.state.attempts + 1)

    def _keep(self, state: LaneState, taken: Taken) -> None:
        """Have the database hold what happened; what it did not take is kept first of all, next time."""
        self.state, self._unsaved = state, taken
        self.state = self._deliveries.save(self.sink.name, state, taken)
        self._unsaved = None

    def _tell(self, outcome: Outcome, aside: Sequence[DeadLetter], log: FilteringBoundLogger) -> None:
        for letter in aside:
            log.error("an event was put aside", seq=letter.seq, key=letter.key, reason=letter.reason)
        if isinstance(outcome, RetryAfter) and not aside:
            log.warning("a sink did not take events", reason=outcome.reason, attempts=self.state.attempts)


def _began(parcel: Parcel, since_ns: int, now_ns: int) -> int:
    """Return since when a parcel was not taken: since it is there, and since the sink fails.

    An event of a time that is yet to come counts as there from the beginning.
    """
    at_ns = parcel.event.at_ns
    return max(since_ns, at_ns) if at_ns <= now_ns else since_ns

"""The straight line, live: batches in, decisions out to metrics and disk; once a second, everything else.

One thread, which nothing outside makes wait: the sensor's queue is bounded and sheds, the recorder's too.
"""

import time
from collections.abc import Iterable, Sequence

from monitor.behaviours import Behaviour
from monitor.daemon.parts import Parts
from monitor.daemon.rounds import Rounds
from monitor.daemon.verdicts import Verdicts
from monitor.exitstatus import Exit
from monitor.types import Decision
from sensors.connections import Seen
from sensors.observations import DataSeen, Gap

BATCH_SECONDS = 0.2  # how long to wait for something to do before looking at what else there is
ROUND_SECONDS = 1.0
DRAIN_SECONDS = 2.5  # for what is left, when the end is asked for
SLICE = 256  # of what is taken between two looks at the clock


class Loop:
    """The daemon at work, until it is told to end."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._rounds = Rounds(parts)
        self._verdicts = Verdicts()
        self._is_live = parts.settings.watch is None  # what comes in files has no time to be measured by
        self._next_round = time.monotonic()
        self._deadline: float | None = None
        self._left = 0

    def run(self) -> Exit:
        """Work until the end is asked for, and all that was seen by then is decided."""
        parts = self._parts
        parts.sensor.start()
        self._rounds.begin()
        while (batch := parts.sensor.next_batch(BATCH_SECONDS)) is not None:
            if not self._work_through(batch):
                break
            self._publish(now=not self._is_live)
        self._publish(now=True)
        asked = parts.wishes.end and not self._rounds.is_lost
        self._rounds.finish(time.time_ns(), self._left, asked=asked)
        return Exit.DONE if asked else Exit.UNREADABLE

    def _work_through(self, batch: Sequence[Seen]) -> bool:
        """Take a batch, which may be a long one; tell whether to go on. What there is no time for is left."""
        done = 0
        while not self._is_over():
            if done >= len(batch):
                return True
            self._take(batch[done : done + SLICE])
            done += SLICE
        self._left = len(batch[done:]) + self._parts.sensor.status().waiting
        return False

    def _is_over(self) -> bool:
        """Look after the rest where it is time; tell whether the time for what is left is over."""
        self._publish()
        now = time.monotonic()
        if now >= self._next_round:
            self._next_round = now + ROUND_SECONDS
            self._rounds.turn(time.time_ns())
        if self._rounds.is_lost:
            return True  # the supervisor starts another one, which catches up
        if not self._parts.wishes.end:
            return False
        if self._deadline is None:
            self._deadline = now + DRAIN_SECONDS
            self._parts.supervisor.stopping()
            self._parts.sensor.stop()
        return now >= self._deadline

    def _take(self, batch: Iterable[Seen]) -> None:
        parts = self._parts
        for seen in batch:
            if isinstance(seen, DataSeen):
                if self._is_live:
                    self._data(seen)
                continue
            if isinstance(seen, Gap):
                self._rounds.lost(seen)
                parts.recorder.gap(seen, time.time_ns())
            for decision in parts.judge.pipeline.feed((seen,)):
                self._decided(decision)
        if not self._is_live:
            self._drain()

    def _publish(self, *, now: bool = False) -> None:
        """Have the spool take what was observed. What comes in files waits for room."""
        publishing = self._parts.publishing
        if publishing is None:
            return
        publishing.pump(self._parts.sensor, now=now)  # its gaps come in the batches, too
        while now and not self._is_live and not publishing.has_room() and not self._is_over():
            time.sleep(BATCH_SECONDS)

    def _drain(self) -> None:
        """Wait until all is recorded, or the end: what was read of a folder is not read again."""
        while not self._parts.recorder.drain(BATCH_SECONDS):
            if self._is_over():
                return

    def _decided(self, decision: Decision) -> None:
        """Count a decision, and write it."""
        parts, connection = self._parts, decision.connection
        if not decision.is_open:
            verdict = self._verdicts.end(connection)
            parts.metrics.ended(decision)
        elif (verdict := self._verdicts.find(connection)) is not None:
            parts.metrics.opened(decision)
        else:
            verdict, latency_ns = self._verdicts.open(connection, time.time_ns())
            parts.metrics.opened(decision, latency_ns if self._is_live else None)
            verdict.owner = parts.owners.owner(connection.flow) if parts.owners is not None else None
        owner = verdict.owner if verdict is not None else None
        if not decision.is_open:
            self._behave(parts.judge.pipeline.behaviours.offer(decision))
        if parts.pseudonyms is not None:
            decision = parts.pseudonyms.pseudonymised(decision)
        parts.recorder.decided(decision, owner, time.time_ns())

    def _behave(self, behaviours: Iterable[Behaviour]) -> None:
        """Hand over what several connections show together."""
        pseudonyms = self._parts.pseudonyms
        if pseudonyms is not None:
            behaviours = map(pseudonyms.pseudonymised_behaviour, behaviours)
        self._parts.recorder.behave(behaviours)

    def _data(self, seen: DataSeen) -> None:
        lead = self._verdicts.data(seen)
        if lead is not None:
            self._parts.metrics.data_came(lead.lead_ns, lead.bytes_up)

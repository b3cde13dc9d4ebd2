"""Correlating and recording as lines of work that outlive their brokers' troubles. Each is one thread's.

After a trouble a line waits, longer each time, and begins again where all was delivered, or durable.
"""

import random
import time
from collections.abc import Callable
from typing import Protocol

from confluent_kafka import KafkaException
from structlog.typing import FilteringBoundLogger

from monitor.app import Knowledge
from monitor.courier.backoff import pause_seconds
from monitor.fleet.consuming import Knowing, Plan, Stage
from monitor.fleet.judging import Judge
from monitor.fleet.recording.plan import Plan as RecordingPlan
from monitor.fleet.recording.stage import Stage as RecordingStage
from monitor.fleet.telling import NotSaidError, text_of
from monitor.fleet.working import levels_of
from monitor.metrics.fleet import FleetMetrics, Kept, Work
from monitor.metrics.recorded import Recorded
from monitor.metrics.recorded_sums import RecordedSums

IDLE_SECONDS = 0.2
MEND = "see that the brokers run, that the topics are there, and who may read and write them"


class Line(Protocol):
    """A line of work."""

    def turn(self) -> None:
        """Work for a moment."""

    def use(self, knowledge: Knowledge) -> None:
        """Judge by this from here on."""

    def look(self) -> str | None:
        """Tell the metrics how it stands; return why it does not go on, if so."""

    def close(self) -> None:
        """Bring what is in hand to its end."""


class Attempts:
    """When to try again, after so many failures in a row."""

    def __init__(self, log: FilteringBoundLogger) -> None:
        self.problem: str | None = None
        self._log = log
        self._failed = 0
        self._next = 0.0
        self._chance = random.SystemRandom()

    def may_try(self) -> bool:
        """Tell whether it is time; where it is not, a moment passes."""
        if time.monotonic() >= self._next:
            return True
        time.sleep(IDLE_SECONDS)
        return False

    def failed(self, problem: str) -> None:
        """Wait for longer than the last time."""
        self._failed += 1
        self.problem = problem
        pause = pause_seconds(self._failed, None, self._chance)
        self._next = time.monotonic() + pause
        self._log.error("begins again", problem=problem, in_seconds=round(pause, 1), mend=MEND)

    def went_well(self) -> None:
        """Forget about failures."""
        self._failed, self.problem = 0, None


class CorrelatingLine:
    """Parcels in, decisions out."""

    def __init__(
        self,
        plan: Plan,
        knowing: Knowing,
        judge_of: Callable[[Knowledge], Judge],
        metrics: FleetMetrics,
        log: FilteringBoundLogger,
    ) -> None:
        self._plan, self._knowing, self._judge_of = plan, knowing, judge_of
        self._metrics, self._log = metrics, log
        self._work = Work()
        self._attempts = Attempts(log)
        self._stage: Stage | None = None

    def turn(self) -> None:
        """Work for a moment."""
        if self._stage is None and not self._attempts.may_try():
            return
        try:
            if self._stage is None:
                self._stage = Stage(self._plan, self._knowing, self._work, self._log)
            self._stage.turn()
        except KafkaException as error:
            self._work.kafka += 1
            self._fail(text_of(error))
        except NotSaidError as error:
            self._work.said += 1
            self._fail(str(error))
        else:
            if self._stage.owned:
                self._attempts.went_well()

    def use(self, knowledge: Knowledge) -> None:
        """Judge by this from here on."""
        self._knowing.judge = self._judge_of(knowledge)
        if self._stage is not None:
            self._stage.retarget()

    def look(self) -> str | None:
        """Tell the metrics how it stands; return why it does not go on, if so."""
        stage = self._stage
        self._metrics.worked(stage.work() if stage is not None else self._work)
        owned = stage.owned.values() if stage is not None else ()
        lag = stage.behind() if stage is not None else 0
        self._metrics.measured(levels_of(list(owned), lag, time.time()))
        return self._attempts.problem

    def close(self) -> None:
        """Have what was said delivered and committed."""
        if self._stage is None:
            return
        try:
            self._stage.close()
        except (KafkaException, NotSaidError) as error:
            problem = text_of(error) if isinstance(error, KafkaException) else str(error)
            self._log.error(
                "not all was committed", problem=problem, mend="it is said again, and passed over"
            )
        self._stage = None
        self.look()

    def _fail(self, problem: str) -> None:
        self._attempts.failed(problem)
        stage, self._stage = self._stage, None
        if stage is not None:
            stage.give_up()


class RecordingLine:
    """Decisions in; ledgers, findings, and what waits for the sinks out."""

    def __init__(
        self, plan: RecordingPlan, knowledge: Knowledge, metrics: FleetMetrics, log: FilteringBoundLogger
    ) -> None:
        self._plan, self._knowledge, self._log = plan, knowledge, log
        self._metrics, self._kept, self._sums = metrics, Kept(), RecordedSums()
        self._recorded = Recorded()
        self._held_up: str | None = None
        self._attempts = Attempts(log)
        self._stage: RecordingStage | None = None
        self._coming: Knowledge | None = None

    def turn(self) -> None:
        """Work for a moment."""
        if self._stage is None and not self._attempts.may_try():
            return
        if self._coming is not None:
            self._knowledge, self._coming = self._coming, None
            if self._stage is not None:
                self._stage.use(self._knowledge)
        try:
            if self._stage is None:
                self._stage = self._begun()
            self._stage.turn()
            self._held_up, self._recorded = self._stage.look(), self._stage.recorded()
        except KafkaException as error:
            self._attempts.failed(text_of(error))
            self.close()
        else:
            self._attempts.went_well()

    def use(self, knowledge: Knowledge) -> None:
        """Judge by this from the next turn on. Any thread may say so."""
        self._coming = knowledge

    def look(self) -> str | None:
        """Tell the metrics how it stands; return why it does not go on, if so."""
        self._metrics.recorded(self._kept)
        self._metrics.evidence(self._recorded)
        return self._attempts.problem or self._held_up

    def close(self) -> None:
        """Record what was taken."""
        stage, self._stage = self._stage, None
        if stage is not None:
            stage.close()

    def _begun(self) -> RecordingStage:
        return RecordingStage(self._plan, self._knowledge, self._log, (self._kept, self._sums))

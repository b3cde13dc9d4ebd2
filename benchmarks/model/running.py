"""A fleet over simulated time: what came, what was judged, how long it waited, who was away."""

import msgspec
import numpy as np

from benchmarks.model.figures import Figures
from benchmarks.model.late import Came, Late, come_back
from benchmarks.model.parcelling import Parcelling, Rates
from benchmarks.model.plan import GIB, HOUR_S, Plan
from benchmarks.model.queues import Chunk, Correlators, Queue, busiest
from benchmarks.model.spooling import Gathered, Spool
from benchmarks.model.work import Work
from benchmarks.model.world import Array, loads

OVERHEAD_BYTES = 512  # that merging counts for a parcel that waits


class Absence(msgspec.Struct):
    """A sensor that reached no broker for a while. Shares are of what it observed in that time.

    ``span_s`` is the part of its absence that the spool was filled in, ``drained_s`` how long it took to
    deliver that, or None where it is not done at the end. ``spool_needed_bytes`` would have lost nothing.
    ``others_lag_s`` is the worst lag of any partition while it was drained.
    """

    sensor: int
    observed: float = 0.0
    given_up: float = 0.0
    late: float = 0.0
    span_s: float = 0.0
    spool_needed_bytes: float = 0.0
    drained_s: float | None = None
    others_lag_s: float = 0.0
    merging: Late | None = None


class Death(msgspec.Struct):
    """A correlator's death: its partitions, the work that was done again, and until the lag was gone."""

    hour: float
    partitions: int = 0
    again_s: float = 0.0
    worst_lag_s: float = 0.0
    recovered_s: float | None = None


class Outcome(msgspec.Struct):
    """What became of all observations, and the lag. ``published``: with what the spool gave up.

    ``worst_by_hour_s`` is the worst lag of any partition, ``mean_by_hour_s`` that of the mean one.
    """

    correlators: int
    published: float
    judged: float
    waiting: float
    given_up: float
    late: float
    busy_share: float
    worst_lag_s: float
    worst_by_hour_s: list[float]
    mean_by_hour_s: list[float]
    absence: Absence
    death: Death | None


class Fleet:
    """The simulation. Turn it until the end of the plan."""

    def __init__(self, plan: Plan, work: Work, parcelling: Parcelling, correlators: int) -> None:
        self._plan, self._work, self._parcelling = plan, work, parcelling
        self._step_s = plan.step_seconds
        self._queues = [Queue() for _ in range(plan.partitions)]
        self._correlators = Correlators(self._queues, correlators)
        self._many = correlators
        self._spool = Spool(plan.spool_gib * GIB)
        self._since_s = plan.absent_from * HOUR_S
        self._until_s = self._since_s + plan.absent_hours * HOUR_S
        self._published = 0.0
        self._done = np.zeros((plan.steps + 1, plan.partitions))  # work that came until then
        self._lags = np.zeros((plan.steps, plan.partitions), dtype=np.float32)
        self._absence = Absence(plan.absent)
        self._death = Death(plan.dies_hour) if plan.dies_hour >= 0 else None
        self._missed_at_s: float | None = None
        self._partition_bytes = self._own_bytes = 0.0

    def run(self) -> Outcome:
        """Simulate all of it."""
        for step, load in enumerate(loads(self._plan)):
            self._turn(step, load)
        return self._outcome()

    def _turn(self, step: int, load: Array) -> None:
        now_s, plan = step * self._step_s, self._plan
        rates = self._parcelling.at(load)
        self._published += float(rates.observations.sum()) * self._step_s
        arrived, observed, late = self._others(rates)
        for part in self._of_absent(rates, load, now_s):
            is_late = now_s - part.at_s > plan.hold_seconds
            self._arrive(part, arrived, observed, late if is_late else None)
        self._done[step + 1] = self._done[step] + arrived
        for number, queue in enumerate(self._queues):
            queue.put(Chunk(now_s, float(arrived[number]), float(observed[number]), float(late[number])))
        self._live_and_die(step, now_s)
        self._correlators.turn(self._step_s)
        self._lags[step] = [queue.lag_s(now_s + self._step_s) for queue in self._queues]
        if self._is_draining(now_s):
            self._absence.others_lag_s = max(self._absence.others_lag_s, float(self._lags[step].max()))

    def _others(self, rates: Rates) -> tuple[Array, Array, Array]:
        """Return the work and observations of all but the absent sensor; and none that are late."""
        absent = self._plan.absent
        observed = (rates.observations.sum(axis=0) - rates.observations[absent]) * self._step_s
        parcels = (rates.parcels.sum(axis=0) - rates.parcels[absent]) * self._step_s
        work = self._work.correlating(observed, parcels) + self._work.to_all(rates) * self._step_s
        return work, observed, np.zeros(self._plan.partitions)

    def _of_absent(self, rates: Rates, load: Array, now_s: float) -> list[Gathered]:
        """Have the sensor that is absent spool; return what reaches the brokers."""
        absent, step_s, plan = self._plan.absent, self._step_s, self._plan
        gathered = Gathered(
            now_s,
            float(load[absent]),
            float(rates.observations[absent].sum()) * step_s,
            float(self._work.spooled_bytes(rates)[absent]) * step_s,
            float(self._work.sent_bytes(rates)[absent]) * step_s,
            float(self._work.publishing(rates)[absent]) * step_s,
        )
        self._spool.put(gathered)
        if not self._since_s <= now_s < self._until_s:
            found = self._spool.drain(step_s, plan.uplink_mbit * 125_000 * step_s)
            self._spool.give_up()
            return found
        self._spool_only(gathered, rates)
        return []

    def _spool_only(self, gathered: Gathered, rates: Rates) -> None:
        """Note what the sensor observed while it is away, what its spool kept, and what merging will hold."""
        absence = self._absence
        absence.observed += gathered.observations
        absence.spool_needed_bytes += gathered.spool_bytes
        absence.given_up += self._spool.give_up()
        partition = int(np.argmax(rates.observations.sum(axis=0)))
        held = self._held_bytes(rates.observations, rates.parcels)
        self._partition_bytes = float(held[:, partition].sum())
        if not absence.given_up:
            absence.span_s = gathered.at_s + self._step_s - self._since_s
            self._own_bytes += float(held[self._plan.absent, partition]) * self._step_s

    def _held_bytes(self, observations: Array, parcels: Array) -> Array:
        sizes = self._work.sizes
        found: Array = observations * sizes.observation + parcels * OVERHEAD_BYTES
        return found

    def _arrive(self, part: Gathered, work: Array, observed: Array, late: Array | None) -> None:
        """Part among partitions what the absent sensor handed on, as it was at its time."""
        scale = part.share * self._step_s
        observations, parcels = self._parcelling.of_one(self._plan.absent, part.load)
        observed += observations * scale
        work += self._work.correlating(observations * scale, parcels * scale)
        if late is not None:
            late += observations * scale

    def _live_and_die(self, step: int, now_s: float) -> None:
        """Let a correlator die when its time is come, and be missed a while later."""
        death = self._death
        if death is None:
            return
        if self._missed_at_s is None and now_s >= death.hour * HOUR_S:
            self._missed_at_s = now_s + self._plan.session_seconds
            window = self._window(step)
            orphans = self._correlators.die(busiest(self._correlators, window))
            death.partitions = len(orphans)
            for each in orphans:
                self._queues[each].rebuild_s = float(window[each])
                death.again_s += float(window[each])
        elif self._missed_at_s is not None and now_s >= self._missed_at_s:
            self._correlators.take_over()

    def _window(self, step: int) -> Array:
        """Return the work that came to each partition within what is read again."""
        steps = round(self._plan.window_hours * HOUR_S / self._step_s)
        found: Array = self._done[step + 1] - self._done[max(step + 1 - steps, 0)]
        return found

    def _is_draining(self, now_s: float) -> bool:
        """Whether the sensor is back and its spool not drained; take note of the moment in which it is."""
        if now_s < self._until_s or self._absence.drained_s is not None:
            return False
        oldest = self._spool.oldest_s()
        if oldest is None or now_s - oldest < self._step_s:
            self._absence.drained_s = now_s + self._step_s - self._until_s
        return True

    def _outcome(self) -> Outcome:
        absence, plan = self._absence, self._plan
        absence.late = sum(queue.late for queue in self._queues)
        if absence.observed and plan.hours * HOUR_S > self._until_s:
            came = Came(
                absence.span_s,
                plan.absent_hours * HOUR_S,
                absence.drained_s or plan.hours * HOUR_S - self._until_s,
                self._partition_bytes,
                self._own_bytes,
            )
            absence.merging = come_back(plan, came)
        hourly = max(round(HOUR_S / self._step_s), 1)
        if self._death is not None:
            self._tell_death(self._death)
        return Outcome(
            self._many,
            self._published,
            sum(queue.judged for queue in self._queues),
            sum(queue.waiting() for queue in self._queues) + self._spool.waiting(),
            self._spool.given_up,
            absence.late,
            self._correlators.busy_s / (self._many * plan.steps * self._step_s),
            float(self._lags.max()),
            [float(self._lags[at : at + hourly].max()) for at in range(0, plan.steps, hourly)],
            [float(self._lags[at : at + hourly].mean()) for at in range(0, plan.steps, hourly)],
            absence,
            self._death,
        )

    def _tell_death(self, death: Death) -> None:
        """Fill in what a death came to: until no partition lags more than any did before."""
        begin = int(np.ceil(death.hour * HOUR_S / self._step_s))
        usual_s = max(float(self._lags[:begin].max(initial=0.0)), self._step_s)
        after = self._lags[begin:].max(axis=1)
        first = int(np.argmax(after > usual_s))
        calm = np.flatnonzero(after[first:] <= usual_s)
        if len(calm):
            death.recovered_s = float(first + calm[0]) * self._step_s
        death.worst_lag_s = float(after[first : first + calm[0] if len(calm) else None].max(initial=0.0))


def run(plan: Plan, figures: Figures, parcelling: Parcelling, correlators: int) -> Outcome:
    """Simulate a fleet with so many correlators."""
    return Fleet(plan, Work(figures, plan.partitions), parcelling, correlators).run()

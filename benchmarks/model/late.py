"""What ``monitor.fleet.merging`` does with a sensor that comes back after a day: itself, driven.

Parcels are coarse: each stands for all that a sensor publishes to one partition within a beat, and is as
large. The others go on as ever; one says nothing, then its old parcels, in order, until it has caught up.
"""

import msgspec

from benchmarks.model.plan import Plan
from monitor.daemon.publishing import BEAT_SECONDS
from monitor.fleet.merging import Bounds, Merging
from monitor.fleet.parcels import Parcel, ParcelKind

BEGIN_S = 1_770_000_000
CALM_S = 120.0  # that the others are alone before, and that all go on afterwards
MAX_ARRIVALS = 300_000
MOST_DRAIN_S = 1_800.0
LEAST_OTHERS = 4
PARCEL_BYTES = 850_000  # at most, as the brokers take them
_OVERHEAD_BYTES = 512
_BACK = "back"


class Phase(msgspec.Struct):
    """What was counted in a while: its parcels, and what the others' came to.

    ``behind_s`` is the most by which what was let go lay behind the clock.
    """

    parcels: int = 0
    late: int = 0
    overdue: int = 0
    pressed: int = 0
    behind_s: float = 0.0
    held_bytes: int = 0


class Late(msgspec.Struct):
    """Before it is back, while it catches up, and after that; and how many others there were."""

    others: int
    drained_s: float
    before: Phase
    during: Phase
    after: Phase


class Came(msgspec.Struct, frozen=True):
    """How a sensor came back: the span of its spool, how long draining took, and one partition's load."""

    kept_s: float  # that the spool was filled for, from ``absent_s`` before the return on
    absent_s: float
    drain_s: float
    partition_bytes_per_s: float
    own_bytes: float  # of what it kept, in this partition


def come_back(plan: Plan, came: Came) -> Late:
    """Drive the merging of one partition through the return of a sensor."""
    drain_s = max(min(came.drain_s, MOST_DRAIN_S), 3 * BEAT_SECONDS)
    beats = round((2 * CALM_S + drain_s) / BEAT_SECONDS)
    others = max(min(plan.sensors - 1, MAX_ARRIVALS // (2 * beats)), LEAST_OTHERS)
    driven = _Driven(plan, others, came.partition_bytes_per_s * BEAT_SECONDS / others)
    driven.meet(BEGIN_S - came.absent_s)
    late = Late(others, drain_s, Phase(), Phase(), Phase())
    back_s, done_s = BEGIN_S + CALM_S, BEGIN_S + CALM_S + drain_s
    for beat in range(beats):
        now_s = BEGIN_S + beat * BEAT_SECONDS
        if now_s < back_s:
            driven.turn(late.before, now_s)
        elif now_s < done_s:
            left = 1 - (now_s - back_s) / drain_s
            driven.own(late.during, _age_s(came, left), now_s, came.own_bytes * BEAT_SECONDS / drain_s)
            driven.turn(late.during, now_s)
        else:
            driven.own(late.after, 0.0, now_s, driven.parcel_bytes)
            driven.turn(late.after, now_s)
    return late


def _age_s(came: Came, left: float) -> float:
    """Return how old what it says is, where so much is left: the spool kept the beginning."""
    if came.kept_s >= came.absent_s:
        return came.absent_s * left
    return came.absent_s - came.kept_s * (1 - left)


class _Driven:
    """One partition's merging, and the sensors that speak to it."""

    def __init__(self, plan: Plan, others: int, parcel_bytes: float) -> None:
        self._merging = Merging(
            Bounds(plan.hold_seconds, plan.patience_seconds, plan.held_bytes), lambda _: None
        )
        self._names = [f"sensor-{each}" for each in range(others)]
        self._numbers = dict.fromkeys([*self._names, _BACK], 0)
        self.parcel_bytes = parcel_bytes

    def meet(self, now_s: float) -> None:
        """Have all sensors heard of once, long before."""
        for name in self._numbers:
            self._say(name, "beat", now_s, now_s, 0.0)
        self._merging.due(now_s + 60.0)

    def own(self, phase: Phase, age_s: float, now_s: float, size_bytes: float) -> None:
        """Have the sensor that was away say something so old."""
        counts = self._merging.counts
        late = counts.late
        phase.parcels += self._data(_BACK, now_s - age_s, now_s, size_bytes)
        phase.late += counts.late - late
        self._say(_BACK, "beat", now_s - age_s, now_s, 0.0)

    def turn(self, phase: Phase, now_s: float) -> None:
        """Have all others say something of this moment, and let go what is due."""
        counts = self._merging.counts
        overdue, pressed = counts.overdue, counts.pressed
        for name in self._names:
            self._data(name, now_s, now_s, self.parcel_bytes)
            self._say(name, "beat", now_s, now_s, 0.0)
        phase.held_bytes = max(phase.held_bytes, self._merging.held_bytes)
        self._merging.due(now_s)
        phase.overdue += counts.overdue - overdue
        phase.pressed += counts.pressed - pressed
        phase.behind_s = max(phase.behind_s, now_s - self._merging.passed_ns / 1e9)

    def _data(self, name: str, clock_s: float, now_s: float, size_bytes: float) -> int:
        """Say so many bytes in as few parcels as there can be; return how many that were."""
        parcels = max(-int(-size_bytes // PARCEL_BYTES), 1)
        for _ in range(parcels):
            self._say(name, "observations", clock_s, now_s, size_bytes / parcels)
        return parcels

    def _say(self, name: str, kind: ParcelKind, clock_s: float, now_s: float, size_bytes: float) -> None:
        data = bytes(max(int(size_bytes) - _OVERHEAD_BYTES, 0))
        number = self._numbers[name]
        self._numbers[name] = number + 1
        self._merging.arrive(Parcel(name, "run", number, int(clock_s * 1e9), kind, 0, data), now_s)

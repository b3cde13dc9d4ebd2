"""Puts what several sensors say in one partition into one order of packet time, and waits for none for ever.

A parcel is let go when every sensor that is heard of has come past it. Who is not heard of for a while is not
waited for, no parcel waits longer than a bound, and all together take no more than so much memory: what comes
behind what was let go is late, and let go at once. Pure: the time on the wall is an argument.
"""

from collections import OrderedDict, deque
from collections.abc import Callable
from itertools import takewhile

import msgspec

from monitor.fleet.parcels import Parcel, ParcelKind
from monitor.windows import WINDOW_NS

MAX_SENSORS = 10_000  # that are remembered, the latest heard of
MAX_RUNS = 8  # of one sensor
MAX_AHEAD_NS = 60 * 1_000_000_000  # of the wall clock, that a sensor's clock is believed
DATA: frozenset[ParcelKind] = frozenset({"observations", "names"})
_SECOND_NS = 1_000_000_000
_OVERHEAD_BYTES = 512  # of a parcel that waits, about


class Bounds(msgspec.Struct, frozen=True):
    """How long a parcel waits for others, how long a silent sensor is waited for, and how much may wait.

    ``coverage_ns`` is how long the windows are that coverage is told of.
    """

    hold_seconds: float = 10.0
    patience_seconds: float = 60.0
    held_bytes: int = 268_435_456
    coverage_ns: int = WINDOW_NS


class Counts(msgspec.Struct):
    """Parcels that came again or late, whose clock was ahead, that waited too long, or had no room."""

    duplicate: int = 0
    late: int = 0
    ahead: int = 0
    overdue: int = 0
    pressed: int = 0


class Held(msgspec.Struct, eq=False, gc=False):
    """A parcel that waits. What is in it counts within its span."""

    number: int  # in order of arrival, from 1
    parcel: Parcel
    since_ns: int
    until_ns: int
    arrived_s: float
    size_bytes: int


class _Sensor(msgspec.Struct):
    """How far a sensor has come. What counts before ``settled_ns`` is here; up to ``clock_ns`` more may come.

    ``heard_s`` is when it was last heard of, ``runs`` has the last number of each of its runs, ``waiting``
    what waits of the last one, as it came.
    """

    clock_ns: int = 0
    settled_ns: int = 0
    heard_s: float = 0.0
    ended: bool = False
    runs: dict[str, int] = msgspec.field(default_factory=dict)
    waiting: deque[Held] = msgspec.field(default_factory=deque)

    def advance(self, parcel: Parcel, latest_ns: int) -> None:
        """Take the clock of a parcel. Several have the same; the first beyond it says that all came."""
        clock_ns = min(parcel.clock_ns, latest_ns)
        if parcel.run not in self.runs:
            self.clock_ns, self.settled_ns = clock_ns, 0
            self.waiting = deque()  # a run may tell of any time, and waits for none before it
        elif clock_ns > self.clock_ns:
            self.clock_ns, self.settled_ns = clock_ns, self.clock_ns
        if parcel.kind in ("beat", "end"):
            self.settled_ns = self.clock_ns
        self.ended = parcel.kind == "end"
        if parcel.run not in self.runs and len(self.runs) >= MAX_RUNS:
            del self.runs[next(iter(self.runs))]


class Merging:
    """The parcels of one partition. ``passed_ns``: all that counts before this moment was let go.

    ``forget`` is told of sensors that are no longer remembered, since there are too many.
    """

    def __init__(self, bounds: Bounds, forget: Callable[[str], None]) -> None:
        self._bounds = bounds
        self._forget = forget
        self.counts = Counts()
        self.passed_ns = 0
        self.held_bytes = 0
        self._arrived = 0
        self._begun_s: float | None = None
        self._sensors: OrderedDict[str, _Sensor] = OrderedDict()  # the latest heard of is the last
        self._waiting: list[deque[Held]] = []  # of each run of a sensor where something waits
        self._unpassed: deque[Held] = deque()  # those that are not wholly let go, as they came

    def arrive(self, parcel: Parcel, now_s: float) -> Held | None:
        """Take a parcel; return it with its place, or None where it came before."""
        if self._begun_s is None:
            self._begun_s = now_s
        name = parcel.sensor
        sensor = self._sensors.get(name)
        if sensor is None:
            sensor = self._first_heard(name)
        last = sensor.runs.get(parcel.run)
        if last is not None and parcel.number <= last:
            self.counts.duplicate += 1
            return None
        self._sensors.move_to_end(name)
        if parcel.clock_ns != sensor.clock_ns or parcel.kind not in DATA or last is None:
            latest_ns = int(now_s * _SECOND_NS) + MAX_AHEAD_NS
            self.counts.ahead += parcel.clock_ns > latest_ns
            sensor.advance(parcel, latest_ns)
        sensor.runs[parcel.run] = parcel.number
        sensor.heard_s = now_s
        self._arrived += 1
        size_bytes = len(parcel.data) + _OVERHEAD_BYTES
        held = Held(self._arrived, parcel, sensor.settled_ns, sensor.clock_ns, now_s, size_bytes)
        if held.until_ns < self.passed_ns:
            self.counts.late += 1
        self.held_bytes += size_bytes
        self._unpassed.append(held)
        if not sensor.waiting:
            self._waiting.append(sensor.waiting)
        sensor.waiting.append(held)
        return held

    def due(self, now_s: float) -> list[Held]:
        """Return the parcels of which something may be let go now, each run's as they came.

        ``passed_ns`` says how far.
        """
        self.passed_ns = max(self.passed_ns, self._low(now_s))
        self.passed_ns = passed_ns = self._forced(now_s)
        found = []
        for waiting in self._waiting:
            while waiting and waiting[0].since_ns < passed_ns:
                found.append(waiting.popleft())
        self._waiting = [each for each in self._waiting if each]
        return found

    def waiting(self) -> int:
        """Return how many parcels are not wholly let go."""
        return len(self._unpassed)

    def silent(self, now_s: float) -> list[str]:
        """Return the sensors that are no longer waited for, and did not say that they end."""
        patience_s = self._bounds.patience_seconds
        lost = takewhile(lambda item: now_s - item[1].heard_s > patience_s, self._sensors.items())
        return [name for name, sensor in lost if not sensor.ended]

    def _first_heard(self, name: str) -> _Sensor:
        """Remember a sensor; forget another one where there are too many."""
        if len(self._sensors) >= MAX_SENSORS:
            self._forget(self._sensors.popitem(last=False)[0])
        sensor = self._sensors[name] = _Sensor()
        return sensor

    def _low(self, now_s: float) -> int:
        """Return the moment that every sensor has come past. At the beginning nobody is known yet."""
        if self._begun_s is None or now_s < self._begun_s + self._bounds.hold_seconds:
            return 0
        patience_s = self._bounds.patience_seconds
        live = [
            each.settled_ns
            for each in self._sensors.values()
            if not each.ended and now_s - each.heard_s <= patience_s
        ]
        return min(live) if live else max((held.until_ns + 1 for held in self._unpassed), default=0)

    def _forced(self, now_s: float) -> int:
        """Return the moment up to which nobody is waited for: of what waited too long, or has no room.

        What holds no observations makes nobody late. Where all have come just as far, nothing was overdue.
        """
        passed_ns = self.passed_ns
        while self._unpassed:
            oldest = self._unpassed[0]
            if oldest.until_ns >= passed_ns:
                is_overdue = now_s - oldest.arrived_s >= self._bounds.hold_seconds
                if not is_overdue and self.held_bytes <= self._bounds.held_bytes:
                    break
                if oldest.until_ns == passed_ns:
                    passed_ns += 1
                elif oldest.parcel.kind in DATA:
                    self.counts.overdue += is_overdue
                    self.counts.pressed += not is_overdue
                    passed_ns = oldest.until_ns + 1
            self.held_bytes -= self._unpassed.popleft().size_bytes
        return passed_ns

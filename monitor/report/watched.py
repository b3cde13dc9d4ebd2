"""How long, and how well, each sensor watched: what the coverage windows of ledgers add up to. Pure, bounded.

A window stands in the ledger of every tenant: it counts once. One that stands out over an end of the period
counts wholly, but for the time that it covers.
"""

from collections import Counter
from collections.abc import Iterator

import msgspec

from monitor.findings.silence import uncovered_between
from monitor.report.periods import overlaps
from monitor.report.types import Period, SensorSeen
from monitor.windows import UNREAD, Window
from sensors.observations import Count

MAX_WINDOWS = 250_000  # more than two years of one sensor
MAX_SENSORS = 1_000
MAX_UNSEEN = 100  # stretches of time that are listed, of each sensor
MAX_BLIND = 5  # sentences that are listed, of each sensor
MAX_WORDS = 100  # reasons and sentences that are told apart, of each sensor


class _Sensor(msgspec.Struct):
    input: int
    first_ns: int
    last_ns: int
    packets: int = 0
    lost: dict[str, Count] = msgspec.field(default_factory=dict)
    spans: list[tuple[int, int]] = msgspec.field(default_factory=list)
    blind: set[str] = msgspec.field(default_factory=set)
    undecided: int = 0


class Watched:
    """Takes windows in any order. ``left_out`` counts windows without room, and stretches not listed."""

    def __init__(self, period: Period) -> None:
        self.left_out: Counter[str] = Counter()
        self.sticks_out = False
        self._period = period
        self._seen: set[tuple[str, int, int]] = set()
        self._sensors: dict[str, _Sensor] = {}

    def add(self, window: Window, input_: int) -> bool:
        """Take a window; return whether it counts: it is of the period, and new."""
        first_ns, last_ns = sorted((window.since_ns, window.until_ns))
        if not overlaps(self._period, first_ns, last_ns):
            return False
        key = window.sensor, window.since_ns, window.until_ns
        if key in self._seen:
            return False
        is_new = window.sensor not in self._sensors
        if len(self._seen) >= MAX_WINDOWS or (is_new and len(self._sensors) >= MAX_SENSORS):
            self.left_out["windows"] += 1
            return False
        self._seen.add(key)
        if is_new:
            self._sensors[window.sensor] = _Sensor(input_, first_ns, last_ns)
        since_ns, until_ns = self._period.since_ns, self._period.until_ns
        self.sticks_out = self.sticks_out or (
            (since_ns is not None and first_ns < since_ns) or (until_ns is not None and last_ns > until_ns)
        )
        _include(self._sensors[window.sensor], window)
        return True

    def is_complete(self) -> bool:
        """Tell whether windows cover all of the period, and nothing was lost before it was read."""
        return not self.left_out and all(
            not (sensor.blind or sensor.undecided or sensor.lost.keys() & set(UNREAD))
            and not self._unseen(sensor)
            for sensor in self._sensors.values()
        )

    def sensors(self) -> Iterator[SensorSeen]:
        """Yield what each sensor saw, by name."""
        for name in sorted(self._sensors):
            sensor = self._sensors[name]
            unseen = self._unseen(sensor)
            since_ns, until_ns = self._stretch(sensor)
            if len(unseen) > MAX_UNSEEN:
                self.left_out["unseen"] += len(unseen) - MAX_UNSEEN
            yield SensorSeen(
                name=name,
                input=sensor.input,
                first_ns=sensor.first_ns,
                last_ns=sensor.last_ns,
                packets=sensor.packets,
                lost=dict(sorted(sensor.lost.items())),
                watched_ns=max(until_ns - since_ns, 0) - sum(end - start for start, end in unseen),
                unseen=unseen[:MAX_UNSEEN],
                blind=tuple(sorted(sensor.blind)[:MAX_BLIND]),
            )

    def _stretch(self, sensor: _Sensor) -> tuple[int, int]:
        """Return the period; where it has no bound, from the first window or to the last."""
        since_ns, until_ns = self._period.since_ns, self._period.until_ns
        return (
            sensor.first_ns if since_ns is None else since_ns,
            sensor.last_ns if until_ns is None else until_ns,
        )

    def _unseen(self, sensor: _Sensor) -> tuple[tuple[int, int], ...]:
        gaps = uncovered_between(sensor.spans, *self._stretch(sensor))
        return tuple((gap.since_ns, gap.until_ns) for gap in gaps)


def _include(sensor: _Sensor, window: Window) -> None:
    first_ns, last_ns = sorted((window.since_ns, window.until_ns))
    sensor.first_ns, sensor.last_ns = min(sensor.first_ns, first_ns), max(sensor.last_ns, last_ns)
    sensor.packets += window.packets
    for reason, count in window.lost.items():
        before = sensor.lost.get(reason, Count())
        if reason in sensor.lost or len(sensor.lost) < MAX_WORDS:
            sensor.lost[reason] = Count(before.packets + count.packets, before.bytes + count.bytes)
    sensor.blind.update(window.blind[: MAX_WORDS - len(sensor.blind)])
    sensor.undecided += window.shed + window.left + window.unwritten
    if window.since_ns == first_ns and not window.blind:  # else the clock was set back
        sensor.spans.append((first_ns, last_ns))

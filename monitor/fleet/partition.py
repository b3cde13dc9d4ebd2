"""One partition: sensors' parcels in, decisions and windows out, each with its origin. Pure.

What a parcel leads to is said when all of it is judged, in the order of its sensor's parcels. What led to
something before this was begun is taken again to remember what correlation needs, and nothing of it is said.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from typing import Protocol

import msgspec

from monitor.fleet.covering import Covering, Span
from monitor.fleet.judging import Judge
from monitor.fleet.merging import DATA, Bounds, Held, Merging
from monitor.fleet.parcels import (
    Account,
    Covered,
    Judged,
    NotAMessageError,
    Origin,
    Parcel,
    Said,
    UnknownVersionError,
    decode_parcel,
)
from monitor.types import Decision
from monitor.windows import Window
from sensors.connections import Counted, Seen
from sensors.interest import Interest
from sensors.parcelled import Placed, Taken

_NOTHING = b"\x90"  # an empty array
_account = msgspec.msgpack.Decoder(Account).decode


class Correlating(Protocol):
    """What correlates: `sensors.relayed`."""

    def hold(self, parcels: Sequence[Placed]) -> Taken:
        """Take parcels, to be released in their places."""

    def release(self, until_ns: int) -> list[int]:
        """Pass on what counts before a moment; return the parcels that are now wholly passed on."""

    def handed_out(self) -> Iterator[tuple[int, Seen]]:
        """Yield connections and gaps that wait, each with its parcel."""

    def counted_of(self, account: int) -> Counted:
        """Return what was counted since the last call of the parcels of an account."""

    def retarget(self, interest: Interest) -> Counted:
        """Look for something else from now on."""


class Counts(msgspec.Struct):
    """Of a partition: parcels and observations that came, values that are none, and what was said."""

    parcels: int = 0
    observations: int = 0
    malformed: int = 0  # values, parcels and accounts
    unknown: int = 0  # values of a kind, and parcels of a version, that only newer programs know
    judged: int = 0
    covered: int = 0


class _Sensor(msgspec.Struct, eq=False):
    """A sensor's windows, and the last parcel of it that was said, if any: its run, and what it led to."""

    name: str
    covering: Covering
    run: str | None = None
    parcel: int = 0
    clock_ns: int = 0
    things: int = 0
    _numbered: tuple[str | None, int] = (None, 0)

    def number(self, run: str) -> int:
        """Return the number of a run, the same everywhere: the parcels of a run keep their order."""
        if run != self._numbered[0]:
            text = f"{self.name}\0{run}".encode("utf-8", "replace")
            self._numbered = run, int.from_bytes(hashlib.blake2b(text, digest_size=8).digest())
        return self._numbered[1]


class _Pending(msgspec.Struct, eq=False, gc=False):
    """A parcel that is not wholly judged, and what it led to so far, if anything."""

    offset: int
    stamp_ms: int
    parcel: Parcel
    sensor: _Sensor
    span: Span
    decisions: list[Decision] | None = None
    account: Account | None = None


class Partition:
    """The state of one partition. Offsets below ``said_to`` were said by whoever had it before."""

    def __init__(
        self, number: int, judge: Judge, correlating: Correlating, bounds: Bounds, said_to: int = 0
    ) -> None:
        self.counts = Counts()
        self.merging = Merging(bounds, self._forget)
        self._coverage_ns = bounds.coverage_ns
        self._number = number
        self._judge = judge
        self._correlating = correlating
        self._said_to = said_to
        self._accounts = count(1)
        self._sensors: dict[str, _Sensor] = {}
        self._pending: dict[int, _Pending] = {}  # as they came, by the number that merging gave them

    def offer(self, message: bytes, offset: int, stamp_ms: int, now_s: float) -> None:
        """Take a message of the partition. ``stamp_ms`` is the broker's, ``now_s`` the time by it."""
        self.counts.parcels += 1
        try:
            parcel = decode_parcel(message)
        except UnknownVersionError:
            self.counts.unknown += 1
            return
        except NotAMessageError:
            self.counts.malformed += 1
            return
        held = self.merging.arrive(parcel, now_s)
        if held is None:
            return
        sensor = self._sensors.get(parcel.sensor)
        if sensor is None:
            sensor = self._first_heard(parcel.sensor)
        span = sensor.covering.span(held.until_ns)
        self._pending[held.number] = _Pending(offset, stamp_ms, parcel, sensor, span)

    def say(self, now_s: float) -> Iterator[Said]:
        """Yield what there is to be said by now."""
        self._hold(self.merging.due(now_s))
        done = self._correlating.release(self.merging.passed_ns)
        for number, seen in self._correlating.handed_out():
            pending = self._pending[number]
            decision = self._judge.judge(seen, pending.span.tally)
            if decision is not None:
                pending.decisions = [*(pending.decisions or ()), decision]
        for number in done:
            pending = self._pending.pop(number)
            windows = self._finish(pending)
            if pending.decisions is not None or windows:
                yield from self._said(pending, windows)
        yield from self._of_silent(now_s)

    def retarget(self, judge: Judge) -> None:
        """Judge by other knowledge from here on. What waits is judged by it, too."""
        for sensor in self._sensors.values():
            sensor.covering.settle()
        self._correlating.retarget(judge.interest)
        self._judge = judge

    def unsaid(self) -> tuple[int, int] | None:
        """Return offset and stamp of the first message that is not wholly said; None where all are."""
        oldest = next(iter(self._pending.values()), None)
        return (oldest.offset, oldest.stamp_ms) if oldest is not None else None

    def _hold(self, due: Iterable[Held]) -> None:
        """Hand parcels on to correlation, in their places."""
        placed: list[Placed] = []
        for held in due:
            pending, parcel = self._pending[held.number], held.parcel
            if parcel.kind == "account":
                pending.account = self._account_in(parcel.data)
            batch = parcel.data if parcel.kind in DATA else _NOTHING
            run, account = pending.sensor.number(parcel.run), pending.span.account
            placed.append((held.number, run, account, held.since_ns, held.until_ns, batch))
        taken = self._correlating.hold(placed)
        self.counts.observations += taken.observations
        self.counts.malformed += taken.malformed
        self.counts.unknown += taken.unknown

    def _account_in(self, data: bytes) -> Account | None:
        try:
            return _account(data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            self.counts.malformed += 1
            return None

    def _first_heard(self, name: str) -> _Sensor:
        counted_of = self._correlating.counted_of
        covering = Covering(name, counted_of, self._accounts, self._coverage_ns)
        sensor = self._sensors[name] = _Sensor(name, covering)
        return sensor

    def _forget(self, name: str) -> None:
        """Remember nothing of a sensor any more."""
        sensor = self._sensors.pop(name, None)
        if sensor is not None:
            sensor.covering.forget()

    def _finish(self, pending: _Pending) -> list[Window]:
        """Take note that all of a parcel is judged; return the windows that it ends."""
        parcel, sensor = pending.parcel, pending.sensor
        sensor.run, sensor.parcel, sensor.clock_ns = parcel.run, parcel.number, parcel.clock_ns
        sensor.things = 0
        if pending.account is not None:
            pending.span.accounted(pending.account)
        return sensor.covering.passed(parcel.clock_ns, ended=parcel.kind == "end")

    def _said(self, pending: _Pending, windows: Iterable[Window]) -> Iterator[Said]:
        """Yield what a parcel led to."""
        sensor, is_new = pending.sensor, pending.offset >= self._said_to
        for decision in pending.decisions or ():
            origin = self._origin(sensor)
            if is_new:
                self.counts.judged += 1
                yield Judged(origin, sensor.clock_ns, decision)
        yield from self._windows(sensor, windows, is_new=is_new)

    def _of_silent(self, now_s: float) -> Iterator[Said]:
        for name in self.merging.silent(now_s):
            sensor = self._sensors.get(name)
            if sensor is not None and sensor.run is not None:
                windows = sensor.covering.given_up(self.merging.passed_ns)
                yield from self._windows(sensor, windows, is_new=True)

    def _windows(self, sensor: _Sensor, windows: Iterable[Window], *, is_new: bool) -> Iterator[Said]:
        for window in windows:
            origin = self._origin(sensor)
            if is_new:
                self.counts.covered += 1
                yield Covered(origin, sensor.clock_ns, window)

    def _origin(self, sensor: _Sensor) -> Origin:
        sensor.things += 1
        return Origin(self._number, sensor.name, sensor.run or "", sensor.parcel, sensor.things - 1)

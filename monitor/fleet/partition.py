"""One partition: sensors' parcels in, decisions and windows out, each with its origin. Pure.

What a parcel leads to is said when all of it is judged, in the order of its sensor's parcels. What led to
something before this was begun is taken again to remember what correlation needs, and nothing of it is said.
"""

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator
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
from sensors.parcelled import NotABatchError, Place, Taken

MAX_NAME = 255  # characters of a sensor's name, and of a run's
_NOTHING = b"\x90"  # an empty array
_account = msgspec.msgpack.Decoder(Account).decode


class Correlating(Protocol):
    """What correlates: `sensors.relayed`."""

    def hold(self, place: Place, batch: bytes) -> Taken:
        """Take a parcel's batch, to be released in its place. Raises NotABatchError."""

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


class _Pending(msgspec.Struct, eq=False, gc=False):
    """A parcel that is not wholly judged, and what it led to so far, if anything."""

    offset: int
    stamp_ms: int
    parcel: Parcel
    span: Span
    decisions: list[Decision] | None = None
    account: Account | None = None
    is_said: bool = False


class _Last(msgspec.Struct, eq=False):
    """The last parcel of a sensor that was said, and how many things it led to."""

    sensor: str
    run: str
    number: int
    clock_ns: int
    things: int = 0


class Partition:
    """The state of one partition. Offsets below ``said_to`` were said by whoever had it before."""

    def __init__(
        self, number: int, judge: Judge, correlating: Correlating, bounds: Bounds, said_to: int = 0
    ) -> None:
        self.counts = Counts()
        self.merging = Merging(bounds)
        self._number = number
        self._judge = judge
        self._correlating = correlating
        self._said_to = said_to
        self._covering = Covering(correlating.counted_of)
        self._pending: dict[int, _Pending] = {}  # by the number that merging gave them
        self._in_order: deque[_Pending] = deque()  # as they came
        self._last: dict[str, _Last] = {}
        self._sensor_numbers: dict[str, int] = {}

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
        if len(parcel.sensor) > MAX_NAME or len(parcel.run) > MAX_NAME:
            self.counts.malformed += 1
            return
        held = self.merging.arrive(parcel, now_s)
        for sensor in self.merging.take_forgotten():
            self._covering.forget(sensor)
            self._last.pop(sensor, None)
            self._sensor_numbers.pop(sensor, None)
        if held is None:
            return
        pending = _Pending(offset, stamp_ms, parcel, self._covering.span(parcel.sensor, held.until_ns))
        self._pending[held.number] = pending
        self._in_order.append(pending)

    def say(self, now_s: float) -> Iterator[Said]:
        """Yield what there is to be said by now."""
        for held in self.merging.due(now_s):
            self._hold(held)
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
        self._covering.settle()
        self._correlating.retarget(judge.interest)
        self._judge = judge

    def unsaid(self) -> tuple[int, int] | None:
        """Return offset and stamp of the first message that is not wholly said; None where all are."""
        while self._in_order and self._in_order[0].is_said:
            self._in_order.popleft()
        return (self._in_order[0].offset, self._in_order[0].stamp_ms) if self._in_order else None

    def _hold(self, held: Held) -> None:
        """Hand a parcel on to correlation, in its place."""
        pending, parcel = self._pending[held.number], held.parcel
        if parcel.kind == "account":
            pending.account = self._account_in(parcel.data)
        place = Place(
            held.number,
            self._sensor_number(parcel.sensor),
            pending.span.account,
            held.since_ns,
            held.until_ns,
        )
        try:
            taken = self._correlating.hold(place, parcel.data if parcel.kind in DATA else _NOTHING)
        except NotABatchError:
            self.counts.malformed += 1
            taken = self._correlating.hold(place, _NOTHING)
        self.counts.observations += taken.observations
        if taken.malformed or taken.unknown:
            self.counts.malformed += taken.malformed
            self.counts.unknown += taken.unknown

    def _account_in(self, data: bytes) -> Account | None:
        try:
            return _account(data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            self.counts.malformed += 1
            return None

    def _sensor_number(self, sensor: str) -> int:
        """Return a sensor's number, the same everywhere."""
        number = self._sensor_numbers.get(sensor)
        if number is None:
            digest = hashlib.blake2b(sensor.encode("utf-8", "replace"), digest_size=8).digest()
            number = self._sensor_numbers[sensor] = int.from_bytes(digest)
        return number

    def _finish(self, pending: _Pending) -> list[Window]:
        """Take note that all of a parcel is judged; return the windows that it ends."""
        parcel = pending.parcel
        self._last[parcel.sensor] = _Last(parcel.sensor, parcel.run, parcel.number, parcel.clock_ns)
        pending.is_said = True
        if pending.account is not None:
            pending.span.accounted(pending.account)
        return self._covering.passed(parcel.sensor, parcel.clock_ns, ended=parcel.kind == "end")

    def _said(self, pending: _Pending, windows: Iterable[Window]) -> Iterator[Said]:
        """Yield what a parcel led to."""
        last, is_new = self._last[pending.parcel.sensor], pending.offset >= self._said_to
        for decision in pending.decisions or ():
            origin = self._origin(last)
            if is_new:
                self.counts.judged += 1
                yield Judged(origin, last.clock_ns, decision)
        yield from self._windows(last, windows, is_new=is_new)

    def _of_silent(self, now_s: float) -> Iterator[Said]:
        for sensor in self.merging.silent(now_s):
            last = self._last.get(sensor)
            if last is not None:
                windows = self._covering.given_up(sensor, self.merging.passed_ns)
                yield from self._windows(last, windows, is_new=True)

    def _windows(self, last: _Last, windows: Iterable[Window], *, is_new: bool) -> Iterator[Said]:
        for window in windows:
            origin = self._origin(last)
            if is_new:
                self.counts.covered += 1
                yield Covered(origin, last.clock_ns, window)

    def _origin(self, last: _Last) -> Origin:
        last.things += 1
        return Origin(self._number, last.sensor, last.run, last.number, last.things - 1)

"""A folder that rotated captures are put into, watched: each is read once, whole, in order, when it is whole.

Flows, and the names that DNS gave, go on from file to file. Time is the packets': it stands still while no
file comes. A capture counts as read once the batch with its last packets was followed by another call: after
a crash, the one in work is read again, and no other. Those before it are read again for the flows and names
that they left, and nothing is said of them. A stop reads the one in work to its end, for ``STOP_SECONDS`` at
most: what took longer is read again too.
"""

import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import msgspec

from sensors.capture import path_text
from sensors.connections import Counted, Seen
from sensors.folder import ENDED, Capture, GrowingFolder
from sensors.interest import Interest
from sensors.live import CaptureError, Manner, SourceStatus, Status
from sensors.observations import Accounting, Count, FlowUpdate, HelloSeen, NameResolved
from sensors.publishing import Published
from sensors.series import NativeSeries, ReferenceSeries, Series

STOP_SECONDS = 2.0  # that reading may go on after a stop
_NAP_SECONDS = 0.25  # between two questions whether there is a file


class Outlet(Protocol):
    """Where what is published goes: what a capture leads to goes out as a whole, or not at all."""

    @property
    def last(self) -> str | None:
        """What went out last as a whole."""

    def begin(self) -> bool:
        """Begin a whole; False where that is not possible now."""

    def end(self, mark: str) -> bool:
        """Have it go out, by this mark; False where that is not possible now."""


class Nowhere:
    """Nothing is published."""

    last = None

    def begin(self) -> bool:
        """Always possible."""
        return True

    def end(self, _mark: str) -> bool:
        """Always possible."""
        return True


def watch_folder(
    folder: Path, manner: Manner, engine: str, state: Path | None = None, outlet: Outlet | None = None
) -> "FolderSensor":
    """Watch a folder with the engine "native" or "dpkt". What was read is kept in the file ``state``.

    Raises CaptureError where the folder or the state is of no use.
    """
    outlet = outlet or Nowhere()
    growing = GrowingFolder(folder, state, outlet.last)
    series = NativeSeries(manner) if engine == "native" else ReferenceSeries(manner)
    return FolderSensor(growing, series, outlet)


class FolderSensor:
    """Watches a folder: a ``LiveSensor``."""

    def __init__(self, folder: GrowingFolder, series: Series, outlet: Outlet) -> None:
        self._folder = folder
        self._series = series
        self._outlet = outlet
        self._in_work: Capture | None = None
        self._read: Capture | None = None  # its last batch was handed out, and may be in use
        self._unsaved = 0
        self._end_seconds: float | None = None  # when to read no more
        self._is_finishing = self._is_ending = False
        self._again: Accounting | None = None  # what was read again, and counts for nothing
        self._left: list[Seen] = []  # of that, what whoever correlates has to know

    @property
    def engine(self) -> str:
        """The engine's name."""
        return self._series.engine

    def start(self) -> None:
        """Read again what a sensor that did not end in order read before, for what it left open."""
        for path in self._folder.left_open():
            self._series.add(path)
        while self._series.is_reading:
            self._left = _left_by([*self._left, *(self._series.next_batch() or ())])
            self._series.published(cut=True)
            self._series.counted()
            self._again = self._series.accounting()

    def next_batch(self, timeout_seconds: float) -> Sequence[Seen] | None:
        """Return what was seen, after about so long; None when it was stopped and nothing is left."""
        if self._left:
            left, self._left = self._left, []
            return left
        if not self._mark_read():
            time.sleep(min(timeout_seconds, _NAP_SECONDS))
            return ()
        if self._end_seconds is None:
            return self._read_on() if self._wait(timeout_seconds) else ()
        if self._in_work is None or time.monotonic() >= self._end_seconds:
            return self._finish()
        return self._read_on()

    def counted(self) -> Counted:
        """Return what was counted since the last call, and not handed out."""
        return self._series.counted()

    def published(self, *, cut: bool) -> Published:
        """Return what is to be published. ``cut``: what is still gathered, too."""
        return self._series.published(cut=cut)

    def status(self) -> Status:
        """Return how the folder fares."""
        accounting = self._accounting()
        source = SourceStatus(
            name=path_text(self._folder.path),
            state="up" if self._folder.is_there else "gone",
            accounting=accounting,
            packets=accounting.read.packets,
            flows=self._series.flows,
        )
        return Status(0, (source,))

    def retarget(self, interest: Interest) -> Counted:
        """Look for something else from now on; return what was counted before."""
        return self._series.retarget(interest)

    def stop(self) -> None:
        """Stop reading soon; what is left is still handed out, and all flows end."""
        if self._end_seconds is None:
            self._end_seconds = time.monotonic() + STOP_SECONDS

    def _wait(self, timeout_seconds: float) -> bool:
        """Wait for a file to read, at most so long; tell whether there is one."""
        until = time.monotonic() + timeout_seconds
        while self._in_work is None:
            now = time.monotonic()
            capture = self._folder.next_whole(now)
            if capture is not None and self._outlet.begin():
                self._in_work = capture
                self._series.add(capture.path)
                break
            if capture is not None:
                self._folder.put_back(capture)
            if now >= until or self._end_seconds is not None:
                return False
            time.sleep(min(until - now, _NAP_SECONDS))
        return True

    def _read_on(self) -> Sequence[Seen] | None:
        batch = self._series.next_batch()
        if self._in_work is not None and not self._series.is_reading:
            self._in_work, self._read = None, self._in_work
        return batch

    def _finish(self) -> Sequence[Seen] | None:
        """End all flows; what of a capture went out in part does not count, and their end neither."""
        if not self._is_finishing:
            self._is_finishing = True
            self._is_ending = self._in_work is None and self._outlet.begin()
            self._series.finish()
        batch = self._series.next_batch()
        if batch is None and self._is_ending and self._outlet.end(ENDED):
            self._is_ending = False
            with suppress(CaptureError):
                self._folder.mark_ended()
        return batch

    def _mark_read(self) -> bool:
        """Note that a file was read, as what it gave is no more in use. Tell whether that is so."""
        if self._read is None:
            return True
        if not self._outlet.end(self._read.mark):
            return False
        capture, self._read = self._read, None
        try:
            self._folder.mark_read(capture)
        except CaptureError:
            self._unsaved += 1
        return True

    def _accounting(self) -> Accounting:
        accounting = self._series.accounting()
        if self._again is not None:
            accounting = _without(accounting, self._again)
        if not self._unsaved:
            return accounting
        counters = dict(sorted({**accounting.counters, "unsaved-states": self._unsaved}.items()))
        return msgspec.structs.replace(accounting, counters=counters)


def _left_by(seen: Sequence[Seen]) -> list[Seen]:
    """Return what names flows from here on: answers, and first messages of flows that did not end.

    An engine that correlates by itself, as the native one does, hands out none of these.
    """
    ends = {each.flow: at for at, each in enumerate(seen) if isinstance(each, FlowUpdate) and each.final}
    return [
        each
        for at, each in enumerate(seen)
        if isinstance(each, NameResolved) or (isinstance(each, HelloSeen) and at > ends.get(each.flow, -1))
    ]


def _without(accounting: Accounting, before: Accounting) -> Accounting:
    """Return what became of the packets behind those that were accounted before."""
    old = before.counters
    return msgspec.structs.replace(
        accounting,
        read=_less(accounting.read, before.read),
        decoded=_rest(accounting.decoded, before.decoded),
        undecoded=_rest(accounting.undecoded, before.undecoded),
        counters={key: n - old.get(key, 0) for key, n in accounting.counters.items() if n > old.get(key, 0)},
        faults=accounting.faults[len(before.faults) :],
        first_ns=before.last_ns,
    )


def _rest(counts: dict[str, Count], before: dict[str, Count]) -> dict[str, Count]:
    rest = {name: _less(count, before.get(name, Count())) for name, count in counts.items()}
    return {name: count for name, count in rest.items() if count.packets}


def _less(count: Count, before: Count) -> Count:
    return Count(count.packets - before.packets, count.bytes - before.bytes)

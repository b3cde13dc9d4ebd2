"""A folder that rotated captures are put into, watched: each is read once, whole, in order, when it is whole.

Flows, and the names that DNS gave, go on from file to file. Time is the packets': it stands still while no
file comes. A capture counts as read once the batch with its last packets was followed by another call: after
a crash, the one in work is read again, and no other. A stop reads the one in work to its end, for
``STOP_SECONDS`` at most: what took longer is read again too.
"""

import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from sensors.capture import path_text
from sensors.connections import Counted, Seen
from sensors.folder import Capture, GrowingFolder
from sensors.interest import Interest
from sensors.live import CaptureError, Manner, SourceStatus, Status
from sensors.observations import Accounting
from sensors.publishing import Published
from sensors.series import NativeSeries, ReferenceSeries, Series

STOP_SECONDS = 2.0  # that reading may go on after a stop
_NAP_SECONDS = 0.25  # between two questions whether there is a file


def watch_folder(folder: Path, manner: Manner, engine: str, state: Path | None = None) -> "FolderSensor":
    """Watch a folder with the engine "native" or "dpkt". What was read is kept in the file ``state``.

    Raises CaptureError where the folder or the state is of no use.
    """
    growing = GrowingFolder(folder, state)
    return FolderSensor(growing, NativeSeries(manner) if engine == "native" else ReferenceSeries(manner))


class FolderSensor:
    """Watches a folder: a ``LiveSensor``."""

    def __init__(self, folder: GrowingFolder, series: Series) -> None:
        self._folder = folder
        self._series = series
        self._in_work: Capture | None = None
        self._read: Capture | None = None  # its last batch was handed out, and may be in use
        self._unsaved = 0
        self._end_seconds: float | None = None  # when to read no more

    @property
    def engine(self) -> str:
        """The engine's name."""
        return self._series.engine

    def start(self) -> None:
        """Nothing is to be done: files are opened when they are read."""

    def next_batch(self, timeout_seconds: float) -> Sequence[Seen] | None:
        """Return what was seen, after about so long; None when it was stopped and nothing is left."""
        self._mark_read()
        if self._end_seconds is not None:
            if self._in_work is None or time.monotonic() >= self._end_seconds:
                self._in_work = None
                self._series.finish()
            return self._read_on()
        return self._read_on() if self._wait(timeout_seconds) else ()

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
            self._in_work = self._folder.next_whole(now)
            if self._in_work is not None:
                self._series.add(self._in_work.path)
            elif now >= until or self._end_seconds is not None:
                return False
            else:
                time.sleep(min(until - now, _NAP_SECONDS))
        return True

    def _read_on(self) -> Sequence[Seen] | None:
        batch = self._series.next_batch()
        if self._in_work is not None and not self._series.is_reading:
            self._in_work, self._read = None, self._in_work
        return batch

    def _mark_read(self) -> None:
        """Note that a file was read: what it gave was handed out, and is no more in use."""
        if self._read is not None:
            capture, self._read = self._read, None
            try:
                self._folder.mark_read(capture)
            except CaptureError:
                self._unsaved += 1

    def _accounting(self) -> Accounting:
        accounting = self._series.accounting()
        if not self._unsaved:
            return accounting
        counters = dict(sorted({**accounting.counters, "unsaved-states": self._unsaved}.items()))
        return msgspec.structs.replace(accounting, counters=counters)

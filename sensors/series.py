"""Captures that come one after the other through one engine: flows go on from file to file.

Each is read whole before the next, and no batch tells of two, so that one knows when a file was read.
"""

import secrets
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Protocol

import msgspec

from sensors.capture import CaptureReader
from sensors.captured import MAX_FAULTS, Frame
from sensors.connections import ConnectionSeen, Counted, Seen
from sensors.engine import Options
from sensors.gaps import GAP_INTERVAL_NS
from sensors.interest import Interest
from sensors.live import Manner
from sensors.observations import Accounting, DataSeen, Fault, Gap, Observation
from sensors.publishing import Cut, Published
from sensors.reference import ReferenceEngine
from sensors.reference_outlet import ReferenceOutlet

_FRAMES = 1_024  # read together


class Series(Protocol):
    """An engine at work on captures that are added one by one. ``flows`` are in the table."""

    @property
    def engine(self) -> str:
        """The engine's name."""

    @property
    def is_reading(self) -> bool:
        """Whether there is more to read for now."""

    @property
    def flows(self) -> int:
        """How many flows are in the table."""

    def add(self, path: Path) -> None:
        """Read a capture when those before it were read; what cannot be read becomes a fault."""

    def finish(self) -> None:
        """Read nothing more, wherever reading stands: all flows end."""

    def next_batch(self) -> Sequence[Seen] | None:
        """Return what was seen, of one file, nothing for now; None at the end."""

    def counted(self) -> Counted:
        """Return what was counted since the last call, and not handed out."""

    def published(self, *, cut: bool) -> Published:
        """Return what is to be published. ``cut``: what is still gathered, too."""

    def retarget(self, interest: Interest) -> Counted:
        """Look for something else from now on; return what was counted before."""

    def accounting(self) -> Accounting:
        """What became of every packet so far; the first faults of all files, and how many there were."""


class ReferenceSeries:
    """The reference engine: hands out all observations, whatever the interest."""

    engine = "dpkt"

    def __init__(self, manner: Manner) -> None:
        self._engine = ReferenceEngine(Options(manner.limits, eager=True))
        self._outlet = ReferenceOutlet(manner)
        self._coming: deque[Path] = deque()
        self._reader: CaptureReader | None = None
        self._frames: Iterator[Frame] = iter(())
        self._faults: list[Fault] = []
        self._fault_count = 0
        self._is_finishing = self._is_over = False

    @property
    def is_reading(self) -> bool:
        """Whether there is more to read for now."""
        return self._reader is not None or bool(self._coming)

    @property
    def flows(self) -> int:
        """How many flows are in the table."""
        return self._engine.flows

    def add(self, path: Path) -> None:
        """Read a capture when those before it were read; what cannot be read becomes a fault."""
        self._coming.append(path)

    def finish(self) -> None:
        """Read nothing more, wherever reading stands: all flows end."""
        self._coming.clear()
        self._close()
        self._is_finishing = True

    def next_batch(self) -> Sequence[Observation] | None:
        """Return what was seen, of one file, nothing for now; None at the end."""
        if self._is_over:
            return None
        if self._is_finishing:
            self._engine.finish()
            self._is_over = True
        elif self.is_reading:
            self._read_on()
        return self._outlet.handed_on(self._engine.take())

    def counted(self) -> Counted:
        """Nothing: everything is handed out."""
        return Counted()

    def published(self, *, cut: bool) -> Published:
        """Return what is to be published. ``cut``: what is still gathered, too."""
        return self._outlet.published(cut=cut)

    def retarget(self, interest: Interest) -> Counted:
        """Nothing was counted: everything is handed out, as before."""
        return self._outlet.retarget(interest)

    def accounting(self) -> Accounting:
        """What became of every packet so far; "capture-faults" counts those that are not kept too."""
        here = self._reader.faults if self._reader is not None else []
        told = self._engine.accounting([*self._faults, *here][:MAX_FAULTS])
        count = self._fault_count + len(here)
        if not count:
            return told
        counters = dict(sorted({**told.counters, "capture-faults": count}.items()))
        return msgspec.structs.replace(told, counters=counters)

    def _read_on(self) -> None:
        if self._reader is None:
            self._reader = CaptureReader(self._coming.popleft())
            self._frames = iter(self._reader)
        take_frame = self._engine.frame
        few = list(islice(self._frames, _FRAMES))
        for frame in few:
            take_frame(frame)
        if len(few) < _FRAMES:
            self._close()

    def _close(self) -> None:
        """Have done with the file in work; what was wrong with it is kept."""
        if self._reader is not None:
            self._fault_count += len(self._reader.faults)
            self._faults += self._reader.faults[: MAX_FAULTS - len(self._faults)]
        self._reader, self._frames = None, iter(())


class NativeSeries:
    """The native engine: hands out the connections that the interest covers, and counts the others."""

    engine = "native"

    def __init__(self, manner: Manner) -> None:
        from sensors import _native  # noqa: PLC0415  may not be built

        limits = manner.limits
        bounds = limits.flows, limits.stream_bytes, limits.reading_bytes, limits.fragments
        waiting, seed = (manner.waiting, GAP_INTERVAL_NS), secrets.randbits(64)
        self._series = _native.Series(manner.interest, bounds, manner.names, waiting, seed, manner.publishing)
        self._decode = msgspec.msgpack.Decoder(list[ConnectionSeen | DataSeen | Gap]).decode

    @property
    def is_reading(self) -> bool:
        """Whether there is more to read for now."""
        return self._series.is_reading()

    @property
    def flows(self) -> int:
        """How many flows are in the table."""
        return self._series.flows()

    def add(self, path: Path) -> None:
        """Read a capture when those before it were read; what cannot be read becomes a fault."""
        self._series.add(path)

    def finish(self) -> None:
        """Read nothing more, wherever reading stands: all flows end."""
        self._series.finish()

    def next_batch(self) -> Sequence[Seen] | None:
        """Return what was seen, of one file, nothing for now; None at the end."""
        batch = self._series.next_batch()
        return self._decode(batch) if batch is not None else None

    def counted(self) -> Counted:
        """Return what was counted since the last call, and not handed out."""
        return msgspec.msgpack.decode(self._series.counted(), type=Counted)

    def published(self, *, cut: bool) -> Published:
        """Return what is to be published. ``cut``: what is still gathered, too."""
        cuts, shed = self._series.parcels(cut)
        return Published(tuple(Cut(*each) for each in cuts), shed)

    def retarget(self, interest: Interest) -> Counted:
        """Look for something else from now on; return what was counted before."""
        return msgspec.msgpack.decode(self._series.retarget(interest), type=Counted)

    def accounting(self) -> Accounting:
        """What became of every packet so far; "capture-faults" counts those that are not kept too."""
        return msgspec.msgpack.decode(self._series.accounting(), type=Accounting)

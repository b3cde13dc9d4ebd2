"""The reference engine on network interfaces, one engine for each: for where the native one is not there.

All is done in the caller's thread, when it asks for a batch. What comes out are observations: whoever takes
them correlates.
"""

import select
import time
from collections.abc import Sequence
from contextlib import ExitStack

from sensors.connections import Counted
from sensors.engine import Options
from sensors.interest import Interest
from sensors.live import Manner, Rings, SourceStatus, Status
from sensors.observations import Observation
from sensors.publishing import Published
from sensors.reference import ReferenceEngine
from sensors.reference_outlet import ReferenceOutlet
from sensors.tap import Tap

GAP_INTERVAL_NS = 10 * 1_000_000_000
LOOK_SECONDS = 1.0  # between two looks at the interfaces; so long without a packet is silence
_MOST = 1_024  # packets of each interface in a row
_MILLISECONDS = 1_000


class _Source:
    """An interface, and its engine."""

    def __init__(self, tap: Tap, options: Options) -> None:
        self.tap = tap
        self.engine = ReferenceEngine(options)
        self._heard_seconds = time.monotonic()

    def receive(self) -> int:
        """Take what was received; return how many packets that was."""
        count = 0
        for frame in self.tap.frames(_MOST):
            self.engine.frame(frame)
            count += 1
        if count:
            self._heard_seconds = time.monotonic()
        return count

    def look_after(self) -> None:
        """Once a second: see how the interface fares, what was lost; let time pass where nothing came."""
        self.tap.look_after()
        self.engine.lost(self.tap.lost())
        if time.monotonic() - self._heard_seconds >= LOOK_SECONDS:
            self.engine.idle(time.time_ns())

    def finish(self) -> None:
        """End all flows, and have done with the interface."""
        self.engine.lost(self.tap.lost())
        self.engine.finish()
        self.tap.close()

    def status(self) -> SourceStatus:
        """Return how it fares."""
        return SourceStatus(
            name=self.tap.name,
            state=self.tap.state,
            accounting=self.engine.accounting(),
            packets=self.tap.packets,
            dropped=self.tap.dropped,
            flows=self.engine.flows,
        )


class ReferenceLive:
    """Watches interfaces with the reference engine: a ``LiveSensor``. Raises CaptureError where it cannot.

    ``threads`` mean nothing here, and ``ring_bytes`` is the room of each interface's socket.
    """

    engine = "dpkt"

    def __init__(self, rings: Rings, manner: Manner) -> None:
        options = Options(manner.limits, eager=True, gap_interval_ns=GAP_INTERVAL_NS)
        self._outlet = ReferenceOutlet(manner)
        self._poll = select.poll()
        self._looked_seconds = time.monotonic()
        self._is_stopping = self._is_over = False
        with ExitStack() as opened:
            self._sources = []
            for name in rings.interfaces:
                tap = Tap(name, rings)
                opened.callback(tap.close)
                self._sources.append(_Source(tap, options))
                self._poll.register(tap, select.POLLIN)
            opened.pop_all()

    def start(self) -> None:
        """Begin to receive."""
        self._look_after()

    def next_batch(self, timeout_seconds: float) -> Sequence[Observation] | None:
        """Return what was seen, after at most so long; None when it was stopped and nothing is left."""
        if self._is_over:
            return None
        until = time.monotonic() + timeout_seconds
        count = 0
        while count < _MOST and not self._is_stopping:
            left = until - time.monotonic()
            self._poll.poll(min(max(left, 0), LOOK_SECONDS) * _MILLISECONDS)
            count += sum(source.receive() for source in self._sources)
            if time.monotonic() - self._looked_seconds >= LOOK_SECONDS:
                self._look_after()
            if left <= 0 or self._waiting():
                break
        if self._is_stopping:
            self._drain()
        return self._take()

    def counted(self) -> Counted:
        """Nothing: everything is handed out."""
        return Counted()

    def status(self) -> Status:
        """Return how each interface fares."""
        return Status(self._waiting(), tuple(source.status() for source in self._sources))

    def published(self, *, cut: bool) -> Published:
        """Return what is to be published. ``cut``: what is still gathered, too."""
        return self._outlet.published(cut=cut)

    def retarget(self, interest: Interest) -> Counted:
        """Nothing was counted: everything is handed out, as before."""
        return self._outlet.retarget(interest)

    def stop(self) -> None:
        """Receive nothing more; what was received is still handed out, and all flows end."""
        if not self._is_stopping:
            self._is_stopping = True
            for source in self._sources:
                source.tap.turn_off()

    def _look_after(self) -> None:
        self._looked_seconds = time.monotonic()
        for source in self._sources:
            source.look_after()

    def _drain(self) -> None:
        """Take what is left, or much of it; then end."""
        if not sum(source.receive() for source in self._sources):
            for source in self._sources:
                source.finish()
            self._is_over = True

    def _waiting(self) -> int:
        return sum(len(source.engine) for source in self._sources)

    def _take(self) -> Sequence[Observation]:
        return self._outlet.handed_on([seen for source in self._sources for seen in source.engine.take()])

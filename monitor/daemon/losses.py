"""What was on the wire and could not be observed or decided on, by stage: metrics, windows, and the log.

What the kernel and the interfaces lost is asked for each second. What the sensor itself gave up comes as
gaps, and so does what the kernel lost, later: it is counted once.
"""

from typing import Protocol

from structlog.typing import FilteringBoundLogger

from monitor.daemon.interfaces import Interfaces
from monitor.daemon.publishing import Publishing
from monitor.daemon.windows import Windows
from monitor.metrics import Metrics
from sensors.connections import Shed
from sensors.live import Status
from sensors.observations import Gap, GapReason


class Ground(Protocol):
    """What losses are told to."""

    @property
    def metrics(self) -> Metrics:
        """Counts."""

    @property
    def log(self) -> FilteringBoundLogger:
        """Words."""

    @property
    def interfaces(self) -> Interfaces:
        """Whose counters are asked."""

    @property
    def publishing(self) -> Publishing | None:
        """Accounts."""


class Losses:
    """Counts them, each once."""

    def __init__(self, parts: Ground, windows: Windows) -> None:
        self._parts = parts
        self._windows = windows
        self._dropped = self._unwritten = 0

    def gap(self, gap: Gap) -> None:
        """Take what the sensor says of a while."""
        if gap.reason == "ring":
            return
        if gap.reason == "table":
            self._say("table", gap.packets, "raise limits.flows, where there is memory for it")
        self._count(gap.reason, gap.packets, gap.bytes)

    def shed(self, shed: Shed) -> None:
        """Take what waited for too long to be decided on."""
        self._parts.metrics.shed(shed)
        self._windows.shed(shed.ended)
        if shed != Shed():
            mend = "more came than there is time for: give the sensor more processor time"
            self._parts.log.warning(
                "not decided in time", opened=shed.opened, ended=shed.ended, data=shed.data, mend=mend
            )

    def look(self, status: Status) -> None:
        """Ask the rings and the interfaces."""
        dropped = sum(source.dropped for source in status.sources)
        if dropped > self._dropped:
            mend = "raise capture.ring_bytes, or give the sensor more processor time"
            self._say("ring", dropped - self._dropped, mend)
            self._count("ring", dropped - self._dropped)
        self._dropped = dropped
        for name, packets in self._parts.interfaces.lost():
            mend = f"see `ethtool -S {name}`, and `ethtool -G {name}` for a larger ring of the card"
            self._say("interface", packets, mend)
            self._count("interface", packets)

    def unwritten(self, records: int) -> None:
        """Take how many records were given up since the start, because the disk did not take them."""
        self._parts.metrics.unwritten(records - self._unwritten)
        self._windows.unwritten(records - self._unwritten)
        self._unwritten = records

    def _count(self, reason: GapReason, packets: int, wire_bytes: int = 0) -> None:
        self._parts.metrics.lost(reason, packets, wire_bytes)
        self._windows.lost(reason, packets, wire_bytes)
        if self._parts.publishing is not None:
            self._parts.publishing.lost(reason, packets, wire_bytes)

    def _say(self, reason: GapReason, packets: int, mend: str) -> None:
        self._parts.log.warning("packets lost", packets=packets, reason=reason, mend=mend)

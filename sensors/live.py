"""Live capture: an engine at work on network interfaces, or on a folder that captures are put into.

What comes out is what a replay's engine says; what a person sees of it besides is how each source fares.
"""

from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec

from sensors.connections import Counted, Seen
from sensors.interest import Interest
from sensors.limits import Limits, NameLimits
from sensors.observations import Accounting
from sensors.publishing import Published, Publishing

State = Literal["up", "down", "gone"]


class Rings(msgspec.Struct, frozen=True):
    """What to watch. ``threads`` and ``ring_bytes`` are of each interface and each thread.

    ``snap_bytes`` is how much of each packet is copied; without it, whole handshakes and little of bulk data.
    """

    interfaces: tuple[str, ...]
    threads: int = 1
    ring_bytes: int = 67_108_864
    promiscuous: bool = False
    snap_bytes: int | None = None


class Manner(msgspec.Struct, frozen=True):
    """What an engine looks for, and how much it may keep.

    ``waiting`` connections may wait to be taken, a few seconds of the loop's work; more are only counted.
    With ``publishing`` observations are made ready for those who correlate elsewhere, too, or only that.
    """

    interest: Interest
    limits: Limits = Limits()
    names: NameLimits = NameLimits()
    waiting: int = 16_384
    publishing: Publishing | None = None


class SourceStatus(msgspec.Struct, frozen=True):
    """How one capture thread fares, or the folder.

    ``packets`` are those that the kernel had for it, ``dropped`` among them: those that found no room.
    ``freezes`` is how often the ring was full, ``flows`` is how many are in the table.
    """

    name: str
    state: State
    accounting: Accounting
    packets: int = 0
    dropped: int = 0
    freezes: int = 0
    flows: int = 0


class Status(msgspec.Struct, frozen=True):
    """How a sensor fares: what waits to be taken, and each source."""

    waiting: int
    sources: tuple[SourceStatus, ...]


class CaptureError(Exception):
    """What was asked for cannot be watched. One line, with what to do."""


class LiveSensor(Protocol):
    """An engine at work. Open it while that is allowed, start it, take batches until there are no more."""

    @property
    def engine(self) -> str:
        """The engine's name."""

    def start(self) -> None:
        """Begin to read."""

    def next_batch(self, timeout_seconds: float) -> Sequence[Seen] | None:
        """Return what was seen, after at most so long; None when it was stopped and nothing is left."""

    def counted(self) -> Counted:
        """Return what was counted since the last call, and not handed out."""

    def published(self, *, cut: bool) -> Published:
        """Return what is to be published. ``cut``: what is still gathered, too. Or nothing."""

    def status(self) -> Status:
        """Return how each source fares."""

    def retarget(self, interest: Interest) -> Counted:
        """Look for something else from now on; return what was counted before."""

    def stop(self) -> None:
        """Stop reading; what is left is still handed out, and all flows end."""

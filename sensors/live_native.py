"""The native engine on network interfaces: rings, and threads that read them, behind the same protocol."""

import secrets
from collections.abc import Sequence

import msgspec

from sensors import _native
from sensors.connections import ConnectionSeen, Counted, Seen
from sensors.interest import Interest
from sensors.live import CaptureError, Manner, Rings, SourceStatus, State, Status
from sensors.observations import Accounting, DataSeen, Gap
from sensors.publishing import Cut, Published

_MILLISECONDS = 1_000


class NativeLive:
    """Watches interfaces with the native engine."""

    engine = "native"

    def __init__(self, rings: Rings, manner: Manner) -> None:
        limits = manner.limits
        bounds = limits.flows, limits.stream_bytes, limits.reading_bytes, limits.fragments
        try:
            self._live = _native.Live(rings, manner, bounds, secrets.randbits(64))
        except OSError as error:
            raise CaptureError(str(error)) from None
        self._decode = msgspec.msgpack.Decoder(list[ConnectionSeen | DataSeen | Gap]).decode

    def start(self) -> None:
        """Begin to read."""
        self._live.start()

    def next_batch(self, timeout_seconds: float) -> Sequence[Seen] | None:
        """Return what was seen, after at most so long; None when it was stopped and nothing is left."""
        batch = self._live.next_batch(round(timeout_seconds * _MILLISECONDS))
        return self._decode(batch) if batch is not None else None

    def counted(self) -> Counted:
        """Return what was counted since the last call, and not handed out."""
        return msgspec.msgpack.decode(self._live.counted(), type=Counted)

    def published(self, *, cut: bool) -> Published:
        """Return what is to be published. ``cut``: what is still gathered, too."""
        cuts, shed = self._live.parcels(cut)
        return Published(tuple(Cut(*each) for each in cuts), shed)

    def status(self) -> Status:
        """Return how each capture thread fares."""
        waiting, accounts = self._live.accounts()
        return Status(waiting, tuple(_source(*account) for account in accounts))

    def retarget(self, interest: Interest) -> Counted:
        """Look for something else from now on; return what was counted before."""
        return msgspec.msgpack.decode(self._live.retarget(interest), type=Counted)

    def stop(self) -> None:
        """Stop reading; what is left is still handed out, and all flows end."""
        self._live.stop()


def _source(name: str, state: State, accounting: bytes, *counts: int) -> SourceStatus:
    return SourceStatus(name, state, msgspec.msgpack.decode(accounting, type=Accounting), *counts)

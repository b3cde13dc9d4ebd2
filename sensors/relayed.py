"""Observations that a sensor elsewhere made: encoded batches in, connections and gaps out, natively.

A batch is taken at once, in its place in time; or it is held, as a parcel, until others that belong before
parts of it are there, and then released with them. What is not of interest is counted, as by a sensor here.
A value that is malformed, or of a kind that only newer sensors know, is counted, and the others of its batch
stand.
"""

import secrets
from collections.abc import Iterator, Sequence

import msgspec

from sensors.connections import ConnectionSeen, Counted, Seen
from sensors.interest import Interest
from sensors.limits import NameLimits
from sensors.native import MISSING
from sensors.observations import Gap
from sensors.parcelled import NotABatchError, Placed, Taken

if not MISSING:
    from sensors import _native

__all__ = ["MISSING", "NotABatchError", "Relayed", "Taken"]

_connections = msgspec.msgpack.Decoder(list[ConnectionSeen | Gap]).decode
_counted = msgspec.msgpack.Decoder(Counted).decode


class Relayed:
    """Takes batches. Needs the native engine: see ``MISSING``."""

    def __init__(self, interest: Interest, limits: NameLimits | None = None) -> None:
        seed = secrets.randbits(64)  # keys the hashes; nothing that comes out depends on it
        self._relayed = _native.Relayed(interest, limits or NameLimits(), seed)

    def take(self, batch: bytes) -> Taken:
        """Take a batch: a msgpack array of observations. Raises NotABatchError."""
        try:
            return Taken(*self._relayed.take(batch))
        except ValueError as error:
            raise NotABatchError(str(error)) from None

    def hold(self, parcels: Sequence[Placed]) -> Taken:
        """Take parcels, to be released in their places. Bytes that are no batch are one malformed value."""
        return Taken(*self._relayed.hold(parcels))

    def release(self, until_ns: int) -> list[int]:
        """Pass on what counts before a moment; return the parcels that are now wholly passed on."""
        return self._relayed.release(until_ns)

    def next_batch(self) -> Sequence[Seen]:
        """Return connections and gaps that wait, the oldest first; none where nothing waits."""
        batch = self._relayed.next_batch()
        return _connections(batch[0]) if batch is not None else ()

    def handed_out(self) -> Iterator[tuple[int, Seen]]:
        """Yield connections and gaps that wait, the oldest first, each with its parcel: 0 is of none."""
        while (batch := self._relayed.next_batch()) is not None:
            encoded, parcels = batch
            yield from zip(parcels, _connections(encoded), strict=True)

    def counted(self) -> Counted:
        """Return what was counted since the last call of what was taken at once, and not handed out."""
        return _counted(self._relayed.counted())

    def counted_of(self, account: int) -> Counted:
        """Return what was counted since the last call of the parcels of an account, and not handed out."""
        return _counted(self._relayed.counted_of(account))

    def retarget(self, interest: Interest) -> Counted:
        """Look for something else from now on; return what was counted before. Raises ValueError."""
        return _counted(self._relayed.retarget(interest))

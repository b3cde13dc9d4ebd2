"""Observations that a sensor elsewhere made: encoded batches in, connections and gaps out, natively.

What is not of interest is counted, as by a sensor here. A value that is malformed, or of a kind that only
newer sensors know, is counted, and the others of its batch stand.
"""

import secrets
from collections.abc import Sequence

import msgspec

from sensors.connections import ConnectionSeen, Counted, Seen
from sensors.interest import Interest
from sensors.limits import NameLimits
from sensors.native import MISSING
from sensors.observations import Gap

if not MISSING:
    from sensors import _native

__all__ = ["MISSING", "NotABatchError", "Relayed", "Taken"]

_connections = msgspec.msgpack.Decoder(list[ConnectionSeen | Gap]).decode


class NotABatchError(ValueError):
    """What was given is no array of values; none of it was taken."""


class Taken(msgspec.Struct, frozen=True):
    """How many values of a batch were observations, none at all, and of a kind that is not known here."""

    observations: int
    malformed: int
    unknown: int


class Relayed:
    """Takes batches, each in its place in time. Needs the native engine: see ``MISSING``."""

    def __init__(self, interest: Interest, limits: NameLimits | None = None) -> None:
        seed = secrets.randbits(64)  # keys the hashes; nothing that comes out depends on it
        self._relayed = _native.Relayed(interest, limits or NameLimits(), seed)

    def take(self, batch: bytes) -> Taken:
        """Take a batch: a msgpack array of observations. Raises NotABatchError."""
        try:
            return Taken(*self._relayed.take(batch))
        except ValueError as error:
            raise NotABatchError(str(error)) from None

    def next_batch(self) -> Sequence[Seen]:
        """Return connections and gaps that wait, the oldest first; none where nothing waits."""
        batch = self._relayed.next_batch()
        return _connections(batch) if batch is not None else ()

    def counted(self) -> Counted:
        """Return what was counted since the last call, and not handed out."""
        return msgspec.msgpack.decode(self._relayed.counted(), type=Counted)

    def retarget(self, interest: Interest) -> Counted:
        """Look for something else from now on; return what was counted before. Raises ValueError."""
        return msgspec.msgpack.decode(self._relayed.retarget(interest), type=Counted)

"""How publishing stands, for metrics and the log. Frozen values."""

from msgspec import Struct


class Told(Struct, frozen=True):
    """How much waits in the spool, of how much at most; parcels and observations given up since the start.

    ``problem`` is why the spool takes nothing now, or None.
    """

    waiting_bytes: int
    limit_bytes: int
    parcels: int
    unpublished: int
    problem: str | None

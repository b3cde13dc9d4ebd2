"""What is handed over to be recorded. Frozen values. Pure."""

from msgspec import Struct

from monitor.ledger.types import Record
from monitor.origins import Origin
from monitor.types import Decision

OVERHEAD_BYTES = 512  # of an item, beside its payload


class Item(Struct, frozen=True):
    """A record for one tenant's ledger, or (``everywhere``) for all; with the decision, where it is one.

    ``order`` tells decisions that came earlier from those that came later. ``origin`` is where in a fleet it
    comes from; no tenant's ledger takes that twice.
    """

    record: Record
    tenant: str | None = None
    everywhere: bool = False
    decision: Decision | None = None
    order: int = 0
    origin: Origin | None = None

    @property
    def bytes(self) -> int:
        """How much memory it takes, about."""
        return len(self.record.payload) + OVERHEAD_BYTES

"""How recording stands, as the loop, the log and the metrics are told. Frozen values."""

from msgspec import Struct

from monitor.ledger.types import PayloadClass


class Keeping(Struct, frozen=True):
    """What waits, what was shed, and why something cannot be recorded now, with the mend, or None.

    ``in_hand`` are items on their way to the disk. ``ended``: nothing is recorded ever more, by a mistake in
    the program.
    """

    waiting: dict[PayloadClass, int]
    shed: dict[PayloadClass, int]
    problem: str | None = None
    in_hand: int = 0
    ended: bool = False

    @property
    def unrecorded(self) -> int:
        """How many items are not recorded yet."""
        return sum(self.waiting.values()) + self.in_hand

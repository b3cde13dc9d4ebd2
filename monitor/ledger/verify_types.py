"""What verification of a ledger comes to, and the list that it collects faults in. Pure."""

import msgspec

from monitor.merkle.checkpoint import Checkpoint

MAX_FAULTS = 100  # that are told of one ledger; more are counted


class Fault(msgspec.Struct, frozen=True):
    """Something that is not as it was signed: where (a file, a line, an entry), and what is wrong there."""

    place: str
    problem: str

    def line(self) -> str:
        """Return it as one line."""
        return f"{self.place}: {self.problem}"


class Tail(msgspec.Struct, frozen=True):
    """What stands behind the checkpoint as a stop leaves it: the daemon mends and signs it at its next start.

    ``entries`` are durable in the journal and not signed yet; ``torn_bytes`` belong to a batch that never
    became durable; ``files`` hold some of either.
    """

    entries: int
    torn_bytes: int
    files: int


class Verified(msgspec.Struct, frozen=True):
    """What came of verifying one ledger. ``erased`` entries have lost their payload to retention.

    ``trusted`` tells whether a key that was given checked it, not the ledger's own. ``moved``: somebody wrote
    to it meanwhile, so what stands behind the checkpoint was not looked at. ``more_faults`` are not listed.
    """

    folder: str
    tenant: str | None
    key: str
    trusted: bool
    entries: int
    erased: int
    checkpoint: Checkpoint | None
    faults: tuple[Fault, ...]
    more_faults: int = 0
    unsigned_tail: Tail | None = None
    moved: bool = False

    @property
    def holds(self) -> bool:
        """Whether no fault was found."""
        return not self.faults


class Faults:
    """Collects faults: the first MAX_FAULTS, and the number of all."""

    def __init__(self) -> None:
        self.found: list[Fault] = []
        self.more = 0

    def take(self, others: "Faults") -> None:
        """Note the faults that were collected elsewhere."""
        for fault in others.found:
            self.add(fault.place, fault.problem)
        self.more += others.more

    def add(self, place: str, problem: str) -> None:
        """Note a fault, unless it stands there already."""
        fault = Fault(place, problem)
        if fault in self.found:
            return
        if len(self.found) < MAX_FAULTS:
            self.found.append(fault)
        else:
            self.more += 1

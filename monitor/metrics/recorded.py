"""What the recording thread tells the metrics: findings, ledger, outbox and sinks. Frozen values."""

from typing import NamedTuple

from msgspec import Struct

from monitor.findings.types import State, What
from monitor.ledger.types import PayloadClass
from monitor.types import Subject


class FindingRow(NamedTuple):
    """What findings are counted by."""

    subject: Subject
    rule: str
    severity: str


class SinkState(Struct, frozen=True):
    """How one sink stands: events that wait for it, how old the oldest is, and those it never took."""

    name: str
    waiting: int = 0
    oldest_seconds: float = 0.0
    dead: int = 0
    failing: bool = False


class Recorded(Struct, frozen=True):
    """All of it, as it stands. ``changes`` are counted since the start, as are ``entries`` and ``folded``.

    ``deadlines`` holds the nearest deadline of findings that are not cured, in nanoseconds of Unix time.
    """

    findings: dict[tuple[FindingRow, State], int] = {}
    changes: dict[tuple[FindingRow, What], int] = {}
    deadlines: dict[FindingRow, int] = {}
    entries: dict[PayloadClass, int] = {}  # of the ledgers, by class of payload
    checkpoint_ns: int = 0
    folded: int = 0
    sinks: tuple[SinkState, ...] = ()

"""What the archive's manifest says: which files there are, and how far each ledger was archived. Pure."""

import hashlib
from typing import Literal

import msgspec

from monitor.archive.layout import Place
from monitor.ledger.types import PayloadClass

MANIFEST = "archive.json"  # the file's name


class Part(msgspec.Struct, frozen=True):
    """A Parquet file. Times are those of its first and last row, days those that its rows are kept by.

    ``name`` is the SHA-256 of its content; ``sources`` are the ledgers and replays that its rows come from.
    """

    place: Place
    name: str
    rows: int
    bytes: int
    first_ns: int
    last_ns: int
    first_day: str
    last_day: str
    sources: tuple[str, ...]

    @property
    def path(self) -> str:
        """Where it stands in the archive."""
        return f"{self.place.folder}/part-{self.name}.parquet"


class Mark(msgspec.Struct, frozen=True):
    """How far a ledger was archived: all entries before ``done`` but those that wait for a connection's end.

    ``leaf`` is the SHA-256 of the last of them, by which the ledger is known again.
    """

    done: int = 0
    leaf: str = ""
    pending: tuple[int, ...] = ()


class Erasure(msgspec.Struct, frozen=True):
    """Rows that a ledger's retention record says are erased: those before that entry."""

    source: str
    tenant: str | None
    payload_class: PayloadClass
    day: str
    before: int


class Noted(msgspec.Struct, frozen=True):
    """How many notes on deletions count, their bytes, and the SHA-256 of the last line, or of nothing."""

    lines: int = 0
    size_bytes: int = 0
    last: str = hashlib.sha256(b"").hexdigest()


class Manifest(msgspec.Struct, frozen=True):
    """All that is in an archive. ``ledgers`` are by verifier key, ``replays`` by SHA-256 of their decisions.

    ``erasures`` are still to be done; ``noted`` is what was.
    """

    format: Literal[1] = 1
    parts: tuple[Part, ...] = ()
    ledgers: dict[str, Mark] = {}
    replays: dict[str, int] = {}
    erasures: tuple[Erasure, ...] = ()
    noted: Noted = Noted()

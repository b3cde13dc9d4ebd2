"""What goes to workers and comes back from them: small values. All that is large stands in the store."""

import msgspec

from sensors.limits import Limits
from sensors.observations import Fault
from sensors.partition import PartRead, Piece


class Unit(msgspec.Struct, frozen=True):
    """What is looked through at once: a file, a piece of one, or files that overlap in time."""

    paths: tuple[str, ...]  # of files, or addresses of objects
    piece: Piece | None = None
    size_bytes: int = 0
    seen: str = ""  # what told of the object that it was cut from; another one has other pieces


class Step(msgspec.Struct, frozen=True):
    """A piece that was cut off an object, and the rest that is to be cut; none where that was all."""

    piece: Piece
    rest: Piece | None


class Place(msgspec.Struct, frozen=True):
    """Where workers keep what they find, and the engine that finds it: another one finds anew."""

    folder: str
    engine: str
    limits: Limits = Limits()


class Surveyed(msgspec.Struct, frozen=True):
    """What was found in a unit. ``content`` is the hash of its bytes; ``alive`` and ``pairs`` name blobs.

    The other fields are those of ``sensors.partition.Scanned``.
    """

    content: str
    packets: int
    begins_ns: tuple[int | None, int | None]
    span_ns: tuple[int, int] | None
    steady: bool
    hides: bool
    overflow: bool
    delayed_files: int
    alive: str
    pairs: str
    faults: tuple[Fault, ...]


class Known(msgspec.Struct, frozen=True):
    """A unit that holds packets, and what was found in it."""

    unit: Unit
    found: Surveyed
    begin_ns: int
    last_ns: int


class Segment(msgspec.Struct, frozen=True):
    """What is read at once: units one after the other, and what crosses the ends, as names of blobs."""

    unit: Unit
    contents: tuple[str, ...]
    packets: int
    before_ns: int | None
    tunnels: bool
    crossing: tuple[str, ...]


class Read(msgspec.Struct, frozen=True):
    """What came of a segment: its files are in the store under ``address``. ``anew``: it was not there."""

    address: str
    part: PartRead
    anew: bool = False


class Kept(msgspec.Struct, frozen=True):
    """What came of a segment, and how large the files ``said`` and ``left`` are when they are whole."""

    part: PartRead
    said_bytes: int
    left_bytes: int

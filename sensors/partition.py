"""What there is to say of a capture's parts: what is found in one, what it is read with, what comes of it.

Frozen values without behaviour; `parts` makes them.
"""

import msgspec

from sensors.observations import Accounting, Fault

SLACK_NS = 10_000_000_000  # how far time may go back from one part to the next


class InexactError(Exception):
    """Read in parts, this would not surely be what it is when read in one. The message says why."""


class Piece(msgspec.Struct, frozen=True):
    """Bytes of a file from one packet's end to another's, or the file's end; and what is known before them.

    ``clock`` is the time of the last packet before: seconds in pcap, nanoseconds in pcapng. ``head`` says
    which bytes have to be read first: headers, and descriptions of interfaces.
    """

    begin: int
    end: int
    packets: int = 0
    clock: int = 0
    head: tuple[tuple[int, int], ...] = ()

    @property
    def ranges(self) -> tuple[tuple[int, int], ...]:
        """The file's bytes that reading it needs."""
        return (*self.head, (self.begin, self.end))


class Scanned(msgspec.Struct, frozen=True):
    """What has to be known of a part. ``alive`` and ``pairs`` are conversations as ``carry`` takes them.

    ``begins_ns`` are the times of the first two packets; the clock ends at the latest of ``span_ns``.
    """

    packets: int
    begins_ns: tuple[int | None, int | None]
    span_ns: tuple[int, int] | None
    steady: bool  # no packet's time is so far off that the clock would doubt it
    hides: bool  # datagrams in fragments may hold packets of others
    overflow: bool  # there were too many conversations to follow
    delayed_files: int
    alive: bytes
    pairs: bytes
    faults: tuple[Fault, ...]


class Part(msgspec.Struct, frozen=True):
    """What is read at once: files, or a piece of one; the clock before it; what crosses its ends."""

    paths: tuple[str, ...]
    piece: Piece | None
    before_ns: int | None
    tunnels: bool  # all that is in tunnels crosses
    crossing: tuple[bytes, ...]


class Most(msgspec.Struct, frozen=True):
    """The most that was kept at once."""

    flows: int
    reading_bytes: int
    tunnels: int


class PartRead(msgspec.Struct, frozen=True):
    """What came of a part. ``whole``: nothing crossed that was not known to."""

    accounting: Accounting
    whole: bool
    most: Most
    left_frames: int
    left_bytes: int

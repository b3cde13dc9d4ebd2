"""What could be seen in a window of time, as one line in the ledger. A frozen value."""

import msgspec

from monitor.types import Coverage
from sensors.observations import Count

UNREAD = ("interface", "ring")  # by whom packets are lost before they are read
OF_CAPTURES = "captures were read, whose packets are of other times"


class Window(msgspec.Struct, frozen=True, tag="coverage", tag_field="type"):
    """One window. ``says`` is its sentence for people; ``coverage`` holds the classes that had connections.

    Packets are those that were read, ``lost`` those that were not, by reason. Connections are counted in the
    window that they ended in; ``shed`` are those that should have been decided on, and were only counted;
    ``left`` are observations that there was no time to look at before the end; ``unwritten`` are records,
    decisions most of all, that the disk did not take for so long that they were given up. ``blind`` says why
    nobody can tell from it what passed in that time: an interface was not up, or captures were read.
    """

    since_ns: int
    until_ns: int
    sensor: str
    says: str
    connections: int
    bytes: int
    coverage: dict[Coverage, int]
    packets: int
    lost: dict[str, Count]
    shed: int = 0
    left: int = 0
    blind: tuple[str, ...] = ()
    unwritten: int = 0

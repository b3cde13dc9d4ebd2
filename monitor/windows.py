"""What could be seen in a window of time, as one line in the ledger, and its sentence. Pure."""

import msgspec

from monitor.coverage import NAMED
from monitor.types import Coverage
from sensors.observations import Count

WINDOW_NS = 300 * 1_000_000_000
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


def _listed(lost: dict[str, Count], reasons: list[str]) -> str:
    return ", ".join(f"{lost[reason].packets} ({reason})" for reason in reasons)


def sentence(window: Window) -> str:
    """Return what a window says, for people."""
    total, lost, shed, left = window.connections, window.lost, window.shed, window.left
    named = sum(flows for name, flows in window.coverage.items() if name in NAMED)
    parts = [
        f"{100 * named / total:.1f} % of {total} connections could be named" if total else "no connection"
    ]
    unread = [reason for reason in sorted(lost) if reason in UNREAD]
    if unread:
        packets = _listed(lost, unread)
        parts.append(f"packets lost: {packets}: what they held is not known, and not in these numbers")
    read = [reason for reason in sorted(lost) if reason not in UNREAD]
    if read:
        parts.append(f"packets read and not wholly understood: {_listed(lost, read)}")
    if shed:
        parts.append(f"{shed} connections were counted and not decided on, because too many came at once")
    if left:
        parts.append(f"{left} observations were left undecided at the end, and are not in these numbers")
    if window.unwritten:
        parts.append(f"{window.unwritten} records are missing, because the disk did not take them")
    is_whole = not (lost or shed or left or window.unwritten)
    return "; ".join([*parts, *(["nothing was lost"] if is_whole else ()), *window.blind])

"""What every capture format gives: frames, and the faults met on the way.

A fault never ends the program: it says where a file could not be read on, and what a person can do. Their
number is bounded, so that a file made of damage ends too.
"""

from typing import Literal, NamedTuple

from sensors.observations import Fault

MAX_FRAME_BYTES = 262_144  # as libpcap's MAXIMUM_SNAPLEN: a longer record is corrupt
MAX_FAULTS = 64  # of one file; then reading it stops
COPY_AGAIN = "copy it again from the sensor"

FaultKind = Literal["unreadable", "truncated", "corrupt"]


class Frame(NamedTuple):
    """One captured frame. ``data`` may be shorter than the ``wire_bytes`` the frame had (snap length)."""

    ts_ns: int  # since the Unix epoch, 0 <= ts_ns < 2**63
    linktype: int  # LINKTYPE_ value, as registered at tcpdump.org
    data: bytes
    wire_bytes: int  # never below len(data)


class StreamDamage(Exception):  # noqa: N818  an outcome of reading, not an error of the program
    """A file's bytes stop before their end, or cannot be read on."""

    def __init__(self, kind: FaultKind, problem: str) -> None:
        super().__init__(problem)
        self.kind = kind
        self.problem = problem


class FaultLog:
    """The faults of one file."""

    def __init__(self, path: str) -> None:
        self.faults: list[Fault] = []
        self._path = path

    @property
    def full(self) -> bool:
        """Whether so much is wrong that reading should stop."""
        return len(self.faults) >= MAX_FAULTS

    def add(self, kind: FaultKind, offset: int, problem: str, mend: str) -> None:
        """Note a fault at a byte offset of the (uncompressed) stream."""
        if not self.full:
            self.faults.append(Fault(self._path, offset, kind, problem, mend))

    def cut_off(self, offset: int, packets: int, damage: StreamDamage | None) -> None:
        """Note that the bytes end inside a record, after so many whole packets."""
        if damage is None:
            self.add("truncated", offset, f"the file ends inside packet {packets + 1}", _copied(packets))
        else:
            self.add(damage.kind, offset, f"{damage.problem} after packet {packets}", _copied(packets))

    def stopped(self, offset: int, packets: int) -> None:
        """Replace the last fault by one that says that the file was given up."""
        problem = f"more than {MAX_FAULTS - 1} places make no sense: reading stopped after packet {packets}"
        self.faults[-1] = Fault(self._path, offset, "corrupt", problem, COPY_AGAIN)


def used(packets: int) -> str:
    """Say in a mend what became of the packets before a fault."""
    if packets == 0:
        return "no packet stands before it"
    return "the packet before it was used" if packets == 1 else f"the {packets} packets before it were used"


def _copied(packets: int) -> str:
    return f"{COPY_AGAIN}; {used(packets)}"

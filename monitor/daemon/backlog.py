"""Lines that wait to be written: bounded, and what matters least goes first. Pure."""

from collections import Counter, deque
from typing import Literal

from monitor.types import Decision, Outcome

Kind = Literal[Outcome, "inventory", "coverage"]  # of lines, as retention tells them apart
KINDS: tuple[Kind, ...] = (
    "violation", "coverage", "indeterminate", "unassigned", "excepted", "inventory", "allow",
)  # fmt: skip

_Line = tuple[str, bytes]  # the name of its file, and the line


def kind_of(decision: Decision) -> Kind:
    """Return what a decision is kept as: its outcome, or "inventory" where no policy made one."""
    return decision.outcome or "inventory"


class Backlog:
    """Lines by kind, in the order they came. Above ``limit`` bytes the oldest of the least kind are shed.

    ``shed`` counts them.
    """

    def __init__(self, limit: int) -> None:
        self.shed: Counter[Kind] = Counter()
        self.bytes = 0
        self._limit = limit
        self._lines: dict[Kind, deque[_Line]] = {kind: deque() for kind in KINDS}

    def add(self, kind: Kind, name: str, line: bytes) -> None:
        """Add a line for the file ``name`` of a kind."""
        self._lines[kind].append((name, line))
        self.bytes += len(line)
        if self.bytes > self._limit:
            self._shed()

    def take(self, kind: Kind) -> dict[str, list[bytes]]:
        """Return all lines of a kind by file. They are no longer here: what is not written is put back."""
        lines: dict[str, list[bytes]] = {}
        for name, line in self._lines[kind]:
            lines.setdefault(name, []).append(line)
            self.bytes -= len(line)
        self._lines[kind].clear()
        return lines

    def put_back(self, kind: Kind, name: str, lines: list[bytes]) -> None:
        """Keep lines that could not be written."""
        for line in lines:
            self.add(kind, name, line)

    def count(self) -> dict[Kind, int]:
        """Return how many lines of each kind wait."""
        return {kind: len(lines) for kind, lines in self._lines.items() if lines}

    def _shed(self) -> None:
        for kind in reversed(KINDS):
            lines = self._lines[kind]
            while lines and self.bytes > self._limit:
                self.bytes -= len(lines.popleft()[1])
                self.shed[kind] += 1

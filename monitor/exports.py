"""The JSON files that a replay leaves: the decisions in order, and the summary.

Decisions may be many: they go to disk as they come, and only their order is kept in memory.
"""

import tempfile
from pathlib import Path

import msgspec

from monitor.replacing import Replacing
from monitor.summary import Summary
from monitor.types import Decision

DECISIONS, SUMMARY = "decisions.jsonl", "summary.json"  # the files' names


class DecisionFile:
    """Writes ``decisions.jsonl``, ordered by the flow's first packet, then by five-tuple."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / DECISIONS
        self._encode = msgspec.json.Encoder().encode
        self._unordered = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  lives as long as this object
        self._index: list[tuple[int, tuple[str, int, str, int, str, int, str], int, int]] = []
        self._end = 0

    def add(self, decision: Decision) -> None:
        """Add a decision, in any order."""
        line = self._encode(decision) + b"\n"
        self._unordered.write(line)
        order = decision.connection.flow.order()
        self._index.append((decision.ts_ns, order, self._end, len(line)))
        self._end += len(line)

    def close(self) -> None:
        """Put the lines in order and the file in place."""
        self._index.sort()
        with Replacing(self.path) as out:
            for _, _, offset, length in self._index:
                self._unordered.seek(offset)
                out.write(self._unordered.read(length))
        self._unordered.close()


def write_summary(folder: Path, summary: Summary) -> None:
    """Write ``summary.json``."""
    with Replacing(folder / SUMMARY) as out:
        out.write(summary_json(summary))


def summary_json(summary: Summary) -> bytes:
    """Return the summary as indented JSON, ending in a line break."""
    return msgspec.json.format(msgspec.json.encode(summary), indent=2) + b"\n"

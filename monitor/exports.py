"""The JSON files that a replay leaves: the decisions in order, and the summary.

Decisions may be many: they are sorted in pieces that fit into memory, and merged from disk.
"""

import heapq
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

import msgspec
from msgspec import UnsetType

from monitor.behaviours import Behaviour
from monitor.findings.types import Finding
from monitor.replacing import Replacing
from monitor.summary import Summary
from monitor.types import Decision
from sensors.observations import FlowKey

DECISIONS, SUMMARY = "decisions.jsonl", "summary.json"  # the files' names
BEHAVIOURS, FINDINGS = "behaviours.jsonl", "findings.jsonl"
SORTED_LINES = 20_000  # decisions in memory, some 2 kB each
MAX_RUNS = 64  # sorted files at once

_Order = tuple[int, tuple[str, int, str, int, str, int, str]]


class _Flow(msgspec.Struct):
    """What of a connection decides the order."""

    flow: FlowKey


class _Line(msgspec.Struct):
    """What of a decision decides the order: the flow's first packet, then its five-tuple."""

    ts_ns: int
    connection: _Flow


class DecisionFile:
    """Writes ``decisions.jsonl``, ordered by the flow's first packet, then by five-tuple."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / DECISIONS
        self._folder = folder
        self._encode = msgspec.json.Encoder().encode
        self._lines: list[tuple[_Order, bytes]] = []
        self._runs: list[IO[bytes]] = []

    def add(self, decision: Decision) -> None:
        """Add a decision, in any order."""
        order = decision.ts_ns, decision.connection.flow.order()
        self._lines.append((order, self._encode(decision) + b"\n"))
        if len(self._lines) >= SORTED_LINES:
            self._spill()

    def close(self) -> None:
        """Put the lines in order and the file in place."""
        with Replacing(self.path) as out:
            out.writelines(self._drain(self._runs))

    def _spill(self) -> None:
        """Write the lines in memory to disk as a sorted run, together with all runs where they are many."""
        full = self._runs if len(self._runs) + 1 >= MAX_RUNS else []
        run = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115  lives until it is merged
        run.writelines(self._drain(full))
        self._runs.append(run)

    def _drain(self, runs: list[IO[bytes]]) -> Iterator[bytes]:
        """Yield the lines in memory and those of the runs in one order; then let them go."""
        self._lines.sort()
        for _, line in heapq.merge(self._lines, *map(_read, runs)):
            yield line
        for run in runs:
            run.close()
        runs.clear()
        self._lines.clear()


def _read(run: IO[bytes]) -> Iterator[tuple[_Order, bytes]]:
    """Yield a run's lines with what orders them."""
    decode = msgspec.json.Decoder(_Line).decode
    run.seek(0)
    for line in run:
        head = decode(line)
        yield (head.ts_ns, head.connection.flow.order()), line


def write_behaviours(folder: Path, summary: Summary) -> None:
    """Write ``behaviours.jsonl``, in the summary's order; where none are asked for, leave no older one."""
    if isinstance(summary.behaviours, UnsetType):
        (folder / BEHAVIOURS).unlink(missing_ok=True)
        return
    with Replacing(folder / BEHAVIOURS) as out:
        out.write(behaviour_lines(summary.behaviours))


def behaviour_lines(behaviours: Iterable[Behaviour]) -> bytes:
    """Return behaviours as JSON, one a line."""
    return b"".join(msgspec.json.encode(each) + b"\n" for each in behaviours)


def write_findings(folder: Path, findings: Iterable[Finding] | None) -> None:
    """Write ``findings.jsonl``, in their order; without a policy (None) leave no older one."""
    if findings is None:
        (folder / FINDINGS).unlink(missing_ok=True)
        return
    with Replacing(folder / FINDINGS) as out:
        out.write(finding_lines(findings))


def finding_lines(findings: Iterable[Finding]) -> bytes:
    """Return findings as JSON, one a line."""
    return b"".join(msgspec.json.encode(each) + b"\n" for each in findings)


def write_summary(folder: Path, summary: Summary) -> None:
    """Write ``summary.json``."""
    with Replacing(folder / SUMMARY) as out:
        out.write(summary_json(summary))


def summary_json(summary: Summary) -> bytes:
    """Return the summary as indented JSON, ending in a line break."""
    return msgspec.json.format(msgspec.json.encode(summary), indent=2) + b"\n"

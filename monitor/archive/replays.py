"""Reads what a replay left with ``--out``: its decisions, and how much of each group could be seen.

A replay is known by the SHA-256 of its ``decisions.jsonl``. Its days are those of the packets.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from monitor.archive.columns import decision_row, group_row, origin_of
from monitor.archive.layout import COVERAGE, place_of
from monitor.archive.writing import Placed
from monitor.exports import SUMMARY
from monitor.files import InputError, unreadable
from monitor.ledger.days import day_number, day_text
from monitor.rejudge.ending import latest_ns
from monitor.rejudge.reading import MALFORMED, Reading
from monitor.rejudge.records import Progress, decoded
from monitor.rejudge.replays import ReplayedRecords
from monitor.rejudge.types import Recorded
from monitor.summary import GroupCoverage

MAX_SUMMARY_BYTES = 268_435_456
_PIECE_BYTES = 1_048_576
_INT64 = 2**63


class _Times(msgspec.Struct):
    """When a replay's packets were."""

    first_ns: int | None = None
    last_ns: int | None = None


class _Summary(msgspec.Struct):
    """What of a summary is archived."""

    coverage_by_group: tuple[GroupCoverage, ...]
    accounting: _Times


_summary = msgspec.json.Decoder(_Summary)


class ReplayFeed:
    """The rows of one replay. ``key`` is the digest by which the archive knows it."""

    def __init__(self, path: Path, reading: Reading) -> None:
        """Find its decisions. Raises InputError."""
        self._records = ReplayedRecords(path)
        self._summary = self._records.path.with_name(SUMMARY)
        self._reading = reading
        self.length = self._records.length
        self.key = _digest(self._records.path)
        self.source = f"replay {self.key}"

    def rows(self, progress: Progress) -> Iterator[list[Placed]]:
        """Yield all rows. Raises InputError."""
        for recorded in self._records.decisions(self._reading, progress):
            yield self._decision(recorded)
        yield self._coverage()

    def _decision(self, recorded: Recorded) -> list[Placed]:
        decision = recorded.decision
        day = day_text(day_number(latest_ns(decision)))
        tenant = decision.connection.subject.tenant
        try:
            row = decision_row(decision, None, origin_of(self.source, recorded.index, None, day))
            return [Placed(place_of("decisions", tenant, decision.outcome or "inventory", day), row)]
        except ValueError:
            self._reading.problems[MALFORMED] += 1
            return []

    def _coverage(self) -> list[Placed]:
        """Return what the summary says of each group; nothing where there is none, or no packet."""
        try:
            with self._summary.open("rb") as file:
                data = file.read(MAX_SUMMARY_BYTES)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise unreadable(self._summary, error) from None
        summary = decoded(data, _summary)
        if summary is None:
            raise InputError(str(self._summary), "no summary of a replay", "replay again with --out")
        first_ns, last_ns = summary.accounting.first_ns, summary.accounting.last_ns
        if first_ns is None or last_ns is None or not -_INT64 <= first_ns <= last_ns < _INT64:
            return []
        origin = origin_of(self.source, None, None, day_text(day_number(last_ns)))
        day = day_text(day_number(last_ns))
        return [
            Placed(
                place_of("coverage", group.tenant, COVERAGE, day),
                group_row(group, (first_ns, last_ns), origin),
            )
            for group in summary.coverage_by_group
        ]


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE_BYTES):
                digest.update(piece)
    except OSError as error:
        raise unreadable(path, error) from None
    return digest.hexdigest()

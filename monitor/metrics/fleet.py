"""The metrics of a correlator: plain calls in, a text for the HTTP endpoint out.

All calls but ``expose`` come from one thread.
"""

from typing import TYPE_CHECKING

from msgspec import Struct, structs

from monitor.metrics import families_fleet as families
from monitor.metrics import labels
from monitor.metrics.expected import finding_rows
from monitor.metrics.exposition import Exposition
from monitor.metrics.families import DECISIONS, START
from monitor.metrics.family import Family
from monitor.metrics.loaded import LoadedRows
from monitor.metrics.recorded import Recorded
from monitor.metrics.recorded_rows import RecordedRows
from monitor.metrics.series import Series
from monitor.types import Decision

if TYPE_CHECKING:
    from monitor.app import Knowledge


class Work(Struct):
    """What was done since the start, summed over all partitions that there were."""

    parcels: int = 0
    observations: int = 0
    malformed: int = 0
    unknown: int = 0
    judged: int = 0
    covered: int = 0
    too_large: int = 0
    duplicate: int = 0
    late: int = 0
    ahead: int = 0
    overdue: int = 0
    pressed: int = 0
    assigned: int = 0
    revoked: int = 0
    lost: int = 0
    deleted: int = 0
    kafka: int = 0
    said: int = 0
    commit: int = 0


class FleetLevels(Struct, frozen=True):
    """How it stands now."""

    held: int = 0
    held_bytes: int = 0
    lag: int = 0
    following: int = 0
    rebuilding: int = 0
    silent: int = 0


class Kept(Struct):
    """What the last stage recorded, passed over and could not read since the start; and how it stands."""

    taken: int = 0
    again: int = 0
    malformed: int = 0
    waiting: int = 0
    recording: int = 0
    held_up: int = 0


_COUNTERS: dict[str, tuple[Family, str | None]] = {
    "parcels": (families.PARCELS, None),
    "observations": (families.OBSERVATIONS, None),
    "malformed": (families.REFUSED, "malformed"),
    "unknown": (families.REFUSED, "unknown"),
    "judged": (families.SAID, "judged"),
    "covered": (families.SAID, "covered"),
    "too_large": (families.SAID, "too-large"),
    **{name: (families.ODD, name) for name in ("duplicate", "late", "ahead", "overdue", "pressed")},
    **{name: (families.REBALANCES, name) for name in ("assigned", "revoked", "lost")},
    "deleted": (families.DELETED, None),
    **{name: (families.TROUBLES, name) for name in ("kafka", "said", "commit")},
}


class FleetMetrics:
    """What is counted, with a ceiling on the number of series. The fleet's name is the label ``sensor``.

    Without ``records`` nothing is said of findings, ledgers and sinks: others record.
    """

    def __init__(self, fleet: str, max_series: int, now_seconds: float, *, records: bool = True) -> None:
        self._series = Series(families.FAMILIES if records else families.UNRECORDED, max_series)
        self._of_loaded = LoadedRows(self._series)
        self._of_recorded = RecordedRows(self._series) if records else None
        self._before = Work()
        self._kept = Kept()
        self.expose = Exposition(self._series, fleet).expose
        with self._series.lock:
            self._series.set(START, {}, now_seconds)
            self._of_loaded.loaded(now_seconds)
        self.worked(Work())
        self.recorded(Kept())

    def load(self, knowledge: "Knowledge") -> None:
        """Say what is in use."""
        with self._series.lock:
            self._of_loaded.take(knowledge)
            if self._of_recorded is not None:
                self._of_recorded.begin(finding_rows(knowledge.policy))

    def reloaded(self, now_seconds: float, *, ok: bool) -> None:
        """Count a reload."""
        with self._series.lock:
            self._of_loaded.reloaded(now_seconds, ok=ok)

    def decided(self, decision: Decision) -> None:
        """Count a decision that is published."""
        with self._series.lock:
            self._series.add(DECISIONS, labels.of_decision(decision))

    def worked(self, work: Work) -> None:
        """Take what was done."""
        before, self._before = self._before, structs.replace(work)
        with self._series.lock:
            for name, (family, reason) in _COUNTERS.items():
                grown = getattr(work, name) - getattr(before, name)
                self._series.add(family, {"reason": reason} if reason is not None else {}, grown)

    def measured(self, levels: FleetLevels) -> None:
        """Take how it stands."""
        with self._series.lock:
            self._series.set(families.HELD, {}, levels.held)
            self._series.set(families.HELD_BYTES, {}, levels.held_bytes)
            self._series.set(families.LAG, {}, levels.lag)
            self._series.set(families.PARTITIONS, {"reason": "following"}, levels.following)
            self._series.set(families.PARTITIONS, {"reason": "rebuilding"}, levels.rebuilding)
            self._series.set(families.SILENT, {}, levels.silent)

    def evidence(self, recorded: Recorded) -> None:
        """Take how findings, ledgers, outboxes and sinks of all partitions stand together."""
        with self._series.lock:
            if self._of_recorded is not None:
                self._of_recorded.take(recorded)

    def recorded(self, kept: Kept) -> None:
        """Take what the last stage did, and how it stands."""
        before, self._kept = self._kept, structs.replace(kept)
        with self._series.lock:
            for name in ("taken", "again", "malformed"):
                self._series.add(
                    families.RECORDED, {"reason": name}, getattr(kept, name) - getattr(before, name)
                )
            self._series.set(families.WAITING, {}, kept.waiting)
            self._series.set(families.RECORDING, {"reason": "recording"}, kept.recording)
            self._series.set(families.RECORDING, {"reason": "held-up"}, kept.held_up)

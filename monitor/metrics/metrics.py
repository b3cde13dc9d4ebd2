"""The metrics of one process: plain calls in, a text for the HTTP endpoint out.

All calls but ``expose`` come from one thread. A scrape sees each of them wholly or not at all.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from msgspec import Struct

from monitor.coverage import ClassCounts
from monitor.groups import number_groups
from monitor.metrics import families, families_kept, labels
from monitor.metrics.expected import LOSS_REASONS, SHED_REASONS, finding_rows, policy_rows
from monitor.metrics.exposition import Exposition
from monitor.metrics.loaded import LoadedRows
from monitor.metrics.recorded import Recorded
from monitor.metrics.recorded_rows import RecordedRows
from monitor.metrics.series import Series, Values
from monitor.metrics.spooled import Told as Spooled
from monitor.metrics.standing import MAX_STANDING, Standing, StandingVerdicts
from monitor.metrics.totals import SECOND_NS, Totals, coverage_rows
from monitor.policy import Policy
from monitor.tally import Tally
from monitor.types import Connection, Decision
from sensors.connections import Shed
from sensors.observations import Accounting

if TYPE_CHECKING:
    from monitor.app import Knowledge


class Levels(Struct, frozen=True):
    """How full things are now."""

    flows: int = 0
    most_flows: int = 0
    queued: int = 0  # observations
    capturing: bool = False


class Metrics:
    """What is counted, with a ceiling on the number of series. ``sensor`` is a label of every one."""

    def __init__(self, sensor: str, max_series: int, max_standing: int = MAX_STANDING) -> None:
        self._series = Series(families.FAMILIES, max_series)
        self._totals = Totals(self._series)
        self._of_recorded = RecordedRows(self._series)
        self._of_loaded = LoadedRows(self._series)
        self._standing = StandingVerdicts(max_standing)
        self.expose = Exposition(self._series, sensor).expose
        for reason in LOSS_REASONS:
            self.lost(reason, 0)
        self.shed(Shed())

    def started(self, now_seconds: float) -> None:
        """Take the time at which the sensor started and loaded what it judges by."""
        with self._series.lock:
            self._series.set(families.START, {}, now_seconds)
            self._of_loaded.loaded(now_seconds)

    def load(self, knowledge: "Knowledge") -> None:
        """Say what is in use, and begin every series of the policy that is not there yet, at 0."""
        with self._series.lock:
            self._of_loaded.take(knowledge)
            self._begin(knowledge.policy)

    def opened(self, decision: Decision, latency_ns: int | None = None) -> None:
        """Count a verdict on a connection that lives; ``latency_ns`` is from its hello, where it was one."""
        with self._series.lock:
            if latency_ns is not None:
                self._series.observe(families.LATENCY, {}, latency_ns / SECOND_NS)
            described = labels.of_decision(decision)
            verdict = self._verdict(decision.connection, described)
            violation = None
            if described["outcome"] == "violation":
                violation = self._series.add(families.OPEN, described)
            heard_ns = decision.connection.ts_ns + decision.connection.totals.duration_ns
            self._standing.put(decision.connection, Standing(verdict, violation, heard_ns))
            self._give_up()

    def ended(self, decision: Decision) -> None:
        """Count the decision on a connection that ended, and its verdict if it is the first, or differs."""
        with self._series.lock:
            described = labels.of_decision(decision)
            self._verdict(decision.connection, described)
            totals = decision.connection.totals
            self._series.add(families.DECISIONS, described)
            for direction, count in (("up", totals.bytes_up), ("down", totals.bytes_down)):
                self._series.add(families.DECISION_BYTES, described | {"reason": direction}, count)
            described["country"] = labels.country(decision.attribution)
            self._series.add(families.DESTINATIONS, described)
            times = (families.HANDSHAKE, totals.handshake_rtt_ns), (families.FIRST_BYTE, totals.first_byte_ns)
            for family, taken_ns in times:
                if taken_ns is not None:
                    self._series.observe(family, described, taken_ns / SECOND_NS)

    def data_came(self, lead_ns: int, bytes_up: int) -> None:
        """Take the first application data: so long after the verdict (below 0: before it)."""
        with self._series.lock:
            if lead_ns < 0:
                self._series.add(families.LATE, {})
            else:
                self._series.observe(families.LEAD, {}, lead_ns / SECOND_NS)
            self._series.observe(families.BYTES_BEFORE, {}, bytes_up)

    def covered(self, tally: Tally) -> None:
        """Take the coverage of all connections. Before a new tally is used, give the old one once more."""
        with self._series.lock:
            self._totals.covered(tally)

    def accounted(self, accounting: Accounting) -> None:
        """Take what the sensor counted since it began."""
        with self._series.lock:
            self._totals.accounted(accounting)
            self._give_up(accounting.last_ns or 0)

    def lost(self, reason: str, packets: int, wire_bytes: int = 0) -> None:
        """Count packets that could not be observed; a reason that is none of LOSS_REASONS is "other"."""
        row = {"reason": reason if reason in LOSS_REASONS else labels.OTHER}
        with self._series.lock:
            self._series.add(families.LOST_PACKETS, row, packets)
            self._series.add(families.LOST_BYTES, row, wire_bytes)

    def unwritten(self, decisions: int = 1) -> None:
        """Count decisions that could not be written."""
        with self._series.lock:
            self._series.add(families.UNWRITTEN, {}, decisions)

    def published(self, told: Spooled) -> None:
        """Take how publishing stands."""
        with self._series.lock:
            self._series.set(families_kept.SPOOL, {}, told.waiting_bytes)
            self._series.set(families_kept.MOST_SPOOL, {}, told.limit_bytes)
            self._series.set(families_kept.PARCELS, {}, told.parcels)
            self._series.set(families_kept.UNPUBLISHED, {}, told.unpublished)

    def recorded(self, recorded: Recorded) -> None:
        """Take how findings, ledger, outbox and sinks stand."""
        with self._series.lock:
            self._of_recorded.take(recorded)

    def shed(self, shed: Shed) -> None:
        """Count what the sensor dropped because too much waited."""
        counts = (shed.opened, shed.ended, shed.data)
        with self._series.lock:
            for reason, count in zip(SHED_REASONS, counts, strict=True):
                self._series.add(families.SHED, {"reason": reason}, count)

    def owners(self, counts: Iterable[tuple[str, int]]) -> None:
        """Count what came of looks at whose connections are whose, by outcome."""
        with self._series.lock:
            for reason, count in counts:
                self._series.add(families.OWNERS, {"reason": reason}, count)

    def reloaded(self, now_seconds: float, *, ok: bool) -> None:
        """Count a reload; after one that failed, what was loaded before is still in use."""
        with self._series.lock:
            self._of_loaded.reloaded(now_seconds, ok=ok)

    def measured(self, levels: Levels) -> None:
        """Take how full things are."""
        with self._series.lock:
            self._series.set(families.FLOWS, {}, levels.flows)
            self._series.set(families.MOST_FLOWS, {}, levels.most_flows)
            self._series.set(families.QUEUED, {}, levels.queued)
            self._series.set(families.CAPTURING, {}, int(levels.capturing))

    def _begin(self, policy: Policy | None) -> None:
        """Begin the series of a policy."""
        for row in policy_rows(policy):
            self._series.add(families.VERDICTS, row, 0)
            if row["outcome"] == "violation":
                self._series.add(families.OPEN, row, 0)
        self._of_recorded.begin(finding_rows(policy))
        for group in number_groups(policy.networks if policy is not None else ()).rows:
            for family, row, _ in coverage_rows(labels.of_group(group), ClassCounts()):
                self._series.add(family, row, 0)

    def _verdict(self, connection: Connection, described: dict[str, str]) -> Values:
        """Count a verdict unless it stands, and take out the one that did."""
        verdict = tuple([described[name] for name in families.VERDICTS.labels])
        standing = self._standing.take(connection)
        if standing is not None:
            self._close(standing)
        if standing is None or standing.verdict != verdict:
            self._series.add(families.VERDICTS, described)
        return verdict

    def _give_up(self, now_ns: int = 0) -> None:
        """Let go of verdicts whose connections were not heard of for long: their ends were lost."""
        for given_up in self._standing.give_up(now_ns):
            self._series.add(families.FORGOTTEN, {})
            self._close(given_up)

    def _close(self, standing: Standing) -> None:
        if standing.violation is not None:
            self._series.add_to(families.OPEN, standing.violation, -1)

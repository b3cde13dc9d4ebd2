"""How much could be seen, over all inputs: from summaries of replays, and from coverage windows. Pure.

What is not known is said: inputs without any statement of coverage, windows that count connections alone,
and figures of whole captures where a period was asked for.
"""

from collections import Counter
from collections.abc import Iterator

from monitor.coverage import ClassCounts
from monitor.report.periods import is_bounded
from monitor.report.summaries import Group, SummaryRead
from monitor.report.types import GroupSeen, Period, Seen, SensorSeen
from monitor.report.watched import MAX_BLIND, Watched
from monitor.windows import Window
from monitor.wording import coverage_clause

MAX_GROUPS = 2_000  # that are shown
UNKNOWN = "how much could be seen is not known"
WHOLE_CAPTURES = (
    "Coverage of replays is that of the whole captures, and so are their findings and behaviours; the period"
    " bounds connections alone."
)
WINDOWS_COUNT = (
    "Coverage from a ledger counts connections by class alone: without bytes, source groups, ECH, and what"
    " kind of encrypted DNS, VPN or relay it was."
)
WINDOWS_OF_ALL = "Coverage from a ledger is that of whole sensors, not of this tenant alone."
NOT_OF_ANY = (
    "Clients that no source group owns are not in the figures of a tenant, though some may be its own."
)
FOLDED = "Source groups that a summary counts together are not in the figures of a tenant."
STICKS_OUT = "Coverage windows that stand out over an end of the period count wholly in the coverage."


class Seeing:
    """Adds up what inputs say of coverage."""

    def __init__(self, period: Period, tenant: str | None = None) -> None:
        self.watched = Watched(period)
        self.tenants: set[str] = set()
        self.left_out: Counter[str] = Counter()
        self._period = period
        self._tenant = tenant
        self._counts = ClassCounts()
        self._groups: dict[tuple[str | None, str | None], ClassCounts] = {}
        self._replays: list[SensorSeen] = []
        self._cautions: dict[str, None] = {}  # in order, each once
        self._complete = True
        self._stated = self._windows = False

    def summary(self, read: SummaryRead, input_: int, name: str) -> None:
        """Take what a replay's summary says."""
        self._stated = True
        self._complete = self._complete and read.complete
        self._replays.append(_replayed(read, input_, name, self._period))
        self.tenants.update(group.tenant for group in read.coverage_by_group if group.tenant is not None)
        wanted = [group for group in read.coverage_by_group if self._tenant in (None, group.tenant)]
        for part in wanted if self._tenant is not None else [read]:
            part.add_to(self._counts)
        for group in wanted:
            group.add_to(self._groups.setdefault(_key(group), ClassCounts()))
        if is_bounded(self._period):
            self.caution(WHOLE_CAPTURES)
        if self._tenant is not None:
            self.caution(NOT_OF_ANY)
            if any(group.kind == "folded" for group in read.coverage_by_group):
                self.caution(FOLDED)

    def window(self, window: Window, input_: int) -> None:
        """Take a window, where it is new and touches the period."""
        if not self.watched.add(window, input_):
            return
        self._stated = self._windows = True
        for name, flows in window.coverage.items():
            self._counts.coverage[name].flows += flows

    def unstated(self, caution: str) -> None:
        """Note an input that does not say how much could be seen, and which."""
        self._complete = False
        self.caution(caution)

    def caution(self, sentence: str) -> None:
        """Add a sentence that belongs to the figures."""
        self._cautions.setdefault(sentence)

    def seen(self) -> Seen:
        """Return all of it."""
        counts = self._counts
        connections, named = counts.connections(), counts.named()
        complete = self._complete and self._stated and self.watched.is_complete()
        says = coverage_clause(named, connections, complete=complete, bytes_known=not self._windows)
        sensors = (*self._replays, *self.watched.sensors())
        return Seen(
            says=says if self._stated else UNKNOWN,
            connections=connections,
            named=named,
            coverage=counts.coverage,
            concealing=counts.concealing,
            ech_offered=counts.ech_offered,
            address_hosting=counts.address_hosting,
            groups=self._shown_groups(),
            sensors=sensors,
            known=self._stated,
            bytes_known=not self._windows,
            complete=complete,
            cautions=(*self._cautions, *self._of_windows()),
        )

    def _of_windows(self) -> Iterator[str]:
        if self._windows:
            yield WINDOWS_COUNT
            if self._tenant is not None:
                yield WINDOWS_OF_ALL
            if self.watched.sticks_out:
                yield STICKS_OUT

    def _shown_groups(self) -> tuple[GroupSeen, ...]:
        """Return the groups, those of which least could be named first, those that were silent last."""
        rows = [GroupSeen(*key, counts.connections(), counts.named()) for key, counts in self._groups.items()]
        rows.sort(key=_worst_first)
        if len(rows) > MAX_GROUPS:
            self.left_out["groups"] = len(rows) - MAX_GROUPS
        return tuple(rows[:MAX_GROUPS])


def _key(group: Group) -> tuple[str | None, str | None]:
    """Return what a group is called; groups that are counted together say how many."""
    if group.kind == "folded":
        return None, f"{group.groups} more groups together"
    return group.tenant, group.source_group


def _worst_first(row: GroupSeen) -> tuple[bool, float, float, int, str, str]:
    seen, named = row.connections, row.named
    return (
        not seen.flows,
        named.flows / seen.flows if seen.flows else 0.0,
        named.bytes() / seen.bytes() if seen.bytes() else 0.0,
        -seen.flows,
        row.tenant or "",
        row.source_group or "",
    )


def _replayed(read: SummaryRead, input_: int, name: str, period: Period) -> SensorSeen:
    accounting = read.accounting
    return SensorSeen(
        name=name,
        input=input_,
        first_ns=accounting.first_ns,
        last_ns=accounting.last_ns,
        packets=accounting.read.packets,
        lost=dict(sorted(read.gaps.items())),
        unseen=tuple(_outside(accounting.first_ns, accounting.last_ns, period)),
        blind=tuple(fault.line() for fault in accounting.faults[:MAX_BLIND]),
    )


def _outside(first_ns: int | None, last_ns: int | None, period: Period) -> Iterator[tuple[int, int]]:
    """Yield what of a period lies before the first packet of captures, and after their last one."""
    since_ns, until_ns = period.since_ns, period.until_ns
    if first_ns is None or last_ns is None:
        if since_ns is not None and until_ns is not None:
            yield since_ns, until_ns
        return
    if since_ns is not None and since_ns < first_ns:
        yield since_ns, first_ns if until_ns is None else min(first_ns, until_ns)
    if until_ns is not None and last_ns < until_ns:
        yield last_ns if since_ns is None else max(last_ns, since_ns), until_ns

"""Adds decisions up to what a report says of connections. Pure; memory is bounded, and order does not matter.

A connection counts where its first packet is in the period, and where it is of the tenant that was asked for.
"""

from monitor.pseudonyms import clients_of
from monitor.rejudge.types import Recorded
from monitor.report.exceptions import Exceptions
from monitor.report.overlap import Overlap
from monitor.report.periods import holds
from monitor.report.references import References
from monitor.report.timeline import TimelineCount
from monitor.report.types import Period
from monitor.tally import Tally
from sensors.observations import FlowKey

MAX_CLIENTS = 500_000  # that are told apart, so as to know them again where they are to be withheld
MAX_TENANTS = 1_000  # that are remembered, to say which there are


class Gathering:
    """What is known of the connections so far."""

    def __init__(self, period: Period, tenant: str | None = None) -> None:
        self.tally = Tally()
        self.timeline = TimelineCount()
        self.references = References()
        self.exceptions = Exceptions()
        self.overlap = Overlap()
        self.clients: set[str] = set()
        self.tenants: set[str] = set()
        self.judged = False
        self._period = period
        self._tenant = tenant
        self._first_ns: int | None = None
        self._last_ns = 0

    def add(self, recorded: Recorded, input_: int, policy: str | None) -> bool:
        """Count a decision of an input, made by a version of a policy; return whether it counts."""
        decision = recorded.decision
        tenant = decision.connection.subject.tenant
        if tenant is not None and tenant not in self.tenants and len(self.tenants) < MAX_TENANTS:
            self.tenants.add(tenant)
        if not holds(self._period, decision.ts_ns) or self._tenant not in (None, tenant):
            return False
        self._note(decision.ts_ns, decision.connection.flow)
        self.overlap.add(decision.ts_ns, decision.connection.flow)
        self.judged = self.judged or decision.outcome is not None
        self.tally.decision(decision)
        self.timeline.add(decision.ts_ns, decision.outcome or "inventory")
        self.references.add(recorded, input_)
        self.exceptions.add(decision, policy)
        return True

    def seen_period(self) -> Period:
        """Return the time that first packets span; no bounds where there was no connection."""
        return Period() if self._first_ns is None else Period(self._first_ns, self._last_ns + 1)

    def _note(self, ts_ns: int, flow: FlowKey) -> None:
        if self._first_ns is None:
            self._first_ns = self._last_ns = ts_ns
        elif ts_ns < self._first_ns:
            self._first_ns = ts_ns
        elif ts_ns > self._last_ns:
            self._last_ns = ts_ns
        if len(self.clients) < MAX_CLIENTS:
            self.clients.add(flow.client)
            if flow.tunnel is not None:
                self.clients |= clients_of(flow)

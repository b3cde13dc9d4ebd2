"""Relay suspected: a host is called from a CRM's ranges, and calls an LLM meanwhile or shortly after it.

That both happened proves nothing of what was said. Calls of the CRM make no decision; only their ends and
times are kept. A call matches when it began after an inbound one did, and at most a window after its end.
"""

import msgspec

from monitor.behaviours.piles import Pile
from monitor.behaviours.spans import Span, Timeline, added
from monitor.behaviours.tables import Table
from monitor.behaviours.types import Behaviour, BehaviourKind, Rest, behaviour_id, is_due
from monitor.behaviours.wording import who
from monitor.catalog.hostmatch import Addresses
from monitor.policy.behaviours import Window
from monitor.policy.networks import Network
from monitor.policy.section import Relay
from monitor.types import Connection, Decision, Subject
from monitor.wording import plural

MAX_HOSTS = 50_000
MAX_ARRIVALS = 256  # separate times in which one host was being called
KIND: BehaviourKind = "relay-suspected"


class _Arrival(msgspec.Struct):
    """From when to when a call may follow from what came in; those that touch are one."""

    start_ns: int
    end_ns: int
    pile: Pile
    matched: bool = False


class _Host(msgspec.Struct):
    subject: Subject | None = None  # known once the host itself opens a connection
    calls: Timeline = msgspec.field(default_factory=Timeline)
    arrivals: list[_Arrival] = []
    settled: Pile = msgspec.field(default_factory=Pile)
    settled_until_ns: int | None = None
    events: int = 0
    newest_ns: int = 0
    is_open: bool = False


class RelayWatcher:
    """Looks for hosts that a CRM calls and that call LLMs."""

    kind: BehaviourKind = KIND

    def __init__(self, asked: Relay, window: Window, ranges: tuple[Network, ...]) -> None:
        self._asked = asked
        self._window = window
        self._ranges = Addresses(ranges)
        self._late = 0
        self._newest_ns = 0
        self._hosts: Table[str, _Host] = Table(MAX_HOSTS, self._is_loss)

    @property
    def forgotten(self) -> int:
        """Hosts that had to go, and connections that ended too late to be compared."""
        return self._hosts.forgotten + self._late

    def arrived(self, connection: Connection) -> tuple[Behaviour, ...]:
        """Take any connection; those from the CRM's ranges count."""
        flow = connection.flow
        if self._asked.ports is not None and flow.server_port not in self._asked.ports:
            return ()
        if not self._ranges.hold(flow.client):
            return ()
        host = self._host(flow.server, connection.ts_ns)
        if host.settled_until_ns is not None and connection.ts_ns <= host.settled_until_ns:
            self._late += 1
            return ()
        pile = Pile()
        pile.add(Rest(connection.ts_ns, flow, "inbound"), connection.totals)
        end_ns = connection.ts_ns + connection.totals.duration_ns + self._window.ns
        near = host.calls.between(connection.ts_ns // self._window.ns, end_ns // self._window.ns)
        arrival = _merged(host, _Arrival(connection.ts_ns, end_ns, pile))
        for span in near:
            _match(arrival, span)
        self._settle(host)
        return self._due(flow.server, host, matched=arrival.matched)

    def offer(self, decision: Decision) -> tuple[Behaviour, ...]:
        """Take a decision; return the suspicion that it begins or doubles."""
        if decision.attribution.provider is None:
            return ()
        client = decision.connection.flow.client
        host = self._host(client, decision.ts_ns)
        host.subject = decision.connection.subject
        span = host.calls.span(decision.ts_ns // self._window.ns)
        if span is None:
            self._late += 1
            return ()
        span.pile.add_decision(decision, "call")
        for arrival in host.arrivals:
            _match(arrival, span)
        host.calls.settle()
        return self._due(client, host, matched=span.matched)

    def finish(self) -> tuple[Behaviour, ...]:
        """Return all suspicions as they stand."""
        return tuple(self._behaviour(address, host) for address, host in self._hosts.items() if host.is_open)

    def _host(self, address: str, ts_ns: int) -> _Host:
        host = self._hosts.get(address, _Host)
        host.events += 1
        host.newest_ns = max(host.newest_ns, ts_ns)
        self._newest_ns = max(self._newest_ns, ts_ns)
        return host

    def _is_loss(self, host: _Host) -> bool:
        """Whether what goes had been found, or could still have become something."""
        return host.is_open or host.newest_ns >= self._newest_ns - 2 * self._window.ns

    def _settle(self, host: _Host) -> None:
        """Add the oldest arrivals up where there are too many."""
        while len(host.arrivals) > MAX_ARRIVALS:
            oldest = host.arrivals.pop(0)
            host.settled_until_ns = oldest.end_ns
            if oldest.matched:
                host.settled.merge(oldest.pile)

    def _due(self, address: str, host: _Host, *, matched: bool) -> tuple[Behaviour, ...]:
        if not matched or (host.is_open and not is_due(host.events)):
            return ()
        host.is_open = True
        return (self._behaviour(address, host),)

    def _behaviour(self, address: str, host: _Host) -> Behaviour:
        subject = host.subject or Subject()
        calls = host.calls.matched()
        inbound = added([host.settled, *(each.pile for each in host.arrivals if each.matched)])
        return Behaviour(
            kind=KIND,
            id=behaviour_id(KIND, subject, address),
            severity=self._asked.severity,
            first_ns=min(calls.first_ns, inbound.first_ns),
            last_ns=max(calls.last_ns, inbound.last_ns),
            subject=subject,
            source=address,
            what=(
                f"relay suspected: {who(subject, address)} was called from CRM ranges"
                f" ({plural(inbound.flows, 'connection')}), and meanwhile or within {self._window.said} after"
                f" began {plural(calls.flows, 'connection')} that ended at {calls.endpoints()}"
            ),
            counts={"inbound": inbound.flows, "calls": calls.flows},
            bytes_up=calls.bytes_up,
            rests_on=tuple(sorted([*inbound.rests, *calls.rests], key=Rest.order)),
        )


def _merged(host: _Host, new: _Arrival) -> _Arrival:
    """Put an arrival among a host's, in order, as one with all that it touches."""
    apart: list[_Arrival] = []
    for each in host.arrivals:
        if each.start_ns > new.end_ns or each.end_ns < new.start_ns:
            apart.append(each)
            continue
        new.start_ns, new.end_ns = min(new.start_ns, each.start_ns), max(new.end_ns, each.end_ns)
        new.matched |= each.matched
        new.pile.merge(each.pile)
    apart.append(new)
    host.arrivals = sorted(apart, key=lambda each: each.start_ns)
    return new


def _match(arrival: _Arrival, span: Span) -> None:
    """Mark both where a call of the span lies in the arrival, which is never shorter than a span."""
    if arrival.start_ns <= span.last.ts_ns and span.pile.first_ns <= arrival.end_ns:
        arrival.matched = span.matched = True

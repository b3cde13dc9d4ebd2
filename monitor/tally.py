"""Counts over all connections and decisions: what the summary is made of. Every connection is counted once.

Memory is bounded by the catalogue and the policy (a destination is a provider, not an address), never by
the number of flows.
"""

import msgspec

from monitor.counts import FlowCount
from monitor.coverage import ClassCounts, add_up
from monitor.groups import SourceGroup, SourceGroups
from monitor.types import Certainty, Concealment, Connection, Coverage, Decision, Name, Outcome, Scope
from sensors.connections import Counted
from sensors.observations import Count, FlowKey, Gap

OUTCOMES: tuple[Outcome, ...] = ("violation", "indeterminate", "unassigned", "excepted", "allow")
MAX_DESTINATIONS = 100_000  # groups x endpoints x outcomes; more are counted together
MAX_CLIENTS = 1_000  # told apart in a row
MAX_ALL_CLIENTS = 500_000  # told apart in all rows together


class DestinationKey(msgspec.Struct, frozen=True, cache_hash=True):
    """What makes two LLM-related connections one row of the summary."""

    tenant: str | None
    source_group: str | None
    provider: str | None
    possible: tuple[str, ...]
    service: str | None
    scope: Scope
    region: str | None
    countries: tuple[str, ...]
    certainty: Certainty
    outcome: Outcome | None
    rule: str | None
    severity: str | None
    conflicted: bool  # some evidence contradicts the attribution


class Destination(msgspec.Struct):
    """One row of the summary: who reached what, how often, and why we say so (of its first flow).

    ``clients`` is how many there were, or the least number where ``more_clients`` is set.
    """

    key: DestinationKey
    first_ns: int
    last_ns: int
    flow: FlowKey
    name: str | None
    evidence: tuple[str, ...]
    conflicts: tuple[str, ...]
    reasons: tuple[str, ...]
    count: FlowCount = msgspec.field(default_factory=FlowCount)
    clients: int = 0
    more_clients: bool = False


class Tally:
    """The running totals of a replay or a daemon. Coverage is kept by source group; its totals are sums."""

    def __init__(self, groups: SourceGroups | None = None) -> None:
        self._groups = groups or SourceGroups()
        self._by_group = [ClassCounts() for _ in self._groups.rows]
        self.outcomes: dict[Outcome, FlowCount] = {name: FlowCount() for name in OUTCOMES}
        self.gaps: dict[str, Count] = {}
        self.related = FlowCount()
        self.folded_destinations = 0
        self.shortened_lists = 0  # connections with more names than are read
        self.shortened_llm_lists = 0  # of these, where names of LLM endpoints were left out
        self._destinations: dict[DestinationKey, Destination] = {}
        self._clients: dict[DestinationKey, set[str]] = {}
        self._all_clients = 0

    @property
    def coverage(self) -> dict[Coverage, FlowCount]:
        """The coverage classes of all groups together."""
        return self.covered().coverage

    @property
    def concealing(self) -> dict[Concealment, FlowCount]:
        """The class of connections that hide others, by kind, of all groups together."""
        return self.covered().concealing

    @property
    def lookups(self) -> FlowCount:
        """Flows that carried DNS, of all groups together."""
        return self.covered().lookups

    def covered(self) -> ClassCounts:
        """Return the coverage of all groups together."""
        return add_up(self._by_group)

    def covered_by_group(self) -> list[tuple[SourceGroup, ClassCounts]]:
        """Return the coverage of each group of the policy, and of the clients that none owns."""
        return list(zip(self._groups.rows, self._by_group, strict=True))

    def lookup(self, connection: Connection) -> None:
        """Count a flow that carried DNS: it names others and needs no name."""
        self._of(connection).lookups.add(connection)

    def counted(self, counted: Counted) -> None:
        """Count what a sensor counted and did not hand out."""
        for number, group in counted.groups.items():
            self._by_group[number].take(group)

    def connection(self, connection: Connection) -> None:
        """Count a connection in its coverage class."""
        self._of(connection).add(connection)

    def concealing_connection(self, connection: Connection, kind: Concealment) -> None:
        """Count a connection that hides others, by how it does, in the class of these."""
        self._of(connection).add(connection, kind)

    def hosted_connection(self, connection: Connection, *, attributed: bool) -> None:
        """Count one without a name at an address where LLM endpoints are hosted, beside its class."""
        counts = self._of(connection)
        counts.address_hosting.add(connection)
        if attributed:
            counts.address_attributed.add(connection)

    def _of(self, connection: Connection) -> ClassCounts:
        return self._by_group[self._groups.number(connection.subject)]

    def decision(self, decision: Decision) -> None:
        """Count an LLM-related connection by outcome and destination."""
        self.related.add(decision.connection)
        if decision.outcome is not None:
            self.outcomes[decision.outcome].add(decision.connection)
        key = _key(decision)
        row = self._destinations.get(key)
        if row is None and len(self._destinations) >= MAX_DESTINATIONS:
            self.folded_destinations += 1
            return
        if row is None or _is_earlier(decision, row):
            row = self._destinations[key] = _destination(key, decision, row)
        row.count.add(decision.connection)
        row.last_ns = max(row.last_ns, decision.ts_ns)
        self._client(row, decision.connection.flow.client)

    def _client(self, row: Destination, client: str) -> None:
        """Count a client of a row, once."""
        clients = self._clients.get(row.key)
        if clients is None:
            clients = self._clients[row.key] = set()
        if client in clients:
            return
        if len(clients) >= MAX_CLIENTS or self._all_clients >= MAX_ALL_CLIENTS:
            row.more_clients = True
            return
        clients.add(client)
        row.clients += 1
        self._all_clients += 1

    def gap(self, gap: Gap) -> None:
        """Count traffic that could not be observed."""
        before = self.gaps.get(gap.reason, Count())
        self.gaps[gap.reason] = Count(before.packets + gap.packets, before.bytes + gap.bytes)

    def destinations(self) -> list[Destination]:
        """Return the destinations, worst outcome first, then by tenant, group, provider."""
        return sorted(self._destinations.values(), key=rank)

    def connections(self) -> FlowCount:
        """Return the sum over all coverage classes."""
        return self.covered().connections()


def evident_name(connection: Connection) -> Name | None:
    """Return the server's name where it is evident: the one it was called by, else the only live answer."""
    live = [name for name in connection.names if name.state == "live"]
    return live[0] if live and (live[0].source != "dns" or len(live) == 1) else None


def _is_earlier(decision: Decision, row: Destination) -> bool:
    """Tell whether a connection comes before the row's example: by first packet, then by five-tuple."""
    if decision.ts_ns != row.first_ns:
        return decision.ts_ns < row.first_ns
    return decision.connection.flow.order() < row.flow.order()


def _key(decision: Decision) -> DestinationKey:
    subject, attribution = decision.connection.subject, decision.attribution
    return DestinationKey(
        tenant=subject.tenant,
        source_group=subject.source_group,
        provider=attribution.provider,
        possible=attribution.possible,
        service=attribution.service,
        scope=attribution.scope,
        region=attribution.region,
        countries=attribution.countries,
        certainty=attribution.certainty,
        outcome=decision.outcome,
        rule=decision.rule,
        severity=decision.severity,
        conflicted=bool(attribution.conflicts),
    )


def _destination(key: DestinationKey, decision: Decision, older: Destination | None) -> Destination:
    """Make the row whose example is this decision, with the counts of the row that it replaces."""
    connection, attribution = decision.connection, decision.attribution
    name = evident_name(connection)
    return Destination(
        key=key,
        first_ns=decision.ts_ns,
        last_ns=older.last_ns if older else decision.ts_ns,
        flow=connection.flow,
        name=name.value if name is not None else None,
        evidence=tuple(item.says for item in attribution.evidence),
        conflicts=tuple(item.says for item in attribution.conflicts),
        reasons=decision.reasons,
        count=older.count if older else FlowCount(),
        clients=older.clients if older else 0,
        more_clients=older.more_clients if older else False,
    )


def rank(row: Destination) -> tuple[int, str, str, str, str, int, tuple[str, int, str, int, str, int, str]]:
    """Return a key to sort destinations by: worst outcome first, then by tenant, group, provider."""
    key = row.key
    outcome = OUTCOMES.index(key.outcome) if key.outcome is not None else len(OUTCOMES)
    provider = key.provider or ",".join(key.possible)
    where = (
        f"{key.service}|{key.scope}|{key.region}|{key.countries}|{key.certainty}|{key.conflicted}|{key.rule}"
    )
    group = key.tenant or "", key.source_group or ""
    return outcome, *group, provider, where, row.first_ns, row.flow.order()

"""The straight line between the two I/O ends: observations in, decisions out. Pure, and in packet time.

A decision comes out for each connection that has to do with an LLM provider, or that hides its name where
one might be behind it; everything else is only counted, and its names never leave the process.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache, partial

import msgspec

from monitor.attribution import GeoLookup, Question, RangeLookup, attribute, is_llm_related
from monitor.attribution.private import is_private
from monitor.attribution.readings import MAX_ALIASES, MAX_NAMES
from monitor.behaviours import Behaviours
from monitor.catalog import Catalog
from monitor.catalog.hostmatch import Addresses
from monitor.concealing import ALPNS, PORTS, Concealing
from monitor.correlator import Correlator
from monitor.coverage import UNRESOLVED
from monitor.groups import number_groups
from monitor.hosting import Hosting
from monitor.physics import Physics
from monitor.policy import Policy
from monitor.tally import Tally
from monitor.types import Attribution, Connection, Decision, Name, Subject
from monitor.wording import plural
from sensors.connections import ConnectionSeen, CorrelatorCounters, Counted, Seen
from sensors.interest import Interest
from sensors.observations import Gap

DNS_PORT = 53
ATTRIBUTION_CACHE = 65_536  # questions whose answers are kept


class Aids(msgspec.Struct, frozen=True):
    """What may be known beside the catalogue: nothing, unless it is given.

    ``hosting`` are address ranges (CIDR notation) where LLM endpoints are hosted, beside the catalogue's own.
    """

    geo: GeoLookup | None = None
    ranges: RangeLookup | None = None
    physics: Physics | None = None
    hosting: tuple[str, ...] = ()


class Pipeline:
    """Correlates, attributes and judges. Without a policy everything is attributed and nothing judged."""

    def __init__(
        self,
        catalog: Catalog,
        policy: Policy | None = None,
        aids: Aids = Aids(),  # noqa: B008  immutable
    ) -> None:
        self._groups = number_groups(policy.networks if policy is not None else ())
        self._hosting_prefixes = (*catalog.interest().prefixes, *aids.hosting)
        self._hosting = Hosting(self._hosting_prefixes)
        self.tally = Tally(self._groups)
        self.behaviours = Behaviours(policy.behaviours if policy is not None else None, catalog)
        self._resolvers = policy.resolvers if policy is not None else ()
        self._correlator = Correlator(
            is_signalling=catalog.is_signalling, is_resolver=Addresses(self._resolvers).hold
        )
        self._counted = Counted()
        self._policy = policy
        self._catalog = catalog
        self._concealing = Concealing(catalog.concealers)
        self._is_known = lru_cache(ATTRIBUTION_CACHE)(self._looked_up)
        self._is_alone = lru_cache(ATTRIBUTION_CACHE)(self._stands_alone)
        self._physics = aids.physics
        self._attribute = lru_cache(ATTRIBUTION_CACHE)(
            lambda question: attribute(question, catalog, aids.geo, aids.ranges)
        )
        self._without_geoip = lru_cache(ATTRIBUTION_CACHE)(
            lambda question: attribute(question, catalog, None, aids.ranges)
        )

    def interest(self) -> Interest:
        """Return what a sensor has to hand out, so that nothing changes when it only counts the rest."""
        catalog, concealing = self._catalog.interest(), self._concealing
        return Interest(
            names=(*catalog.names, *concealing.names()),
            prefixes=(*catalog.prefixes, *concealing.prefixes()),
            server_ports=tuple(sorted({port for _, port in PORTS})),
            alpn=tuple(sorted(ALPNS)),
            signalling=catalog.signalling,
            resolvers=tuple(map(str, self._resolvers)),
            client_prefixes=self.behaviours.client_prefixes(),
            groups=self._groups.prefixes,
            hosting=self._hosting_prefixes,
        )

    def feed(self, batch: Iterable[Seen]) -> Iterator[Decision]:
        """Take observations in order, or connections; yield the decisions on the connections that ended."""
        for seen in batch:
            if isinstance(seen, Gap):
                self.tally.gap(seen)
                continue
            ended = seen if isinstance(seen, ConnectionSeen) else self._correlator.feed(seen)
            if ended is None:
                continue
            decision = self._decide(self._connection(ended))
            if decision is not None:
                self.tally.decision(decision)
                yield decision

    def count(self, counted: Counted) -> None:
        """Take what the sensor counted and did not hand out. Once, at the end."""
        self.tally.counted(counted)
        self._counted = counted

    def forgotten(self) -> CorrelatorCounters:
        """Return what the bounds of correlation made us, or the sensor, forget."""
        here, there = self._correlator.counters(), self._counted.forgotten
        return CorrelatorCounters(
            here.forgotten_hellos + there.forgotten_hellos, here.forgotten_names + there.forgotten_names
        )

    def _connection(self, seen: ConnectionSeen) -> Connection:
        """Return the connection with the one whose it is, if there is a policy to say so."""
        subject = self._policy.subject(seen.flow.client) if self._policy is not None else Subject()
        return Connection(seen.ts_ns, seen.flow, subject, seen.names, seen.hello, seen.totals, seen.coverage)

    def _decide(self, connection: Connection) -> Decision | None:
        if connection.flow.server_port == DNS_PORT and connection.hello is None:
            self.tally.lookup(connection)
            return None
        self.behaviours.arrived(connection)
        connection, left_out = self._with_names_that_count(connection)
        question = _question(connection)
        attribution = self._attribute(question)
        if self._physics is not None:
            without_geoip = partial(self._without_geoip, question)
            attribution = self._physics.refute(connection, attribution, without_geoip)
        if connection.coverage == "ambiguous" and attribution.provider is not None:
            connection = msgspec.structs.replace(connection, coverage="dns")
        if not is_llm_related(attribution) and connection.coverage != "concealed":
            self._count_other(connection)
            return None
        self._count(connection, attributed=True)
        decision = self._judge(connection, attribution)
        if left_out:
            said = f"{plural(left_out, 'more name')} of this address, as the client was told, not listed here"
            return msgspec.structs.replace(decision, reasons=(*decision.reasons, said))
        return decision

    def _count_other(self, connection: Connection) -> None:
        """Count a connection that has nothing to do with LLMs, apart where it may hide some that have."""
        kind = self._concealing.kind(connection)
        if kind is None:
            self._count(connection, attributed=False)
        else:
            self.tally.concealing_connection(connection, kind)

    def _count(self, connection: Connection, *, attributed: bool) -> None:
        """Count a connection in its class, and beside it if it has no name where LLM endpoints are hosted."""
        self.tally.connection(connection)
        if connection.coverage in UNRESOLVED and self._hosting.holds(connection.flow.server):
            self.tally.hosted_connection(connection, attributed=attributed)

    def _with_names_that_count(self, connection: Connection) -> tuple[Connection, int]:
        """Return the connection with the names that attribution reads, and how many had to be left out.

        Names that did not count are other traffic's, and go, but for those of LLM endpoints, and those that
        contradict a carried name whose addresses are its provider's own. Where a resolver's name goes, those
        that stay are no longer all that it had, and none of them counts as the only one.
        """
        carried = [name for name in connection.names if name.state == "live" and name.source != "dns"]
        shared = is_private(connection.flow.server) or any(name.source == "connect" for name in carried)
        told = not carried or (not shared and any(self._is_alone(name.value) for name in carried))
        names = [
            name
            for name in connection.names
            if (name.state == "live" and (name.source != "dns" or told)) or self._is_known(name)
        ]
        if _of_resolvers(names) < _of_resolvers(connection.names):
            names = [_as_hearsay(name) for name in names]
        kept = self._shortened(names) if len(names) > MAX_NAMES else names
        return msgspec.structs.replace(connection, names=tuple(kept)), len(names) - len(kept)

    def _shortened(self, names: list[Name]) -> list[Name]:
        """Return as many names as attribution reads: LLM endpoints' first, and one other if there is any."""
        known = [name for name in names if self._is_known(name)]
        others = [name for name in names if not self._is_known(name)]
        kept = known[: MAX_NAMES - bool(others)]
        kept += others[: MAX_NAMES - len(kept)]
        self.tally.shortened_lists += 1
        self.tally.shortened_llm_lists += not set(known) <= set(kept)
        return kept

    def _looked_up(self, name: Name) -> bool:
        """Tell whether a name, or an alias of it, is an LLM endpoint's (or the outer name of several)."""
        entries = map(self._catalog.match_name, (name.value, *name.cnames[:MAX_ALIASES]))
        return any(entry is not None and not entry.not_llm for entry in entries)

    def _stands_alone(self, name: str) -> bool:
        """Tell whether a name is an LLM endpoint's that shares its addresses with nobody."""
        entry = self._catalog.match_name(name)
        return entry is not None and entry.address == "unicast" and not entry.not_llm

    def _judge(self, connection: Connection, attribution: Attribution) -> Decision:
        if self._policy is None:
            return Decision(connection.ts_ns, connection, attribution)
        judgement = self._policy.judge(connection.ts_ns, connection, attribution)
        return Decision(
            ts_ns=connection.ts_ns,
            connection=connection,
            attribution=attribution,
            outcome=judgement.outcome,
            rule=judgement.rule,
            severity=judgement.severity,
            exception=judgement.exception,
            reasons=judgement.reasons,
        )


def _of_resolvers(names: Iterable[Name]) -> int:
    return sum(name.state == "resolver" for name in names)


def _as_hearsay(name: Name) -> Name:
    """Return a resolver's name as what it is at least: another client's."""
    return msgspec.structs.replace(name, state="foreign") if name.state == "resolver" else name


def _question(connection: Connection) -> Question:
    outer_name = connection.hello.outer_name if connection.hello is not None else None
    return Question(connection.names, connection.flow.server, outer_name)

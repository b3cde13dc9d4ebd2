"""The straight line between the two I/O ends: observations in, decisions out. Pure, and in packet time.

A decision comes out for each connection that has to do with an LLM provider, or that hides its name where
one might be behind it; everything else is only counted, and its names never leave the process. Where a sensor
tells of connections that still live, a decision comes ahead of the end too, and is counted nowhere.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache, partial
from typing import NamedTuple

import msgspec

from monitor.aids import Aids
from monitor.attribution import Question, attribute, is_llm_related
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
from monitor.policy import Policy
from monitor.tally import Tally
from monitor.types import Attribution, Connection, Decision, Name, Subject
from monitor.wording import plural
from sensors.connections import ConnectionSeen, CorrelatorCounters, Counted, Seen
from sensors.interest import Interest
from sensors.names import NameSet
from sensors.observations import Gap

DNS_PORT = 53
ATTRIBUTION_CACHE = 65_536  # questions whose answers are kept


class _Read(NamedTuple):
    """What there is to be said of a connection, with the names that count; how many had to be left out."""

    connection: Connection
    attribution: Attribution
    left_out: int
    left_out_llm: bool  # names of LLM endpoints were among them


class Pipeline:
    """Correlates, attributes and judges. Without a policy everything is attributed and nothing judged.

    A ``correlator`` may be handed over, with what it remembers; it is told whom the new knowledge is about.
    """

    def __init__(
        self,
        catalog: Catalog,
        policy: Policy | None = None,
        aids: Aids = Aids(),  # noqa: B008  immutable
        correlator: Correlator | None = None,
    ) -> None:
        self._groups = number_groups(policy.networks if policy is not None else ())
        self._hosting_prefixes = (*catalog.interest().prefixes, *aids.hosting)
        self._hosting = Hosting(self._hosting_prefixes)
        self.tally = Tally(self._groups)
        self.behaviours = Behaviours(policy.behaviours if policy is not None else None, catalog)
        self._resolvers = policy.resolvers if policy is not None else ()
        self._correlator = correlator if correlator is not None else Correlator()
        self._catalog = catalog
        self._concealing = Concealing(catalog.concealers)
        known = lru_cache(ATTRIBUTION_CACHE)(NameSet(self._interesting_names()).fits)
        self._correlator.retarget(catalog.is_signalling, Addresses(self._resolvers).hold, known)
        self._forgotten_before = self._correlator.counters()
        self._forgotten_there = CorrelatorCounters()
        self._policy = policy
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
            names=self._interesting_names(),
            prefixes=(*catalog.prefixes, *concealing.prefixes()),
            server_ports=tuple(sorted({port for _, port in PORTS})),
            alpn=tuple(sorted(ALPNS)),
            signalling=catalog.signalling,
            resolvers=tuple(map(str, self._resolvers)),
            client_prefixes=self.behaviours.client_prefixes(),
            groups=self._groups.prefixes,
            hosting=self._hosting_prefixes,
        )

    def _interesting_names(self) -> tuple[str, ...]:
        return (*self._catalog.interest().names, *self._concealing.names())

    def reloaded(self, catalog: Catalog, policy: Policy | None, aids: Aids) -> "Pipeline":
        """Return a pipeline with other knowledge that takes over what correlation remembers, and counts anew.

        This one is to be fed no more.
        """
        return Pipeline(catalog, policy, aids, self._correlator)

    def feed(self, batch: Iterable[Seen]) -> Iterator[Decision]:
        """Take observations in order, or connections; yield the decisions on them, ``is_open`` or last."""
        for seen in batch:
            if isinstance(seen, Gap):
                self.tally.gap(seen)
                continue
            connection = seen if isinstance(seen, ConnectionSeen) else self._correlator.feed(seen)
            if connection is None:
                continue
            decision = self._decide(self._connection(connection))
            if decision is None:
                continue
            if not decision.is_open:
                self.tally.decision(decision)
            yield decision

    def again(self, connection: Connection) -> Decision | None:
        """Return the decision on a connection of an earlier decision, by what is known now. Counts nothing.

        Whose it is stays. Null where it has nothing to do with an LLM provider.
        """
        return self._decision(self._read(connection))

    def count(self, counted: Counted) -> None:
        """Take what the sensor counted since the last call, and did not hand out."""
        self.tally.counted(counted)
        self._forgotten_there = _sum(self._forgotten_there, counted.forgotten)

    def forgotten(self) -> CorrelatorCounters:
        """Return what the bounds of correlation made us, or the sensor, forget."""
        total, before = self._correlator.counters(), self._forgotten_before
        here = CorrelatorCounters(
            total.forgotten_hellos - before.forgotten_hellos, total.forgotten_names - before.forgotten_names
        )
        return _sum(here, self._forgotten_there)

    def _connection(self, seen: ConnectionSeen) -> Connection:
        """Return the connection with the one whose it is, if there is a policy to say so."""
        subject = self._policy.subject(seen.flow.client) if self._policy is not None else Subject()
        return Connection(seen.ts_ns, seen.flow, subject, seen.names, seen.hello, seen.totals, seen.coverage)

    def _decide(self, connection: Connection) -> Decision | None:
        """Decide on a connection, and count it once it ended."""
        is_lookup = connection.flow.server_port == DNS_PORT and connection.hello is None
        if connection.is_open:
            return None if is_lookup else self._decision(self._read(connection))
        if is_lookup:
            self.tally.lookup(connection)
            return None
        self.behaviours.arrived(connection)
        read = self._read(connection)
        decision = self._decision(read)
        self.tally.shortened_lists += read.left_out > 0
        self.tally.shortened_llm_lists += read.left_out_llm
        if decision is None:
            self._count_other(read.connection)
        else:
            self._count(read.connection, attributed=True)
        return decision

    def _read(self, connection: Connection) -> _Read:
        names = self._names_that_count(connection)
        kept = self._shortened(names) if len(names) > MAX_NAMES else names
        left_out_llm = len(kept) < len(names) and any(map(self._is_known, set(names) - set(kept)))
        connection = msgspec.structs.replace(connection, names=tuple(kept))
        question = _question(connection)
        attribution = self._attribute(question)
        if self._physics is not None:
            without_geoip = partial(self._without_geoip, question)
            attribution = self._physics.refute(connection, attribution, without_geoip)
        if connection.coverage == "ambiguous" and attribution.provider is not None:
            connection = msgspec.structs.replace(connection, coverage="dns")
        return _Read(connection, attribution, len(names) - len(kept), left_out_llm)

    def _decision(self, read: _Read) -> Decision | None:
        connection, attribution = read.connection, read.attribution
        if not is_llm_related(attribution) and connection.coverage != "concealed":
            return None
        decision = self._judge(connection, attribution)
        if not read.left_out:
            return decision
        said = (
            f"{plural(read.left_out, 'more name')} of this address, as the client was told, not listed here"
        )
        return msgspec.structs.replace(decision, reasons=(*decision.reasons, said))

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

    def _names_that_count(self, connection: Connection) -> list[Name]:
        """Return the names of the connection that say whose it is.

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
        return names

    def _shortened(self, names: list[Name]) -> list[Name]:
        """Return as many names as attribution reads: LLM endpoints' first, and one other if there is any."""
        known = [name for name in names if self._is_known(name)]
        others = [name for name in names if not self._is_known(name)]
        kept = known[: MAX_NAMES - bool(others)]
        return kept + others[: MAX_NAMES - len(kept)]

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


def _sum(one: CorrelatorCounters, other: CorrelatorCounters) -> CorrelatorCounters:
    return CorrelatorCounters(
        one.forgotten_hellos + other.forgotten_hellos, one.forgotten_names + other.forgotten_names
    )


def _of_resolvers(names: Iterable[Name]) -> int:
    return sum(name.state == "resolver" for name in names)


def _as_hearsay(name: Name) -> Name:
    """Return a resolver's name as what it is at least: another client's."""
    return msgspec.structs.replace(name, state="foreign") if name.state == "resolver" else name


def _question(connection: Connection) -> Question:
    outer_name = connection.hello.outer_name if connection.hello is not None else None
    return Question(connection.names, connection.flow.server, outer_name)

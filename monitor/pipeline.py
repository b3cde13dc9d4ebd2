"""The straight line between the two I/O ends: observations in, decisions out. Pure, and in packet time.

A decision comes out for each connection that has to do with an LLM provider, or that hides its name where
one might be behind it; everything else is only counted, and its names never leave the process.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache

import msgspec

from monitor.attribution import GeoLookup, Question, attribute, is_llm_related
from monitor.catalog import Catalog
from monitor.correlator import Correlator
from monitor.policy import Policy
from monitor.tally import Tally
from monitor.types import Attribution, Connection, Decision
from sensors.observations import Gap, Observation

DNS_PORT = 53
ATTRIBUTION_CACHE = 65_536  # questions whose answers are kept


class Pipeline:
    """Correlates, attributes and judges. Without a policy everything is attributed and nothing judged."""

    def __init__(self, catalog: Catalog, policy: Policy | None = None, geo: GeoLookup | None = None) -> None:
        self.correlator = Correlator()
        self.tally = Tally()
        self._policy = policy
        self._attribute = lru_cache(ATTRIBUTION_CACHE)(lambda question: attribute(question, catalog, geo))

    def feed(self, batch: Iterable[Observation]) -> Iterator[Decision]:
        """Take observations in order; yield the decisions on the connections that they ended."""
        for observation in batch:
            if isinstance(observation, Gap):
                self.tally.gap(observation)
                continue
            connection = self.correlator.feed(observation)
            if connection is None:
                continue
            decision = self._decide(connection)
            if decision is not None:
                self.tally.decision(decision)
                yield decision

    def _decide(self, connection: Connection) -> Decision | None:
        if connection.flow.server_port == DNS_PORT and connection.hello is None:
            self.tally.lookup(connection)
            return None
        attribution = self._attribute(_question(connection))
        if connection.coverage == "ambiguous" and attribution.provider is not None:
            connection = msgspec.structs.replace(connection, coverage="dns")
        self.tally.connection(connection)
        if not is_llm_related(attribution) and connection.coverage != "concealed":
            return None
        return self._judge(connection, attribution)

    def _judge(self, connection: Connection, attribution: Attribution) -> Decision:
        if self._policy is None:
            return Decision(connection.ts_ns, connection, attribution)
        subject = self._policy.subject(connection.flow.client)
        connection = msgspec.structs.replace(connection, subject=subject)
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


def _question(connection: Connection) -> Question:
    outer_name = connection.hello.outer_name if connection.hello is not None else None
    return Question(connection.names, connection.flow.server, outer_name)

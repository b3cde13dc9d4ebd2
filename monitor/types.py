"""The monitor's values: what crosses from one pure module to the next. Frozen, without behaviour."""

from typing import Literal

import msgspec

from sensors.connections import Coverage, Hello, Name, NameSource, NameState, Totals
from sensors.observations import FlowKey

__all__ = [
    "Attribution",
    "Certainty",
    "Concealment",
    "Connection",
    "Coverage",
    "Decision",
    "Evidence",
    "EvidenceKind",
    "Hello",
    "Name",
    "NameSource",
    "NameState",
    "Outcome",
    "Owner",
    "Scope",
    "Subject",
    "Totals",
]

Scope = Literal["region", "entry", "group", "global", "storage", "unknown"]
Certainty = Literal["observed", "inferred", "indeterminate"]
Outcome = Literal["allow", "violation", "indeterminate", "excepted", "unassigned"]
Concealment = Literal["doh", "dot", "doq", "vpn", "relay"]
EvidenceKind = Literal[
    "name", "cname", "prefix", "range", "geoip", "operator", "catalogue", "dns", "ech", "private", "proxy",
    "signalling", "rtt",
]  # fmt: skip


class Subject(msgspec.Struct, frozen=True):
    """Who opened the connection, in the policy's words. All null where no source group owns the client."""

    tenant: str | None = None
    source_group: str | None = None
    data_class: str | None = None


class Connection(msgspec.Struct, frozen=True):
    """One flow with the names that it had when it started, and whose it is."""

    ts_ns: int  # the flow's first packet
    flow: FlowKey
    subject: Subject
    names: tuple[Name, ...]
    hello: Hello | None
    totals: Totals
    coverage: Coverage

    @property
    def is_open(self) -> bool:
        """Whether it still lives: the totals are those so far, and it comes again when it ended."""
        return self.totals.reason == "active"


class Evidence(msgspec.Struct, frozen=True):
    """One thing that speaks for (or, in ``conflicts``, against) an attribution.

    ``says`` is a sentence for people; ``dataset`` names the catalogue or data set and its version.
    """

    kind: EvidenceKind
    value: str
    says: str
    dataset: str


class Attribution(msgspec.Struct, frozen=True):
    """Who the server is and where, on what evidence.

    ``provider`` is null unless the evidence names exactly one; ``possible`` then lists who it may be.
    ``countries`` (ISO 3166-1 alpha-2, sorted) are, by scope: where processing is pinned (region), may
    happen (group), where the connection enters (entry), where data rests (storage), or where the operator
    says or sits (unknown). Empty for global.
    """

    provider: str | None = None
    possible: tuple[str, ...] = ()
    service: str | None = None
    scope: Scope = "unknown"
    region: str | None = None
    countries: tuple[str, ...] = ()
    certainty: Certainty = "indeterminate"
    evidence: tuple[Evidence, ...] = ()
    conflicts: tuple[Evidence, ...] = ()


class Owner(msgspec.Struct, frozen=True):
    """Who on the sensor's own host holds a connection's client socket: see `monitor.owners`.

    ``uid`` made the socket. ``process`` is what the process calls itself, a claim; ``unit`` is systemd's,
    ``container`` a runtime and an identifier ("docker:0123..."). Null is what could not be told.
    """

    uid: int
    process: str | None = None
    unit: str | None = None
    container: str | None = None


class Decision(msgspec.Struct, frozen=True):
    """What the policy says of one connection. ``outcome`` and ``rule`` are null when there is no policy.

    ``exception`` is the one that excused it. ``reasons`` are sentences for people.
    """

    ts_ns: int
    connection: Connection
    attribution: Attribution
    outcome: Outcome | None = None
    rule: str | None = None
    severity: str | None = None
    exception: str | None = None
    reasons: tuple[str, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether it comes ahead of the connection's end. The one that counts comes with that."""
        return self.connection.is_open

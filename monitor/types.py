"""The monitor's values: what crosses from one pure module to the next. Frozen, without behaviour."""

from typing import Literal

import msgspec

from sensors.observations import Carrier, EchState, EndReason, FlowKey

Scope = Literal["region", "entry", "group", "global", "storage", "unknown"]
Certainty = Literal["observed", "inferred", "indeterminate"]
Outcome = Literal["allow", "violation", "indeterminate", "excepted", "unassigned"]
Coverage = Literal["sni", "dns", "address", "ambiguous", "concealed", "concealing", "midstream", "lost"]
Concealment = Literal["doh", "dot", "doq", "vpn", "relay"]
NameSource = Literal["sni", "connect", "http", "dns"]
NameState = Literal["live", "stale", "foreign"]
EvidenceKind = Literal[
    "name", "cname", "prefix", "geoip", "operator", "catalogue", "dns", "ech", "private", "proxy"
]  # fmt: skip


class Subject(msgspec.Struct, frozen=True):
    """Who opened the connection, in the policy's words. All null where no source group owns the client."""

    tenant: str | None = None
    source_group: str | None = None
    data_class: str | None = None


class Name(msgspec.Struct, frozen=True):
    """One name of a connection's server, and how far it can be trusted.

    ``state`` tells DNS answers apart: "live" at the flow's start, "stale" (its TTL and grace were over), or
    "foreign" (another client's answer). Names read from the connection itself are "live".
    """

    value: str
    source: NameSource
    state: NameState = "live"
    cnames: tuple[str, ...] = ()


class Hello(msgspec.Struct, frozen=True):
    """What the connection's ClientHello (or HTTP request head) said beside the name.

    ``outer_name`` is set when ECH hides the name: what stands on the outside is then not whom it is for.
    """

    carrier: Carrier
    alpn: tuple[str, ...] = ()
    versions: tuple[int, ...] = ()
    ech: EchState = "none"
    outer_name: str | None = None
    ja4: str | None = None
    complete: bool = True


class Totals(msgspec.Struct, frozen=True):
    """How much went over the connection. Bytes are those of IP packets on the wire."""

    packets_up: int = 0
    packets_down: int = 0
    bytes_up: int = 0
    bytes_down: int = 0
    duration_ns: int = 0
    handshake_rtt_ns: int | None = None
    first_byte_ns: int | None = None
    reason: EndReason = "end"


class Connection(msgspec.Struct, frozen=True):
    """One flow with the names that it had when it started."""

    ts_ns: int  # the flow's first packet
    flow: FlowKey
    subject: Subject
    names: tuple[Name, ...]
    hello: Hello | None
    totals: Totals
    coverage: Coverage


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

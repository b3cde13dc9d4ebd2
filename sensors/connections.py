"""What correlation says: a flow with the names that it had when it started, when it ended or still lives.

Frozen values without behaviour. The monitor's correlator makes them of observations; an engine that was
given an interest makes them itself, hands out those that a policy can care about, and counts the others.
"""

from typing import Literal

import msgspec

from sensors.observations import Carrier, EchState, EndReason, FlowKey, Observation

Coverage = Literal["sni", "dns", "address", "ambiguous", "concealed", "concealing", "midstream", "lost"]
NameSource = Literal["sni", "connect", "http", "dns", "signalling"]
NameState = Literal["live", "stale", "resolver", "foreign", "beside"]


class Name(msgspec.Struct, frozen=True):
    """One name of a connection's server, and how far it can be trusted.

    ``state`` tells DNS answers apart: "live" at the flow's start, "stale" (its TTL and grace were over), or
    "resolver" (the answer to a resolver, which asks for clients that are not seen), or "foreign" (another
    client's answer). Names read from the connection itself are "live". A name from
    "signalling" is "beside" the connection: of a host that its client was connected to when media began.
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


class ConnectionSeen(msgspec.Struct, frozen=True, tag="connection_seen"):
    """One flow with the names that it had when it started. Whose it is, is not known here.

    With the reason "active" it still lives, and ``totals`` are those so far; it comes again when it ended.
    """

    ts_ns: int  # the flow's first packet
    flow: FlowKey
    names: tuple[Name, ...]
    hello: Hello | None
    totals: Totals
    coverage: Coverage


Seen = Observation | ConnectionSeen


class Flows(msgspec.Struct, frozen=True):
    """Flows and their bytes both ways, on the wire."""

    flows: int = 0
    bytes_up: int = 0
    bytes_down: int = 0


class CorrelatorCounters(msgspec.Struct, frozen=True):
    """What the bounds made a correlator forget."""

    forgotten_hellos: int = 0
    forgotten_names: int = 0


class GroupCounted(msgspec.Struct, frozen=True):
    """What an engine counted of one group's flows. ``lookups`` are flows to a DNS port without a hello.

    ``ech_offered``, ``ech_grease`` (by their last hello) and ``address_hosting`` (no name at all, and a
    server where LLM endpoints are hosted) look at flows that are in ``coverage`` too.
    """

    coverage: dict[Coverage, Flows] = {}
    ech_offered: Flows = Flows()
    ech_grease: Flows = Flows()
    address_hosting: Flows = Flows()
    lookups: Flows = Flows()


class Shed(msgspec.Struct, frozen=True):
    """What an engine would have handed out, and dropped because too much waited to be taken.

    ``opened`` are connections that still lived, ``data`` the data seen on such, ``ended`` those that ended.
    """

    opened: int = 0
    ended: int = 0
    data: int = 0


class Counted(msgspec.Struct, frozen=True):
    """What an engine counted and did not hand out, by the interest's group numbers: those that had any.

    It was counted since the engine was asked last. The connections that ended and were ``shed`` are among the
    groups' too, each in its coverage class, as if nobody cared for them.
    """

    groups: dict[int, GroupCounted] = {}
    forgotten: CorrelatorCounters = CorrelatorCounters()
    shed: Shed = Shed()

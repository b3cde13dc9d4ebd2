"""Observations for the tests of the monitor, in seconds since one start."""

from sensors.observations import EchState, EndReason, FlowKey, FlowUpdate, HelloSeen, NameResolved

SECOND_NS = 1_000_000_000
START_NS = 1_773_133_200 * SECOND_NS
CLIENT, OTHER, RESOLVER, SERVER = "10.20.1.5", "10.20.1.6", "10.0.0.53", "203.0.113.7"


def at(seconds: float) -> int:
    """Return a moment in nanoseconds."""
    return START_NS + int(seconds * SECOND_NS)


def flow_key(client: str = CLIENT, server: str = SERVER, port: int = 443) -> FlowKey:
    """Return a TCP five-tuple."""
    return FlowKey(client, 50_000, server, port, "tcp")


def resolved(
    seconds: float,
    name: str,
    *addresses: str,
    client: str = CLIENT,
    ttl: int = 60,
    cnames: tuple[str, ...] = (),
    ech: tuple[str, ...] = (),
) -> NameResolved:
    """Return a client's DNS answer."""
    return NameResolved(at(seconds), client, RESOLVER, name, 1, 0, cnames, addresses or (SERVER,), ttl, ech)


def hello(seconds: float, name: str | None, flow: FlowKey | None = None, ech: EchState = "none") -> HelloSeen:
    """Return a TLS hello."""
    return HelloSeen(at(seconds), flow or flow_key(), "tls", name, ech=ech)


def ended(
    first: float,
    last: float,
    flow: FlowKey | None = None,
    reason: EndReason = "fin",
    *,
    midstream: bool = False,
) -> FlowUpdate:
    """Return a flow's end."""
    return FlowUpdate(
        ts_ns=at(last),
        flow=flow or flow_key(),
        first_ns=at(first),
        packets_up=5,
        packets_down=4,
        bytes_up=1_000,
        bytes_down=2_000,
        midstream=midstream,
        reason=reason,
    )

"""Joins each flow to its names: the one it carried, else those its client was told for the address.

Pure and bounded. A flow becomes a connection when it ends; its names are those that counted when it began.
An eager correlator says as much of a flow that still lives, as often as its totals are told.
What another client was told, and what had expired, is kept apart and marked, never taken for the name.
"""

from collections import OrderedDict
from collections.abc import Callable

from monitor.resolutions import Resolutions, Resolved
from monitor.signalling import Signalling
from monitor.types import Coverage, Hello, Name, NameSource, NameState, Totals
from sensors.connections import ConnectionSeen, CorrelatorCounters
from sensors.limits import NameLimits
from sensors.observations import Carrier, DataSeen, FlowKey, FlowUpdate, HelloSeen, NameResolved, Observation

_SOURCES: dict[Carrier, NameSource] = {
    "tls": "sni",
    "quic": "sni",
    "dtls": "sni",
    "socks": "connect",
    "http-connect": "connect",
    "http": "http",
    "wireguard": "sni",  # this and the following have no name
    "openvpn": "sni",
    "ike": "sni",
    "stun": "sni",
}


class Correlator:
    """Takes observations in order; gives a connection back for each flow that ended.

    An ``eager`` one gives connections of living flows too.
    """

    def __init__(
        self,
        limits: NameLimits | None = None,
        is_signalling: Callable[[str], bool] = lambda _: False,
        is_resolver: Callable[[str], bool] = lambda _: False,
        is_known: Callable[[str], bool] = lambda _: True,
        *,
        eager: bool = False,
    ) -> None:
        self._eager = eager
        self._limits = limits or NameLimits()
        self._signalling = Signalling(is_signalling, self._limits.callers)
        self._resolutions = Resolutions(self._limits, is_resolver, is_known)
        self._hellos: OrderedDict[FlowKey, list[HelloSeen]] = OrderedDict()
        self._forgotten_hellos = 0

    def counters(self) -> CorrelatorCounters:
        """Return what was forgotten so far."""
        return CorrelatorCounters(self._forgotten_hellos, self._resolutions.forgotten)

    def retarget(
        self,
        is_signalling: Callable[[str], bool],
        is_resolver: Callable[[str], bool],
        is_known: Callable[[str], bool],
    ) -> None:
        """Go on with other hosts of signalling, resolvers and known names; what is remembered stays."""
        self._signalling.is_signalling = is_signalling
        self._resolutions.is_resolver = is_resolver
        self._resolutions.is_known = is_known

    def passes(self, data: DataSeen) -> bool:
        """Tell whether the data is behind a hello that was told of and is remembered."""
        return data.flow in self._hellos

    def feed(self, observation: Observation) -> ConnectionSeen | None:
        """Take one observation; return the connection when it ends a flow, or tells of one that lives."""
        if isinstance(observation, FlowUpdate):
            return self._connection(observation) if observation.final or self._eager else None
        if isinstance(observation, NameResolved):
            if observation.addresses or observation.ech_public_names:
                self._resolutions.add(observation)
        elif isinstance(observation, HelloSeen):
            self._signalling.begun(observation)
            self._remember(observation)
        return None

    def _remember(self, hello: HelloSeen) -> None:
        seen = self._hellos.setdefault(hello.flow, [])
        if len(seen) >= self._limits.hellos:
            self._forgotten_hellos += 1
            return
        seen.append(hello)
        if len(self._hellos) > self._limits.pending:
            self._hellos.popitem(last=False)
            self._forgotten_hellos += 1

    def _connection(self, update: FlowUpdate) -> ConnectionSeen:
        hellos = self._hellos.get(update.flow, [])
        if update.final:
            self._hellos.pop(update.flow, None)
            for seen in hellos:
                self._signalling.ended(seen, update.ts_ns)
        hello = self._hello(update, hellos)
        names = self._names(update, hellos, hello)
        return ConnectionSeen(
            ts_ns=update.first_ns,
            flow=update.flow,
            names=names,
            hello=hello,
            totals=_totals(update),
            coverage=_coverage(update, names, hello),
        )

    def _hello(self, update: FlowUpdate, hellos: list[HelloSeen]) -> Hello | None:
        if not hellos:
            return None
        seen = hellos[-1]
        outer = None
        if seen.ech != "none" and seen.server_name is not None:
            told = self._resolutions.is_ech_public_name(update.flow.client, seen.server_name)
            outer = seen.server_name if told or seen.ech == "offered" else None
        return Hello(
            carrier=seen.carrier,
            alpn=seen.alpn,
            versions=seen.versions,
            ech="offered" if outer is not None else seen.ech,
            outer_name=outer,
            ja4=seen.ja4,
            complete=seen.complete,
        )

    def _names(self, update: FlowUpdate, hellos: list[HelloSeen], hello: Hello | None) -> tuple[Name, ...]:
        flow = update.flow
        own = self._resolutions.own(flow.client, flow.server, update.first_ns)
        live = [_name(resolved) for resolved in own if resolved.live]
        chains = {name.value: name.cnames for name in live}
        carried = []
        for seen in reversed(hellos):  # the innermost name first: what a tunnel leads to
            name = seen.server_name
            if name is not None and not (hello is not None and name == hello.outer_name):
                carried.append(Name(name, _SOURCES[seen.carrier], "live", chains.get(name, ())))
        told = {name for resolved in own for name in (resolved.name, *resolved.cnames)}
        if any(name.value in told for name in carried):
            return tuple(carried)  # DNS gave the address for the name: other names of it say nothing
        if carried:
            return (*carried, *live)
        stale = [_name(resolved, "stale") for resolved in own if not resolved.live]
        foreign = self._resolutions.foreign(flow.client, flow.server, update.first_ns)
        by_resolvers = self._resolutions.by_resolvers(flow.server, update.first_ns)
        via = [_name(resolved, "resolver") for resolved in foreign if resolved.name in by_resolvers]
        others = [_name(resolved, "foreign") for resolved in foreign if resolved.name not in by_resolvers]
        answers = (*live, *stale, *via, *others)
        if live or not any(seen.carrier == "stun" for seen in hellos):
            return answers
        hosts = self._signalling.hosts(flow.client, update.first_ns)
        return (*answers, *(Name(host, "signalling", "beside") for host in hosts))


def _name(resolved: Resolved, state: NameState = "live") -> Name:
    return Name(resolved.name, "dns", state, resolved.cnames)


def _totals(update: FlowUpdate) -> Totals:
    return Totals(
        packets_up=update.packets_up,
        packets_down=update.packets_down,
        bytes_up=update.bytes_up,
        bytes_down=update.bytes_down,
        duration_ns=max(update.ts_ns - update.first_ns, 0),
        handshake_rtt_ns=update.handshake_rtt_ns,
        first_byte_ns=update.first_byte_ns,
        reason=update.reason,
    )


def _coverage(update: FlowUpdate, names: tuple[Name, ...], hello: Hello | None) -> Coverage:
    """Put the connection into exactly one class, by how it could be named; the classes add up."""
    live = [name for name in names if name.state == "live"]
    if live and live[0].source != "dns":
        return "sni"
    if live:
        return "dns" if len(live) == 1 else "ambiguous"
    if hello is not None and hello.ech == "offered":
        return "concealed"
    if update.reason == "evicted" or (hello is not None and not hello.complete):
        return "lost"
    return "midstream" if update.midstream else "address"

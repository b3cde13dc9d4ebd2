"""What two engines say of one capture, side by side: server names, DNS answers and decisions. Pure.

Flows are compared by their five-tuples: how an engine calls a tunnel is its own affair. What an engine says
twice counts once. Differences that are known to come from how an engine works are explained, never left out.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Literal

import msgspec

from monitor.types import Decision, Outcome
from sensors.connections import Seen
from sensors.observations import Carrier, FlowKey, HelloSeen, NameResolved, Transport

MAX_ITEMS = 1_000_000  # of a kind, kept of an engine; more are counted and not compared
LATE_FIRST = 2**63 - 1  # the time of what is of no packet

Kind = Literal["server_name", "dns_answer", "decision", "packets"]


class FiveTuple(msgspec.Struct, frozen=True, order=True):
    """A flow without what it was found in."""

    client: str
    client_port: int
    server: str
    server_port: int
    transport: Transport

    def text(self) -> str:
        """Return the flow as people read it."""
        ends = (self.client, self.client_port), (self.server, self.server_port)
        client, server = (f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in ends)
        return f"{client} to {server} {self.transport}"


class ServerName(msgspec.Struct, frozen=True, tag="server_name"):
    """A name that a client asked for on a flow."""

    flow: FiveTuple
    name: str
    carrier: Carrier

    def text(self) -> str:
        """Return it as people read it."""
        return f"{self.name} ({self.carrier}), {self.flow.text()}"


class DnsAnswer(msgspec.Struct, frozen=True, tag="dns_answer"):
    """What a client was told for a name. The order of addresses says nothing, that of aliases does."""

    client: str
    qname: str
    qtype: int
    addresses: tuple[str, ...]
    aliases: tuple[str, ...]

    def text(self) -> str:
        """Return it as people read it."""
        told = ", ".join((*self.aliases, *self.addresses)) or "nothing"
        return f"{self.client} asked for {self.qname} (type {self.qtype}) and was told: {told}"


class Decided(msgspec.Struct, frozen=True, tag="decision"):
    """What a connection came to."""

    flow: FiveTuple
    provider: str | None
    possible: tuple[str, ...]
    region: str | None
    outcome: Outcome | None

    def text(self) -> str:
        """Return it as people read it."""
        provider = self.provider or " or ".join(self.possible) or "unknown"
        outcome = "not judged" if self.outcome is None else self.outcome
        return f"{provider}, region {self.region or '-'}: {outcome}, {self.flow.text()}"


class PacketsRead(msgspec.Struct, frozen=True, tag="packets"):
    """How many packets an engine read. They agree, or everything else is in doubt."""

    packets: int

    def text(self) -> str:
        """Return it as people read it."""
        return f"{self.packets:,} packets were read"


Item = ServerName | DnsAnswer | Decided | PacketsRead
KINDS: dict[type[Item], Kind] = {
    ServerName: "server_name",
    DnsAnswer: "dns_answer",
    Decided: "decision",
    PacketsRead: "packets",
}


class Difference(msgspec.Struct, frozen=True):
    """Something that only one of two engines says, at the time of the packet that made it say so.

    ``packet`` is that packet's number in the capture, where it is known. ``because`` is the known reason.
    """

    item: Item
    only_in: str
    ts_ns: int
    packet: int | None = None
    because: str | None = None


class Comparison(msgspec.Struct, frozen=True):
    """How many items of each kind both engines say, and those that one alone does, in the order of time."""

    agreed: dict[Kind, int]
    differences: tuple[Difference, ...]
    left_out: int = 0  # beyond MAX_ITEMS


class Statement:
    """What one engine says, gathered: each item with the time when it was first said."""

    def __init__(self, engine: str) -> None:
        self.engine = engine
        self.items: dict[Item, int] = {}
        self.left_out = 0
        self._counts: dict[Kind, int] = {}

    def observe(self, batch: Iterable[Seen]) -> None:
        """Take observations."""
        for each in batch:
            if isinstance(each, HelloSeen) and each.server_name is not None:
                self._add(ServerName(_five_tuple(each.flow), each.server_name, each.carrier), each.ts_ns)
            elif isinstance(each, NameResolved):
                addresses = tuple(sorted(each.addresses))
                item = DnsAnswer(each.client, each.qname, each.qtype, addresses, each.cnames)
                self._add(item, each.ts_ns)

    def decide(self, decision: Decision) -> None:
        """Take a decision."""
        said = decision.attribution
        flow = _five_tuple(decision.connection.flow)
        item = Decided(flow, said.provider, said.possible, said.region, decision.outcome)
        self._add(item, decision.ts_ns)

    def finish(self, packets: int) -> None:
        """Take the number of packets that were read."""
        self._add(PacketsRead(packets), LATE_FIRST)

    def _add(self, item: Item, ts_ns: int) -> None:
        if item in self.items:
            return
        kind = KINDS[type(item)]
        count = self._counts.get(kind, 0)
        if count >= MAX_ITEMS:
            self.left_out += 1
            return
        self._counts[kind] = count + 1
        self.items[item] = ts_ns


def compare(left: Statement, right: Statement) -> Comparison:
    """Lay two engines' statements side by side."""
    agreed: dict[Kind, int] = dict.fromkeys(KINDS.values(), 0)
    for item in left.items.keys() & right.items.keys():
        agreed[KINDS[type(item)]] += 1
    found = [*_only_in(left, right), *_only_in(right, left)]
    differing = {each.item for each in found}
    explained = (
        msgspec.structs.replace(each, because=_because(each, _other(each, left, right), differing))
        for each in found
    )
    ordered = sorted(explained, key=lambda each: (each.ts_ns, KINDS[type(each.item)], each.item.text()))
    return Comparison(agreed, tuple(ordered), left.left_out + right.left_out)


def _only_in(one: Statement, other: Statement) -> Iterator[Difference]:
    for item, ts_ns in one.items.items():
        if item not in other.items:
            yield Difference(item, one.engine, ts_ns)


def _other(difference: Difference, left: Statement, right: Statement) -> str:
    return right.engine if difference.only_in == left.engine else left.engine


def _five_tuple(flow: FlowKey) -> FiveTuple:
    return FiveTuple(flow.client, flow.client_port, flow.server, flow.server_port, flow.transport)


_QUIC = (
    "tshark knows a QUIC connection by its identifiers: captured twice, as before and after an address "
    "translation, its hello is read once; of Google's QUIC before TLS it reads hellos within one packet only"
)
_SOCKS = "tshark knows SOCKS by its port, 1080"
_FIRST_WORDS = (
    "tshark looks for a hello or a request wherever one may stand in a connection, the other engines only "
    "where a client says first whom it wants"
)
_GUESSED_HTTP = "tshark takes a connection for HTTP by its port and by rules of its own"
_DNS_FIELDS = "where one of a message's records is broken, the engine tshark tells the others apart no more"
_FOLLOWS_FROM_NAME = "it follows from the difference in the server name of this connection"
_FOLLOWS_FROM_DNS = "it may follow from the difference in what this client was told by DNS"

_Rule = Callable[[Item], bool]
_MISSED_BY_TSHARK: tuple[tuple[_Rule, str], ...] = (
    (lambda item: isinstance(item, ServerName) and item.carrier == "quic", _QUIC),
    (lambda item: isinstance(item, ServerName) and item.carrier in ("http", "http-connect"), _GUESSED_HTTP),
    (lambda item: isinstance(item, ServerName) and item.carrier == "socks", _SOCKS),
    (lambda item: isinstance(item, DnsAnswer), _DNS_FIELDS),
)
_TSHARK_ALONE: tuple[tuple[_Rule, str], ...] = (
    (lambda item: isinstance(item, ServerName) and item.flow.transport == "tcp", _FIRST_WORDS),
)


def _because(difference: Difference, other: str, differing: set[Item]) -> str | None:
    """Return the known reason for a difference."""
    item = difference.item
    if isinstance(item, Decided):
        return _because_of_others(item, differing)
    rules = _MISSED_BY_TSHARK if other == "tshark" else ()
    if difference.only_in == "tshark":
        rules = _TSHARK_ALONE
    return next((because for applies, because in rules if applies(item)), None)


def _because_of_others(decided: Decided, differing: set[Item]) -> str | None:
    if any(isinstance(item, ServerName) and item.flow == decided.flow for item in differing):
        return _FOLLOWS_FROM_NAME
    client = decided.flow.client
    if any(isinstance(item, DnsAnswer) and item.client == client for item in differing):
        return _FOLLOWS_FROM_DNS
    return None

"""The truth file: JSON lines, one for every name that a client said on the wire, then one with the totals."""

from collections.abc import Iterator
from socket import AF_INET, AF_INET6, inet_ntop
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from benchmarks.traffic.model import SPLIT_KINDS, Array, Kind, is_kind

if TYPE_CHECKING:
    from benchmarks.traffic.generate import World

CARRIERS = {
    Kind.TLS: "tls",
    Kind.TLS_SPLIT: "tls",
    Kind.QUIC: "quic",
    Kind.QUIC_SPLIT: "quic",
    Kind.HTTP: "http",
}


class NameSaid(msgspec.Struct, frozen=True, tag="name"):
    """A server name with its five-tuple. ``ts_ns`` is the flow's first packet."""

    ts_ns: int
    carrier: str
    name: str
    client: str
    client_port: int
    server: str
    server_port: int
    transport: str
    llm: bool
    packets: int  # of the first message
    reordered: bool


class Totals(msgspec.Struct, tag="totals"):
    """The sums. ``ip_bytes`` are those of the IP packets; flows count every five-tuple, DNS included."""

    seed: int = 0
    packets: int = 0
    ip_bytes: int = 0
    file_bytes: int = 0
    flows: int = 0
    dns_answers: int = 0
    tls_hellos: int = 0
    quic_hellos: int = 0
    http_hosts: int = 0
    split_hellos: int = 0
    reordered_hellos: int = 0
    llm_names: int = 0


class Truth:
    """Counts flows, and writes their names as they come."""

    def __init__(self, out: BinaryIO, seed: int) -> None:
        self._out = out
        self._totals = Totals(seed=seed)
        self._encoder = msgspec.json.Encoder()

    def add_flows(self, count: int) -> None:
        """Take flows whose first packet is now on its way."""
        self._totals.flows += count

    def add_messages(self, flows: Array, world: "World") -> None:
        """Take flows whose first message is now on its way."""
        self._totals.dns_answers += int((flows["kind"] == Kind.DNS).sum())
        self._totals.split_hellos += int(is_kind(flows, SPLIT_KINDS).sum())
        self._totals.reordered_hellos += int(flows["reordered"].sum())
        for said in _names_said(flows[is_kind(flows, tuple(CARRIERS))], world):
            self._totals.llm_names += said.llm
            self._totals.tls_hellos += said.carrier == "tls"
            self._totals.quic_hellos += said.carrier == "quic"
            self._totals.http_hosts += said.carrier == "http"
            self._out.write(self._encoder.encode(said) + b"\n")

    def finish(self, packets: int, ip_bytes: int, file_bytes: int) -> Totals:
        """Write the totals, and return them."""
        totals = self._totals
        totals.packets, totals.ip_bytes, totals.file_bytes = packets, ip_bytes, file_bytes
        self._out.write(self._encoder.encode(totals) + b"\n")
        return totals


def _names_said(flows: Array, world: "World") -> Iterator[NameSaid]:
    columns = ["kind", "start_ns", "client", "client_port", "host", "server_port", "v6", "reordered"]
    rows = flows[columns].tolist()
    carriers = {int(kind): carrier for kind, carrier in CARRIERS.items()}
    for kind, start_ns, client, client_port, host_row, server_port, v6, reordered in rows:
        host = world.hosts[host_row]
        clients = world.endpoints.clients_v6 if v6 else world.endpoints.clients_v4
        family = AF_INET6 if v6 else AF_INET
        yield NameSaid(
            ts_ns=start_ns,
            carrier=carriers[kind],
            name=host.name,
            client=inet_ntop(family, clients[client]),
            client_port=client_port,
            server=inet_ntop(family, host.v6 if v6 else host.v4),
            server_port=server_port,
            transport="udp" if carriers[kind] == "quic" else "tcp",
            llm=host.llm,
            packets=2 if kind in SPLIT_KINDS else 1,
            reordered=reordered,
        )

"""One exchange of datagrams that are given: who sends what, in which order."""

from collections.abc import Iterable

from scapy.layers.inet import UDP

from pcaps.builder.material import Datagram
from pcaps.builder.network import Network
from pcaps.builder.tcp import Server


def exchange(
    network: Network, client: tuple[str, int], server: Server, datagrams: Iterable[Datagram]
) -> None:
    """Send datagrams up and down; the round trip passes before each answer."""
    address, port = client
    for datagram in datagrams:
        ports = (port, server.port)
        if datagram.down:
            network.wait(ms=server.rtt_ms)
            ports = ports[::-1]
        segment = UDP(sport=ports[0], dport=ports[1]) / datagram.payload
        network.send(address, server.address, segment, down=datagram.down)
        network.wait(us=90)

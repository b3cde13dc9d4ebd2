"""One QUIC connection: a recorded handshake, then protected packets of the sizes that are asked for."""

from collections.abc import Sequence

from scapy.layers.inet import UDP

from pcaps.builder.material import Datagram, handshake
from pcaps.builder.network import Network, noise
from pcaps.builder.tcp import Server

_DATAGRAM_BYTES = 1_250


class QuicConversation:
    """A QUIC connection from ``client`` (address, port) to ``server``. Each method lets time pass."""

    def __init__(self, network: Network, client: tuple[str, int], server: Server) -> None:
        self._network = network
        self._client, self._client_port = client
        self._server = server
        self._handshake = handshake(f"quic/{server.name}")

    def open(self, *, order: Sequence[int] | None = None) -> None:
        """Do the handshake. ``order`` is that in which the client's first datagrams pass the tap."""
        first = [datagram for datagram in self._handshake if not datagram.down]
        answer = next(index for index, datagram in enumerate(self._handshake) if datagram.down)
        for index in order or range(answer):
            self._send(first[index])
            self._network.wait(us=25)
        self._network.wait(ms=self._server.rtt_ms)
        for datagram in self._handshake[answer:]:
            self._send(datagram)
            self._network.wait(us=70)

    def up(self, size: int) -> None:
        """Send about ``size`` bytes to the server."""
        self._protected(size, down=False)
        self._network.wait(ms=self._server.rtt_ms)

    def down(self, size: int) -> None:
        """Send about ``size`` bytes to the client, which acknowledges every fourth packet."""
        self._protected(size, down=True)

    def _protected(self, size: int, *, down: bool) -> None:
        label = f"quic {self._client} {self._client_port} {self._server.name} {down}"
        receiver = self._connection_id(down=not down)
        for number, at in enumerate(range(0, size, _DATAGRAM_BYTES)):
            sealed = noise(f"{label} {number}", min(_DATAGRAM_BYTES, size - at) + 17)
            self._send(Datagram(down, self._short_header(sealed) + receiver + sealed))
            self._network.wait(us=30)
            if number % 4 == 3:
                sealed = noise(f"{label} ack {number}", 26)
                sender = self._connection_id(down=down)
                self._send(Datagram(not down, self._short_header(sealed) + sender + sealed))
                self._network.wait(us=30)

    @staticmethod
    def _short_header(sealed: bytes) -> bytes:
        """Return the first byte of a 1-RTT packet: fixed bit set, the protected bits as they come."""
        return bytes([0x40 | sealed[0] & 0x3F])

    def _connection_id(self, *, down: bool) -> bytes:
        """Return the source connection identifier that this side chose (RFC 9000 section 17.2)."""
        first = next(datagram.payload for datagram in self._handshake if datagram.down == down)
        at = 6 + first[5]
        return first[at + 1 : at + 1 + first[at]]

    def _send(self, datagram: Datagram) -> None:
        ports = (self._client_port, self._server.port)
        source, destination = ports[::-1] if datagram.down else ports
        segment = UDP(sport=source, dport=destination) / datagram.payload
        self._network.send(self._client, self._server.address, segment, down=datagram.down)

"""One TCP connection as a tap near the client sees it: correct numbers, acknowledgements and round trips."""

from collections.abc import Sequence
from typing import NamedTuple

from scapy.layers.inet import TCP

from pcaps.builder.network import Network, noise

_MASK = 0xFFFFFFFF
_HANDSHAKE_OPTIONS = [("MSS", 1460), ("SAckOK", b""), ("NOP", None), ("WScale", 7)]
_MSS_BYTES = {4: 1_460, 6: 1_440}


class Server(NamedTuple):
    """A service in the network: what clients call it (None: nothing), where it is, and how far away."""

    name: str | None
    address: str
    rtt_ms: float
    port: int = 443


class Conversation:
    """A connection from ``client`` (address, port) to ``server``. Each method lets time pass."""

    def __init__(self, network: Network, client: tuple[str, int], server: Server) -> None:
        self.label = f"{client[0]} {client[1]} {server.address} {server.port}"
        self._network = network
        self._client, self._client_port = client
        self._server = server
        self._mss_bytes = _MSS_BYTES[6 if ":" in server.address else 4]
        numbers = noise(f"sequence {self.label}", 8)
        self._up_seq = int.from_bytes(numbers[:4], "big")
        self._down_seq = int.from_bytes(numbers[4:], "big")

    def open(self) -> None:
        """Do the three-way handshake. A capture that begins later just leaves it out."""
        self._segment("S", options=_HANDSHAKE_OPTIONS)
        self._up_seq += 1
        self._network.wait(ms=self._server.rtt_ms)
        self._segment("SA", down=True, options=_HANDSHAKE_OPTIONS)
        self._down_seq += 1
        self._network.wait(us=35)
        self._segment("A")
        self._network.wait(us=60)

    def up(self, data: bytes, *, order: Sequence[int] | None = None, first_bytes: int | None = None) -> None:
        """Send ``data`` to the server, which acknowledges it after a round trip.

        ``first_bytes`` cuts the first segment shorter; ``order`` is that in which segments pass the tap.
        """
        pieces = self._pieces(data, first_bytes)
        start = self._up_seq
        for index in order or range(len(pieces)):
            offset, piece = pieces[index]
            self._up_seq = start + offset
            self._segment("PA" if index == len(pieces) - 1 else "A", piece)
            self._network.wait(us=20)
        self._up_seq = start + len(data)
        self._network.wait(ms=self._server.rtt_ms)
        self._segment("A", down=True)
        self._network.wait(us=80)

    def down(self, data: bytes) -> None:
        """Send ``data`` to the client, which acknowledges every second segment and the last."""
        pieces = self._pieces(data)
        for index, (_, piece) in enumerate(pieces):
            last = index == len(pieces) - 1
            self._segment("PA" if last else "A", piece, down=True)
            self._down_seq += len(piece)
            self._network.wait(us=15)
            if last or index % 2:
                self._segment("A")
                self._network.wait(us=15)

    def finish(self) -> None:
        """Close from the client's side."""
        self._segment("FA")
        self._up_seq += 1
        self._network.wait(ms=self._server.rtt_ms)
        self._segment("FA", down=True)
        self._down_seq += 1
        self._network.wait(us=40)
        self._segment("A")

    def reset(self) -> None:
        """Break off from the client's side."""
        self._segment("RA")

    def _pieces(self, data: bytes, first_bytes: int | None = None) -> list[tuple[int, bytes]]:
        """Cut data into segments, each with its offset."""
        first_bytes = first_bytes or self._mss_bytes
        starts = [0, *range(first_bytes, len(data), self._mss_bytes)]
        return [(at, data[at:end]) for at, end in zip(starts, [*starts[1:], len(data)], strict=True)]

    def _segment(
        self,
        flags: str,
        payload: bytes = b"",
        *,
        down: bool = False,
        options: Sequence[tuple[str, object]] = (),
    ) -> None:
        """Pass one segment by the tap. It acknowledges all that the other side has sent so far."""
        ports = (self._client_port, self._server.port)
        seq, ack = self._up_seq, self._down_seq
        if down:
            ports, (seq, ack) = ports[::-1], (ack, seq)
        header = TCP(
            sport=ports[0],
            dport=ports[1],
            flags=flags,
            seq=seq & _MASK,
            ack=ack & _MASK if "A" in flags else 0,
            window=64_240,
            options=list(options),
        )
        self._network.send(self._client, self._server.address, header / payload, down=down)

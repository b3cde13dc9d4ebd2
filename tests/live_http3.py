"""A client for HTTP/3, of aioquic."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable

from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import QuicEvent

_PATIENCE_SECONDS = 10.0


class Client(QuicConnectionProtocol):
    """One request, and how many bytes its answer had."""

    def __init__(self, quic: QuicConnection) -> None:
        super().__init__(quic)
        self._http = H3Connection(quic)
        self._body_bytes = 0
        self.answered: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def ask(self, host: str, path: str) -> None:
        """Send the request."""
        fields = {
            b":method": b"GET",
            b":scheme": b"https",
            b":authority": host.encode(),
            b":path": path.encode(),
        }
        self._http.send_headers(self._quic.get_next_available_stream_id(), [*fields.items()], end_stream=True)
        self.transmit()

    def quic_event_received(self, event: QuicEvent) -> None:
        """Count what comes."""
        for said in self._http.handle_event(event):
            if isinstance(said, DataReceived):
                self._body_bytes += len(said.data)
            if isinstance(said, DataReceived | HeadersReceived) and said.stream_ended:
                self.answered.set_result(self._body_bytes)


Place = tuple[str, str, str]  # a server's address, its name, and a path there


async def get(place: Place, client: str, connected: Callable[[], Awaitable[None]]) -> tuple[int, int]:
    """Fetch a path from the client's address; return the body's size and the client's port.

    ``connected`` is awaited before the request is sent.
    """
    address, host, path = place
    configuration = QuicConfiguration(alpn_protocols=H3_ALPN, server_name=host, verify_mode=ssl.CERT_NONE)
    transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Client(QuicConnection(configuration=configuration)), local_addr=(client, 0)
    )
    async with asyncio.timeout(_PATIENCE_SECONDS):
        protocol.connect((address, 443, 0, 0) if ":" in address else (address, 443))
        await protocol.wait_connected()
        await connected()
        protocol.ask(host, path)
        body_bytes = await protocol.answered
        port = transport.get_extra_info("sockname")[1]
        protocol.close()
        await protocol.wait_closed()
    transport.close()
    return body_bytes, port

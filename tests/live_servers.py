"""The servers of the live world, one process: HTTP/1.1 plain and over TLS at every address, HTTP/3 at some.

A request for the path /N is answered with N bytes, and a connection is kept for the next one.
Run as ``python -m tests.live_servers FOLDER``; it says "ready" once it listens.
"""

import asyncio
import datetime as dt
import ssl
import sys
from contextlib import suppress
from pathlib import Path

from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.asyncio.server import serve
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ProtocolNegotiated, QuicEvent
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.live_hosts import HOSTS, QUIC_HOSTS

_BODY = bytes(64 * 1024)


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer the requests of one HTTP/1.1 connection until the client closes it."""
    with suppress(asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
        while True:
            lines = (await reader.readuntil(b"\r\n\r\n")).decode("ascii").splitlines()
            fields = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
            await reader.readexactly(int(fields.get("content-length", "0")))
            size = size_of(lines[0].split(" ")[1])
            writer.write(f"HTTP/1.1 200 OK\r\ncontent-length: {size}\r\n\r\n".encode())
            while size > 0:
                writer.write(_BODY[:size])
                await writer.drain()
                size -= len(_BODY)
    with suppress(ConnectionError, ssl.SSLError, TimeoutError):
        writer.close()
        await writer.wait_closed()


def size_of(path: str) -> int:
    """Return how many bytes a path asks for."""
    return int(path[1:]) if path[1:].isdecimal() else 0


class Http3(QuicConnectionProtocol):
    """Answers the requests of one HTTP/3 connection."""

    _http: H3Connection

    def quic_event_received(self, event: QuicEvent) -> None:
        """Hand events on to HTTP/3, and answer each request when its fields are there."""
        if isinstance(event, ProtocolNegotiated):
            self._http = H3Connection(self._quic)
        for said in self._http.handle_event(event) if hasattr(self, "_http") else ():
            if isinstance(said, HeadersReceived):
                size = size_of(dict(said.headers)[b":path"].decode("ascii"))
                self._http.send_headers(said.stream_id, [(b":status", b"200")])
                self._http.send_data(said.stream_id, bytes(size), end_stream=True)
                self.transmit()


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """Write a self-signed certificate of all hosts and its key; return both paths."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Residency Monitor's tests")])
    now = dt.datetime.now(dt.UTC)  # noqa: TID251  a real server has a real date
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(each) for each in HOSTS]), critical=False)
        .sign(key, hashes.SHA256())
    )
    chain, private = folder / "server.crt", folder / "server.key"
    pem = serialization.Encoding.PEM
    chain.write_bytes(certificate.public_bytes(pem))
    plain = serialization.NoEncryption()
    private.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    return chain, private


async def main(folder: Path) -> None:
    """Listen until the process is ended."""
    chain, key = make_certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key)
    context.set_alpn_protocols(["http/1.1"])
    await asyncio.start_server(answer, None, 443, ssl=context, backlog=1024)
    await asyncio.start_server(answer, None, 80, backlog=1024)
    quic = QuicConfiguration(alpn_protocols=H3_ALPN, is_client=False)
    quic.load_cert_chain(chain, key)
    for host in (HOSTS[name] for name in QUIC_HOSTS):
        for address in (host.address, host.address6):
            await serve(address, 443, configuration=quic, create_protocol=Http3)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))

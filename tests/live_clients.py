"""The clients of the live world, one process: does requests one after the other, each from its own address.

Run as ``python -m tests.live_clients REQUESTS``, which are JSON; the answers go to stdout, JSON too.
"""

import asyncio
import socket
import ssl
import sys
from collections.abc import Callable, Coroutine
from functools import cache, partial
from pathlib import Path

import msgspec

from tests.live_hosts import HOSTS
from tests.live_network import PROXY, RESOLVER
from tests.live_places import wait_for

_PATIENCE_SECONDS = 10.0


class Fetch(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """Requests for ``size`` bytes each, over one TCP connection. Without ``named`` the hello names nobody.

    ``newest`` is the newest version of TLS that the client speaks, "none" for plain HTTP. Before the last
    request it waits until the file ``waits_for`` is there, and after each for ``pause_seconds``.
    """

    host: str
    client: str
    address: str = ""
    named: bool = True
    newest: str = "1.3"
    by_proxy: bool = False
    size: int = 1_000
    upload: int = 0
    times: int = 1
    pause_seconds: float = 0.0
    waits_for: str = ""


class FetchQuic(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """One request for ``size`` bytes over HTTP/3, once the file ``waits_for`` is there."""

    host: str
    client: str
    address: str = ""
    size: int = 1_000
    waits_for: str = ""


class Lookup(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """A question for the resolver."""

    name: str
    client: str
    kind: str = "A"


class Load(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """Short TLS connections, ``rate`` a second for so many seconds, over clients and hosts in turn."""

    rate: int
    seconds: float
    clients: tuple[str, ...]
    hosts: tuple[str, ...]
    size: int = 200


class Together(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """Requests at the same time. Any that fails is the failure of all."""

    requests: tuple[Fetch | FetchQuic, ...]


Request = Fetch | FetchQuic | Lookup | Load | Together


class Answer(msgspec.Struct, frozen=True):
    """What came of a request. ``port`` is the client's, ``version`` that of TLS."""

    done: int = 0
    failed: int = 0
    body_bytes: int = 0
    port: int = 0
    version: str = ""
    addresses: tuple[str, ...] = ()


async def fetch(wanted: Fetch) -> Answer:
    """Connect and send the requests."""
    reader, writer = await _connect(wanted)
    try:
        received = [await _request(reader, writer, wanted) for _ in range(wanted.times - 1)]
        await _come(wanted.waits_for)
        received.append(await _request(reader, writer, wanted))
        secured = writer.get_extra_info("ssl_object")
        port = writer.get_extra_info("sockname")[1]
        return Answer(len(received), 0, sum(received), port, secured.version() if secured else "")
    finally:
        writer.close()
        await writer.wait_closed()


async def fetch_quic(wanted: FetchQuic) -> Answer:
    """Send one request over HTTP/3."""
    from tests.live_http3 import get  # noqa: PLC0415  aioquic takes long to import, and few need it

    address = wanted.address or HOSTS[wanted.host].address
    connected = partial(_come, wanted.waits_for)
    body_bytes, port = await get((address, wanted.host, f"/{wanted.size}"), wanted.client, connected)
    return Answer(1, 0, body_bytes, port, "QUIC")


async def lookup(wanted: Lookup) -> Answer:
    """Ask the resolver over UDP."""
    import dpkt  # noqa: PLC0415

    kind = {"A": dpkt.dns.DNS_A, "AAAA": dpkt.dns.DNS_AAAA}[wanted.kind]
    question = dpkt.dns.DNS(id=1, op=dpkt.dns.DNS_RD, qd=[dpkt.dns.DNS.Q(name=wanted.name, type=kind)])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(_PATIENCE_SECONDS)
        asking.bind((wanted.client, 0))
        asking.sendto(bytes(question), (RESOLVER, 53))
        answer = dpkt.dns.DNS(asking.recv(65_535))
        port = asking.getsockname()[1]
    family = socket.AF_INET6 if wanted.kind == "AAAA" else socket.AF_INET
    records = tuple(socket.inet_ntop(family, each.rdata) for each in answer.an if each.type == kind)
    return Answer(1, 0, port=port, addresses=records)


async def load(wanted: Load) -> Answer:
    """Open connections at a steady rate; those that fail are counted."""
    loop, running = asyncio.get_running_loop(), []
    begin = loop.time()
    for at in range(int(wanted.rate * wanted.seconds)):
        await asyncio.sleep(begin + at / wanted.rate - loop.time())
        client, host = wanted.clients[at % len(wanted.clients)], wanted.hosts[at % len(wanted.hosts)]
        one = fetch(Fetch(host=host, client=client, size=wanted.size))
        running.append(loop.create_task(asyncio.wait_for(one, _PATIENCE_SECONDS)))
    came = await asyncio.gather(*running, return_exceptions=True)
    answers = [each for each in came if isinstance(each, Answer)]
    return Answer(len(answers), len(came) - len(answers), sum(each.body_bytes for each in answers))


async def together(wanted: Together) -> Answer:
    """Do all at the same time, and return one answer for them."""
    answers = await asyncio.gather(*(_DOES[type(each)](each) for each in wanted.requests))
    return Answer(sum(each.done for each in answers), 0, sum(each.body_bytes for each in answers))


async def _come(file: str) -> None:
    """Wait until a file is there, if one is named."""
    if file:
        there = Path(file).exists
        await asyncio.to_thread(wait_for, there, file)


async def _connect(wanted: Fetch) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect, through the proxy where one is wanted."""
    local, address = (wanted.client, 0), wanted.address or HOSTS[wanted.host].address
    if wanted.newest == "none":
        return await asyncio.open_connection(address, 80, local_addr=local)
    context, name = _trusting(wanted.newest), wanted.host if wanted.named else address
    if not wanted.by_proxy:
        return await asyncio.open_connection(
            address, 443, local_addr=local, ssl=context, server_hostname=name
        )
    reader, writer = await asyncio.open_connection(PROXY, 3128, local_addr=local)
    writer.write(f"CONNECT {wanted.host}:443 HTTP/1.1\r\nHost: {wanted.host}:443\r\n\r\n".encode("ascii"))
    head = await reader.readuntil(b"\r\n\r\n")
    if b" 200 " not in head:
        raise ConnectionError(head.decode("ascii", "replace"))
    await writer.start_tls(context, server_hostname=name)
    return reader, writer


async def _request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, wanted: Fetch) -> int:
    """Send one request and return how long the answer's body was."""
    head = f"POST /{wanted.size} HTTP/1.1\r\nHost: {wanted.host}\r\nContent-Length: {wanted.upload}\r\n\r\n"
    writer.write(head.encode("ascii") + bytes(wanted.upload))
    await reader.readuntil(b"\r\n\r\n")
    body = await reader.readexactly(wanted.size)
    await asyncio.sleep(wanted.pause_seconds)
    return len(body)


@cache
def _trusting(newest: str) -> ssl.SSLContext:
    """Return a client that takes any certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.maximum_version = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[newest]
    context.set_alpn_protocols(["http/1.1"])
    return context


_DOES: dict[type, Callable[..., Coroutine[None, None, Answer]]] = {
    Fetch: fetch, FetchQuic: fetch_quic, Lookup: lookup, Load: load, Together: together,
}  # fmt: skip


async def main() -> None:
    """Do what the command line says, and write the answers."""
    requests = msgspec.json.decode(sys.argv[1], type=list[Request])
    answers = [await _DOES[type(each)](each) for each in requests]
    sys.stdout.buffer.write(msgspec.json.encode(answers))


if __name__ == "__main__":
    asyncio.run(main())

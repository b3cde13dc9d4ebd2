"""What a client says first on a TCP connection: which protocol it is, and whom the client wants to reach.

A reader takes the client's bytes in order and gives back greetings. HTTP CONNECT opens a tunnel: what
follows its head is read anew, so that the name inside the tunnel is found beside the proxy's target.
"""

import msgspec

from sensors.clienthello import ClientHello
from sensors.dns import TcpMessages
from sensors.http import NotHttp, RequestHeadReader, looks_like_http
from sensors.observations import Carrier
from sensors.tls import NotTls, TlsClientReader, looks_like_tls
from sensors.wire import Malformed

MAX_TUNNELS = 4  # CONNECT inside CONNECT: more is an attack, not a proxy chain


class Greeting(msgspec.Struct, frozen=True):
    """One name that a client asked for, with the ClientHello where there was one."""

    carrier: Carrier
    server_name: str | None
    hello: ClientHello | None = None


class ClientReader:
    """Reads the client's first bytes. ``done`` is set when nothing more is to be learnt from them.

    ``outcome`` then says why there was no greeting: "unknown-protocol", or the reason of the malformation.
    """

    __slots__ = ("_head", "_reader", "_tunnels", "done", "outcome")

    def __init__(self) -> None:
        self.done = False
        self.outcome: str | None = None
        self._head = b""
        self._reader: TlsClientReader | RequestHeadReader | None = None
        self._tunnels = 0

    def feed(self, data: bytes) -> list[Greeting]:
        """Take the next bytes in order; return the greetings that they completed."""
        try:
            return self._read(data)
        except (NotTls, NotHttp):
            self._end("unknown-protocol")
        except Malformed as malformed:
            self._end(f"malformed-{malformed.reason}")
        return []

    def partial(self) -> Greeting | None:
        """Return what can be said of a ClientHello whose rest never came."""
        if self.done or not isinstance(self._reader, TlsClientReader):
            return None
        hello = self._reader.partial()
        return Greeting("tls", hello.server_name, hello) if hello else None

    def _read(self, data: bytes) -> list[Greeting]:
        if self._reader is None:
            data = self._detect(data)
        if isinstance(self._reader, TlsClientReader):
            return self._read_tls(self._reader, data)
        if isinstance(self._reader, RequestHeadReader):
            return self._read_http(self._reader, data)
        return []

    def _detect(self, data: bytes) -> bytes:
        """Choose the reader as soon as the bytes allow it; return the bytes that it shall read."""
        data = self._head + data
        tls, http = looks_like_tls(data), looks_like_http(data)
        if tls:
            self._reader = TlsClientReader()
        elif http:
            self._reader = RequestHeadReader()
        elif tls is None or http is None:
            self._head = data
            return b""
        else:
            self._end("unknown-protocol")
        self._head = b""
        return data

    def _read_tls(self, reader: TlsClientReader, data: bytes) -> list[Greeting]:
        hello = reader.feed(data)
        if hello is None:
            return []
        self._end(None)
        return [Greeting("tls", hello.server_name, hello)]

    def _read_http(self, reader: RequestHeadReader, data: bytes) -> list[Greeting]:
        head = reader.feed(data)
        if head is None:
            return []
        if not head.is_connect or self._tunnels == MAX_TUNNELS:
            self._end(None)
            return [Greeting("http-connect" if head.is_connect else "http", head.host)]
        self._tunnels += 1
        self._reader = None
        greeting = Greeting("http-connect", head.host)
        return [greeting, *(self.feed(head.rest) if head.rest else [])]

    def _end(self, outcome: str | None) -> None:
        self.done = True
        self.outcome = outcome
        self._head = b""
        self._reader = None


class DnsReader:
    """Reads the messages of DNS over TCP (RFC 7766) from one direction."""

    __slots__ = ("_messages", "done", "outcome")

    def __init__(self) -> None:
        self.done = False
        self.outcome: str | None = None
        self._messages = TcpMessages()

    @property
    def unfinished_bytes(self) -> int:
        """How much is kept of a message that is not whole."""
        return self._messages.unfinished_bytes

    def feed(self, data: bytes) -> list[bytes]:
        """Take the next bytes in order; return the messages that they completed."""
        return self._messages.feed(data)

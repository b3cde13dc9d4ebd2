"""What a client says first on a TCP connection: which protocol it is, and whom the client wants to reach.

A reader takes the client's bytes in order and gives back greetings. HTTP CONNECT and SOCKS open a tunnel:
what follows is read anew, so that the name inside the tunnel is found beside the proxy's target. What may
stand before a hello is passed over: a PROXY header, which says whose connection it is, and clear text that
asks for TLS. A tunnel that conceals is the last that can be read.
"""

from collections.abc import Callable
from functools import partial

import msgspec

from sensors.clienthello import ClientHello
from sensors.concealing import looks_like_openvpn, read_openvpn
from sensors.dns import TcpMessages
from sensors.http import NotHttp, RequestHead, RequestHeadReader, looks_like_http
from sensors.observations import Carrier
from sensors.preface import PrefaceReader, Unknown
from sensors.proxy_header import ProxiedEnds, ProxyHeader, looks_like_proxy_header, read_proxy_header
from sensors.socks import SocksRequest, looks_like_socks, read_socks
from sensors.starttls import DIALECTS, read_clear
from sensors.tls import NotTls, TlsClientReader, looks_like_tls, may_hold_data
from sensors.wire import Malformed

MAX_TUNNELS = 4  # tunnels inside tunnels: more is an attack, not a proxy chain

_HEAD_BYTES = 16  # more than the protocols need to be told apart


class Greeting(msgspec.Struct, frozen=True):
    """One name that a client asked for, with the ClientHello where there was one; None: it is concealed."""

    carrier: Carrier
    server_name: str | None
    hello: ClientHello | None = None


Found = Greeting | ProxiedEnds
Preface = SocksRequest | ProxyHeader | Carrier | None  # a tunnel that conceals; clear text before a hello
Reader = TlsClientReader | RequestHeadReader | PrefaceReader[Preface]


def _preface(parse: Callable[[bytes | bytearray], tuple[Preface, int] | None]) -> Callable[[], Reader]:
    return partial(PrefaceReader[Preface], parse)


# How streams begin, in the order of asking, and what reads them.
_PROTOCOLS: tuple[tuple[Callable[[bytes], bool | None], Callable[[], Reader]], ...] = (
    (looks_like_tls, TlsClientReader),
    (looks_like_http, RequestHeadReader),
    (looks_like_socks, _preface(read_socks)),
    (looks_like_openvpn, _preface(read_openvpn)),
    *((dialect.looks_like, _preface(partial(read_clear, cut=dialect.cut))) for dialect in DIALECTS),
)
_FIRST_PROTOCOLS = (*_PROTOCOLS, (looks_like_proxy_header, _preface(read_proxy_header)))


class ClientReader:
    """Reads the client's first bytes. ``done`` is set when nothing more is to be learnt from them.

    ``outcome`` then says why there was no greeting: "unknown-protocol", "socks-no-connect" (a valid request
    that opens no tunnel), or the reason of the malformation. ``data_behind`` says that what came with the end
    of the last greeting may hold application data.
    """

    __slots__ = ("_head", "_protocols", "_reader", "_tunnels", "data_behind", "done", "outcome")

    def __init__(self) -> None:
        self.done = False
        self.data_behind = False
        self.outcome: str | None = None
        self._head = b""
        self._reader: Reader | None = None
        self._protocols = _FIRST_PROTOCOLS
        self._tunnels = 0

    def feed(self, data: bytes) -> list[Found]:
        """Take the next bytes in order; return the greetings that they completed, after whose they are."""
        try:
            return self._read(data)
        except (NotTls, NotHttp, Unknown):
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

    def _read(self, data: bytes) -> list[Found]:
        if self._reader is None:
            data = self._detect(data)
        read = self._reader.feed(data) if self._reader is not None else None
        if read is None:
            return []
        if isinstance(read, ClientHello):
            self.data_behind = isinstance(self._reader, TlsClientReader) and self._reader.data_behind
            self._end(None)
            return [Greeting("tls", read.server_name, read)]
        if isinstance(read, RequestHead):
            greeting = Greeting("http-connect" if read.is_connect else "http", read.host)
            if read.is_connect:
                return self._enter(greeting, read.rest)
            self.data_behind = bool(read.rest)
            return self._last(greeting)
        return self._after(*read)

    def _detect(self, data: bytes) -> bytes:
        """Choose the reader as soon as the bytes allow it; return the bytes that it shall read."""
        data = self._head + data
        begin = data[:_HEAD_BYTES]
        for looks_like, reader in self._protocols:
            verdict = looks_like(begin)
            if verdict is None:
                self._head = data
                return b""
            if verdict:
                self._reader = reader()
                break
        else:
            self._end("unknown-protocol")
        self._head = b""
        return data

    def _after(self, preface: Preface, rest: bytes) -> list[Found]:
        """Go on behind a preface."""
        if isinstance(preface, ProxyHeader):
            found = [] if preface.ends is None else [preface.ends]
            return [*found, *self._anew(None, rest)]
        if preface is None:
            return self._anew(TlsClientReader(), rest)
        if isinstance(preface, str):
            return self._last(Greeting(preface, None))
        if preface.is_connect:
            return self._enter(Greeting("socks", preface.host), rest)
        self._end("socks-no-connect")
        return []

    def _enter(self, greeting: Greeting, rest: bytes) -> list[Found]:
        """Go into the tunnel that a greeting opens."""
        if self._tunnels == MAX_TUNNELS:
            self.data_behind = may_hold_data(rest)
            return self._last(greeting)
        self._tunnels += 1
        return [greeting, *self._anew(None, rest)]

    def _anew(self, reader: Reader | None, rest: bytes) -> list[Found]:
        self._protocols = _PROTOCOLS  # whose the connection is, only its first bytes can say
        self._reader = reader
        return self.feed(rest) if rest else []

    def _last(self, greeting: Greeting) -> list[Found]:
        self._end(None)
        return [greeting]

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

"""From a QUIC client's datagrams to its ClientHello (RFC 9001 section 4): one greeting a connection.

The CRYPTO stream of the Initials carries bare handshake messages, without TLS records; in Google's versions
before TLS it carries their own hello, which has a name and nothing else that is reported.
"""

from sensors.clienthello import HANDSHAKE_CLIENT_HELLO, parse_client_hello
from sensors.gquic_hello import parse_chlo
from sensors.quic import InitialReader
from sensors.streams import Greeting
from sensors.wire import Malformed

MAX_DATAGRAMS = 64  # of one flow that are read for a ClientHello
_HEADER_BYTES = 4  # a handshake message's type and length (RFC 8446 section 4)


class QuicClient:
    """Reads one flow's datagrams until the ClientHello is whole, or will never be.

    ``done`` is set then. A datagram that is malformed before it authenticated may be anybody's: it is
    reported, and the next ones are read all the same.
    """

    __slots__ = ("_connection", "_datagrams", "_fed_bytes", "_initials", "_stream", "done")

    def __init__(self) -> None:
        self.done = False
        self._initials = InitialReader()
        self._connection = 0
        self._datagrams = 0
        self._fed_bytes = 0
        self._stream = b""

    @property
    def oddity(self) -> str | None:
        """What was odd about the last datagram, as a counter's name."""
        outcome = self._initials.outcome
        return None if outcome in ("initial", "no-initial") else f"quic-{outcome}"

    @property
    def held_bytes(self) -> int:
        """How much is kept, at the most: all that was fed."""
        return self._fed_bytes

    def feed(self, payload: bytes, *, complete: bool = True) -> Greeting | None:
        """Take one datagram of the client; ``complete`` is false when the snap length cut it.

        Raises Malformed.
        """
        self._datagrams += 1
        self._fed_bytes += len(payload)
        self.done = self._datagrams >= MAX_DATAGRAMS
        ready = self._initials.feed(payload, complete=complete)
        try:
            greeting = self._read(ready)
        except Malformed:
            self.done = True
            raise
        self.done = self.done or greeting is not None
        return greeting

    def partial(self) -> Greeting | None:
        """Return what can be said of a ClientHello whose rest never came."""
        if self.done or len(self._stream) <= _HEADER_BYTES or not self._initials.speaks_tls:
            return None
        try:
            hello = parse_client_hello(self._stream[_HEADER_BYTES:], complete=False)
        except Malformed:
            return None
        return Greeting("quic", hello.server_name, hello)

    def _read(self, ready: bytes) -> Greeting | None:
        if self._initials.connections != self._connection:
            self._connection = self._initials.connections
            self._stream = b""
        self._stream += ready
        if len(self._stream) < _HEADER_BYTES:
            return None
        if not self._initials.speaks_tls:
            google = parse_chlo(self._stream)
            return None if google is None else Greeting("quic", google.server_name)
        if self._stream[0] != HANDSHAKE_CLIENT_HELLO:
            raise Malformed("quic-not-a-client-hello")
        end = _HEADER_BYTES + int.from_bytes(self._stream[1:_HEADER_BYTES], "big")
        if len(self._stream) < end:
            return None
        hello = parse_client_hello(self._stream[_HEADER_BYTES:end])
        return Greeting("quic", hello.server_name, hello)

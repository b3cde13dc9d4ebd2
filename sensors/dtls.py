"""DTLS up to the ClientHello (RFC 6347, RFC 9147 section 5): records, fragments of messages, a hello.

Fragments come in any order, twice, and mixed with those of another message: each message is put together on
its own, and the first ClientHello that is whole is the greeting. The one that a client sends again with the
server's cookie says the same. Nothing here is authenticated, so what is broken is reported and passed over.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from sensors.clienthello import (
    HANDSHAKE_CLIENT_HELLO,
    MAX_CLIENT_HELLO_BYTES,
    parse_client_hello,
)
from sensors.ranges import RangeBuffer
from sensors.streams import Greeting
from sensors.wire import Malformed

MAX_DATAGRAMS: Final = 64  # of one flow that are read for a ClientHello,
MAX_FRAGMENTS: Final = 1_024  # and fragments in them
MAX_MESSAGES: Final = 4  # ClientHellos put together at once: one before the cookie, one with it
MAX_RECORD_BYTES: Final = 16_384  # of a record in clear text (RFC 6347 section 4.1)

_HANDSHAKE = 22
_DATA = frozenset({23, 25, *range(32, 64), *range(128, 192)})
_VERSIONS: Final = frozenset((b"\xfe\xff", b"\xfe\xfd", b"\xfe\xfc"))  # DTLS 1.0, 1.2 and 1.3
_RECORD_HEADER_BYTES = 13  # type, version, epoch, sequence number, length
_CLEAR_EPOCH = b"\x00\x00"
_FRAGMENT_HEADER_BYTES = 12  # type, length, message number, fragment's offset and length


class Fragment(NamedTuple):
    """A part of a handshake message; ``data`` is shorter than ``fragment_bytes`` where the capture cut it."""

    kind: int
    message_bytes: int
    number: int
    offset: int
    fragment_bytes: int
    data: bytes


def begins_dtls(payload: bytes) -> bool:
    """Whether a UDP payload begins with a part of a ClientHello, on any port: two headers have to fit."""
    if not is_dtls_handshake(payload) or payload[3:5] != _CLEAR_EPOCH:
        return False
    if len(payload) < _RECORD_HEADER_BYTES + _FRAGMENT_HEADER_BYTES:
        return False
    record_bytes = int.from_bytes(payload[11:13])
    first = _fragment(payload[_RECORD_HEADER_BYTES:])
    return (
        first.kind == HANDSHAKE_CLIENT_HELLO
        and first.offset + first.fragment_bytes <= first.message_bytes <= MAX_CLIENT_HELLO_BYTES
        and _FRAGMENT_HEADER_BYTES + first.fragment_bytes <= record_bytes <= MAX_RECORD_BYTES
    )


def is_dtls_handshake(payload: bytes) -> bool:
    """Whether a UDP payload begins with a handshake record, as a server's first answer does."""
    return payload[:1] == bytes((_HANDSHAKE,)) and payload[1:3] in _VERSIONS


def may_hold_data(payload: bytes) -> bool:
    """Tell whether a client's datagram after its hello may hold application data.

    By its first byte that is a record of application data, one whose type is hidden (with a connection ID,
    RFC 9146; sealed as in RFC 9147 section 4), or media keyed by the handshake (RFC 7983).
    """
    return payload[0] in _DATA if payload else False


class DtlsClient:
    """Reads one flow's datagrams until a ClientHello is whole, or will never be; ``done`` is set then."""

    __slots__ = ("_datagrams", "_fed_bytes", "_fragments", "_messages", "done", "oddity")

    def __init__(self) -> None:
        self.done = False
        self.oddity: str | None = None  # of the last datagram, as a counter's name
        self._datagrams = 0
        self._fragments = 0
        self._fed_bytes = 0
        self._messages: dict[int, _Message] = {}  # by their numbers, in the order of their beginnings

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
        self.oddity = None
        for fragment in _fragments(payload, complete=complete):
            self._fragments += 1
            if self._fragments > MAX_FRAGMENTS:
                self.done = True
                self.oddity = "dtls-over-limit"
                return None
            body = self._add(fragment)
            if body is not None:
                self.done = True
                hello = parse_client_hello(body, dtls=True)
                return Greeting("dtls", hello.server_name, hello)
        return None

    def partial(self) -> Greeting | None:
        """Return what can be said of the first ClientHello, where none became whole."""
        for message in self._messages.values():
            if self.done or not message.body:
                continue
            try:
                hello = parse_client_hello(message.body, complete=False, dtls=True)
            except Malformed:
                continue
            return Greeting("dtls", hello.server_name, hello)
        return None

    def _add(self, fragment: Fragment) -> bytes | None:
        """Take a fragment; return the body of the ClientHello that it completes. Raises Malformed."""
        if fragment.kind != HANDSHAKE_CLIENT_HELLO:
            return None
        if fragment.message_bytes > MAX_CLIENT_HELLO_BYTES:
            raise Malformed("hello-too-long")
        if fragment.offset + fragment.fragment_bytes > fragment.message_bytes:
            raise Malformed("dtls-fragment")
        message = self._messages.get(fragment.number)
        if message is None:
            if len(self._messages) >= MAX_MESSAGES:
                return None
            message = self._messages[fragment.number] = _Message(fragment.message_bytes)
        if message.size != fragment.message_bytes:
            raise Malformed("dtls-message-length")
        message.body += message.buffer.push(fragment.offset, fragment.data)
        return message.body if len(message.body) == message.size else None


class _Message:
    """A ClientHello that is put together: ``body`` is what is there from its beginning."""

    __slots__ = ("body", "buffer", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self.buffer = RangeBuffer(0, size)
        self.body = b""


def _fragments(payload: bytes, *, complete: bool) -> Iterator[Fragment]:
    """Yield what a datagram holds of handshake messages in clear text, up to the first other record.

    Raises Malformed.
    """
    at = 0
    while is_dtls_handshake(payload[at : at + 3]) and payload[at + 3 : at + 5] == _CLEAR_EPOCH:
        start = at + _RECORD_HEADER_BYTES
        size = int.from_bytes(payload[start - 2 : start])
        at = start + size
        if start > len(payload) or at > len(payload):
            if complete:
                raise Malformed("dtls-past-end")
        elif not 0 < size <= MAX_RECORD_BYTES:
            raise Malformed("dtls-record-length")
        yield from _fragments_of(payload[start:at], cut=at > len(payload))


def _fragments_of(record: bytes, *, cut: bool) -> Iterator[Fragment]:
    at = 0
    while at < len(record):
        start = at + _FRAGMENT_HEADER_BYTES
        if start > len(record):
            if cut:
                return
            raise Malformed("dtls-fragment")
        fragment = _fragment(record[at:])
        at = start + fragment.fragment_bytes
        if at > len(record) and not cut:
            raise Malformed("dtls-fragment")
        yield fragment


def _fragment(data: bytes) -> Fragment:
    """Read a fragment whose header ``data`` holds whole, and what is there of the rest."""
    fragment_bytes = int.from_bytes(data[9:12])
    return Fragment(
        kind=data[0],
        message_bytes=int.from_bytes(data[1:4]),
        number=int.from_bytes(data[4:6]),
        offset=int.from_bytes(data[6:9]),
        fragment_bytes=fragment_bytes,
        data=data[_FRAGMENT_HEADER_BYTES : _FRAGMENT_HEADER_BYTES + fragment_bytes],
    )

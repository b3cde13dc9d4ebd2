"""TLS over TCP up to the ClientHello: records (RFC 8446 section 5.1) to the first handshake message.

Each byte is looked at once, however small the records and segments are: work and memory follow the bytes
received. A message split over records is put together before anything in it is read.
"""

from typing import Final

from sensors.clienthello import (
    HANDSHAKE_CLIENT_HELLO,
    MAX_CLIENT_HELLO_BYTES,
    ClientHello,
    parse_client_hello,
)
from sensors.wire import Malformed

MAX_RECORD_BYTES: Final = 16_384  # of a record in clear text (RFC 8446 section 5.1)

_MAX_SEALED_BYTES = MAX_RECORD_BYTES + 2_048  # of an encrypted one (RFC 5246 section 6.2.3)
_CHANGE_CIPHER_SPEC, _HANDSHAKE = 20, 22
_OTHER_TYPES = range(20, 24)  # change_cipher_spec, alert, handshake, application_data
_MAJOR = 3  # of every version from SSL 3.0; the minor one means nothing (RFC 8446 section 5.1)
_RECORD_HEADER_BYTES = 5  # type, version, length
_MESSAGE_HEADER_BYTES = 4  # type, 24-bit length

# What may stand in each of a TLS client's first bytes: record type, version, length, message type.
_FIRST_BYTES = (
    range(_HANDSHAKE, _HANDSHAKE + 1),
    range(_MAJOR, _MAJOR + 1),
    range(5),
    range((MAX_RECORD_BYTES >> 8) + 1),
    range(256),
    range(HANDSHAKE_CLIENT_HELLO, HANDSHAKE_CLIENT_HELLO + 1),
)


class NotTls(Exception):  # noqa: N818  an outcome of parsing, named as the field names it
    """Bytes that do not begin a TLS client's stream. Unknown, not malformed (SSLv2 hellos among them)."""


class NotClientHello(NotTls):
    """TLS, but another message comes first: the server's side, or a stream seen from its middle."""


def looks_like_tls(first_bytes: bytes) -> bool | None:
    """Tell whether a stream begins with a ClientHello in a TLS record; None when more bytes are needed."""
    for byte, plausible in zip(first_bytes, _FIRST_BYTES, strict=False):
        if byte not in plausible:
            return False
    if len(first_bytes) >= 5 and not 0 < int.from_bytes(first_bytes[3:5]) <= MAX_RECORD_BYTES:
        return False
    return True if len(first_bytes) >= len(_FIRST_BYTES) else None


def may_hold_data(records: bytes) -> bool:
    """Tell whether what a client sends after its hello may hold application data.

    Whole records of handshake and change_cipher_spec hold none; anything else may.
    """
    at = 0
    while at < len(records):
        if records[at] not in (_CHANGE_CIPHER_SPEC, _HANDSHAKE):
            return True
        at += _RECORD_HEADER_BYTES + int.from_bytes(records[at + 3 : at + _RECORD_HEADER_BYTES])
    return False


class TlsClientReader:
    """Reads a client's bytes up to the end of its ClientHello. After that, or an exception, it is spent."""

    __slots__ = ("_first", "_header", "_left", "_message", "_spent", "data_behind")

    def __init__(self) -> None:
        self.data_behind = False  # what came with the hello's end may hold application data
        self._first = True  # no record's header was read yet
        self._header = bytearray()  # of the record that begins
        self._left = 0  # bytes of the current record still to come
        self._message = bytearray()  # of the handshake: header and body
        self._spent = False

    def feed(self, data: bytes) -> ClientHello | None:
        """Take the next bytes in order; return the ClientHello when they complete it, else None.

        Raises NotTls or NotClientHello for another protocol or message, Malformed for a broken one.
        """
        if self._spent:
            return None
        try:
            hello = self._read(data)
        except (Malformed, NotTls):
            self._end()
            raise
        if hello is not None:
            self._end()
        return hello

    def partial(self) -> ClientHello | None:
        """Return what can be read of a ClientHello whose rest never came; None where that is nothing."""
        if len(self._message) <= _MESSAGE_HEADER_BYTES:
            return None
        try:
            return parse_client_hello(bytes(self._message[_MESSAGE_HEADER_BYTES:]), complete=False)
        except Malformed:
            return None

    def _end(self) -> None:
        self._spent = True
        self._message = bytearray()

    def _read(self, data: bytes) -> ClientHello | None:
        at = 0
        while at < len(data):
            if self._left == 0:
                at = self._read_header(data, at)
                continue
            end = min(at + self._left, len(data))
            self._message += data[at:end]
            self._left -= end - at
            at = end
            hello = self._try_message()
            if hello is not None:
                self.data_behind = may_hold_data(data[at:])
                return hello
        return None

    def _read_header(self, data: bytes, at: int) -> int:
        """Take what is still missing of a record's header; return the offset after it."""
        end = at + _RECORD_HEADER_BYTES - len(self._header)
        self._header += data[at:end]
        if len(self._header) == _RECORD_HEADER_BYTES:
            kind, major, length = self._header[0], self._header[1], int.from_bytes(self._header[3:])
            if self._first:
                _check_first_record(kind, major, length)
            else:
                _check_next_record(kind, major, length)
            self._first = False
            self._left = length
            self._header.clear()
        return min(end, len(data))

    def _try_message(self) -> ClientHello | None:
        message = self._message
        if message[0] != HANDSHAKE_CLIENT_HELLO:
            raise NotClientHello(f"handshake type {message[0]}")
        if len(message) < _MESSAGE_HEADER_BYTES:
            return None
        length = int.from_bytes(message[1:_MESSAGE_HEADER_BYTES])
        if length > MAX_CLIENT_HELLO_BYTES:
            raise Malformed("hello-too-long")
        end = _MESSAGE_HEADER_BYTES + length
        if len(message) < end:
            return None
        return parse_client_hello(bytes(message[_MESSAGE_HEADER_BYTES:end]))


def _check_first_record(kind: int, major: int, length: int) -> None:
    limit_bytes = MAX_RECORD_BYTES if kind == _HANDSHAKE else _MAX_SEALED_BYTES
    if kind not in _OTHER_TYPES or major != _MAJOR or not 0 < length <= limit_bytes:
        raise NotTls(f"record type {kind}, major version {major}, {length} bytes")
    if kind != _HANDSHAKE:
        raise NotClientHello(f"record type {kind}")


def _check_next_record(kind: int, major: int, length: int) -> None:
    """Check a record that continues a handshake message (RFC 8446 section 5.1)."""
    if kind != _HANDSHAKE:
        raise Malformed("tls-interleaved-record")
    if major != _MAJOR:
        raise Malformed("tls-record-version")
    if not 0 < length <= MAX_RECORD_BYTES:
        raise Malformed("tls-record-length")

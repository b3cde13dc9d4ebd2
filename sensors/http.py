"""The head of an HTTP/1.x request (RFC 9112): whom it is for, and where a CONNECT tunnel begins.

Fields other than Host are checked for their form and forgotten. What RFC 9112 allows a lenient server to
accept is accepted, so that no request reaches a server under a name that was not seen here.
"""

import re
from typing import Final

import msgspec

from sensors.wire import Malformed, name_text

MAX_HEAD_BYTES: Final = 16_384
MAX_PORT: Final = 65_535

_METHODS = (
    b"GET ", b"HEAD ", b"POST ", b"PUT ", b"DELETE ", b"CONNECT ", b"OPTIONS ", b"TRACE ", b"PATCH ",
    b"PROPFIND ", b"PROPPATCH ", b"MKCOL ", b"COPY ", b"MOVE ", b"LOCK ", b"UNLOCK ", b"REPORT ", b"SEARCH ",
    b"PRI ",  # HTTP/2 with prior knowledge (RFC 9113 section 3.4)
)  # fmt: skip
_VERSION = re.compile(rb"HTTP/1\.[0-9]")
_FIELD_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
_ABSOLUTE = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)")
_AUTHORITY = re.compile(
    rb"(?:\[([0-9A-Za-z:.%_~-]{2,255})\]|([^\x00-\x20\x7f:/?#@\[\]\\]{0,255}))(?::([0-9]{0,5}))?"
)


class NotHttp(Exception):  # noqa: N818  an outcome of parsing, named as the field names it
    """Bytes that are no HTTP/1.x request: another protocol, HTTP/2 included. Unknown, not malformed."""


class RequestHead(msgspec.Struct, frozen=True):
    """One request's head. ``host`` is where the client asks to go, without port and brackets.

    It comes from the target where that names an authority, else from the Host field (RFC 9112 section 3.3).
    ``rest`` is what followed the head in the bytes fed.
    """

    method: str
    target: bytes
    host: str | None
    port: int | None
    is_connect: bool
    rest: bytes = b""


def looks_like_http(first_bytes: bytes) -> bool | None:
    """Tell whether a stream begins with a known method and a space; None when more bytes are needed.

    One empty line may come before it (RFC 9112 section 2.2).
    """
    begin = _skip_empty_line(first_bytes)
    if begin.startswith(_METHODS):
        return True
    if first_bytes == b"\r" or any(method.startswith(begin) for method in _METHODS):
        return None
    return False


class RequestHeadReader:
    """Reads a client's bytes up to the end of a request's head. After that, or an exception, it is spent."""

    __slots__ = ("_buffer", "_host", "_line_at", "_request", "_scanned", "_spent")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._line_at = 0  # where the current line begins
        self._scanned = 0  # no line ends before
        self._request: tuple[bytes, bytes] | None = None  # method and target
        self._host: bytes | None = None  # the Host field's value
        self._spent = False

    def feed(self, data: bytes) -> RequestHead | None:
        """Take the next bytes in order; return the head when they complete it, else None.

        Raises NotHttp for another protocol, Malformed for a broken head.
        """
        if self._spent:
            return None
        self._buffer += data
        try:
            head = self._read()
        except (Malformed, NotHttp):
            self._end()
            raise
        if head is not None:
            self._end()
        return head

    def _end(self) -> None:
        self._spent = True
        self._buffer = bytearray()

    def _read(self) -> RequestHead | None:
        buffer = self._buffer
        if self._request is None and looks_like_http(bytes(buffer[:16])) is False:
            raise NotHttp("no known method")
        while (end := buffer.find(b"\n", self._scanned, MAX_HEAD_BYTES)) >= 0:
            # A bare LF ends a line too (RFC 9112 section 2.2).
            line = bytes(buffer[self._line_at : end]).removesuffix(b"\r")
            self._line_at = self._scanned = end + 1
            if line and self._request is None:
                self._request = _request_line(line)
            elif line:
                self._field(line)
            elif self._request is not None:
                return _head(self._request, self._host, bytes(buffer[end + 1 :]))
        if len(buffer) >= MAX_HEAD_BYTES:
            raise Malformed("http-head-too-long")
        self._scanned = len(buffer)
        return None

    def _field(self, line: bytes) -> None:
        """Take one field line (RFC 9112 section 5)."""
        if line[0] in b" \t":
            raise Malformed("http-obs-fold")
        name, colon, value = line.partition(b":")
        if not colon or not _FIELD_NAME.fullmatch(name):
            raise Malformed("http-field")
        if name.lower() == b"host":
            if self._host is not None:
                raise Malformed("http-two-hosts")
            self._host = value.strip(b" \t")


def _skip_empty_line(data: bytes) -> bytes:
    return data.removeprefix(b"\r\n") if data[:1] == b"\r" else data.removeprefix(b"\n")


def _request_line(line: bytes) -> tuple[bytes, bytes]:
    """Return method and target, which any white space may part (RFC 9112 section 3)."""
    words = line.split()
    if not _VERSION.fullmatch(words[-1]):
        raise NotHttp("no HTTP/1.x version")
    if len(words) != 3:
        raise Malformed("http-request-line")
    if _CONTROL.search(words[1]):
        raise Malformed("http-target")
    return words[0], words[1]


def _head(request: tuple[bytes, bytes], host_field: bytes | None, rest: bytes) -> RequestHead:
    """Put the head together; the target's authority goes before the Host field (RFC 9112 section 3.2.2)."""
    method, target = request
    is_connect = method == b"CONNECT"
    host, port = _authority(host_field or b"", "http-host")
    absolute = _ABSOLUTE.match(target)
    if is_connect:
        host, port = _authority(target, "http-connect-target")
        if host is None or port is None:
            raise Malformed("http-connect-target")
    elif absolute:
        host, port = _authority(absolute[1], "http-target")
        if host is None:
            raise Malformed("http-target")
    elif target[:1] != b"/" and target != b"*":
        raise Malformed("http-target")
    return RequestHead(method.decode(), target, host, port, is_connect, rest)


def _authority(raw: bytes, reason: str) -> tuple[str | None, int | None]:
    """Return host and port of ``uri-host [ ":" port ]`` (RFC 9110 section 7.2). Raises Malformed."""
    parts = _AUTHORITY.fullmatch(raw)
    if parts is None:
        raise Malformed(reason)
    host = parts[1] or parts[2]
    port = int(parts[3]) if parts[3] else None
    if port is not None and port > MAX_PORT:
        raise Malformed(reason)
    return (name_text(host.removesuffix(b".") or host) if host else None), port

"""SOCKS: whom a client asks a proxy for, in version 4, 4a and 5 (RFC 1928, RFC 1929).

Only the client's side is read: its methods, its password if it sends one, its request. SOCKS has no magic
number, so what is not plainly a request is another protocol, not a broken request.
"""

import re

import msgspec

from sensors.preface import Unknown
from sensors.wire import Malformed, address_text, name_text

MAX_TEXT_BYTES = 255  # of a version 4 user or name, each of which ends with a zero

_CONNECT, _BIND, _UDP_ASSOCIATE = 1, 2, 3
_PASSWORD = 1  # the version of the username and password negotiation (RFC 1929 section 2)
_NAME = 3
_TEXT = re.compile(rb"[\x20-\x7e]*")
_ADDRESS_BYTES = {1: 4, 4: 16}  # by address type


class SocksRequest(msgspec.Struct, frozen=True):
    """Whom a client asks for: a name, or an address as text. Without ``is_connect`` it opens no tunnel."""

    host: str
    is_connect: bool


def looks_like_socks(first_bytes: bytes) -> bool | None:
    """Tell whether a stream may begin with a SOCKS client's message; None when more bytes are needed."""
    version, argument = first_bytes[:1], first_bytes[1:2]
    if version == b"\x04":
        return argument in (b"\x01", b"\x02") if argument else None
    if version == b"\x05":
        return argument != b"\0" if argument else None  # the number of methods
    return False if version else None


def read_socks(data: bytes | bytearray) -> tuple[SocksRequest, int] | None:
    """Read all that a client says up to its request; return that and its end, None for "not yet".

    Raises Unknown for what is not SOCKS, Malformed for a request whose host cannot be one.
    """
    if len(data) < 2:
        return None
    return _version_4(data) if data[0] == 4 else _version_5(data)


def _version_4(data: bytes | bytearray) -> tuple[SocksRequest, int] | None:
    """Read a request: command, port, address, user; a name where the address is 0.0.0.x (version 4a)."""
    if len(data) < 8:
        return None
    address = bytes(data[4:8])
    has_name = address[:3] == bytes(3) and address[3] != 0
    if data[2:4] == bytes(2) or (address[0] == 0 and not has_name):
        raise Unknown("no port or no address")
    user, _, _ = data[8 : 8 + MAX_TEXT_BYTES].partition(b"\0")
    if not _TEXT.fullmatch(user):
        raise Unknown("the user is not text")
    end = _text_end(data, 8)
    if end is None:
        return None
    host, end = address_text(address), end + 1
    if has_name:
        start, name_end = end, _text_end(data, end)
        if name_end is None:
            return None
        host, end = _host(bytes(data[start:name_end])), name_end + 1
    return SocksRequest(host, data[1] == _CONNECT), end


def _text_end(data: bytes | bytearray, start: int) -> int | None:
    """Return where the zero behind a text stands. Raises Malformed."""
    end = data.find(0, start, start + MAX_TEXT_BYTES + 1)
    if end >= 0:
        return end
    if len(data) > start + MAX_TEXT_BYTES:
        raise Malformed("socks-text-too-long")
    return None


def _version_5(data: bytes | bytearray) -> tuple[SocksRequest, int] | None:
    """Read methods (RFC 1928 section 3), a password, a request (section 4)."""
    at = 2 + data[1]
    if len(data) > at and data[at] == _PASSWORD:
        user_end = at + 2 + data[at + 1] if len(data) > at + 1 else len(data)
        at = user_end + 1 + data[user_end] if len(data) > user_end else len(data)
    if len(data) > at and data[at] != 5:
        raise Unknown("another negotiation")
    if len(data) < at + 5:
        return None
    command, reserved, kind, first = data[at + 1 : at + 5]
    if command not in (_CONNECT, _BIND, _UDP_ASSOCIATE) or reserved:
        raise Unknown("no request")
    if kind != _NAME and kind not in _ADDRESS_BYTES:
        raise Malformed("socks-address-type")
    start = at + 5 if kind == _NAME else at + 4
    host_end = start + (first if kind == _NAME else _ADDRESS_BYTES[kind])
    end = host_end + 2  # the port
    if len(data) < end:
        return None
    raw = bytes(data[start:host_end])
    return SocksRequest(_host(raw) if kind == _NAME else address_text(raw), command == _CONNECT), end


def _host(raw: bytes) -> str:
    """Return a name as text. Raises Malformed."""
    if not raw:
        raise Malformed("socks-no-name")
    return name_text(raw.removesuffix(b".") or raw)

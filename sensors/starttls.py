"""What a client says in clear before it turns to TLS: SMTP, IMAP, POP3, FTP, XMPP, LDAP and data bases.

Each protocol is cut into units (a line, an element, a message), of which one asks for TLS; where a hello may
follow, its first byte begins no other unit. Only the client's side is read, and only so long as it says
what clients say before TLS: the first other word ends it, so no mail and no password is ever looked at.
"""

from collections.abc import Callable
from typing import NamedTuple

from sensors.preface import Unknown, begins_with

MAX_CLEAR_BYTES = 1_024  # before the hello

_HANDSHAKE = 22  # the first byte of a hello's record: no text has it, no message begins with it
_COMMANDS = frozenset(
    b"EHLO HELO LHLO NOOP RSET STARTTLS CAPA CAPABILITY CAPABILITIES STLS AUTH FEAT HOST CLNT OPTS SYST"
    .split()
)  # fmt: skip
_LONGEST_COMMAND = max(map(len, _COMMANDS))
_TAGGED_COMMANDS = frozenset((b"CAPABILITY", b"ID", b"NOOP", b"STARTTLS"))  # IMAP (RFC 9051 section 6.1)
_TAGGED_INITIALS = frozenset(b"CINScins")
_MAX_TAG_BYTES = 8
_TAG_BYTES = frozenset(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz.")
_FTP_MECHANISMS = frozenset((b"TLS", b"TLS-C", b"SSL"))  # RFC 4217 section 4
_LDAP_START_TLS = b"\x80\x161.3.6.1.4.1.1466.20037"  # requestName (RFC 4511 section 4.14.1)
_SSL_REQUEST = bytes.fromhex("0000000804d2162f")  # PostgreSQL's
_GSS_REQUEST = bytes.fromhex("0000000804d21630")  # which a client tries before it
_MYSQL_REQUEST = b"\x20\0\0\1"  # 32 bytes, the second packet: a handshake response that is cut short
_MYSQL_BYTES, _MYSQL_SSL = 36, 0x08  # CLIENT_SSL, in the second byte of the capabilities


class Unit(NamedTuple):
    """One line, element or message: where it ends, and whether it asks for TLS."""

    end: int
    asks: bool


Cut = Callable[[bytes, int], Unit | None]  # takes all bytes, and where the unit begins; raises Unknown


class Dialect(NamedTuple):
    """How the streams of a kind of protocol begin, and how they are cut."""

    looks_like: Callable[[bytes], bool | None]
    cut: Cut


def read_clear(data: bytes | bytearray, cut: Cut) -> tuple[None, int] | None:
    """Find where the hello begins; None for "not yet". Raises Unknown where none will be read."""
    clear = bytes(data[: MAX_CLEAR_BYTES + 1])
    at, asked = 0, False
    while at < len(clear):
        if asked and clear[at] == _HANDSHAKE:
            return None, at
        unit = cut(clear, at)
        if unit is None:
            break
        at, asked = unit.end, asked or unit.asks
    if len(clear) > MAX_CLEAR_BYTES:
        raise Unknown("too long in clear")
    return None


def looks_like_lines(first_bytes: bytes) -> bool | None:
    """Tell whether a command, or a tag and the initial of one, comes first; None when more is needed."""
    size = next((at for at, byte in enumerate(first_bytes) if byte not in _TAG_BYTES), len(first_bytes))
    word, after = first_bytes[:size].upper(), first_bytes[size : size + 1]
    if not after:
        return None if size <= _LONGEST_COMMAND else False
    if word in _COMMANDS and after in b" \r\n":
        return True
    if not 0 < size <= _MAX_TAG_BYTES or after != b" ":
        return False
    return first_bytes[size + 1] in _TAGGED_INITIALS if len(first_bytes) > size + 1 else None


def cut_line(data: bytes, at: int) -> Unit | None:
    """Read a command, with IMAP's tag or without."""
    end = data.find(b"\n", at)
    if end < 0:
        return None
    words = data[at:end].removesuffix(b"\r").upper().split(b" ")
    first, second = words[0], words[1] if len(words) > 1 else b""
    if first in _COMMANDS:
        asks = first in (b"STARTTLS", b"STLS") or (first == b"AUTH" and second in _FTP_MECHANISMS)
    elif second in _TAGGED_COMMANDS and 0 < len(first) <= _MAX_TAG_BYTES and _TAG_BYTES.issuperset(first):
        asks = second == b"STARTTLS"
    else:
        raise Unknown("not said before TLS")
    return Unit(end + 1, asks)


def looks_like_xml(first_bytes: bytes) -> bool | None:
    """Tell whether an XMPP stream begins (RFC 6120 section 4.2); None when more bytes are needed."""
    return begins_with(first_bytes, b"<?xml ", b"<stream:stream ")


def cut_element(data: bytes, at: int) -> Unit | None:
    """Read a tag, or a white space between two."""
    if data[at] in b" \t\r\n":
        return Unit(at + 1, asks=False)
    if data[at] != ord("<"):
        raise Unknown("text")
    end = data.find(b">", at)
    return None if end < 0 else Unit(end + 1, data.startswith(b"<starttls", at))


def looks_like_ldap(first_bytes: bytes) -> bool | None:
    """Tell whether an LDAPMessage (RFC 4511 section 4.1.1) begins; None when more bytes are needed."""
    if first_bytes[:1] not in (b"", b"\x30"):
        return False
    if len(first_bytes) < 2:
        return None
    body = 2 + max(first_bytes[1] - 0x80, 0)
    if first_bytes[1] == 0x80 or body > 6:
        return False
    return first_bytes[body] == 2 if len(first_bytes) > body else None


def cut_ldap(data: bytes, at: int) -> Unit | None:
    """Read a message, whose length is in BER (X.690 section 8.1.3); what it asks is found by its name."""
    if len(data) < at + 2:
        return None
    length_bytes = max(data[at + 1] - 0x80, 0)
    if data[at] != 0x30 or data[at + 1] == 0x80 or length_bytes > 4:
        raise Unknown("no LDAP message")
    body = at + 2 + length_bytes
    if len(data) < body:
        return None
    end = body + (int.from_bytes(data[at + 2 : body]) if length_bytes else data[at + 1])
    return Unit(end, data.find(_LDAP_START_TLS, body, end) >= 0) if len(data) >= end else None


def looks_like_postgres(first_bytes: bytes) -> bool | None:
    """Tell whether a request for encryption comes first; None when more bytes are needed."""
    return begins_with(first_bytes, _SSL_REQUEST, _GSS_REQUEST)


def cut_postgres(data: bytes, at: int) -> Unit | None:
    """Read a request for encryption (PostgreSQL's message formats: SSLRequest, GSSENCRequest)."""
    request = data[at : at + 8]
    whole = begins_with(request, _SSL_REQUEST, _GSS_REQUEST)
    if whole is False:
        raise Unknown("another message")
    return Unit(at + 8, request == _SSL_REQUEST) if whole else None


def looks_like_mysql(first_bytes: bytes) -> bool | None:
    """Tell whether a request for encryption comes first; None when more bytes are needed."""
    return begins_with(first_bytes, _MYSQL_REQUEST)


def cut_mysql(data: bytes, at: int) -> Unit | None:
    """Read a request for encryption (MySQL's protocol: SSLRequest)."""
    if len(data) < at + _MYSQL_BYTES:
        return None
    if not data.startswith(_MYSQL_REQUEST, at) or not data[at + 5] & _MYSQL_SSL:
        raise Unknown("another message")
    return Unit(at + _MYSQL_BYTES, asks=True)


DIALECTS = (
    Dialect(looks_like_ldap, cut_ldap),
    Dialect(looks_like_postgres, cut_postgres),
    Dialect(looks_like_mysql, cut_mysql),
    Dialect(looks_like_xml, cut_element),
    Dialect(looks_like_lines, cut_line),
)

"""The PROXY protocol (HAProxy's proxy-protocol.txt), versions 1 and 2: whose connection a proxy passes on.

The header stands once, before everything else, and names both ends of the connection that the proxy took;
from there on that one is the flow that is reported. Whoever opens a connection can write a header and lie in
it, as in a server name: about the server and, which a server name cannot, about itself. So flows are kept by
their ends on the wire, DNS answers count for who got them there, and the tunnel of the flow that is reported
ends in "proxy" with the ends on the wire: what is claimed can be told from what was seen, and connections
that claim to be the same stay apart, so that no name of one becomes the other's.
"""

from ipaddress import IPv4Address, IPv6Address

import msgspec

from sensors.preface import begins_with
from sensors.wire import Malformed, address_text

MAX_LINE_BYTES = 107  # of version 1, line end included (section 2.1)
MAX_HEADER_BYTES = 4_096  # of version 2, as servers bound it; the protocol allows 65,551

_LINE = b"PROXY "
_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
_FIXED_BYTES = 16
_LOCAL, _PROXY = 0x20, 0x21  # version 2, command
_INET, _INET6, _UNIX = 1, 2, 3
_ADDRESSES_BYTES = {_INET: 12, _INET6: 36, _UNIX: 216}  # both addresses, both ports
_STREAM, _DATAGRAM = 1, 2


class ProxiedEnds(msgspec.Struct, frozen=True):
    """The two ends of a connection, as a header names them; addresses are 4 or 16 bytes in network order."""

    client: bytes
    client_port: int
    server: bytes
    server_port: int


class ProxyHeader(msgspec.Struct, frozen=True):
    """One header. ``ends`` is None where it names none: a health check, or an unknown family."""

    ends: ProxiedEnds | None


def proxy_tunnel(ends: ProxiedEnds) -> str:
    """Return what the way through a proxy is called; ``ends`` are those on the wire."""
    return f"proxy:{_end(ends.client, ends.client_port)}-{_end(ends.server, ends.server_port)}"


def _end(address: bytes, port: int) -> str:
    text = address_text(address)
    return f"{text}:{port}" if len(address) == 4 else f"[{text}]:{port}"


def looks_like_proxy_header(first_bytes: bytes) -> bool | None:
    """Tell whether a stream begins with a header of either version; None when more bytes are needed."""
    return begins_with(first_bytes, _LINE, _SIGNATURE)


def read_proxy_header(data: bytes | bytearray) -> tuple[ProxyHeader, int] | None:
    """Read a header; return it and its end, None for "not yet". Raises Malformed."""
    return _version_1(data) if data[:1] == b"P" else _version_2(data)


def _version_1(data: bytes | bytearray) -> tuple[ProxyHeader, int] | None:
    end = data.find(b"\r\n", 0, MAX_LINE_BYTES)
    if end < 0:
        if len(data) >= MAX_LINE_BYTES:
            raise Malformed("proxy-line")
        return None
    words = bytes(data[:end]).split(b" ")
    if words[1:2] == [b"UNKNOWN"]:
        return ProxyHeader(None), end + 2
    if len(words) != 6 or words[1] not in (b"TCP4", b"TCP6"):
        raise Malformed("proxy-line")
    family = IPv4Address if words[1] == b"TCP4" else IPv6Address
    client, server = _address(words[2], family), _address(words[3], family)
    return ProxyHeader(ProxiedEnds(client, _port(words[4]), server, _port(words[5]))), end + 2


def _address(word: bytes, family: type[IPv4Address | IPv6Address]) -> bytes:
    try:
        if b"%" not in word:  # a zone has no place here
            return family(word.decode("ascii")).packed
    except ValueError:
        pass
    raise Malformed("proxy-line")


def _port(word: bytes) -> int:
    if not 0 < len(word) <= 5 or not word.isdigit() or (word[:1] == b"0" and word != b"0"):
        raise Malformed("proxy-line")
    port = int(word)
    if port > 65_535:
        raise Malformed("proxy-line")
    return port


def _version_2(data: bytes | bytearray) -> tuple[ProxyHeader, int] | None:
    if len(data) < _FIXED_BYTES:
        return None
    command, kind = data[12], data[13]
    end = _FIXED_BYTES + int.from_bytes(data[14:16])
    if command not in (_LOCAL, _PROXY):
        raise Malformed("proxy-command")
    if end > MAX_HEADER_BYTES:
        raise Malformed("proxy-too-long")
    if len(data) < end:
        return None
    if command == _LOCAL:
        return ProxyHeader(None), end
    return ProxyHeader(_ends(kind >> 4, kind & 15, bytes(data[_FIXED_BYTES:end]))), end


def _ends(family: int, protocol: int, body: bytes) -> ProxiedEnds | None:
    """Read what follows the fixed part (section 2.2); other protocols than TCP leave the ends as they are."""
    if family > _UNIX or protocol > _DATAGRAM:
        raise Malformed("proxy-family")
    size = _ADDRESSES_BYTES.get(family)
    if size is None:  # unspecified: nothing is known of the rest
        return None
    if len(body) < size:
        raise Malformed("proxy-length")
    _check_vectors(body, size)
    if family == _UNIX or protocol != _STREAM:
        return None
    width = (size - 4) // 2
    ports = int.from_bytes(body[size - 4 : size - 2]), int.from_bytes(body[size - 2 : size])
    return ProxiedEnds(body[:width], ports[0], body[width : 2 * width], ports[1])


def _check_vectors(body: bytes, at: int) -> None:
    """Check that type-length-value vectors fill the rest; what they say is not used."""
    while at < len(body):
        if len(body) < at + 3:
            raise Malformed("proxy-vector")
        at += 3 + int.from_bytes(body[at + 1 : at + 3])
    if at > len(body):
        raise Malformed("proxy-vector")

"""STUN (RFC 8489): how media between browsers and servers (WebRTC) begins. It names nobody."""

from typing import Final

MAGIC_COOKIE: Final = 0x2112A442
HEADER_BYTES: Final = 20
BINDING_REQUEST: Final = 0x0001
ALLOCATE_REQUEST: Final = 0x0003  # RFC 8656: of a relay (TURN)


def is_stun_request(payload: bytes, wire_bytes: int) -> bool:
    """Whether this is a request with which a client begins (RFC 8489 section 5).

    ``wire_bytes`` is the payload's length on the wire; the capture may hold less of it.
    """
    if len(payload) < HEADER_BYTES:
        return False
    kind, length = int.from_bytes(payload[:2]), int.from_bytes(payload[2:4])
    return (
        kind in (BINDING_REQUEST, ALLOCATE_REQUEST)
        and length % 4 == 0
        and HEADER_BYTES + length == wire_bytes
        and int.from_bytes(payload[4:8]) == MAGIC_COOKIE
    )

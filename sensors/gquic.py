"""Google's QUIC before it sealed its first packets (Q039, Q043, Q046): clear text behind a hash.

The hash is FNV-1a over header, content and the sender's role: no secret, but a sealed packet does not match
it, and no byte of what does not match is used. Source: Chromium, quic_framer.cc and null_encrypter.cc.
"""

from typing import Final, NamedTuple

from sensors.quic_crypto import MIN_PROTECTED_BYTES

HASH_BYTES: Final = 12

_PUBLIC_VERSIONS = frozenset((b"Q039", b"Q043"))  # those with Google's public header
_LONG_VERSION = b"Q046"  # the one with a long header, and no lengths in it
_PUBLIC_FIRST, _PUBLIC_FIRST_MASK = 0x09, 0xCB  # a version and an ID, no reset; clients set 0x04 or do not
_PUBLIC_NUMBER_BYTES = (1, 2, 4, 6)
_LONG_FIRST, _LONG_FIRST_MASK = 0xC0, 0xFC  # long header, fixed bit, Initial; then the number's length
_LONG_ID_LENGTHS = 0x50  # an ID of 8 bytes for the server, none for the client
_ID_BYTES = 8
_MESSAGE_TAG = b"CHLO"
_TAG_WITHIN = 128  # in a client's first packet it stands behind a header of 30 bytes and a frame's

_FNV_BASIS: Final = 0x6C62272E07BB014262B821756295C58D
_FNV_PRIME: Final = 0x0000000001000000000000000000013B
_FNV_MASK: Final = (1 << 128) - 1
_SENDER = b"Client"


class ClearPacket(NamedTuple):
    """Where a packet in clear text has its parts."""

    version: bytes
    connection_id: bytes
    number_at: int
    number_bytes: int


def clear_packet(payload: bytes) -> ClearPacket | None:
    """Return the parts of a client's packet in clear text, None where a payload does not look like one."""
    if len(payload) < 14 + MIN_PROTECTED_BYTES:
        return None
    first = payload[0]
    if payload[1:5] == _LONG_VERSION:
        if first & _LONG_FIRST_MASK != _LONG_FIRST or payload[5] != _LONG_ID_LENGTHS:
            return None
        return ClearPacket(_LONG_VERSION, payload[6:14], 14, (first & 0x03) + 1)
    version = payload[9:13]
    if first & _PUBLIC_FIRST_MASK != _PUBLIC_FIRST or version not in _PUBLIC_VERSIONS:
        return None
    return ClearPacket(version, payload[1 : 1 + _ID_BYTES], 13, _PUBLIC_NUMBER_BYTES[first >> 4 & 0x03])


def is_clear_hello(payload: bytes) -> bool:
    """Whether a UDP payload looks like the packet with which a hello in clear text begins."""
    return clear_packet(payload) is not None and _MESSAGE_TAG in payload[:_TAG_WITHIN]


class ClearKeys:
    """What stands in for keys: ``origin`` is the connection's version and ID."""

    __slots__ = ("origin",)

    def __init__(self, version: bytes, connection_id: bytes) -> None:
        self.origin = version, connection_id

    def open(self, packet: bytes, number_at: int) -> bytes | None:
        """Return the frames of a packet; None where it is another connection's, or its hash is wrong."""
        parts = clear_packet(packet)
        if parts is None or parts[:2] != self.origin:
            return None
        hash_at = number_at + parts.number_bytes
        frames_at = hash_at + HASH_BYTES
        frames = packet[frames_at:]
        right = fnv(packet[:hash_at], frames, _SENDER).to_bytes(16, "little")[:HASH_BYTES]
        return frames if packet[hash_at:frames_at] == right else None


def fnv(*parts: bytes) -> int:
    """Return the 128-bit FNV-1a hash of the parts together."""
    value = _FNV_BASIS
    for part in parts:
        for byte in part:
            value = (value ^ byte) * _FNV_PRIME & _FNV_MASK
    return value

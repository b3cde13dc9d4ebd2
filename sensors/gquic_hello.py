"""The client's hello of Google's handshake before TLS (CHLO): tags, where their values end, the values.

Numbers are little-endian. Source: Chromium, crypto_framer.cc and the "QUIC Crypto" document.
"""

from typing import Final, NamedTuple

from sensors.clienthello import MAX_SERVER_NAME_BYTES
from sensors.wire import Malformed, name_text

MAX_TAGS: Final = 128  # that Chromium accepts
MAX_HELLO_BYTES: Final = 65_536

_MESSAGE_TAG = b"CHLO"
_NAME_TAG = b"SNI\x00"
_HEAD_BYTES = 8  # the message's tag, the number of tags, two bytes of padding
_ENTRY_BYTES = 8  # a tag, and where its value ends


class GoogleHello(NamedTuple):
    """What a CHLO says of whom the client wants to reach."""

    server_name: str | None


def parse_chlo(stream: bytes) -> GoogleHello | None:
    """Return the hello that a handshake stream of 4 bytes or more begins with; None asks for more bytes.

    Raises Malformed.
    """
    if stream[:4] != _MESSAGE_TAG:
        raise Malformed("quic-not-a-client-hello")
    if len(stream) < _HEAD_BYTES:
        return None
    count = int.from_bytes(stream[4:6], "little")
    if count > MAX_TAGS:
        raise Malformed("gquic-tags")
    values_at = _HEAD_BYTES + count * _ENTRY_BYTES
    if len(stream) < values_at:
        return None
    name, size = _find_name(stream[_HEAD_BYTES:values_at])
    if values_at + size > MAX_HELLO_BYTES:
        raise Malformed("hello-too-long")
    if len(stream) < values_at + size:
        return None
    return GoogleHello(_name_text(stream[values_at + name.start : values_at + name.stop]))


def _find_name(index: bytes) -> tuple[slice, int]:
    """Return where the name stands among the values, and how long they are together."""
    name = slice(0, 0)
    last_tag, end = -1, 0
    for at in range(0, len(index), _ENTRY_BYTES):
        tag = int.from_bytes(index[at : at + 4], "little")
        start, end = end, int.from_bytes(index[at + 4 : at + 8], "little")
        if tag <= last_tag or end < start:
            raise Malformed("gquic-tags")
        if index[at : at + 4] == _NAME_TAG:
            name = slice(start, end)
        last_tag = tag
    return name, end


def _name_text(raw: bytes) -> str | None:
    if len(raw) > MAX_SERVER_NAME_BYTES:
        raise Malformed("sni-name-length")
    return name_text(raw.removesuffix(b".") or raw) if raw else None

"""The frames of Google's QUIC that a client sends while the handshake begins (Chromium, quic_framer.cc).

The handshake runs in stream 1, and from Q050 on in CRYPTO frames. A frame that may not stand before the
handshake's end makes the packet malformed. All numbers are big-endian.
"""

import re
from typing import Final

from sensors.quic_frames import MAX_OFFSET, PastEnd, bytes_after_length, read_varint
from sensors.wire import Malformed

_STREAM, _HAS_LENGTH = 0x80, 0x20
_ACK, _ACK_MANY = 0x40, 0x20
_STOP_WAITING, _PING, _CRYPTO = 0x06, 0x07, 0x08
_CRYPTO_STREAM = 1
_NUMBER_BYTES: Final = (1, 2, 4, 6)
_OFFSET_BYTES: Final = (0, 2, 3, 4, 5, 6, 7, 8)
_NEITHER_PADDING_NOR_PING = re.compile(rb"[^\x00\x07]")


def handshake_pieces(frames: bytes, number_bytes: int) -> list[tuple[int, bytes]]:
    """Return what a packet holds of the handshake as (offset, data), in the order of the packet.

    ``number_bytes`` is the length of the packet's number: that of a STOP_WAITING frame too. Raises Malformed.
    """
    if not frames:
        raise Malformed("quic-no-frames")
    pieces = []
    at = 0
    while found := _NEITHER_PADDING_NOR_PING.search(frames, at):
        at = found.start()
        kind = frames[at]
        if kind & _STREAM:
            stream, offset, start, at = _stream(frames, at)
            if stream == _CRYPTO_STREAM:
                pieces.append(_piece(offset, frames[start:at]))
        elif kind & _ACK:
            at = _after_ack(frames, at)
        elif kind == _CRYPTO:
            offset, start = read_varint(frames, at + 1)
            start, at = bytes_after_length(frames, start)
            pieces.append(_piece(offset, frames[start:at]))
        elif kind == _STOP_WAITING:
            at = _skip(frames, at + 1, number_bytes)
        else:
            raise Malformed("quic-frame-type")
    return pieces


def _piece(offset: int, data: bytes) -> tuple[int, bytes]:
    if offset + len(data) > MAX_OFFSET:
        raise Malformed("quic-crypto-offset")
    return offset, data


def _skip(frames: bytes, at: int, count: int) -> int:
    if at + count > len(frames):
        raise PastEnd("quic-past-end")
    return at + count


def _number(frames: bytes, at: int, size: int) -> tuple[int, int]:
    end = _skip(frames, at, size)
    return int.from_bytes(frames[at:end]), end


def _stream(frames: bytes, at: int) -> tuple[int, int, int, int]:
    """Return identifier, offset, start and end of a STREAM frame; without a length it fills the packet."""
    kind = frames[at]
    stream, at = _number(frames, at + 1, (kind & 0x03) + 1)
    offset, at = _number(frames, at, _OFFSET_BYTES[kind >> 2 & 0x07])
    if not kind & _HAS_LENGTH:
        return stream, offset, at, len(frames)
    length, at = _number(frames, at, 2)
    return stream, offset, at, _skip(frames, at, length)


def _after_ack(frames: bytes, at: int) -> int:
    """Skip an ACK frame: the largest number and its delay, blocks, and the times of packets."""
    kind = frames[at]
    block_bytes = _NUMBER_BYTES[kind & 0x03]
    at = _skip(frames, at + 1, _NUMBER_BYTES[kind >> 2 & 0x03] + 2)
    blocks = 0
    if kind & _ACK_MANY:
        blocks, at = _number(frames, at, 1)
    at = _skip(frames, at, block_bytes + blocks * (1 + block_bytes))
    times, at = _number(frames, at, 1)
    return _skip(frames, at, 5 + 3 * (times - 1)) if times else at

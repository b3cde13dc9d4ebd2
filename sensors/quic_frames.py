"""The frames of an opened QUIC Initial packet (RFC 9000 section 19), and the integers they are written in.

Only the frames that section 12.4 allows in an Initial may stand there; any other makes the packet malformed.
"""

import re

from sensors.wire import Malformed

MAX_OFFSET = (1 << 62) - 1
_ACK, _ACK_ECN, _CRYPTO, _CONNECTION_CLOSE = 0x02, 0x03, 0x06, 0x1C
_NEITHER_PADDING_NOR_PING = re.compile(rb"[^\x00\x01]")  # frames of one byte, often hundreds in a row


class PastEnd(Malformed):
    """A field runs past the end of the bytes at hand: malformed, unless the capture cut them."""


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """Return the variable-length integer at ``at`` and the offset after it (section 16). Raises PastEnd."""
    if at >= len(data):
        raise PastEnd("quic-past-end")
    first = data[at]
    if first < 0x40:
        return first, at + 1
    size = 1 << (first >> 6)
    end = at + size
    if end > len(data):
        raise PastEnd("quic-past-end")
    return int.from_bytes(data[at:end]) & ((1 << (8 * size - 2)) - 1), end


def bytes_after_length(data: bytes, at: int) -> tuple[int, int]:
    """Return start and end of the bytes whose length stands at ``at``. Raises PastEnd."""
    length, start = read_varint(data, at)
    if start + length > len(data):
        raise PastEnd("quic-past-end")
    return start, start + length


def crypto_pieces(frames: bytes) -> list[tuple[int, bytes]]:
    """Return the CRYPTO frames of an Initial packet as (offset, data), in the order of the packet.

    Raises Malformed. The frame type is one byte: section 12.4 wants the shortest encoding.
    """
    if not frames:
        raise Malformed("quic-no-frames")
    pieces = []
    at = 0
    while found := _NEITHER_PADDING_NOR_PING.search(frames, at):
        at = found.start()
        kind = frames[at]
        if kind == _CRYPTO:
            offset, start = read_varint(frames, at + 1)
            start, at = bytes_after_length(frames, start)
            if offset + at - start > MAX_OFFSET:
                raise Malformed("quic-crypto-offset")
            pieces.append((offset, frames[start:at]))
        elif kind in (_ACK, _ACK_ECN):
            at = _after_ack(frames, at)
        elif kind == _CONNECTION_CLOSE:
            at = _after_close(frames, at)
        else:
            raise Malformed("quic-frame-type")
    return pieces


def _after_ack(frames: bytes, at: int) -> int:
    """Skip an ACK frame (section 19.3). Whatever count it claims, the packet's end ends the loop."""
    fields = 3 if frames[at] == _ACK_ECN else 0
    _, at = read_varint(frames, at + 1)  # largest acknowledged
    _, at = read_varint(frames, at)  # delay
    ranges, at = read_varint(frames, at)
    for _ in range(1 + 2 * ranges + fields):
        _, at = read_varint(frames, at)
    return at


def _after_close(frames: bytes, at: int) -> int:
    """Skip a CONNECTION_CLOSE frame of the transport (section 19.19)."""
    _, at = read_varint(frames, at + 1)  # error code
    _, at = read_varint(frames, at)  # the frame type at fault
    return bytes_after_length(frames, at)[1]

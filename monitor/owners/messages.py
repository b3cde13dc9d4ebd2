"""Netlink's frames (RFC 3549 section 2; linux/netlink.h), in the host's byte order. Pure.

Numbers that do not fit the bytes are `MalformedError`; unknown kinds of messages and attributes are data.
"""

import struct

import msgspec

REQUEST, DUMP = 0x1, 0x300  # NLM_F_REQUEST; NLM_F_ROOT and NLM_F_MATCH
ERROR, DONE = 2, 3  # NLMSG_ERROR, NLMSG_DONE

_HEADER = struct.Struct("=IHHII")  # length, kind, flags, sequence, port
_ATTRIBUTE = struct.Struct("=HH")  # length, kind
_ERRNO = struct.Struct("=i")
_KIND = 0x3FFF  # without NLA_F_NESTED and NLA_F_NET_BYTEORDER


class MalformedError(ValueError):
    """Bytes that are no netlink message."""


class Message(msgspec.Struct, frozen=True):
    """One message; ``sequence`` is that of the request it answers."""

    kind: int
    sequence: int
    body: bytes


def frame(kind: int, flags: int, sequence: int, body: bytes) -> bytes:
    """Return a request as it is sent."""
    return _HEADER.pack(_HEADER.size + len(body), kind, flags, sequence, 0) + body


def messages(data: bytes) -> list[Message]:
    """Return the messages of one datagram."""
    found = []
    while data:
        if len(data) < _HEADER.size:
            raise MalformedError("netlink header cut short")
        length, kind, _, sequence, _ = _HEADER.unpack_from(data)
        if not _HEADER.size <= length <= len(data):
            raise MalformedError("netlink message longer than its datagram")
        found.append(Message(kind, sequence, data[_HEADER.size : length]))
        data = data[_aligned(length) :]
    return found


def attributes(data: bytes) -> dict[int, bytes]:
    """Return the attributes behind a message's fixed part, by kind. The last of a kind counts."""
    found = {}
    while data:
        if len(data) < _ATTRIBUTE.size:
            raise MalformedError("netlink attribute cut short")
        length, kind = _ATTRIBUTE.unpack_from(data)
        if not _ATTRIBUTE.size <= length <= len(data):
            raise MalformedError("netlink attribute longer than its message")
        found[kind & _KIND] = data[_ATTRIBUTE.size : length]
        data = data[_aligned(length) :]
    return found


def error_number(message: Message) -> int:
    """Return the errno that an `ERROR` or `DONE` message carries; 0 is none."""
    if len(message.body) < _ERRNO.size:
        raise MalformedError("netlink error cut short")
    (number,) = _ERRNO.unpack_from(message.body)
    return -int(number)


def _aligned(length: int) -> int:
    return length + 3 & ~3

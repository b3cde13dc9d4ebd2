"""TCP (RFC 9293) and UDP (RFC 768) headers. Checksums are not verified: see ip.py.

What the snap length cut off a payload is counted; a header is only truncated where what is needed of it is.
"""

from collections.abc import Callable
from struct import Struct

from dpkt.ip import IP_PROTO_TCP, IP_PROTO_UDP

from sensors.undecoded import Undecoded, short

# Source port, target port, TCP flags, TCP sequence number, payload, payload bytes that were not captured.
Ports = tuple[int, int, int, int, bytes, int]

_read_tcp = Struct("!HHI4xBB").unpack_from
_read_udp = Struct("!HHH").unpack_from


def tcp(data: bytes, at: int, end: int) -> Ports:
    """Read the segment from ``at`` to ``end``, of which ``data`` may hold less. Raises Undecoded."""
    if len(data) < at + 20:
        raise short("tcp", at + 20, end)
    source_port, target_port, seq, offset, flags = _read_tcp(data, at)
    start = at + (offset >> 4) * 4
    if start < at + 20 or start > end:
        raise Undecoded("malformed-tcp")
    payload = data[start:end]
    return source_port, target_port, flags, seq, payload, end - start - len(payload)


def udp(data: bytes, at: int, end: int) -> Ports:
    """Read the datagram from ``at`` to ``end``, of which ``data`` may hold less. Raises Undecoded."""
    if len(data) < at + 8:
        raise short("udp", at + 8, end)
    source_port, target_port, length = _read_udp(data, at)
    if length < 8 or at + length > end:
        raise Undecoded("malformed-udp")
    payload = data[at + 8 : at + length]
    return source_port, target_port, 0, 0, payload, length - 8 - len(payload)


TRANSPORTS: dict[int, Callable[[bytes, int, int], Ports]] = {IP_PROTO_TCP: tcp, IP_PROTO_UDP: udp}

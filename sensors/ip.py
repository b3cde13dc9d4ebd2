"""IPv4 (RFC 791) and IPv6 (RFC 8200) headers: to the transport in a packet, and its length on the wire.

Lengths come from the headers, so that Ethernet padding is ignored. Checksums are not verified: on the sending
host they are often filled in by the network card after the capture.
"""

from struct import Struct

from dpkt.ip import (
    IP_PROTO_AH,
    IP_PROTO_DSTOPTS,
    IP_PROTO_FRAGMENT,
    IP_PROTO_HOPOPTS,
    IP_PROTO_NONE,
    IP_PROTO_ROUTING,
)

from sensors.undecoded import Undecoded, short

MAX_EXTENSIONS = 16  # headers before the transport; more are malformed
MAX_DATAGRAM_BYTES = 65_535

Part = tuple[int, int, bool]  # of a fragmented datagram: identification, offset in bytes, more follow
# Transport protocol, its offset, the packet's end, IP bytes on the wire, source, target, part if it is one.
Packet = tuple[int, int, int, int, bytes, bytes, Part | None]

_MORE_FRAGMENTS, _OFFSET = 0x2000, 0x1FFF
_read_ipv4 = Struct("!BxHHHxB2x4s4s").unpack_from
_read_ipv6 = Struct("!B3xHBx16s16s").unpack_from
_read_fragment = Struct("!BxHI").unpack_from
_CHAINED = {
    "ipv4": frozenset({IP_PROTO_AH}),
    "ipv6": frozenset({IP_PROTO_HOPOPTS, IP_PROTO_ROUTING, IP_PROTO_DSTOPTS, IP_PROTO_FRAGMENT, IP_PROTO_AH}),
}


def ipv4(data: bytes, at: int, wire_bytes: int) -> Packet:
    """Read an IPv4 header. Raises Undecoded.

    A total length of 0 is what segmentation offload leaves: the packet is what is left of the frame.
    """
    if len(data) < at + 20:
        raise short("ipv4", at + 20, wire_bytes)
    version, total_bytes, identification, flags, protocol, source, target = _read_ipv4(data, at)
    start = at + 20
    if version != 0x45:
        start = _after_options(data, at, version, wire_bytes)
    if not total_bytes:
        total_bytes = wire_bytes - at
    end = at + total_bytes
    if not start <= end <= wire_bytes:
        raise Undecoded("malformed-ipv4")
    part = None
    if flags & (_MORE_FRAGMENTS | _OFFSET):
        part = identification, (flags & _OFFSET) << 3, bool(flags & _MORE_FRAGMENTS)
        _check_part("ipv4", part, end - start)
    elif protocol == IP_PROTO_AH:
        protocol, start, _ = transport_at("ipv4", data, protocol, start, end)
    return protocol, start, end, total_bytes, source, target, part


def ipv6(data: bytes, at: int, wire_bytes: int) -> Packet:
    """Read an IPv6 header and its extension headers. Raises Undecoded, for jumbograms (RFC 2675) too."""
    start = at + 40
    if len(data) < start:
        raise short("ipv6", start, wire_bytes)
    version, payload_bytes, protocol, source, target = _read_ipv6(data, at)
    if version >> 4 != 6:
        raise Undecoded("malformed-ipv6")
    if not payload_bytes and protocol != IP_PROTO_NONE:
        if protocol == IP_PROTO_HOPOPTS:
            raise Undecoded("unknown-jumbogram")
        payload_bytes = wire_bytes - start  # as segmentation offload leaves it
    end = start + payload_bytes
    if not start <= end <= wire_bytes:
        raise Undecoded("malformed-ipv6")
    part = None
    if protocol in _CHAINED["ipv6"]:
        protocol, start, part = transport_at("ipv6", data, protocol, start, end)
    return protocol, start, end, payload_bytes + 40, source, target, part


def transport_at(
    layer: str, data: bytes, protocol: int, start: int, end: int
) -> tuple[int, int, Part | None]:
    """Follow the headers between IP and transport; stop at a fragment's data. Raises Undecoded.

    Returns the protocol and offset of what follows, and the fragment that it is part of, if any.
    """
    chained = _CHAINED[layer]
    for _ in range(MAX_EXTENSIONS):
        if protocol not in chained:
            return protocol, start, None
        if start + 8 > min(end, len(data)):
            raise short(layer, start + 8, end)
        if protocol == IP_PROTO_FRAGMENT:
            protocol, flags, identification = _read_fragment(data, start)
            start += 8
            if flags & 0xFFF9:  # else it is whole (RFC 6946)
                part = identification, flags & 0xFFF8, bool(flags & 1)
                _check_part(layer, part, end - start)
                return protocol, start, part
            continue
        size = (data[start + 1] + 2) * 4 if protocol == IP_PROTO_AH else (data[start + 1] + 1) * 8
        protocol = data[start]
        start += size
        if start > end:
            raise Undecoded(f"malformed-{layer}")
    raise Undecoded(f"malformed-{layer}")


def inner_transport(data: bytes, protocol: int, end: int, address_bytes: int) -> tuple[int, int]:
    """Return the transport in a reassembled datagram, and its offset. Raises Undecoded."""
    layer = "ipv4" if address_bytes == 4 else "ipv6"
    transport, start, part = transport_at(layer, data, protocol, 0, end)
    if part is not None:  # a fragment of a fragment
        raise Undecoded(f"malformed-{layer}")
    return transport, start


def _after_options(data: bytes, at: int, version: int, wire_bytes: int) -> int:
    start = at + (version & 0xF) * 4
    if version >> 4 != 4 or start < at + 20:
        raise Undecoded("malformed-ipv4")
    if len(data) < start:
        raise short("ipv4", start, wire_bytes)
    return start


def _check_part(layer: str, part: Part, size: int) -> None:
    """Refuse fragments that no sender makes: empty, uneven before the end, or beyond the longest datagram."""
    _, offset, more = part
    if not size or (more and size % 8) or offset + size > MAX_DATAGRAM_BYTES:
        raise Undecoded(f"malformed-{layer}")

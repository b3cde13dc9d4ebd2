"""Tunnels over UDP: VXLAN, GENEVE and GTP-U.

A datagram does not say what it carries, and any port may be an ordinary client's. So a tunnel is one whose
target port and whole header fit, and whose cargo is of a known kind; whatever else is an ordinary datagram.
"""

from collections.abc import Callable
from struct import Struct

from dpkt.ethernet import ETH_TYPE_IP, ETH_TYPE_IP6, ETH_TYPE_MPLS, ETH_TYPE_TEB

from sensors.cargo import Inner
from sensors.transports import Ports
from sensors.undecoded import Undecoded

UdpTunnel = Callable[[bytes, int], Inner | None]  # takes a datagram's payload, and its bytes on the wire

MAX_GTP_EXTENSIONS = 8
# What is reserved in VXLAN's first word, by its flags: those of a group and of a named protocol may be there.
_VXLAN_RESERVED = {0x08: 0x00FFFFFF, 0x88: 0, 0x0C: 0x00FFFF00}
_VXLAN_NAMED = 0x04
_VXLAN_CARRIED = {1: ETH_TYPE_IP, 2: ETH_TYPE_IP6, 3: ETH_TYPE_TEB, 5: ETH_TYPE_MPLS}
_GENEVE_CARRIED = frozenset({ETH_TYPE_IP, ETH_TYPE_IP6, ETH_TYPE_TEB})
_GTP_HEAD, _GTP_OPTIONS, _GTP_EXTENSION = 0x30, 0x07, 0x04  # version 1, protocol type GTP
_GTP_CARRIES_PACKET = 255
_VERSIONS = {4: ETH_TYPE_IP, 6: ETH_TYPE_IP6}
_read_words = Struct("!II").unpack_from
_read_geneve = Struct("!BBHI").unpack_from
_read_gtp = Struct("!BBH").unpack_from


def vxlan(payload: bytes, size: int) -> Inner | None:
    """Read a VXLAN header (RFC 7348 section 5): plain, with a group policy, or naming what it carries.

    The extensions are draft-smith-vxlan-group-policy and draft-ietf-nvo3-vxlan-gpe. What is reserved has to
    be zero, as RFC 7348 has it sent.
    """
    if len(payload) < 8 or size <= 8:
        return None
    head, identifier = _read_words(payload)
    flags = head >> 24
    reserved = _VXLAN_RESERVED.get(flags)
    if reserved is None or head & reserved or identifier & 0xFF:
        return None
    protocol = _VXLAN_CARRIED.get(head & 0xFF) if flags & _VXLAN_NAMED else ETH_TYPE_TEB
    return None if protocol is None else Inner(protocol, 8, size, f"vxlan:{identifier >> 8}")


def geneve(payload: bytes, size: int) -> Inner | None:
    """Read a GENEVE header (RFC 8926 section 3.4); its options are skipped."""
    if len(payload) < 8:
        return None
    first, second, protocol, identifier = _read_geneve(payload)
    start = 8 + (first & 0x3F) * 4
    if first >> 6 or second & 0x3F or identifier & 0xFF or protocol not in _GENEVE_CARRIED or start >= size:
        return None
    return Inner(protocol, start, size, f"geneve:{identifier >> 8}")


def gtp_u(payload: bytes, size: int) -> Inner | None:
    """Read a GTP-U header (3GPP TS 29.281 section 5) that carries a user's IP packet.

    The tunnel endpoint identifiers differ by direction, so they tell no flows apart. Raises Undecoded where
    the snap length cut the extension headers.
    """
    if len(payload) < 8:
        return None
    flags, kind, length = _read_gtp(payload)
    if flags & ~_GTP_OPTIONS != _GTP_HEAD or kind != _GTP_CARRIES_PACKET or length != size - 8:
        return None
    start = _after_extensions(payload, size) if flags & _GTP_EXTENSION else 12 if flags & _GTP_OPTIONS else 8
    if start is None or start >= size:
        return None
    if start >= len(payload):
        raise Undecoded("truncated-gtpu")
    protocol = _VERSIONS.get(payload[start] >> 4)
    return None if protocol is None else Inner(protocol, start, size, "gtpu")


def _after_extensions(payload: bytes, size: int) -> int | None:
    """Return where GTP-U's extension headers end (section 5.2.1); None where they do not."""
    at = 12
    for _ in range(MAX_GTP_EXTENSIONS + 1):
        following, words = payload[at - 1 : at], payload[at : at + 1]
        if following == b"\0":
            return at
        if not following or not words:
            if at + bool(following) > size:
                return None
            raise Undecoded("truncated-gtpu")
        if not words[0]:
            return None
        at += words[0] * 4
    return None


def inside_udp(ports: Ports) -> Inner | None:
    """Return what a datagram carries if it belongs to a tunnel. Raises Undecoded."""
    _, target_port, _, _, payload, missing_bytes = ports
    tunnel = UDP_TUNNELS.get(target_port)
    return None if tunnel is None else tunnel(payload, len(payload) + missing_bytes)


# By target port.
UDP_TUNNELS: dict[int, UdpTunnel] = {
    2152: gtp_u,
    4789: vxlan,
    4790: vxlan,
    6081: geneve,
    8472: vxlan,  # before the port was registered; still Linux's default
}

"""Tunnels: from a header that carries packets of others to the packet in it.

Every tunnel is one entry of a table: by EtherType, by IP protocol number or (udp_tunnels.py) by port. What
cannot be told for certain is not guessed at.
"""

from struct import Struct

from dpkt.ethernet import (
    ETH_TYPE_8021AD,
    ETH_TYPE_8021Q,
    ETH_TYPE_ARP,
    ETH_TYPE_IP,
    ETH_TYPE_IP6,
    ETH_TYPE_MPLS,
    ETH_TYPE_MPLS_MCAST,
    ETH_TYPE_PPP,
    ETH_TYPE_TEB,
    ETH_TYPE_PPPoE,
)
from dpkt.ip import IP_PROTO_ETHERIP, IP_PROTO_GRE, IP_PROTO_IP6, IP_PROTO_IPIP

from sensors.cargo import Inner, Tunnel
from sensors.gre import gre
from sensors.undecoded import Undecoded, short

MAX_LABELS = 16  # of one MPLS stack
_VERSIONS = {4: ETH_TYPE_IP, 6: ETH_TYPE_IP6}
_NO_FLAGS = b"\0\0"  # how a control word before an Ethernet frame begins
_CERTAIN = frozenset({ETH_TYPE_IP, ETH_TYPE_IP6, ETH_TYPE_ARP, ETH_TYPE_8021Q, ETH_TYPE_8021AD})
_PPPOE_SESSION = 0x1100  # version 1, type 1, code 0
_ETHERIP = b"\x30\0"  # version 3
_read_type = Struct("!H").unpack_from
_read_pppoe = Struct("!H2xH").unpack_from


def mpls(data: bytes, size: int) -> Inner:
    """Read a stack of MPLS labels (RFC 3032 section 2.1). Raises Undecoded.

    Nothing says what it carries: IP is known by its version, Ethernet (RFC 4448 section 4.6) only behind a
    control word. Labels differ by direction, so they tell no flows apart.
    """
    for at in range(4, 4 * MAX_LABELS + 1, 4):
        if len(data) < at:
            raise short("mpls", at, size)
        if data[at - 2] & 1:  # the bottom of the stack
            return _beneath_labels(data, at, size)
    raise Undecoded("too-deep-nesting")


def _beneath_labels(data: bytes, at: int, size: int) -> Inner:
    if len(data) <= at:
        raise short("mpls", at + 1, size)
    protocol = _VERSIONS.get(data[at] >> 4)
    if protocol is not None:
        return Inner(protocol, at, size, "mpls")
    frame_at = at + 4
    if _NO_FLAGS.startswith(data[at : at + 2]) and len(data) < frame_at + 14 <= size:
        raise short("mpls", frame_at + 14, size)
    if data[at : at + 2] == _NO_FLAGS and len(data) >= frame_at + 14:
        (inside,) = _read_type(data, frame_at + 12)
        if inside in _CERTAIN:
            return Inner(ETH_TYPE_TEB, frame_at, size, "mpls")
    raise Undecoded("unknown-mpls-payload")


def pppoe(data: bytes, size: int) -> Inner:
    """Read a PPPoE header of the session stage (RFC 2516 section 4). Raises Undecoded."""
    if len(data) < 6:
        raise short("pppoe", 6, size)
    kind, length = _read_pppoe(data)
    if kind != _PPPOE_SESSION or 6 + length > size:
        raise Undecoded("malformed-pppoe")
    return Inner(ETH_TYPE_PPP, 6, 6 + length, "pppoe")


def ethernet_in_ip(data: bytes, size: int) -> Inner:
    """Read an EtherIP header (RFC 3378 section 3). Raises Undecoded."""
    if len(data) < 2:
        raise short("etherip", 2, size)
    if not data.startswith(_ETHERIP):
        raise Undecoded("malformed-etherip")
    return Inner(ETH_TYPE_TEB, 2, size, "etherip")


# By EtherType.
NETWORK_TUNNELS: dict[int, Tunnel] = {
    ETH_TYPE_MPLS: mpls,
    ETH_TYPE_MPLS_MCAST: mpls,
    ETH_TYPE_PPPoE: pppoe,
}

# By IP protocol number.
IP_TUNNELS: dict[int, Tunnel] = {
    IP_PROTO_IPIP: lambda _data, size: Inner(ETH_TYPE_IP, 0, size, "ipip"),  # RFC 2003
    IP_PROTO_IP6: lambda _data, size: Inner(ETH_TYPE_IP6, 0, size, "ipip"),  # RFC 4213
    IP_PROTO_GRE: gre,
    IP_PROTO_ETHERIP: ethernet_in_ip,
}

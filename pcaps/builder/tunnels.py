"""Tunnels that a tap may see: each takes a frame of the network inside, and gives the frame that carries it.

Identifiers and ports are fixed or derived from what is carried, never drawn.
"""

import zlib

from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import GRE, Dot1Q, Ether
from scapy.layers.ppp import PPP, PPPoE
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet

from pcaps.builder.network import GATEWAY_MAC

_MIRROR, _COLLECTOR = "172.31.16.5", "172.31.40.9"
_BRANCH, _GATEWAY = "198.51.100.17", "203.0.113.250"
_LINE, _CONCENTRATOR = "02:00:c6:33:64:11", "02:00:5e:10:00:02"
_VXLAN_PORT = 4_789
_INSTANCE = 0x08  # RFC 7348 section 5
_FIRST_ENTROPY_PORT = 49_152  # RFC 7348 section 5: the source port is a hash of the frame inside
_PPPOE_SESSION, _LINE_VLAN = 0x1F3, 7


def vxlan_mirror(frame: Packet, vni: int) -> Packet:
    """Copy a frame to a collector, as AWS traffic mirroring does (a session is a VXLAN network)."""
    entropy = zlib.crc32(bytes(frame.payload)[12:24]) % 16_384
    outer = IP(src=_MIRROR, dst=_COLLECTOR, id=0, flags="DF", ttl=254)
    datagram = UDP(sport=_FIRST_ENTROPY_PORT + entropy, dport=_VXLAN_PORT)
    return _link() / outer / datagram / VXLAN(flags=_INSTANCE, vni=vni) / frame


def gre(frame: Packet) -> Packet:
    """Carry the packet of a frame between a branch and its gateway, with a key (RFC 2890)."""
    down = frame.dst != GATEWAY_MAC
    ends = (_GATEWAY, _BRANCH) if down else (_BRANCH, _GATEWAY)
    outer = IP(src=ends[0], dst=ends[1], id=0, flags="DF")
    return _link(down=down) / outer / GRE(key_present=1, key=20) / frame.payload


def pppoe(frame: Packet) -> Packet:
    """Carry the packet of a frame over a line with PPPoE (RFC 2516), in the line's VLAN."""
    down = frame.dst != GATEWAY_MAC
    line = Dot1Q(vlan=_LINE_VLAN) / PPPoE(sessionid=_PPPOE_SESSION) / PPP()
    return _link(down=down) / line / frame.payload


def _link(*, down: bool = False) -> Packet:
    source, destination = (_CONCENTRATOR, _LINE) if down else (_LINE, _CONCENTRATOR)
    return Ether(src=source, dst=destination)

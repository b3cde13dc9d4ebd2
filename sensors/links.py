"""Link layers: from a frame's first byte to the network packet in it, and the VLAN it was in.

Every layer is one entry of a table: ``LINKS`` by link type, and ``SHIMS`` by EtherType for the tags that may
stand between link and network. Tunnels are elsewhere (tunnels.py).
"""

from collections.abc import Callable
from struct import Struct

from dpkt.ethernet import (
    ETH_TYPE_8021AD,
    ETH_TYPE_8021Q,
    ETH_TYPE_IP,
    ETH_TYPE_IP6,
    ETH_TYPE_MPLS,
    ETH_TYPE_MPLS_MCAST,
    ETH_TYPE_QINQ1,
)
from dpkt.pcap import (
    DLT_C_HDLC,
    DLT_EN10MB,
    DLT_IPV4,
    DLT_IPV6,
    DLT_LINUX_SLL,
    DLT_LINUX_SLL2,
    DLT_LOOP,
    DLT_NULL,
    DLT_PPP,
    DLT_RAW,
)

from sensors.undecoded import Undecoded, short

# A protocol is an EtherType (1536 and more); below that an LLC service access point (IEEE 802.2); above
# 65535 a SNAP identifier (organisation << 16 | protocol), or LINK_CONTROL. A layer gives back the protocol
# and offset of what follows it, and the VLAN identifier that it names, if any.
Layer = tuple[int, int, int | None]
Link = Callable[[bytes, int], Layer]  # takes frame data, bytes on the wire
Shim = Callable[[bytes, int, int], Layer]  # takes frame data, offset, bytes on the wire

MAX_SHIMS = 8  # more of them in one frame are malformed
LINKTYPE_RAW = 101
LINK_CONTROL = 1 << 40  # stands for whatever a link's two ends say to each other alone
_ETH_TYPE_SGT = 0x8909
_DLT_RAW_OPENBSD = 14
_LEAST_ETHERTYPE = 1536
_MOST_LENGTH = 1500
_SNAP = b"\xaa\xaa\x03"
_COOKED_LLC = 4
_HDLC_FRAMING = b"\xff\x03"
_HDLC_ADDRESSES = frozenset({0x0F, 0x8F})
_SLARP = 0x8035  # Cisco's keepalives; as an EtherType it is RARP
_LEAST_PPP_CONTROL = 0x8000
_PPP_PROTOCOLS = {
    0x0021: ETH_TYPE_IP,
    0x0057: ETH_TYPE_IP6,
    0x0281: ETH_TYPE_MPLS,
    0x0283: ETH_TYPE_MPLS_MCAST,
}
# Hardware types whose cooked "protocol" is no EtherType: frame relay, GRE, radiotap, netlink.
_COOKED_OTHER = frozenset({770, 778, 803, 824})
# Address families as the capturing system numbered them: Linux, Windows, NetBSD, FreeBSD, Darwin.
_FAMILIES = {2: ETH_TYPE_IP, **dict.fromkeys((10, 23, 24, 28, 30), ETH_TYPE_IP6)}
_read_type = Struct("!H").unpack_from
_read_tag = Struct("!HH").unpack_from
_read_snap = Struct("!3xHBH").unpack_from  # the organisation in two parts


def ethernet(data: bytes, wire_bytes: int) -> Layer:
    """Read an Ethernet II or IEEE 802.3 header."""
    if len(data) < 14:
        raise short("ethernet", 14, wire_bytes)
    (protocol,) = _read_type(data, 12)
    if protocol >= _LEAST_ETHERTYPE:
        return protocol, 14, None
    return (*_length_field(data, 14, protocol, wire_bytes), None)


def raw_ip(data: bytes, wire_bytes: int) -> Layer:
    """Tell IPv4 from IPv6 by the version, where no link layer says it."""
    if not data:
        raise short("ip", 1, wire_bytes)
    version = data[0] >> 4
    if version not in (4, 6):
        raise Undecoded("malformed-ip")
    return ETH_TYPE_IP if version == 4 else ETH_TYPE_IP6, 0, None


def cooked(data: bytes, wire_bytes: int) -> Layer:
    """Read a Linux cooked header (LINKTYPE_LINUX_SLL)."""
    if len(data) < 16:
        raise short("cooked", 16, wire_bytes)
    return _cooked_protocol(data, 2, 14, wire_bytes)


def cooked_v2(data: bytes, wire_bytes: int) -> Layer:
    """Read a Linux cooked header of version 2 (LINKTYPE_LINUX_SLL2)."""
    if len(data) < 20:
        raise short("cooked", 20, wire_bytes)
    return _cooked_protocol(data, 8, 0, wire_bytes)


def loopback(data: bytes, wire_bytes: int) -> Layer:
    """Read a BSD loopback header: an address family in either byte order (LINKTYPE_NULL, LINKTYPE_LOOP)."""
    if len(data) < 4:
        raise short("loopback", 4, wire_bytes)
    family = min(int.from_bytes(data[:4], "little"), int.from_bytes(data[:4], "big"))
    if family not in _FAMILIES:
        raise Undecoded("unknown-ethertype")
    return _FAMILIES[family], 4, None


def ppp(data: bytes, wire_bytes: int) -> Layer:
    """Read PPP (RFC 1661 section 2), in HDLC-like framing (RFC 1662 section 3.1) or not.

    The protocol may be compressed to one byte (RFC 1661 section 6.5): the last byte of one is odd.
    """
    if data == _HDLC_FRAMING[:1] and wire_bytes > 1:
        raise Undecoded("truncated-ppp")  # it may begin the framing
    at = 2 if data.startswith(_HDLC_FRAMING) else 0
    size = 1 if len(data) == at or data[at] & 1 else 2
    if len(data) < at + size:
        raise short("ppp", at + size, wire_bytes)
    protocol = int.from_bytes(data[at : at + size], "big")
    if not protocol & 1:
        raise Undecoded("malformed-ppp")
    if protocol >= _LEAST_PPP_CONTROL:
        return LINK_CONTROL, at + size, None
    if protocol not in _PPP_PROTOCOLS:
        raise Undecoded("unknown-ppp-protocol")
    return _PPP_PROTOCOLS[protocol], at + size, None


def cisco_hdlc(data: bytes, wire_bytes: int) -> Layer:
    """Read Cisco's HDLC header: address, control, EtherType (RFC 1547 section 4.3.1)."""
    if len(data) < 4:
        raise short("hdlc", 4, wire_bytes)
    (protocol,) = _read_type(data, 2)
    if data[0] not in _HDLC_ADDRESSES:
        raise Undecoded("malformed-hdlc")
    if protocol < _LEAST_ETHERTYPE:
        raise Undecoded("unknown-ethertype")
    return LINK_CONTROL if protocol == _SLARP else protocol, 4, None


def vlan(data: bytes, at: int, wire_bytes: int) -> Layer:
    """Read a VLAN tag (IEEE 802.1Q section 9). Identifier 0 is a priority tag: it names no VLAN."""
    if len(data) < at + 4:
        raise short("vlan", at + 4, wire_bytes)
    tag, protocol = _read_tag(data, at)
    at += 4
    if protocol < _LEAST_ETHERTYPE:
        protocol, at = _length_field(data, at, protocol, wire_bytes)
    return protocol, at, tag & 0xFFF or None


def security_group(data: bytes, at: int, wire_bytes: int) -> Layer:
    """Read Cisco's metadata header with the one option that is in use, the security group tag."""
    if len(data) < at + 8:
        raise short("sgt", at + 8, wire_bytes)
    if data[at : at + 2] != b"\1\1":  # version 1, one option
        raise Undecoded("unknown-ethertype")
    (protocol,) = _read_type(data, at + 6)
    at += 8
    if protocol < _LEAST_ETHERTYPE:
        protocol, at = _length_field(data, at, protocol, wire_bytes)
    return protocol, at, None


def through_shims(data: bytes, layer: Layer, wire_bytes: int) -> Layer:
    """Follow what stands between link and network; the VLAN is the outermost one named. Raises Undecoded."""
    protocol, at, identifier = layer
    for _ in range(MAX_SHIMS):
        shim = SHIMS.get(protocol)
        if shim is None:
            return protocol, at, identifier
        protocol, at, inner = shim(data, at, wire_bytes)
        identifier = inner if identifier is None else identifier
    raise Undecoded("malformed-vlan")


def unknown_link(_data: bytes, _wire_bytes: int) -> Layer:
    """Refuse a frame of a link type that has no entry. Raises Undecoded."""
    raise Undecoded("unknown-linktype")


def _length_field(data: bytes, at: int, length: int, wire_bytes: int) -> tuple[int, int]:
    """Read what follows an IEEE 802.3 length field at an offset."""
    if length > min(_MOST_LENGTH, wire_bytes - at):
        raise Undecoded("malformed-ethernet")
    return _llc(data, at, at + length)


def _llc(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Read an LLC header, and the SNAP header that may follow (IEEE 802-2014 section 9)."""
    if len(data) < at + 3 or end < at + 3:
        raise short("llc", at + 3, end)
    if data[at : at + 3] != _SNAP:
        return data[at], at + 3
    if len(data) < at + 8 or end < at + 8:
        raise short("llc", at + 8, end)
    upper, lower, protocol = _read_snap(data, at)
    organisation = upper << 8 | lower
    if not organisation and protocol < _LEAST_ETHERTYPE:
        raise Undecoded("malformed-llc")
    return organisation << 16 | protocol, at + 8


def _cooked_protocol(data: bytes, hardware_at: int, protocol_at: int, wire_bytes: int) -> Layer:
    at = 16 if protocol_at else 20
    (hardware,), (protocol,) = _read_type(data, hardware_at), _read_type(data, protocol_at)
    if hardware in _COOKED_OTHER:
        raise Undecoded("unknown-ethertype")
    if protocol == _COOKED_LLC:
        return (*_llc(data, at, wire_bytes), None)
    if protocol < _LEAST_ETHERTYPE:
        raise Undecoded("unknown-ethertype")
    return protocol, at, None


LINKS: dict[int, Link] = {
    DLT_EN10MB: ethernet,
    DLT_LINUX_SLL: cooked,
    DLT_LINUX_SLL2: cooked_v2,
    DLT_NULL: loopback,
    DLT_LOOP: loopback,
    DLT_PPP: ppp,
    DLT_C_HDLC: cisco_hdlc,
    LINKTYPE_RAW: raw_ip,
    DLT_RAW: raw_ip,
    _DLT_RAW_OPENBSD: raw_ip,
    DLT_IPV4: lambda _data, _wire_bytes: (ETH_TYPE_IP, 0, None),
    DLT_IPV6: lambda _data, _wire_bytes: (ETH_TYPE_IP6, 0, None),
}
SHIMS: dict[int, Shim] = {
    ETH_TYPE_8021Q: vlan,
    ETH_TYPE_8021AD: vlan,
    ETH_TYPE_QINQ1: vlan,
    _ETH_TYPE_SGT: security_group,
}

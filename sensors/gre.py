"""Generic routing encapsulation (RFC 2784, RFC 2890), with what is built on it: ERSPAN and PPTP (RFC 2637).

A key tells nothing apart here: PPTP's, and many others', differ by direction, and a flow has two.
"""

from struct import Struct

from dpkt.ethernet import (
    ETH_TYPE_IP,
    ETH_TYPE_IP6,
    ETH_TYPE_MPLS,
    ETH_TYPE_MPLS_MCAST,
    ETH_TYPE_PPP,
    ETH_TYPE_TEB,
)

from sensors.cargo import Inner
from sensors.links import LINK_CONTROL, raw_ip
from sensors.undecoded import Undecoded, short

_CHECKSUM, _KEY, _SEQUENCE, _ACKNOWLEDGEMENT = 0x8000, 0x2000, 0x1000, 0x0080
_OBSOLETE = 0x4C00  # RFC 1701's source routes; RFC 2784 section 2.3 discards them
_VERSION = 0x0007
_ERSPAN, _ERSPAN_3 = 0x88BE, 0x22EB
_SESSION = 0x03FF
_ETHERNET_FRAME, _IP_PACKET = 0, 2  # frame types of ERSPAN III
_CARRIED = frozenset({ETH_TYPE_IP, ETH_TYPE_IP6, ETH_TYPE_TEB, ETH_TYPE_MPLS, ETH_TYPE_MPLS_MCAST})
_read_head = Struct("!HH").unpack_from
_read_erspan_3 = Struct("!HHIHH").unpack_from


def gre(data: bytes, size: int) -> Inner:
    """Read a GRE header. Raises Undecoded."""
    if len(data) < 4:
        raise short("gre", 4, size)
    flags, protocol = _read_head(data)
    if flags & _VERSION == 1:
        return _pptp(data, size)
    if flags & (_VERSION | _OBSOLETE):
        raise Undecoded("unknown-gre")
    at = 4 + 4 * (flags & (_CHECKSUM | _KEY | _SEQUENCE)).bit_count()
    if len(data) < at:
        raise short("gre", at, size)
    if protocol == _ERSPAN and not flags & _SEQUENCE:
        return Inner(ETH_TYPE_TEB, at, size, "erspan")  # type I has no header
    if protocol == _ERSPAN:
        return _erspan_2(data, at, size)
    if protocol == _ERSPAN_3:
        return _erspan_3(data, at, size)
    if protocol not in _CARRIED:
        raise Undecoded("unknown-gre-protocol")
    return Inner(protocol, at, size, "gre")


def _erspan_2(data: bytes, at: int, size: int) -> Inner:
    """Read an ERSPAN header of type II (draft-foschiano-erspan section 4.2)."""
    if len(data) < at + 8:
        raise short("erspan", at + 8, size)
    version, session = _read_head(data, at)
    if version >> 12 != 1:
        raise Undecoded("unknown-erspan")
    return Inner(ETH_TYPE_TEB, at + 8, size, f"erspan:{session & _SESSION}")


def _erspan_3(data: bytes, at: int, size: int) -> Inner:
    """Read an ERSPAN header of type III, and skip its subheader (draft-foschiano-erspan section 4.3)."""
    if len(data) < at + 12:
        raise short("erspan", at + 12, size)
    version, session, _, _, kind = _read_erspan_3(data, at)
    start = at + 12 + 8 * (kind & 1)
    if len(data) < start:
        raise short("erspan", start, size)
    name = f"erspan:{session & _SESSION}"
    frame_type = kind >> 10 & 0x1F
    if version >> 12 == 2 and frame_type == _ETHERNET_FRAME:
        return Inner(ETH_TYPE_TEB, start, size, name)
    if version >> 12 == 2 and frame_type == _IP_PACKET:
        return Inner(raw_ip(data[start:], size - start)[0], start, size, name)
    raise Undecoded("unknown-erspan")


def _pptp(data: bytes, size: int) -> Inner:
    """Read PPTP's own GRE header (RFC 2637 section 4.1)."""
    if len(data) < 8:
        raise short("gre", 8, size)
    flags, protocol = _read_head(data)
    payload_bytes, _ = _read_head(data, 4)
    if protocol != ETH_TYPE_PPP:
        raise Undecoded("unknown-gre-protocol")
    at = 8 + 4 * (flags & (_SEQUENCE | _ACKNOWLEDGEMENT)).bit_count()
    if not flags & _KEY or flags & (_CHECKSUM | _OBSOLETE) or at + payload_bytes > size:
        raise Undecoded("malformed-gre")
    if not flags & _SEQUENCE:  # an acknowledgement alone
        return Inner(LINK_CONTROL, at, at, "pptp")
    if len(data) < at:
        raise short("gre", at, size)
    return Inner(ETH_TYPE_PPP, at, at + payload_bytes, "pptp")

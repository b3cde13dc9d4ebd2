"""Tunnels that conceal where a client's traffic goes, known by the message with which they begin.

What is in them cannot be seen: the greeting has a carrier and no name. An ordinary datagram or stream must
never be taken for one, so every field that the protocol fixes is checked; at the least 40 bits have to fit.
"""

from typing import Final, Literal

from sensors.observations import Carrier
from sensors.preface import Unknown

IKE_PORT: Final = 500
IKE_NAT_PORT: Final = 4500

_WIREGUARD_BYTES = 148
_OPENVPN_HMAC_BYTES: Final = (16, 20, 28, 32, 48, 64)
_OPENVPN_RESET_V2, _OPENVPN_RESET_V3 = 7 << 3, 10 << 3
_OPENVPN_RESET_BYTES = 14  # opcode, session, length of the list of acknowledgements, packet number
_OPENVPN_FIRST_NUMBERS: Final = (1, 0x0F000001)  # the latter offers tls-crypt-v2 with a cookie
_OPENVPN_CRYPT_BYTES = 54
_MAX_WRAPPED_KEY_BYTES = 1_024
_OPENVPN_MAX_BYTES = _OPENVPN_CRYPT_BYTES + _MAX_WRAPPED_KEY_BYTES
_DNS_COUNTS = b"\0\x01\0\0\0"  # of a query, where OpenVPN has the end of a random session identifier
_OPENVPN_EPOCH = 1_000_000_000  # no client's clock is before OpenVPN: seconds since 1970
_IKE_HEADER_BYTES = 28
_IKE_MARKER = bytes(4)  # RFC 3948 section 2.2: no ESP


def concealing_carrier(payload: bytes, wire_bytes: int, server_port: int) -> Carrier | None:
    """Return what a client's datagram begins, if that is such a tunnel.

    ``wire_bytes`` is the payload's length on the wire; the capture may hold less of it.
    """
    if wire_bytes == len(payload):
        if is_wireguard(payload):
            return "wireguard"
        if is_openvpn(payload):
            return "openvpn"
    if server_port == IKE_PORT and is_ike(payload, wire_bytes):
        return "ike"
    if server_port == IKE_NAT_PORT and payload[:4] == _IKE_MARKER and is_ike(payload[4:], wire_bytes - 4):
        return "ike"
    return None


def is_wireguard(payload: bytes) -> bool:
    """Whether this is a handshake initiation (WireGuard, section 5.4.2) that a client sends unasked.

    The second MAC is zero as long as the server asked for no cookie; the key's highest bit always is.
    """
    return (
        len(payload) == _WIREGUARD_BYTES
        and payload[:4] == b"\x01\x00\x00\x00"
        and payload[39] < 0x80
        and any(payload[8:40])
        and any(payload[116:132])
        and not any(payload[132:148])
    )


def is_openvpn(payload: bytes) -> bool:
    """Whether this is a client's hard reset, version 2 or 3, key 0 (OpenVPN, ssl_pkt.h).

    Without protection, with tls-auth (an HMAC, a number and a time before the rest in clear text), or with
    tls-crypt (number, time and HMAC, then 5 sealed bytes; in version 3 the client's wrapped key).
    """
    size = len(payload)
    if size < _OPENVPN_RESET_BYTES or payload[0] not in (_OPENVPN_RESET_V2, _OPENVPN_RESET_V3):
        return False
    if not any(payload[1:9]) or payload[4:9] == _DNS_COUNTS:
        return False
    if payload[0] == _OPENVPN_RESET_V3:
        wrapped_bytes = int.from_bytes(payload[-2:])
        wrapped = 0 < wrapped_bytes <= _MAX_WRAPPED_KEY_BYTES and size == _OPENVPN_CRYPT_BYTES + wrapped_bytes
        return wrapped and _is_first(payload[9:17])
    nothing_before = payload[-5:] == bytes(5)  # nothing acknowledged, packet 0
    if size == _OPENVPN_RESET_BYTES:
        return nothing_before
    if size == _OPENVPN_CRYPT_BYTES and _is_first(payload[9:17]):
        return True
    hmac_bytes = size - 22
    return nothing_before and hmac_bytes in _OPENVPN_HMAC_BYTES and _is_first(payload[-13:-5])


def looks_like_openvpn(first_bytes: bytes) -> bool | None:
    """Tell whether a stream may begin with a hard reset; None when more bytes are needed.

    Over TCP each message has its length before it, in two bytes (OpenVPN, socket.h).
    """
    if len(first_bytes) < 2:
        return None if first_bytes[:1] <= bytes((_OPENVPN_MAX_BYTES >> 8,)) else False
    if not _OPENVPN_RESET_BYTES <= int.from_bytes(first_bytes[:2]) <= _OPENVPN_MAX_BYTES:
        return False
    return first_bytes[2] in (_OPENVPN_RESET_V2, _OPENVPN_RESET_V3) if len(first_bytes) > 2 else None


def read_openvpn(data: bytes | bytearray) -> tuple[Literal["openvpn"], int] | None:
    """Read a stream's first message; return what it begins and its end, None for "not yet".

    Raises Unknown for another message.
    """
    end = 2 + int.from_bytes(data[:2])
    if len(data) < max(end, 2):
        return None
    if not is_openvpn(bytes(data[2:end])):
        raise Unknown("no hard reset")
    return "openvpn", end


def _is_first(number_and_time: bytes) -> bool:
    """Whether this is the number of a first packet, and a time."""
    number, time = int.from_bytes(number_and_time[:4]), int.from_bytes(number_and_time[4:])
    return number in _OPENVPN_FIRST_NUMBERS and time >= _OPENVPN_EPOCH


def is_ike(message: bytes, wire_bytes: int) -> bool:
    """Whether this is what an IKE initiator sends first to a port.

    That is IKE_SA_INIT (RFC 7296 section 3.1), a main or aggressive mode's first message (RFC 2408 section
    3.1), or the first after the change to port 4500, when the responder's SPI is known.
    """
    if len(message) < _IKE_HEADER_BYTES or not any(message[:8]):
        return False
    if int.from_bytes(message[24:28]) != wire_bytes:
        return False
    first = not any(message[8:16])
    following, version, exchange, flags = message[16:20]
    number = int.from_bytes(message[20:24])
    return (first, version, exchange, flags, number, following) in _IKE_BEGINNINGS


# Whether the responder's SPI is unknown; version, exchange, flags, message number, first payload.
_IKE_BEGINNINGS: Final = frozenset(
    {
        (True, 0x20, 34, 0x08, 0, 33),  # IKE_SA_INIT: a security association,
        (True, 0x20, 34, 0x08, 0, 41),  # or first the cookie that was asked for
        (False, 0x20, 35, 0x08, 1, 46),  # IKE_AUTH, encrypted,
        (False, 0x20, 35, 0x08, 1, 53),  # or in fragments (RFC 7383)
        (True, 0x10, 2, 0x00, 0, 1),  # main mode: a security association
        (True, 0x10, 4, 0x00, 0, 1),  # aggressive mode: the same
        (False, 0x10, 2, 0x01, 0, 5),  # main mode's third message, encrypted
    }
)

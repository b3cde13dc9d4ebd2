"""The datagrams with which tunnels begin, written by hand after their protocols; keys and MACs are noise."""

from pcaps.builder.network import START_NS, noise

_NOW = START_NS // 1_000_000_000


def wireguard_initiation(label: str) -> bytes:
    """Return a handshake initiation (WireGuard, section 5.4.2): no cookie, so the second MAC is zero."""
    key = bytearray(noise(f"ephemeral {label}", 32))
    key[31] &= 0x7F  # the highest bit of a Curve25519 key
    sealed = noise(f"static and timestamp {label}", 48 + 28)
    return (
        b"\x01\x00\x00\x00"
        + noise(f"index {label}", 4)
        + key
        + sealed
        + noise(f"mac {label}", 16)
        + bytes(16)
    )


def wireguard_response(label: str) -> bytes:
    """Return the handshake's response (section 5.4.3)."""
    return b"\x02\x00\x00\x00" + noise(f"response {label}", 72) + bytes(16)


def wireguard_data(label: str, size: int) -> bytes:
    """Return transport data (section 5.4.6) of ``size`` sealed bytes."""
    return b"\x04\x00\x00\x00" + noise(f"receiver {label}", 4) + bytes(8) + noise(f"data {label}", size)


def openvpn_reset(label: str, hmac_bytes: int = 20) -> bytes:
    """Return a client's hard reset; with tls-auth unless ``hmac_bytes`` is 0."""
    protection = b""
    if hmac_bytes:
        protection = noise(f"hmac {label}", hmac_bytes) + (1).to_bytes(4, "big") + _NOW.to_bytes(4, "big")
    return b"\x38" + noise(f"session {label}", 8) + protection + bytes(5)


def openvpn_crypt_reset(label: str, wrapped_bytes: int = 0) -> bytes:
    """Return a client's hard reset under tls-crypt; with a wrapped key it is tls-crypt-v2."""
    kind = b"\x50" if wrapped_bytes else b"\x38"
    number = (0x0F000001 if wrapped_bytes else 1).to_bytes(4, "big")
    sealed = noise(f"hmac and sealed {label}", 32 + 5)
    wrapped = b""
    if wrapped_bytes:
        wrapped = noise(f"wrapped {label}", wrapped_bytes - 2) + wrapped_bytes.to_bytes(2, "big")
    return kind + noise(f"session {label}", 8) + number + _NOW.to_bytes(4, "big") + sealed + wrapped


def ike_message(
    label: str, kind: tuple[int, int, int, int], *, number: int = 0, answer: bool = False
) -> bytes:
    """Return an IKE message (RFC 7296 section 3.1): ``kind`` is first payload, version, exchange, flags."""
    responder = noise(f"responder {label}", 8) if answer else bytes(8)
    body = noise(f"payloads {label}", 236)
    size = (28 + len(body)).to_bytes(4, "big")
    return noise(f"initiator {label}", 8) + responder + bytes(kind) + number.to_bytes(4, "big") + size + body

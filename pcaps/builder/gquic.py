"""First packets of Google's QUIC before TLS, written by hand: Chromium stopped sending them in 2021.

Source: Chromium's quic_framer.cc, crypto_framer.cc and null_encrypter.cc.
"""

from collections.abc import Mapping

from pcaps.builder.network import noise

_FNV_BASIS, _FNV_PRIME = 0x6C62272E07BB014262B821756295C58D, (1 << 88) + 0x13B
_PACKET_BYTES = 1_350


def chlo(name: str, connection: str) -> bytes:
    """Return the hello with which a client that knows nothing of the server begins."""
    values = {
        b"PAD\x00": b"-" * 900,
        b"SNI\x00": name.encode(),
        b"VER\x00": b"Q046",
        b"UAID": b"Chrome/79.0.3945.130 Windows NT 10.0; Win64; x64",
        b"PDMD": b"X509",
        b"NONP": noise(f"nonce {connection}", 32),
    }
    return chlo_of({name: values[name] for name in sorted(values, key=lambda tag: tag[::-1])})


def chlo_of(values: Mapping[bytes, bytes]) -> bytes:
    """Return a hello with these tags and values, in this order."""
    index, end = b"", 0
    for tag, value in values.items():
        end += len(value)
        index += tag + end.to_bytes(4, "little")
    head = b"CHLO" + len(values).to_bytes(2, "little") + bytes(2)
    return head + index + b"".join(values.values())


def stream_frame(data: bytes, offset: int = 0) -> bytes:
    """Return a STREAM frame of the handshake's stream, with a length and where needed an offset."""
    place = offset.to_bytes(2, "big") if offset else b""
    kind = 0xA4 if offset else 0xA0
    return bytes((kind, 1)) + place + len(data).to_bytes(2, "big") + data


def clear_packet(version: bytes, connection_id: bytes, frames: bytes, number: int = 1) -> bytes:
    """Return a client's packet in clear text, padded as first packets are."""
    if version == b"Q046":
        header = b"\xc3" + version + b"\x50" + connection_id + number.to_bytes(4, "big")
    else:
        header = b"\x0d" + connection_id + version + number.to_bytes(1, "big")
    frames = frames.ljust(_PACKET_BYTES - len(header) - 12, b"\x00")
    return header + _hash(header + frames + b"Client") + frames


def _hash(data: bytes) -> bytes:
    """FNV-1a of 128 bits, the lowest 12 bytes."""
    value = _FNV_BASIS
    for byte in data:
        value = (value ^ byte) * _FNV_PRIME % (1 << 128)
    return value.to_bytes(16, "little")[:12]

"""Reads the recorded handshakes of ``pcaps/material``, which the benchmark's hellos are made of.

The recordings are the project's own, so that nothing here guards against hostile bytes.
"""

from pathlib import Path

from benchmarks.traffic.hello import Hello
from benchmarks.traffic.quic import V1, Version, client_keys, header_mask, nonce

_MATERIAL = Path(__file__).resolve().parents[2] / "pcaps" / "material"
_PADDING, _CRYPTO = 0, 6


def tls_hello(name: str) -> Hello:
    """Return the ClientHello of a recorded TLS record."""
    return Hello.parse(bytes.fromhex(_text(name))[5:])


def quic_hello(name: str) -> Hello:
    """Open the client's first flight of a recorded QUIC handshake and return its ClientHello."""
    hello = b""
    for message in _text(name).split("\n\n"):
        if message.startswith("<"):
            break
        hello += crypto_data(open_initial(V1, bytes.fromhex(message.replace(">", ""))))
    return Hello.parse(hello)


def open_initial(version: Version, datagram: bytes) -> bytes:
    """Return the frames of a client's Initial without a token (RFC 9000 section 17.2.2)."""
    id_end = 6 + datagram[5]
    keys = client_keys(version, datagram[6:id_end])
    at = id_end + 1 + datagram[id_end]  # past the source identifier
    at += 1 + datagram[at]  # past the token
    size, number_at = _varint(datagram, at)
    mask = header_mask(keys, datagram[number_at + 4 : number_at + 20])
    first = datagram[0] ^ mask[0] & 0x0F
    number_end = number_at + (first & 3) + 1
    number = bytes(a ^ b for a, b in zip(datagram[number_at:number_end], mask[1:], strict=False))
    header = bytes([first]) + datagram[1:number_at] + number
    return keys.aead.decrypt(nonce(keys.iv, number[-1]), datagram[number_end : number_at + size], header)


def crypto_data(frames: bytes) -> bytes:
    """Return the data of CRYPTO frames in the order of their offsets (RFC 9000 section 19.6)."""
    pieces = {}
    at = 0
    while at < len(frames):
        kind = frames[at]
        at += 1
        if kind == _PADDING:
            continue
        if kind != _CRYPTO:
            raise ValueError(f"frame type {kind} in a recorded Initial")
        offset, at = _varint(frames, at)
        size, at = _varint(frames, at)
        pieces[offset] = frames[at : at + size]
        at += size
    return b"".join(pieces[offset] for offset in sorted(pieces))


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return a number and the offset after it (RFC 9000 section 16)."""
    size = 1 << (data[at] >> 6)
    value = int.from_bytes(data[at : at + size], "big") & (1 << (8 * size - 2)) - 1
    return value, at + size


def _text(name: str) -> str:
    return (_MATERIAL / f"{name}.hex").read_text(encoding="ascii")

"""Client Initials that any QUIC stack can open: keys, sealing and header protection (RFC 9001, RFC 9369)."""

import hmac
from typing import NamedTuple

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

DATAGRAM_BYTES = 1_250  # what Chrome sends first
_TAG_BYTES = 16
_PACKET_NUMBER_BYTES = 1


class Version(NamedTuple):
    """What differs between QUIC versions on the way to an Initial."""

    number: int
    salt: bytes
    first_byte: int
    label: bytes


V1 = Version(1, bytes.fromhex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a"), 0xC0, b"quic")
V2 = Version(0x6B3343CF, bytes.fromhex("0dede3def700a6db819381be6e269dcbf9bd2ed9"), 0xD0, b"quicv2")


class Keys(NamedTuple):
    """The keys of one endpoint's Initial packets."""

    aead: AESGCM
    iv: bytes
    protection: bytes


def client_keys(version: Version, destination_id: bytes) -> Keys:
    """Return the client's Initial keys (RFC 9001 section 5.2)."""
    initial = hmac.digest(version.salt, destination_id, "sha256")
    secret = _expand(initial, b"client in", 32)
    return Keys(
        AESGCM(_expand(secret, version.label + b" key", 16)),
        _expand(secret, version.label + b" iv", 12),
        _expand(secret, version.label + b" hp", 16),
    )


def initials(version: Version, destination_id: bytes, crypto: bytes, cuts: int) -> list[bytes]:
    """Return the datagrams that carry a ClientHello, each one Initial packet.

    ``cuts`` is the number of CRYPTO frames in the first packet; with more than one they stand in reverse
    order, as Chrome shuffles them (RFC 9000 section 19.6 allows any).
    """
    keys = client_keys(version, destination_id)
    header_bytes = 1 + 4 + 1 + len(destination_id) + 1 + 1 + 2 + _PACKET_NUMBER_BYTES
    room = DATAGRAM_BYTES - header_bytes - _TAG_BYTES
    first = room - 8 * cuts
    packets = []
    for number, at in enumerate(range(0, len(crypto), first)):
        frames = crypto_frames(crypto[at : at + first], at, cuts if at == 0 else 1)
        plain = frames + bytes(room - len(frames))  # PADDING frames are zero bytes
        packets.append(_seal(version, keys, destination_id, (number, plain)))
    return packets


def crypto_frames(data: bytes, offset: int, cuts: int) -> bytes:
    """Return ``data`` as CRYPTO frames, the last piece first."""
    step = -(-len(data) // cuts)
    frames = []
    for at in range(0, len(data), step):
        piece = data[at : at + step]
        frames.append(b"\x06" + _varint(offset + at) + _varint(len(piece)) + piece)
    return b"".join(reversed(frames))


def header_mask(keys: Keys, sample: bytes) -> bytes:
    """Return the mask of an AES-protected header (RFC 9001 section 5.4.3)."""
    return Cipher(AES(keys.protection), ECB()).encryptor().update(sample)  # noqa: S305  the RFC's choice


def nonce(iv: bytes, number: int) -> bytes:
    """Return the nonce of a packet with a number below 256 (RFC 9001 section 5.3)."""
    return iv[:-1] + bytes([iv[-1] ^ number])


def _seal(version: Version, keys: Keys, destination_id: bytes, packet: tuple[int, bytes]) -> bytes:
    number, plain = packet
    size = _PACKET_NUMBER_BYTES + len(plain) + _TAG_BYTES
    header = (
        bytes([version.first_byte | _PACKET_NUMBER_BYTES - 1])
        + version.number.to_bytes(4, "big")
        + bytes([len(destination_id)])
        + destination_id
        + b"\0\0"  # no source identifier, no token
        + (0x4000 | size).to_bytes(2, "big")
        + bytes([number])
    )
    sealed = keys.aead.encrypt(nonce(keys.iv, number), plain, header)
    mask = header_mask(keys, sealed[4 - _PACKET_NUMBER_BYTES :][:16])
    protected = bytes([header[0] ^ mask[0] & 0x0F]) + header[1:-1] + bytes([header[-1] ^ mask[1]])
    return protected + sealed


def _expand(secret: bytes, label: bytes, size: int) -> bytes:
    """HKDF-Expand-Label (RFC 8446 section 7.1) for at most one block."""
    label = b"tls13 " + label
    info = size.to_bytes(2, "big") + bytes([len(label)]) + label + b"\0"
    return hmac.digest(secret, info + b"\x01", "sha256")[:size]


def _varint(value: int) -> bytes:
    """RFC 9000 section 16, in two bytes or four."""
    return (0x4000 | value).to_bytes(2, "big") if value < 0x4000 else (0x80000000 | value).to_bytes(4, "big")

"""Protection of the QUIC Initial packets that clients send (RFC 9001 section 5, RFC 9369 section 3.3).

The keys of Initial packets follow from the connection ID that the client chose first, which stands in clear
text: whoever sees the packet may open it. What does not authenticate stays closed; no byte of it is used.
"""

import hmac
import struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from sensors.quic_version import VERSIONS
from sensors.wire import Malformed

MIN_PROTECTED_BYTES = 20  # packet number to tag: the sample is the 16 bytes that follow the longest number

_RESERVED_BITS = 0x0C


class InitialKeys:
    """The client's Initial keys of one connection: ``origin`` is its version and first connection ID."""

    __slots__ = ("_aead", "_iv", "_mask", "origin")

    def __init__(self, version: bytes, connection_id: bytes) -> None:
        """Derive the keys (RFC 9001 section 5.2). ``version`` is a key of VERSIONS."""
        scheme = VERSIONS[version]
        secret = hmac.digest(scheme.salt, connection_id, "sha256")
        secret = _expand_label(secret, b"client in", 32)
        protection = AES(_expand_label(secret, scheme.label + b"hp", 16))
        self.origin = version, connection_id
        self._aead = AESGCM(_expand_label(secret, scheme.label + b"key", 16))
        self._iv = int.from_bytes(_expand_label(secret, scheme.label + b"iv", 12))
        self._mask = Cipher(protection, ECB()).encryptor().update  # noqa: S305  what RFC 9001 section 5.4.3 asks for

    def open(self, packet: bytes, number_at: int) -> bytes | None:
        """Return the frames of a packet, or None where it does not authenticate under these keys.

        ``packet`` runs from its first byte to the end of its tag; the protected part begins at ``number_at``
        and holds at least MIN_PROTECTED_BYTES. Raises Malformed.
        """
        mask = self._mask(packet[number_at + 4 : number_at + 20])
        first = packet[0] ^ (mask[0] & 0x0F)
        number_bytes = (first & 0x03) + 1
        sealed_at = number_at + number_bytes
        # The number needs no reconstruction (RFC 9000 appendix A.3): Initial packets count from 0, and a
        # sender drops only the bits that its peer's acknowledgements made needless.
        number = int.from_bytes(packet[number_at:sealed_at]) ^ int.from_bytes(mask[1 : 1 + number_bytes])
        header = bytes((first,)) + packet[1:number_at] + number.to_bytes(number_bytes)
        try:
            frames = self._aead.decrypt((self._iv ^ number).to_bytes(12), packet[sealed_at:], header)
        except InvalidTag:
            return None
        if first & _RESERVED_BITS:
            raise Malformed("quic-reserved-bits")
        return frames


def _expand_label(secret: bytes, label: bytes, length: int) -> bytes:
    """HKDF-Expand-Label with an empty context (RFC 8446 section 7.1), for up to 32 bytes: one HMAC block."""
    name = b"tls13 " + label
    info = struct.pack(">HB", length, len(name)) + name + b"\x00"
    return hmac.digest(secret, info + b"\x01", "sha256")[:length]

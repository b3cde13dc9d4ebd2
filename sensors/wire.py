r"""What every parser shares: the outcome for malformed bytes, and text for addresses and names.

Parsers have three outcomes: a value, None for "more bytes needed", and Malformed for bytes that no valid
sender could have sent. What is merely unknown is data, not an error.
"""

from functools import lru_cache
from socket import AF_INET, AF_INET6, inet_ntop

_PRINTABLE = frozenset(range(0x21, 0x7F)) - {ord("\\")}
_PLAIN = bytes(byte if byte in _PRINTABLE else 0 for byte in range(256))


class Malformed(ValueError):  # noqa: N818  an outcome of parsing, named as the field names it
    """Bytes that break their protocol's rules. ``reason`` is a short constant, fit for a counter's name."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def name_text(raw: bytes) -> str:
    r"""Return a name as lower-case text; every byte outside printable ASCII becomes ``\xNN``.

    Total and injective on lower-case input: a hostile name stays one word without control characters.
    """
    if 0 not in raw.translate(_PLAIN):
        return raw.decode("ascii").lower()
    return "".join(chr(b).lower() if b in _PRINTABLE else f"\\x{b:02x}" for b in raw)


@lru_cache(maxsize=65_536)
def address_text(raw: bytes) -> str:
    """Return 4 or 16 network-order bytes as canonical text (RFC 5952 for IPv6)."""
    return inet_ntop(AF_INET if len(raw) == 4 else AF_INET6, raw)

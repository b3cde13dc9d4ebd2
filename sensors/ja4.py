"""JA4, the fingerprint of a TLS client (github.com/FoxIO-LLC/ja4, technical_details/JA4.md).

JA4 is under the BSD 3-Clause licence; the other members of the JA4+ family are not, and are not made here.
GREASE is left out everywhere, which makes the fingerprint the same for all hellos of one client build.
"""

import struct
from collections.abc import Iterable
from hashlib import sha256
from types import MappingProxyType
from typing import Final, Literal

from sensors.clienthello import ALPN, GREASE, SERVER_NAME, ClientHello

_EMPTY: Final = "000000000000"
_MAX_COUNT: Final = 99
_VERSIONS = MappingProxyType(
    {
        0x0304: "13",
        0x0303: "12",
        0x0302: "11",
        0x0301: "10",
        0x0300: "s3",
        0x0002: "s2",
        0xFEFF: "d1",
        0xFEFD: "d2",
        0xFEFC: "d3",
    }
)


def ja4(hello: ClientHello, transport: Literal["t", "q", "d"]) -> str:
    """Return the fingerprint of a hello over TCP ("t"), QUIC ("q") or DTLS ("d").

    It has 36 characters in three parts. It says something of the client only when the hello is complete.
    """
    suites = _without_grease(hello.cipher_suites)
    extensions = _without_grease(hello.extensions)
    algorithms = _without_grease(hello.signature_algorithms)
    version = _VERSIONS.get(hello.versions[0], "00") if hello.versions else "00"
    destination = "d" if SERVER_NAME in extensions else "i"
    counts = f"{min(len(suites), _MAX_COUNT):02}{min(len(extensions), _MAX_COUNT):02}"
    listed = _codes(sorted(kind for kind in extensions if kind not in (SERVER_NAME, ALPN)))
    if algorithms:
        listed += f"_{_codes(algorithms)}"
    return (
        f"{transport}{version}{destination}{counts}{_alpn_ends(hello.alpn_first)}"
        f"_{_digest(_codes(sorted(suites)))}_{_digest(listed)}"
    )


def _without_grease(codes: Iterable[int]) -> list[int]:
    return [code for code in codes if code not in GREASE]


def _codes(codes: list[int]) -> str:
    """Return code points as four hexadecimal digits each, with commas between them."""
    return struct.pack(f">{len(codes)}H", *codes).hex(",", 2)


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:12] if text else _EMPTY


def _alpn_ends(first: bytes) -> str:
    """Return the first and last character of a protocol's name.

    Where one of the two is not an ASCII letter or digit: those of the name written in hexadecimal.
    """
    if not first:
        return "00"
    ends = bytes((first[0], first[-1]))
    text = ends.decode() if ends.isalnum() else first.hex()
    return text[0] + text[-1]

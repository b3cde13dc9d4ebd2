r"""The ClientHello of TLS (RFC 8446 section 4.1.2, RFC 5246 section 7.4.1.2): whom a client wants to reach.

Strict about what is read, because every server rejects it too; blind to the rest, because a server may well
accept it, and what a server accepts must not hide a name. Unknown code points are data. The hello of DTLS has
one field more (RFC 6347 section 4.2.1), and numbers its versions downwards.
"""

import struct
from typing import Final

import msgspec

from sensors.observations import EchState
from sensors.wire import Malformed, name_text

HANDSHAKE_CLIENT_HELLO: Final = 1
MAX_CLIENT_HELLO_BYTES: Final = 131_396  # of the body when every field in it is as long as it may be
MAX_SERVER_NAME_BYTES: Final = 255  # a DNS name (RFC 1035 section 2.3.4)

SERVER_NAME: Final = 0x0000
SIGNATURE_ALGORITHMS: Final = 0x000D
ALPN: Final = 0x0010
SUPPORTED_VERSIONS: Final = 0x002B
ENCRYPTED_CLIENT_HELLO: Final = 0xFE0D
ENCRYPTED_SERVER_NAME: Final = 0xFFCE  # draft-ietf-tls-esni-00 to -06, before ECH

GREASE: Final = frozenset(0x0A0A + 0x1010 * step for step in range(16))  # RFC 8701 section 2

# Names that stand on the outside of ECH and are nobody's own. A provider's ordinary names do not belong here,
# although some serve as outer names too (graph.facebook.com): a GREASE extension beside them means nothing.
ECH_PUBLIC_NAMES: Final = frozenset(
    {
        "cloudflare-ech.com",  # developers.cloudflare.com/ssl/edge-certificates/ech/
        "ech-public.atmeta.com",  # Meta: github.com/facebookincubator/fizz, its ECH test configurations
        "cover.defo.ie",  # the OpenSSL ECH test site: github.com/curl/curl docs/ECH.md
        "public.tls-ech.dev",  # the BoringSSL test site: the ech= of tls-ech.dev's HTTPS record
    }
)

_READ = frozenset(
    (
        SERVER_NAME,
        SIGNATURE_ALGORITHMS,
        ALPN,
        SUPPORTED_VERSIONS,
        ENCRYPTED_CLIENT_HELLO,
        ENCRYPTED_SERVER_NAME,
    )
)
_RANDOM_BYTES = 32
_MAX_SESSION_ID_BYTES = 32
_HOST_NAME = 0  # RFC 6066 section 3: NameType
_ECH_OUTER = 0  # RFC 9849 section 5: ECHClientHelloType
_EXTENSION_HEADER = struct.Struct(">HH")  # type, length


class ClientHello(msgspec.Struct, frozen=True):
    r"""What one ClientHello says. Code points are the numbers on the wire, in the order of the wire.

    ``server_name`` is the outer one where there is ECH. ``alpn`` keeps its case; a byte that is not printable
    ASCII stands as ``\xNN``. ``versions`` are those offered without GREASE, highest first: DTLS 1.2 (0xfefd)
    before DTLS 1.0 (0xfeff). The fields after
    ``ech`` include GREASE. ``complete`` is false when the message's end was missing: fields that were not
    reached are then None or empty.
    """

    server_name: str | None = None
    alpn: tuple[str, ...] = ()
    versions: tuple[int, ...] = ()
    ech: EchState = "none"
    legacy_version: int | None = None
    cipher_suites: tuple[int, ...] = ()
    extensions: tuple[int, ...] = ()
    signature_algorithms: tuple[int, ...] = ()
    alpn_first: bytes = b""  # the first protocol's name as it was sent
    complete: bool = True


class _PastEnd(Malformed):
    """The body ends before a field does: malformed, unless the capture cut it."""


def parse_client_hello(body: bytes, *, complete: bool = True, dtls: bool = False) -> ClientHello:
    """Read a ClientHello from ``body``, the handshake message after its header.

    ``dtls`` says that it is one of DTLS. With ``complete`` false ``body`` is only the beginning of the
    message: all that is whole in it is read. Raises Malformed.
    """
    if len(body) > MAX_CLIENT_HELLO_BYTES:
        raise Malformed("hello-too-long")
    walk = _Walk(body, dtls=dtls)
    try:
        walk.run()
    except _PastEnd:
        if complete:
            raise
    found = walk.found
    name = _host_name(found[SERVER_NAME]) if SERVER_NAME in found else None
    protocols = _protocol_names(found[ALPN]) if ALPN in found else ()
    versions = _versions(found[SUPPORTED_VERSIONS], dtls=dtls) if SUPPORTED_VERSIONS in found else ()
    if not versions and complete and walk.legacy_version is not None:
        versions = (walk.legacy_version,)
    return ClientHello(
        server_name=name,
        alpn=tuple(map(_protocol_text, protocols)),
        versions=versions,
        ech=_ech_state(found, name),
        legacy_version=walk.legacy_version,
        cipher_suites=walk.cipher_suites,
        extensions=tuple(walk.extensions),
        signature_algorithms=_signature_algorithms(found.get(SIGNATURE_ALGORITHMS)),
        alpn_first=protocols[0] if protocols else b"",
        complete=complete,
    )


class _Walk:
    """One pass over a message: its fixed part, then its extensions. It may end early, in _PastEnd."""

    __slots__ = ("_at", "_body", "_dtls", "cipher_suites", "extensions", "found", "legacy_version")

    def __init__(self, body: bytes, *, dtls: bool) -> None:
        self._body = body
        self._dtls = dtls
        self._at = 0
        self.legacy_version: int | None = None
        self.cipher_suites: tuple[int, ...] = ()
        self.extensions: list[int] = []  # the types of all
        self.found: dict[int, bytes] = {}  # the bodies of those that are read

    def run(self) -> None:
        """Walk from the legacy version to the end of the extensions. Raises Malformed and _PastEnd."""
        self.legacy_version = int.from_bytes(self._take(2))
        self._take(_RANDOM_BYTES)
        if len(self._vector(1)) > _MAX_SESSION_ID_BYTES:
            raise Malformed("hello-session-id")
        if self._dtls:
            self._vector(1)  # the server's cookie
        self.cipher_suites = _numbers(self._vector(2), "hello-cipher-suites")
        if not self._vector(1):
            raise Malformed("hello-compression-methods")
        if self._at < len(self._body):  # else a hello without extensions, as SSL 3.0 and TLS 1.0 allow
            self._walk_extensions()

    def _walk_extensions(self) -> None:
        """Walk the extensions, which must fill the message to its end (RFC 5246 section 7.4.1.2)."""
        size = int.from_bytes(self._take(2))
        body, at = self._body, self._at
        end = at + size
        if end < len(body):
            raise Malformed("hello-trailing-bytes")
        while at < end:
            start = at + _EXTENSION_HEADER.size
            if start > end:
                raise Malformed("hello-extensions")
            if start > len(body):
                raise _PastEnd("hello-truncated")
            kind, length = _EXTENSION_HEADER.unpack_from(body, at)
            at = start + length
            if at > end:
                raise Malformed("hello-extensions")
            if at > len(body):
                raise _PastEnd("hello-truncated")
            self.extensions.append(kind)
            if kind in _READ:
                # RFC 8446 section 4.2. Other types may stand twice: OpenSSL lets unknown ones pass, so that
                # rejecting them here would let any client hide its name from us, and not from the server.
                if kind in self.found:
                    raise Malformed("hello-duplicate-extension")
                self.found[kind] = body[start:at]

    def _take(self, length: int) -> bytes:
        start, self._at = self._at, self._at + length
        if self._at > len(self._body):
            raise _PastEnd("hello-truncated")
        return self._body[start : self._at]

    def _vector(self, length_bytes: int) -> bytes:
        return self._take(int.from_bytes(self._take(length_bytes)))


def _unwrap(body: bytes, length_bytes: int, reason: str) -> bytes:
    """Return the content of an extension that is one vector, which may not be empty."""
    content = body[length_bytes:]
    if not content or int.from_bytes(body[:length_bytes]) != len(content):
        raise Malformed(reason)
    return content


def _numbers(content: bytes, reason: str) -> tuple[int, ...]:
    """Return 16-bit code points, at least one."""
    if not content or len(content) % 2:
        raise Malformed(reason)
    return struct.unpack(f">{len(content) // 2}H", content)


def _host_name(body: bytes) -> str | None:
    """Return the first host_name of a server_name extension (RFC 6066 section 3), None where there is none.

    A name of another type is passed over: all of them begin with a 16-bit length. Raises Malformed.
    """
    names = _unwrap(body, 2, "sni-list")
    first: bytes | None = None
    at = 0
    while at < len(names):
        start = at + 3
        end = start + int.from_bytes(names[at + 1 : start])
        if end > len(names):
            raise Malformed("sni-list")
        if names[at] == _HOST_NAME and first is None:
            first = names[start:end]
            if not 0 < len(first) <= MAX_SERVER_NAME_BYTES:
                raise Malformed("sni-name-length")
        at = end
    return None if first is None else name_text(first.removesuffix(b".") or first)


def _protocol_names(body: bytes) -> tuple[bytes, ...]:
    """Return the protocols of an ALPN extension, none empty (RFC 7301 section 3.1). Raises Malformed."""
    content = _unwrap(body, 2, "alpn-list")
    protocols = []
    at = 0
    while at < len(content):
        end = at + 1 + content[at]
        if end == at + 1 or end > len(content):
            raise Malformed("alpn-list")
        protocols.append(content[at + 1 : end])
        at = end
    return tuple(protocols)


def _protocol_text(raw: bytes) -> str:
    r"""Return a protocol's name as one word, case kept: injective, since the backslash is escaped too."""
    return "".join(chr(byte) if 0x20 < byte < 0x7F and byte != 0x5C else f"\\x{byte:02x}" for byte in raw)


def _versions(body: bytes, *, dtls: bool) -> tuple[int, ...]:
    """Return the versions of a supported_versions extension (RFC 8446 section 4.2.1). Raises Malformed."""
    offered = _numbers(_unwrap(body, 1, "supported-versions"), "supported-versions")
    return tuple(sorted(set(offered) - GREASE, reverse=not dtls))


def _signature_algorithms(body: bytes | None) -> tuple[int, ...]:
    """Return what a signature_algorithms extension lists (RFC 8446 section 4.2.3). Raises Malformed."""
    if body is None:
        return ()
    return _numbers(_unwrap(body, 2, "signature-algorithms"), "signature-algorithms")


def _ech_state(found: dict[int, bytes], server_name: str | None) -> EchState:
    if ENCRYPTED_SERVER_NAME in found:
        return "offered"  # nobody sent GREASE for it
    if ENCRYPTED_CLIENT_HELLO not in found:
        return "none"
    outer = _is_outer_ech(found[ENCRYPTED_CLIENT_HELLO])
    return "offered" if outer and server_name in ECH_PUBLIC_NAMES else "grease"


def _is_outer_ech(body: bytes) -> bool:
    """Tell whether an encrypted_client_hello is well-formed and of type outer (RFC 9849 section 5).

    Type, KDF, AEAD and configuration take 6 bytes; ``enc`` and ``payload`` follow, each after its length.
    """
    enc_end = 8 + int.from_bytes(body[6:8])
    payload_bytes = int.from_bytes(body[enc_end : enc_end + 2])
    return body[:1] == bytes((_ECH_OUTER,)) and payload_bytes > 0 and len(body) == enc_end + 2 + payload_bytes

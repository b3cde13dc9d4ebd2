"""ClientHellos for the tests: written field by field, and real ones from the ssl module."""

import contextlib
import ssl
import struct
from itertools import pairwise

SNI, SIGNATURES, ALPN, PADDING, VERSIONS = 0x0000, 0x000D, 0x0010, 0x0015, 0x002B
ECH, ESNI = 0xFE0D, 0xFFCE


def codes(*values: int) -> bytes:
    return struct.pack(f">{len(values)}H", *values)


def vector(length_bytes: int, content: bytes) -> bytes:
    return len(content).to_bytes(length_bytes) + content


def extension(kind: int, body: bytes) -> bytes:
    return codes(kind) + vector(2, body)


def name_entry(name: bytes, kind: int = 0) -> bytes:
    return bytes((kind,)) + vector(2, name)


def sni(*names: bytes) -> bytes:
    return extension(SNI, vector(2, b"".join(map(name_entry, names))))


def alpn(*protocols: bytes) -> bytes:
    return extension(ALPN, vector(2, b"".join(vector(1, protocol) for protocol in protocols)))


def versions(*offered: int) -> bytes:
    return extension(VERSIONS, vector(1, codes(*offered)))


def signatures(*algorithms: int) -> bytes:
    return extension(SIGNATURES, vector(2, codes(*algorithms)))


def ech_body(kind: int = 0, payload: bytes = b"\xee" * 208) -> bytes:
    """An ECHClientHello as Chrome shapes it: HKDF-SHA256, AES-128-GCM, an X25519 key."""
    return bytes((kind,)) + codes(1, 1) + b"\x2a" + vector(2, bytes(range(32))) + vector(2, payload)


def ech(kind: int = 0) -> bytes:
    return extension(ECH, ech_body(kind))


def hello_body(
    *extensions: bytes,
    suites: tuple[int, ...] = (0x1301, 0x1302),
    legacy: int = 0x0303,
    session_id: bytes = bytes(32),
    compression: bytes = b"\x00",
) -> bytes:
    """The body of a ClientHello; without extensions it has no extension block at all."""
    fixed = codes(legacy) + bytes(32) + vector(1, session_id) + vector(2, codes(*suites))
    block = vector(2, b"".join(extensions)) if extensions else b""
    return fixed + vector(1, compression) + block


def message(body: bytes, kind: int = 1) -> bytes:
    return bytes((kind,)) + vector(3, body)


def record(fragment: bytes, kind: int = 22, version: int = 0x0301) -> bytes:
    return bytes((kind,)) + codes(version) + vector(2, fragment)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    """Cut ``data`` at the offsets given, in any order and number; no piece is empty."""
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[start:end] for start, end in pairwise(edges)]


def real_flight(
    server_name: str | None,
    protocols: tuple[str, ...] = (),
    lowest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2,
    highest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
) -> bytes:
    """The TLS records of a client's first flight, as OpenSSL writes them."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.minimum_version, context.maximum_version = lowest, highest
    if protocols:
        context.set_alpn_protocols(list(protocols))
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    connection = context.wrap_bio(incoming, outgoing, server_hostname=server_name)
    with contextlib.suppress(ssl.SSLWantReadError):
        connection.do_handshake()
    return outgoing.read()


class CountingBuffer(bytearray):
    """A bytearray that counts the bytes that are copied out of any, or searched."""

    work = 0

    def __getitem__(self, index):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN204  two overloads in the base
        part = super().__getitem__(index)
        CountingBuffer.work += len(part) if isinstance(index, slice) else 1
        return part

    def find(self, *args):  # type: ignore[no-untyped-def]  # noqa: ANN002, ANN201  as in the base
        at = super().find(*args)
        start = args[1] if len(args) > 1 else 0
        CountingBuffer.work += (len(self) if at < 0 else at) - start
        return at

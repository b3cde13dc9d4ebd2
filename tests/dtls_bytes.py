"""DTLS for the tests: hellos with a cookie field, fragments, records."""

from itertools import pairwise

from tests.hello_bytes import codes, hello_body, message, record, vector

_SESSION_ID_END = 2 + 32 + 1 + 32
DTLS_1_0, DTLS_1_2, DTLS_1_3 = 0xFEFF, 0xFEFD, 0xFEFC


def dtls_body(*extensions: bytes, cookie: bytes = b"", legacy: int = DTLS_1_2) -> bytes:
    """Return the body of a ClientHello of DTLS."""
    body = hello_body(*extensions, legacy=legacy)
    return body[:_SESSION_ID_END] + vector(1, cookie) + body[_SESSION_ID_END:]


def fragment(body: bytes, start: int, end: int, *, number: int = 0, kind: int = 1) -> bytes:
    """Return a part of a handshake message, with its header."""
    part = body[start:end]
    place = codes(number) + start.to_bytes(3) + len(part).to_bytes(3)
    return message(body, kind)[:4] + place + part


def fragments(body: bytes, cuts: list[int], number: int = 0) -> list[bytes]:
    """Cut a message at the offsets given."""
    edges = sorted({0, len(body), *(cut % len(body) for cut in cuts)})
    return [fragment(body, start, end, number=number) for start, end in pairwise(edges)]


def dtls_record(
    content: bytes, *, kind: int = 22, version: int = DTLS_1_2, epoch: int = 0, sequence: int = 0
) -> bytes:
    """Return a record."""
    tls = record(content, kind, version)
    return tls[:3] + codes(epoch) + sequence.to_bytes(6) + tls[3:]


def datagram(body: bytes, number: int = 0) -> bytes:
    """Return a whole hello in one record."""
    return dtls_record(fragment(body, 0, len(body), number=number))

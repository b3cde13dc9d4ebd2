"""Recorded handshakes, and the few changes that make one fit a connection. The structure stays."""

from functools import cache
from pathlib import Path
from typing import NamedTuple

from pcaps.builder.network import noise

_MATERIAL = Path(__file__).resolve().parents[1] / "material"
_RANDOM = slice(11, 43)  # in a record with a ClientHello or ServerHello: RFC 8446 sections 5.1 and 4.1.2
_SESSION_ID = slice(44, 76)
_ECH_OUTER = 0xFE0D  # RFC 9849 section 5


class Datagram(NamedTuple):
    """One recorded datagram and its direction."""

    down: bool
    payload: bytes


@cache
def tls_message(name: str) -> bytes:
    """Return a recorded TLS message: ``tls/api.openai.com``, ``tls-mlkem/...``, ``tls/server-flight``."""
    return bytes.fromhex((_MATERIAL / f"{name}.hex").read_text(encoding="ascii"))


@cache
def handshake(name: str) -> tuple[Datagram, ...]:
    """Return the recorded datagrams of a handshake: ``quic/chatgpt.com``, ``dtls/api.openai.com``."""
    messages = (_MATERIAL / f"{name}.hex").read_text(encoding="ascii").split("\n\n")
    return tuple(
        Datagram(message.startswith("<"), bytes.fromhex(message.replace(message[0], "")))
        for message in messages
    )


def client_hello(name: str | None, connection: str, profile: str = "tls") -> bytes:
    """Return the recorded hello to ``name`` with a random and a session identifier of its own."""
    hello = bytearray(tls_message(f"{profile}/{name or 'no-name'}"))
    hello[_RANDOM] = noise(f"client random {connection}", 32)
    hello[_SESSION_ID] = noise(f"session {connection}", 32)
    return bytes(hello)


def server_flight(connection: str) -> bytes:
    """Return the recorded ServerHello to Finished, which echoes the connection's session identifier."""
    flight = bytearray(tls_message("tls/server-flight"))
    flight[_RANDOM] = noise(f"server random {connection}", 32)
    flight[_SESSION_ID] = noise(f"session {connection}", 32)
    return bytes(flight)


def with_ech(hello: bytes, connection: str) -> bytes:
    """Return the hello as an outer one: with an ``encrypted_client_hello`` extension in front.

    HKDF-SHA256 and AES-128-GCM, a 32-byte encapsulated key, and an inner hello of 208 sealed bytes.
    """
    sealed = noise(f"inner hello {connection}", 208)
    body = (
        bytes.fromhex("0000010001")
        + noise(f"configuration {connection}", 1)
        + _vector(noise(f"key {connection}", 32))
        + _vector(sealed)
    )
    extension = _ECH_OUTER.to_bytes(2, "big") + _vector(body)
    return _insert_extension(hello, extension)


def application_data(connection: str, size: int) -> bytes:
    """Return TLS records of together ``size`` bytes of sealed application data (RFC 8446 section 5.2)."""
    records = []
    for number, at in enumerate(range(0, size, 16_384)):
        body = noise(f"data {connection} {number}", min(16_384, size - at) + 17)
        records.append(b"\x17\x03\x03" + _vector(body))
    return b"".join(records)


def _insert_extension(record: bytes, extension: bytes) -> bytes:
    at = 44 + record[43]  # past the session identifier
    at += 2 + int.from_bytes(record[at : at + 2], "big")  # the cipher suites
    at += 1 + record[at]  # the compression methods
    extensions = extension + record[at + 2 :]
    body = record[9:at] + _vector(extensions)
    message = record[5:6] + len(body).to_bytes(3, "big") + body
    return record[:3] + _vector(message)


def _vector(data: bytes) -> bytes:
    return len(data).to_bytes(2, "big") + data

"""SOCKS requests, read from any number of their first bytes."""

import pytest

from sensors.socks import MAX_TEXT_BYTES, SocksRequest, looks_like_socks, read_socks
from tests.stream_bytes import TUNNELS, password, socks4, socks5

SOCKS = {kind: case for kind, case in TUNNELS.items() if kind.startswith("SOCKS")}


@pytest.mark.parametrize("kind", SOCKS)
def test_a_request_ends_where_it_ends(kind: str) -> None:
    data, host = SOCKS[kind]
    assert read_socks(data) == (SocksRequest(host, is_connect=True), len(data))
    assert read_socks(data + b"\x05\x01\0") == read_socks(data)
    assert [read_socks(data[:end]) for end in range(len(data))] == [None] * len(data)


@pytest.mark.parametrize(
    ("raw", "host"),
    [
        (b"a" * 255, "a" * 255),
        (b".", "."),
        (b"a.example.", "a.example"),
        (b"192.0.2.7", "192.0.2.7"),
        (b"a\0b\r\n \xff", r"a\x00b\x0d\x0a\x20\xff"),
    ],
)
def test_names_are_one_harmless_word(raw: bytes, host: str) -> None:
    data = b"\x05\x01\0" + socks5(raw)
    assert read_socks(data) == (SocksRequest(host, is_connect=True), len(data))


@pytest.mark.parametrize("user", [b"", b"a" * 255])
@pytest.mark.parametrize("secret", [b"", b"\xff" * 255])
def test_a_password_may_be_empty_or_long(user: bytes, secret: bytes) -> None:
    data = b"\x05\xff" + bytes(255) + password(user, secret) + socks5(b"a.example")
    assert read_socks(data) == (SocksRequest("a.example", is_connect=True), len(data))


def test_the_longest_texts_of_version_4() -> None:
    data = socks4("0.0.0.255", b"u" * MAX_TEXT_BYTES, b"n" * MAX_TEXT_BYTES)
    assert read_socks(data) == (SocksRequest("n" * MAX_TEXT_BYTES, is_connect=True), len(data))


@pytest.mark.parametrize("command", [2, 3])
def test_other_commands_open_no_tunnel(command: int) -> None:
    data = b"\x05\x01\0" + socks5(b"\xcb\0\x71\x07", 1, command)
    assert read_socks(data) == (SocksRequest("203.0.113.7", is_connect=False), len(data))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", None),
        (b"\x04", None),
        (b"\x05", None),
        (b"\x04\x01", True),
        (b"\x04\x02", True),
        (b"\x05\x01", True),
        (b"\x05\xff", True),
        (b"\x04\0", False),
        (b"\x04\x03", False),
        (b"\x05\0", False),
        (b"\x06", False),
        (b"\x16", False),
    ],
)
def test_looks_like_socks(data: bytes, expected: bool | None) -> None:  # noqa: FBT001
    assert looks_like_socks(data) is expected

"""PROXY headers of both versions: whom they name, and what is wrong with those that nobody may send."""

from ipaddress import ip_address

import pytest

from sensors.proxy_header import (
    MAX_HEADER_BYTES,
    MAX_LINE_BYTES,
    ProxiedEnds,
    ProxyHeader,
    looks_like_proxy_header,
    read_proxy_header,
)
from sensors.wire import Malformed
from tests.stream_bytes import CLIENT, PORTS, PROXY_HEADERS, SERVER, SIGNATURE, addresses, proxy2


def ends(client: str, server: str) -> ProxiedEnds:
    return ProxiedEnds(ip_address(client).packed, PORTS[0], ip_address(server).packed, PORTS[1])


@pytest.mark.parametrize("kind", PROXY_HEADERS)
def test_a_header_ends_where_it_ends(kind: str) -> None:
    data, named = PROXY_HEADERS[kind]
    header = ProxyHeader(None if named is None else ends(*named))
    assert read_proxy_header(data) == (header, len(data))
    assert read_proxy_header(data + b"\r\n") == (header, len(data))
    begins = [data[:end] for end in range(6 if data[:1] == b"P" else 0, len(data))]
    assert [read_proxy_header(begin) for begin in begins] == [None] * len(begins)


def line(*words: str) -> bytes:
    return " ".join(("PROXY", *words)).encode() + b"\r\n"


@pytest.mark.parametrize(
    "data",
    [
        line(),
        line("TCP4"),
        line("TCP4", CLIENT, SERVER, "1"),
        line("TCP4", CLIENT, SERVER, "1", "2", "3"),
        line("TCP4", CLIENT, "", SERVER, "1", "2"),
        line("TCP5", CLIENT, SERVER, "1", "2"),
        line("tcp4", CLIENT, SERVER, "1", "2"),
        line("TCP4", "10.1.1", SERVER, "1", "2"),
        line("TCP4", "010.1.1.1", SERVER, "1", "2"),
        line("TCP4", "10.1.1.1/8", SERVER, "1", "2"),
        line("TCP4", "2001:db8::1", SERVER, "1", "2"),
        line("TCP6", CLIENT, SERVER, "1", "2"),
        line("TCP6", "fe80::1%eth0", "::1", "1", "2"),
        line("TCP6", "::1::", "::1", "1", "2"),
        line("TCP6", "\xe9::1", "::1", "1", "2"),
        line("TCP4", CLIENT, SERVER, "65536", "2"),
        line("TCP4", CLIENT, SERVER, "1", ""),
        line("TCP4", CLIENT, SERVER, "1", "02"),
        line("TCP4", CLIENT, SERVER, "1", "+2"),
        line("TCP4", CLIENT, SERVER, "1", "9" * 30),
        line("UNKNOWNS"),
        line("UNKNOWN", "x" * MAX_LINE_BYTES),
        b"PROXY " + b"x" * 101,
    ],
)
def test_malformed_lines(data: bytes) -> None:
    with pytest.raises(Malformed, match="proxy-line"):
        read_proxy_header(data)


def test_the_longest_line() -> None:
    longest = line("UNKNOWN", "x" * (MAX_LINE_BYTES - len(line("UNKNOWN", ""))))
    assert len(longest) == MAX_LINE_BYTES
    assert read_proxy_header(longest) == (ProxyHeader(None), MAX_LINE_BYTES)


@pytest.mark.parametrize(
    ("reason", "data"),
    [
        ("proxy-command", proxy2(addresses(), command=0x22)),
        ("proxy-command", proxy2(addresses(), command=0x11)),
        ("proxy-command", proxy2(addresses(), command=0x01)),
        ("proxy-family", proxy2(addresses(), 0x13)),
        ("proxy-family", proxy2(addresses(), 0x41)),
        ("proxy-family", proxy2(addresses(), 0x03)),
        ("proxy-length", proxy2(addresses()[:-1])),
        ("proxy-length", proxy2(addresses(), 0x21)),
        ("proxy-length", proxy2(bytes(215), 0x31)),
        ("proxy-length", proxy2(b"")),
        ("proxy-vector", proxy2(addresses() + b"\x04")),
        ("proxy-vector", proxy2(addresses() + b"\x04\0")),
        ("proxy-vector", proxy2(addresses() + b"\x04\0\x01")),
        ("proxy-vector", proxy2(addresses() + b"\x04\xff\xff" + bytes(100))),
        ("proxy-too-long", proxy2(addresses(), length=MAX_HEADER_BYTES - 15)),
        ("proxy-too-long", proxy2(b"", 0, 0x20, length=65_535)),
    ],
)
def test_malformed_headers(reason: str, data: bytes) -> None:
    with pytest.raises(Malformed, match=reason):
        read_proxy_header(data)


def test_the_longest_header() -> None:
    body = addresses() + b"\x04" + (MAX_HEADER_BYTES - 31).to_bytes(2) + bytes(MAX_HEADER_BYTES - 31)
    assert read_proxy_header(proxy2(body)) == (ProxyHeader(ends(CLIENT, SERVER)), MAX_HEADER_BYTES)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", None),
        (b"P", None),
        (b"PROXY", None),
        (b"PROXY ", True),
        (b"PROXIES", False),
        (b"\r\n\r\n\0", None),
        (SIGNATURE, True),
        (SIGNATURE[:-1] + b"\r", False),
        (b"\r\nPROXY ", False),
    ],
)
def test_looks_like_proxy_header(data: bytes, expected: bool | None) -> None:  # noqa: FBT001
    assert looks_like_proxy_header(data) is expected

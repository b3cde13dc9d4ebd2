"""A client's first bytes: what stands before a hello, in whatever pieces, order and depth it comes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensors.observations import Carrier
from sensors.proxy_header import ProxiedEnds
from sensors.streams import MAX_TUNNELS, ClientReader, Found, Greeting
from tests.hello_bytes import pieces
from tests.hellos import client_hello
from tests.stream_bytes import (
    CLEAR,
    CONNECT,
    LDAP_UNBIND,
    MYSQL,
    OPENVPN,
    POSTGRES,
    POSTGRES_GSS,
    PROXY_HEADERS,
    TUNNELS,
    XMPP,
    ldap,
    proxy2,
    socks4,
    socks5,
)

NAME = "api.eu.mistral.ai"
HELLO = client_hello(NAME)
GET = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"
BEFORE = [
    *(data for data, _ in TUNNELS.values()),
    *(data for data, _ in PROXY_HEADERS.values()),
    *CLEAR.values(),
]
FIRST = [*BEFORE, *OPENVPN.values()]
CUTS = st.lists(st.integers(0, 2_000), max_size=12)


def fed(chunks: list[bytes]) -> tuple[list[Found], ClientReader]:
    """Feed the chunks until the reader is done; return all that was found."""
    reader = ClientReader()
    found: list[Found] = []
    for chunk in chunks:
        if not reader.done:
            found += reader.feed(chunk)
    return found, reader


def one_by_one(data: bytes) -> list[bytes]:
    return [bytes((byte,)) for byte in data]


def told(data: bytes) -> tuple[list[tuple[Carrier, str | None]], str | None, bool]:
    """Carriers and names, the outcome, and whether the reader is done: the same whole and byte by byte."""
    said = []
    for chunks in ([data], one_by_one(data)):
        found, reader = fed(chunks)
        greetings = [(each.carrier, each.server_name) for each in found if isinstance(each, Greeting)]
        said.append((greetings, reader.outcome, reader.done))
    assert said[0] == said[1]
    return said[0][0], said[0][1], said[0][2]


@pytest.mark.parametrize("kind", TUNNELS)
def test_a_tunnel_gives_its_target_and_what_is_inside(kind: str) -> None:
    request, target = TUNNELS[kind]
    carrier = "http-connect" if kind == "CONNECT" else "socks"
    assert told(request) == ([(carrier, target)], None, False)
    assert told(request + HELLO) == ([(carrier, target), ("tls", NAME)], None, True)
    assert told(request + GET) == ([(carrier, target), ("http", "a.example")], None, True)
    assert told(request + b"\xff") == ([(carrier, target)], "unknown-protocol", True)


@pytest.mark.parametrize("kind", OPENVPN)
def test_a_tunnel_that_conceals_is_the_last_that_is_said(kind: str) -> None:
    reset = OPENVPN[kind]
    for before in (b"", *(data for data, _ in PROXY_HEADERS.values())):
        assert told(before + reset + HELLO) == ([("openvpn", None)], None, True)
        assert told(before + reset[:-1]) == ([], None, False)
    for request, target in TUNNELS.values():
        greetings, outcome, done = told(request + reset)
        assert ([each[1] for each in greetings], outcome, done) == ([target, None], None, True)


@pytest.mark.parametrize("kind", OPENVPN)
def test_a_reset_with_another_length_or_opcode_begins_nothing(kind: str) -> None:
    reset = OPENVPN[kind]
    for other in (-1, 1):
        length = len(reset) - 2 + other
        assert told(length.to_bytes(2) + reset[2:] + b"\1") == ([], "unknown-protocol", True)
    for opcode in (4 << 3, 5 << 3, 8 << 3, (7 << 3) + 1, 0):
        assert told(reset[:2] + bytes((opcode,)) + reset[3:]) == ([], "unknown-protocol", True)


@pytest.mark.parametrize("kind", CLEAR)
def test_a_hello_after_clear_text(kind: str) -> None:
    assert told(CLEAR[kind] + HELLO) == ([("tls", NAME)], None, True)
    assert told(CLEAR[kind]) == ([], None, False)
    assert told(CONNECT + CLEAR[kind] + HELLO)[0][1:] == [("tls", NAME)]


@pytest.mark.parametrize("kind", PROXY_HEADERS)
def test_a_proxy_header_is_passed_over(kind: str) -> None:
    header, ends = PROXY_HEADERS[kind]
    for behind in (b"", CONNECT, CLEAR["SMTP"]):
        assert told(header + behind + HELLO)[0][-1] == ("tls", NAME)
    for chunks in ([header + HELLO], one_by_one(header + HELLO)):
        found, _ = fed(chunks)
        proxied = [each for each in found if isinstance(each, ProxiedEnds)]
        assert (found[: len(proxied)], len(proxied)) == (proxied, 0 if ends is None else 1)


@pytest.mark.parametrize("before", [PROXY_HEADERS["version 2, local"][0], CONNECT], ids=["header", "tunnel"])
@pytest.mark.parametrize("kind", PROXY_HEADERS)
def test_a_proxy_header_stands_once_and_first(kind: str, before: bytes) -> None:
    data = before + PROXY_HEADERS[kind][0] + HELLO
    assert told(data)[1:] == ("unknown-protocol", True)
    assert [each for each in fed([data])[0] if isinstance(each, ProxiedEnds)] == []


@pytest.mark.parametrize(
    ("outcome", "data"),
    [
        ("socks-no-connect", b"\x05\x01\0" + socks5(b"a.example", command=2)),
        ("socks-no-connect", b"\x05\x01\0" + socks5(b"\0\0\0\0", 1, command=3)),
        ("socks-no-connect", socks4(command=2)),
        ("malformed-socks-address-type", b"\x05\x01\0" + socks5(b"\0" * 6, 2)),
        ("malformed-socks-no-name", b"\x05\x01\0" + socks5(b"")),
        ("malformed-socks-no-name", socks4("0.0.0.1", name=b"")),
        ("malformed-socks-text-too-long", socks4(user=b"a" * 256)),
        ("malformed-socks-text-too-long", socks4("0.0.0.1", name=b"a" * 256)),
        ("malformed-proxy-line", b"PROXY TCP4 1.2.3.4 5.6.7.8 1 65536\r\n"),
        ("malformed-proxy-too-long", proxy2(b"", length=65_535)),
        ("unknown-protocol", b"\x05\0" + socks5(b"a.example")),
        ("unknown-protocol", b"\x05\x01\0" + b"\x05\xf0\0\x03\x01a\0\0"),
        ("unknown-protocol", b"\x05\x01\0" + b"\x05\x01\x01\x03\x01a\0\0"),
        ("unknown-protocol", b"\x05\x01\0" + b"\x02"),
        ("unknown-protocol", socks4(user=b"\x80")),
        ("unknown-protocol", socks4("0.1.2.3")),
        ("unknown-protocol", b"\x04\x01\x01\xbb\0\0\0\0"),
        ("unknown-protocol", b"\x04\x01\0\0\x01\x02\x03\x04"),
        ("unknown-protocol", b"\x04\x03\0"),
        ("unknown-protocol", b"SSH-2.0-OpenSSH_9.2\r\n"),
        ("unknown-protocol", b"QUIT\r\n"),
        ("unknown-protocol", b"EHLO a\r\nMAIL FROM:<a@b.example>\r\n"),
        ("unknown-protocol", b"a1 LOGIN jo secret\r\n"),
        ("unknown-protocol", b"a1 NOOPS\r\n"),
        ("unknown-protocol", b"a-1 NOOP\r\n"),
        ("unknown-protocol", b"USER jo\r\n"),
        ("unknown-protocol", b"EHLO a\r\n" + HELLO + b"\n"),
        ("unknown-protocol", b"AUTH PLAIN\r\n" + HELLO + b"\n"),
        ("unknown-protocol", XMPP.replace(b"starttls", b"iq") + HELLO),
        ("unknown-protocol", ldap(LDAP_UNBIND) + HELLO),
        ("unknown-protocol", POSTGRES_GSS + HELLO),
        ("unknown-protocol", POSTGRES + b"\0\0\0\x08\0\x03\0\0"),
        ("unknown-protocol", MYSQL[:5] + b"\xa6" + MYSQL[6:] + HELLO),
        ("unknown-protocol", CLEAR["SMTP"] + b"\x16\x02\0\0\1"),
    ],
)
def test_what_ends_without_a_greeting(outcome: str, data: bytes) -> None:
    assert told(data) == ([], outcome, True)


@pytest.mark.parametrize("request_", [data for data, _ in TUNNELS.values()], ids=TUNNELS)
@pytest.mark.parametrize("count", [MAX_TUNNELS, MAX_TUNNELS + 1, MAX_TUNNELS + 2])
def test_tunnels_inside_tunnels_are_bounded(request_: bytes, count: int) -> None:
    greetings, outcome, done = told(request_ * count + HELLO)
    assert (greetings[-1][0] == "tls") is (count == MAX_TUNNELS)
    assert (len(greetings), outcome, done) == (MAX_TUNNELS + 1, None, True)


def test_a_hello_in_a_tunnel_whose_rest_never_came() -> None:
    for before in BEFORE:
        _, reader = fed([before, HELLO[:-10]])
        partial = reader.partial()
        assert partial is not None
        assert (partial.server_name, partial.hello is not None) == (NAME, True)
        assert fed([before])[1].partial() is None


@settings(max_examples=400, deadline=None)
@given(
    st.lists(st.sampled_from(FIRST), max_size=3).map(b"".join),
    st.integers(0, 600),
    st.binary(max_size=3),
    CUTS,
)
def test_any_split_gives_the_same(before: bytes, at: int, damage: bytes, cuts: list[int]) -> None:
    stream = before[:at] + damage + before[at + len(damage) :] + HELLO
    whole, reader = fed([stream])
    split, other = fed(pieces(stream, cuts))
    assert whole == split
    assert (reader.done, reader.outcome, reader.partial()) == (other.done, other.outcome, other.partial())

"""Request heads: whom they are for, in whatever form and in whatever pieces they come."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensors import http
from sensors.http import MAX_HEAD_BYTES, NotHttp, RequestHead, RequestHeadReader, looks_like_http
from sensors.wire import Malformed
from tests.hello_bytes import CountingBuffer, pieces, real_flight

CUTS = st.lists(st.integers(0, 1_000), max_size=12)
GET = b"GET /v1/models?key=1 HTTP/1.1\r\nHost: api.example:8080\r\nAccept: */*\r\n\r\n"


def feed_all(reader: RequestHeadReader, chunks: list[bytes]) -> None:
    for chunk in chunks:
        reader.feed(chunk)


def read(data: bytes) -> RequestHead | None:
    return RequestHeadReader().feed(data)


def request(target: bytes, *fields: bytes, method: bytes = b"GET", version: bytes = b"HTTP/1.1") -> bytes:
    return b"\r\n".join((method + b" " + target + b" " + version, *fields, b"", b""))


def test_every_field() -> None:
    assert read(GET + b"body") == RequestHead(
        method="GET",
        target=b"/v1/models?key=1",
        host="api.example",
        port=8080,
        is_connect=False,
        rest=b"body",
    )


@pytest.mark.parametrize(
    ("data", "host", "port"),
    [
        (request(b"/", b"Host: API.Example"), "api.example", None),
        (request(b"/", b"hOsT:\t api.example. \t"), "api.example", None),
        (request(b"/", b"Host: api.example:"), "api.example", None),
        (request(b"/", b"Host: 192.0.2.7:00080"), "192.0.2.7", 80),
        (request(b"/", b"Host: [2001:DB8::1]:8443"), "2001:db8::1", 8443),
        (request(b"/", b"Host: [2001:db8::1]"), "2001:db8::1", None),
        (request(b"/", b"Host: m\xc3\xbcnchen.example"), r"m\xc3\xbcnchen.example", None),
        (request(b"/", b"Host:"), None, None),
        (request(b"/", b"Host: :80"), None, 80),
        (request(b"/", version=b"HTTP/1.0"), None, None),
        (request(b"/", b"X-Host: b.example", b"Host: a.example", b"A:Host"), "a.example", None),
        (request(b"*", b"Host: a.example", method=b"OPTIONS"), "a.example", None),
        (request(b"http://a.example/x?y=http://c.example", b"Host: b.example"), "a.example", None),
        (request(b"HTTPS://A.example:8443"), "a.example", 8443),
        (request(b"http://[::1]:81?q#f"), "::1", 81),
        (request(b"a.example:443", b"Host: b.example", method=b"CONNECT"), "a.example", 443),
        (request(b"[2001:db8::1]:443", method=b"CONNECT", version=b"HTTP/1.0"), "2001:db8::1", 443),
        (b"\r\n" + GET, "api.example", 8080),
        (b"\n" + GET, "api.example", 8080),
        (GET.replace(b"\r\n", b"\n"), "api.example", 8080),
        (b"GET \t /  HTTP/1.1 \r\nHost: a.example\r\n\r\n", "a.example", None),
    ],
)
def test_host_and_port(data: bytes, host: str | None, port: int | None) -> None:
    head = read(data)
    assert head is not None
    assert (head.host, head.port, head.rest) == (host, port, b"")
    assert head.is_connect is data.startswith(b"CONNECT")


def test_a_tunnel_begins_right_after_the_head() -> None:
    hello = real_flight("api.openai.com")
    head = read(request(b"api.openai.com:443", b"Host: api.openai.com:443", method=b"CONNECT") + hello)
    assert head is not None
    assert (head.is_connect, head.host, head.port, head.rest) == (True, "api.openai.com", 443, hello)


@pytest.mark.parametrize(
    ("reason", "data"),
    [
        ("http-request-line", b"GET HTTP/1.1\r\n\r\n"),
        ("http-request-line", b"GET / x HTTP/1.1\r\n\r\n"),
        ("http-target", request(b"/\x01")),
        ("http-target", request(b"a.example")),
        ("http-target", request(b"http:///path")),
        ("http-target", request(b"http://user@a.example/")),
        ("http-connect-target", request(b"a.example", method=b"CONNECT")),
        ("http-connect-target", request(b":443", method=b"CONNECT")),
        ("http-connect-target", request(b"a.example:", method=b"CONNECT")),
        ("http-connect-target", request(b"a.example:65536", method=b"CONNECT")),
        ("http-connect-target", request(b"a.example:" + b"9" * 6_000, method=b"CONNECT")),
        ("http-connect-target", request(b"2001:db8::1:443", method=b"CONNECT")),
        ("http-connect-target", request(b"http://a.example/", method=b"CONNECT")),
        ("http-two-hosts", request(b"/", b"Host: a.example", b"HOST: a.example")),
        ("http-two-hosts", request(b"/", b"Host:", b"Host:")),
        ("http-host", request(b"/", b"Host: a\x00b")),
        ("http-host", request(b"/", b"Host: a\rb")),
        ("http-host", request(b"/", b"Host: a\x7fb")),
        ("http-host", request(b"/", b"Host: a.example b.example")),
        ("http-host", request(b"/", b"Host: a.example/b")),
        ("http-host", request(b"/", b"Host: u@a.example")),
        ("http-host", request(b"/", b"Host: a:b:80")),
        ("http-host", request(b"/", b"Host: [::1")),
        ("http-host", request(b"/", b"Host: " + b"a" * 256)),
        ("http-host", request(b"a.example:443", b"Host: \x01", method=b"CONNECT")),
        ("http-obs-fold", request(b"/", b"Host: a.example", b" .evil.example")),
        ("http-obs-fold", request(b"/", b"\tHost: a.example")),
        ("http-field", request(b"/", b"Host : a.example")),
        ("http-field", request(b"/", b": a.example")),
        ("http-field", request(b"/", b"no colon")),
        ("http-field", request(b"/", b"\r")),
        ("http-head-too-long", request(b"/" + b"a" * MAX_HEAD_BYTES)),
        ("http-head-too-long", request(b"/", *[b"a:"] * (MAX_HEAD_BYTES // 4))),
    ],
)
def test_malformed(reason: str, data: bytes) -> None:
    for chunks in ([data], [bytes((byte,)) for byte in data]):
        reader = RequestHeadReader()
        with pytest.raises(Malformed) as malformed:
            feed_all(reader, chunks)
        assert malformed.value.reason == reason
        assert reader.feed(GET) is None


@pytest.mark.parametrize(
    "data",
    [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /\r\n",
        b"GET / HTTP/2.0\r\n",
        b"GET / HTTP/1.10\r\n",
        b"OPTIONS sip:a@b.example SIP/2.0\r\n",
        b"OPTIONS rtsp://a.example RTSP/1.0\r\n",
        b"get / HTTP/1.1\r\n",
        b"GETS / HTTP/1.1\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"\r\n\r\nGET / HTTP/1.1\r\n",
        b"GET\r\n",
        b"\x16\x03\x01",
        b"SSH-2.0-x\r\n",
    ],
)
def test_not_http(data: bytes) -> None:
    for chunks in ([data], [bytes((byte,)) for byte in data]):
        reader = RequestHeadReader()
        with pytest.raises(NotHttp):
            feed_all(reader, chunks)
        assert reader.feed(GET) is None


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", None),
        (b"G", None),
        (b"GET", None),
        (b"GET ", True),
        (b"PRI * HTTP/2.0", True),
        (b"CONNECT a", True),
        (b"CONNECTS", False),
        (b"PROPFIND /", True),
        (b"PROPX", False),
        (b"get ", False),
        (b"\r", None),
        (b"\r\n", None),
        (b"\r\nPO", None),
        (b"\nPOST ", True),
        (b"\r\n\r", False),
        (b"\r\r", False),
        (b"\x16", False),
    ],
)
def test_looks_like_http(data: bytes, expected: bool | None) -> None:  # noqa: FBT001
    assert looks_like_http(data) is expected


@given(CUTS, st.binary(max_size=20))
def test_any_split_gives_the_same_head(cuts: list[int], later: bytes) -> None:
    stream = GET + later
    reader = RequestHeadReader()
    rest = b""
    head = None
    for chunk in pieces(stream, cuts):
        if head is not None:
            rest += chunk
            continue
        head = reader.feed(chunk)
    assert head is not None
    assert head.rest + rest == later
    assert (head.method, head.host, head.port) == ("GET", "api.example", 8080)


@settings(max_examples=300)
@given(
    st.sampled_from((b"", b"GET ", b"CONNECT ", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost:")),
    st.binary(max_size=60),
    st.sampled_from((b"", b"\r\n\r\n", b" HTTP/1.1\r\n\r\n")),
    CUTS,
)
def test_any_bytes_have_one_outcome_however_split(
    begin: bytes, data: bytes, end: bytes, cuts: list[int]
) -> None:
    stream = begin + data + end
    if stream:
        assert outcome_of([stream]) == outcome_of(pieces(stream, cuts))


def outcome_of(chunks: list[bytes]) -> object:
    reader = RequestHeadReader()
    try:
        for chunk in chunks:
            head = reader.feed(chunk)
            if head is not None:
                assert head.host is None or (head.host.isprintable() and head.host.isascii())
                return head.method, head.target, head.host, head.port
    except (Malformed, NotHttp) as outcome:
        return type(outcome), str(outcome)
    return None


def test_the_longest_head_is_read_and_what_follows_may_be_longer() -> None:
    filler = b"a: " + b"b" * (MAX_HEAD_BYTES - len(request(b"/", b"a: ")))
    data = request(b"/", filler)
    assert len(data) == MAX_HEAD_BYTES
    head = read(data + bytes(100_000))
    assert head is not None
    assert len(head.rest) == 100_000
    with pytest.raises(Malformed, match="http-head-too-long"):
        read(request(b"/", filler + b"b"))


@pytest.mark.parametrize(
    "fields", [[b"a:"] * 4_000, [b"a: " + b"b" * 16_000]], ids=["short lines", "one long line"]
)
def test_work_grows_with_the_bytes_alone(fields: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """16 KiB in one-byte segments: each byte is copied and searched a constant number of times."""
    monkeypatch.setattr(http, "bytearray", CountingBuffer, raising=False)
    data = request(b"/", *fields)
    reader = RequestHeadReader()
    CountingBuffer.work = 0
    heads = [reader.feed(bytes((byte,))) for byte in data]
    assert heads[-1] is not None
    assert len(data) < CountingBuffer.work < 3 * len(data)

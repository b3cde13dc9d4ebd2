"""Records to a ClientHello: any split gives the same, anything else has its own clean outcome."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensors import tls
from sensors.clienthello import MAX_CLIENT_HELLO_BYTES, ClientHello, parse_client_hello
from sensors.tls import MAX_RECORD_BYTES, NotClientHello, NotTls, TlsClientReader, looks_like_tls
from sensors.wire import Malformed
from tests.hello_bytes import (
    PADDING,
    CountingBuffer,
    alpn,
    ech,
    extension,
    hello_body,
    message,
    pieces,
    real_flight,
    record,
    sni,
    vector,
    versions,
)

BODY = hello_body(sni(b"eu.api.openai.com"), alpn(b"h2", b"http/1.1"), versions(0x0304, 0x0303), ech())
HELLO = parse_client_hello(BODY)
FLIGHT = record(message(BODY))
CUTS = st.lists(st.integers(0, 1_000), max_size=12)


def feed_all(reader: TlsClientReader, chunks: list[bytes]) -> None:
    for chunk in chunks:
        reader.feed(chunk)


def fed(chunks: list[bytes]) -> tuple[ClientHello | None, TlsClientReader]:
    """Feed the chunks until there is a hello."""
    reader = TlsClientReader()
    hello = None
    for chunk in chunks:
        hello = hello or reader.feed(chunk)
    return hello, reader


@given(CUTS, CUTS, st.binary(max_size=30), st.binary(max_size=30))
def test_any_split_into_records_and_segments_gives_the_same_hello(
    record_cuts: list[int], segment_cuts: list[int], same_record: bytes, later: bytes
) -> None:
    fragments = pieces(message(BODY), record_cuts)
    fragments[-1] += same_record
    stream = b"".join(map(record, fragments)) + later
    hello, reader = fed(pieces(stream, segment_cuts))
    assert hello == HELLO
    assert reader.partial() is None


@pytest.mark.parametrize("name", ["api.anthropic.com", None])
def test_a_real_flight_byte_by_byte(name: str | None) -> None:
    hello, _ = fed([bytes((byte,)) for byte in real_flight(name, ("h2",))])
    assert hello is not None
    assert (hello.server_name, hello.alpn) == (name, ("h2",))


@pytest.mark.parametrize("version", range(0x0300, 0x0305))
def test_record_versions(version: int) -> None:
    assert TlsClientReader().feed(record(message(BODY), version=version)) == HELLO


def test_a_later_record_may_say_any_minor_version() -> None:
    whole = message(BODY)
    assert TlsClientReader().feed(record(whole[:9]) + record(whole[9:], version=0x0399)) == HELLO


def test_a_hello_longer_than_a_record() -> None:
    body = hello_body(extension(PADDING, bytes(60_000)), sni(b"far.example"))
    whole = message(body)
    parts = [whole[at : at + MAX_RECORD_BYTES] for at in range(0, len(whole), MAX_RECORD_BYTES)]
    hello = TlsClientReader().feed(b"".join(map(record, parts)))
    assert hello == parse_client_hello(body)
    assert len(parts) == 4


def test_a_reader_is_spent_after_its_hello() -> None:
    reader = TlsClientReader()
    assert reader.feed(FLIGHT) == HELLO
    assert reader.feed(FLIGHT) is None
    assert reader.feed(b"\x00") is None
    assert reader.partial() is None


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n",
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10",  # an SSLv2 hello that offers TLS 1.0
        record(message(BODY), version=0x0201),
        record(b""),
        record(bytes(MAX_RECORD_BYTES + 1)),
        record(b"x", kind=24),
        bytes(5),
    ],
)
def test_not_tls(data: bytes) -> None:
    with pytest.raises(NotTls) as outcome:
        TlsClientReader().feed(data)
    assert not isinstance(outcome.value, NotClientHello)
    assert looks_like_tls(data) is False


@pytest.mark.parametrize(
    "data",
    [
        record(message(bytes(70), kind=2)),
        record(message(b"", kind=0)),
        record(b"\x9c\x51\xd0\xaa" * 10),  # an encrypted Finished
        record(b"\x01", kind=20),
        record(b"\x02\x28", kind=21),
        record(bytes(MAX_RECORD_BYTES + 256), kind=23),
    ],
)
def test_tls_but_no_client_hello(data: bytes) -> None:
    with pytest.raises(NotClientHello):
        TlsClientReader().feed(data)
    assert looks_like_tls(data) is False


TOO_LONG = b"\x01" + (MAX_CLIENT_HELLO_BYTES + 1).to_bytes(3)


@pytest.mark.parametrize(
    ("reason", "data"),
    [
        ("tls-interleaved-record", record(message(BODY)[:9]) + record(b"\x02\x28", kind=21)),
        ("tls-interleaved-record", record(message(BODY)[:9]) + b"GET / HTTP/1.1\r\n"),
        ("tls-record-version", record(message(BODY)[:9]) + record(b"x", version=0x0201)),
        ("tls-record-length", record(message(BODY)[:9]) + record(b"")),
        ("tls-record-length", record(message(BODY)[:9]) + record(bytes(MAX_RECORD_BYTES + 1))),
        ("hello-too-long", record(TOO_LONG)),
        ("hello-truncated", record(message(BODY[:-1]))),
        ("hello-trailing-bytes", record(message(BODY + b"\x00"))),
        ("sni-name-length", record(message(hello_body(sni(b""))))),
    ],
)
def test_malformed(reason: str, data: bytes) -> None:
    for chunks in ([data], [bytes((byte,)) for byte in data]):
        reader = TlsClientReader()
        with pytest.raises(Malformed, match=reason):
            feed_all(reader, chunks)
        assert reader.feed(FLIGHT) is None
        assert reader.partial() is None


def test_partial_of_every_beginning() -> None:
    fragments = pieces(message(BODY), [3, 50, 60, 61, 90, 120])
    stream = b"".join(map(record, fragments))
    seen = []
    for end in range(len(stream)):
        reader = TlsClientReader()
        assert reader.feed(stream[:end]) is None
        part = reader.partial()
        seen.append(part)
        if part is not None:
            assert not part.complete
            assert part.server_name in (None, HELLO.server_name)
            assert part.alpn in ((), HELLO.alpn)
            assert part.versions in ((), HELLO.versions)
            assert part.extensions == HELLO.extensions[: len(part.extensions)]
    assert seen[0] is None
    last = seen[-1]
    assert last is not None
    assert (last.server_name, last.versions, last.ech) == (HELLO.server_name, HELLO.versions, "none")


def test_partial_of_a_malformed_beginning_is_nothing() -> None:
    reader = TlsClientReader()
    body = hello_body(sni(b"a.example"), sni(b"b.example"), extension(PADDING, bytes(99)))
    assert reader.feed(record(message(body))[:-20]) is None
    assert reader.partial() is None


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", None),
        (b"\x16", None),
        (b"\x16\x03\x01\x02\x00", None),
        (b"\x16\x03\x01\x02\x00\x01", True),
        (b"\x16\x03\x04\x00\x01\x01", True),
        (b"\x16\x03\x03\x40\x00\x01", True),
        (b"\x16\x03\x03\x40\x01\x01", False),
        (b"\x16\x03\x05", False),
        (b"\x16\x02", False),
        (b"\x17", False),
        (b"\x16\x03\x03\x41", False),
        (b"\x16\x03\x03\x00\x00\x01", False),
        (b"\x16\x03\x03\x00\x46\x02", False),
        (b"\x80\x2e\x01", False),
    ],
)
def test_looks_like_tls(data: bytes, expected: bool | None) -> None:  # noqa: FBT001
    assert looks_like_tls(data) is expected


@given(st.binary(max_size=8))
def test_a_decision_stands(data: bytes) -> None:
    for stream in (data, FLIGHT[: len(data)] + data):
        decisions = [looks_like_tls(stream[:end]) for end in range(len(stream) + 1)]
        decided = [decision for decision in decisions if decision is not None]
        assert decisions[: len(decisions) - len(decided)] == [None] * (len(decisions) - len(decided))
        assert len(set(decided)) <= 1


@settings(max_examples=300)
@given(
    st.sampled_from((b"", b"\x16", FLIGHT[:5], FLIGHT[:6], FLIGHT[:60])), st.lists(st.binary(), max_size=6)
)
def test_any_bytes_end_cleanly(beginning: bytes, chunks: list[bytes]) -> None:
    reader = TlsClientReader()
    with contextlib.suppress(Malformed, NotTls):
        feed_all(reader, [beginning, *chunks])
    part = reader.partial()
    assert part is None or not part.complete


@given(st.integers(0, len(FLIGHT) - 1), st.binary(min_size=1, max_size=3), CUTS)
def test_a_split_does_not_change_what_a_damaged_flight_is(at: int, damage: bytes, cuts: list[int]) -> None:
    stream = FLIGHT[:at] + damage + FLIGHT[at + len(damage) :]
    assert outcome_of([stream]) == outcome_of(pieces(stream, cuts))


def outcome_of(chunks: list[bytes]) -> object:
    try:
        hello, reader = fed(chunks)
    except (Malformed, NotTls) as outcome:
        return type(outcome), str(outcome)
    return hello or reader.partial()


def test_work_grows_with_the_bytes_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """64 kB in one-byte records and one-byte segments: each byte is copied a constant number of times."""
    parses = []

    def parse(body: bytes) -> ClientHello:
        parses.append(len(body))
        return parse_client_hello(body)

    monkeypatch.setattr(tls, "bytearray", CountingBuffer, raising=False)
    monkeypatch.setattr(tls, "parse_client_hello", parse)
    body = hello_body(extension(PADDING, bytes(65_000)), sni(b"far.example"))
    stream = b"".join(record(bytes((byte,))) for byte in message(body))
    CountingBuffer.work = 0
    hello, _ = fed([bytes((byte,)) for byte in stream])
    assert hello is not None
    assert hello.server_name == "far.example"
    assert parses == [len(body)]
    assert len(body) < CountingBuffer.work < 3 * len(stream)


def test_a_stream_without_end_is_not_kept() -> None:
    """The longest hello that a client may announce ends the reading, well-formed or not."""
    reader = TlsClientReader()
    announced = record(b"\x01" + MAX_CLIENT_HELLO_BYTES.to_bytes(3))
    full = MAX_CLIENT_HELLO_BYTES // MAX_RECORD_BYTES
    feed_all(reader, [announced, *[record(bytes(MAX_RECORD_BYTES))] * full])
    with pytest.raises(Malformed):
        reader.feed(record(bytes(MAX_RECORD_BYTES)))


def test_many_empty_lists_are_read_in_one_pass() -> None:
    """The most extensions and the most names that fit: the reader walks them once, whatever they are."""
    names = b"\x07\x00\x00" * 21_000
    body = hello_body(extension(0, vector(2, names)), suites=(0x1301,) * 30_000)
    assert parse_client_hello(body).server_name is None
    kinds = hello_body(*(extension(kind, b"") for kind in range(0x4000, 0x4000 + 16_000)))
    assert len(parse_client_hello(kinds).extensions) == 16_000

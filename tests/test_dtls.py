"""DTLS: hellos from fragments in any cut and order, what is broken, what is bounded, flows with cookies."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors.dtls import MAX_DATAGRAMS, MAX_FRAGMENTS, MAX_MESSAGES, DtlsClient, begins_dtls
from sensors.ja4 import ja4
from sensors.streams import Greeting
from sensors.wire import Malformed
from tests.dtls_bytes import (
    DTLS_1_0,
    DTLS_1_2,
    DTLS_1_3,
    datagram,
    dtls_body,
    dtls_record,
    fragment,
    fragments,
)
from tests.hello_bytes import alpn, signatures, sni, versions
from tests.segments import Run, down, up

NAME = "api.openai.com"
EXTENSIONS = (sni(NAME.encode()), alpn(b"h2"), signatures(0x0403, 0x0804))
FIRST, SECOND = dtls_body(*EXTENSIONS), dtls_body(*EXTENSIONS, cookie=b"a server's cookie")


def said(client: DtlsClient, datagrams: list[bytes]) -> list[Greeting]:
    """The greetings that datagrams lead to."""
    greetings = []
    for each in datagrams:
        greeting = None if client.done else client.feed(each)
        greetings += [greeting] if greeting is not None else []
    return greetings


def assert_greeting(greeting: Greeting) -> None:
    hello = greeting.hello
    assert hello is not None
    assert (greeting.carrier, greeting.server_name, hello.alpn) == ("dtls", NAME, ("h2",))
    assert (hello.versions, hello.complete) == ((DTLS_1_2,), True)
    assert ja4(hello, "d").startswith("dd2d0203h2_")


@pytest.mark.parametrize("body", [FIRST, SECOND])
def test_a_whole_hello(body: bytes) -> None:
    [greeting] = said(DtlsClient(), [datagram(body)])
    assert_greeting(greeting)


@given(st.data())
def test_any_cut_order_repetition_and_packing_gives_the_same_hello(data: st.DataObject) -> None:
    cuts = st.lists(st.integers(0, 400), max_size=6)
    pieces = fragments(FIRST, data.draw(cuts)) + fragments(SECOND, data.draw(cuts), 1)
    again = data.draw(st.lists(st.sampled_from(pieces), max_size=4))
    other = [fragment(b"\0" * 40, 0, 40, number=2, kind=16)]
    pieces = data.draw(st.permutations([*pieces, *again, *other]))
    datagrams = []
    while pieces:
        count, in_a_record = data.draw(st.integers(1, len(pieces))), data.draw(st.integers(1, 3))
        taken, pieces = pieces[:count], pieces[count:]
        contents = [b"".join(taken[at : at + in_a_record]) for at in range(0, count, in_a_record)]
        datagrams.append(b"".join(map(dtls_record, contents)))
    client = DtlsClient()
    [greeting] = said(client, datagrams)
    assert_greeting(greeting)
    assert client.done
    assert client.partial() is None


@pytest.mark.parametrize(
    ("extension", "legacy", "offered", "fingerprint"),
    [
        ((), DTLS_1_0, (DTLS_1_0,), "dd1i"),
        ((), DTLS_1_2, (DTLS_1_2,), "dd2i"),
        ((versions(DTLS_1_2, DTLS_1_3),), DTLS_1_2, (DTLS_1_3, DTLS_1_2), "dd3i"),
        ((versions(DTLS_1_0, 0x1A1A, DTLS_1_2),), DTLS_1_2, (DTLS_1_2, DTLS_1_0), "dd2i"),
        ((versions(0x0304),), DTLS_1_2, (0x0304,), "d13i"),
    ],
)
def test_versions_count_downwards(
    extension: tuple[bytes, ...], legacy: int, offered: tuple[int, ...], fingerprint: str
) -> None:
    [greeting] = said(DtlsClient(), [datagram(dtls_body(*extension, legacy=legacy))])
    assert greeting.hello is not None
    assert greeting.hello.versions == offered
    assert ja4(greeting.hello, "d").startswith(fingerprint)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (datagram(FIRST)[:-1], "dtls-past-end"),
        (dtls_record(b"")[:9], "dtls-past-end"),
        (dtls_record(b""), "dtls-record-length"),
        (dtls_record(bytes(16_385)), "dtls-record-length"),
        (dtls_record(fragment(FIRST, 0, 90)[:11]), "dtls-fragment"),
        (dtls_record(fragment(FIRST, 0, 90)[:-1]), "dtls-fragment"),
        (dtls_record(b"\x01\0\0\x10\0\0\0\0\x0f\0\0\x02ab"), "dtls-fragment"),
        (dtls_record(b"\x01\xff\xff\xff\0\0\0\0\0\0\0\x02ab"), "hello-too-long"),
        (dtls_record(fragment(FIRST, 0, 9) + fragment(FIRST + b"x", 9, 20)), "dtls-message-length"),
        (dtls_record(fragment(b"", 0, 0)), "hello-truncated"),
        (datagram(SECOND[:-1]), "hello-truncated"),
    ],
)
def test_malformed(payload: bytes, reason: str) -> None:
    with pytest.raises(Malformed, match=reason):
        DtlsClient().feed(payload)
    run = Run(
        [up(0, payload=datagram(FIRST)[:99] + b"x", transport=17), up(1, payload=payload, transport=17)]
    )
    assert NAME not in run.names
    counts = Counter([f"malformed-{reason}", "malformed-dtls-past-end"])
    assert run.counters == counts + Counter({"incomplete-hellos": len(run.names)})


def test_what_is_broken_does_not_hide_what_follows() -> None:
    client = DtlsClient()
    with pytest.raises(Malformed):
        client.feed(datagram(FIRST)[:-1])
    assert client.partial() is None
    [greeting] = said(client, [datagram(FIRST)])
    assert_greeting(greeting)


def test_other_records_are_passed_over() -> None:
    for other in (b"", b"x", dtls_record(b"\0" * 30, kind=21), dtls_record(b"\0" * 30, epoch=1)):
        client = DtlsClient()
        assert client.feed(other) is None
        assert client.feed(other + datagram(FIRST)) is None or not other
    client = DtlsClient()
    assert client.feed(dtls_record(b"\x01" * 20, epoch=1)) is None
    assert (client.done, client.oddity, client.partial()) == (False, None, None)


@pytest.mark.parametrize("kept", range(14, len(datagram(FIRST)), 7))
def test_a_hello_that_the_capture_cut_says_what_is_there(kept: int) -> None:
    client = DtlsClient()
    payload = datagram(FIRST)
    assert client.feed(payload[:kept], complete=False) is None
    partial = client.partial()
    assert (partial is not None) is (kept > 25)
    named = payload.index(NAME.encode()) + len(NAME) <= kept
    assert (partial is not None and partial.server_name == NAME) is named
    if partial is not None and partial.hello is not None:
        assert partial.hello.complete is False


def test_a_hole_keeps_what_stands_before_it() -> None:
    client = DtlsClient()
    parts = fragments(FIRST, [len(FIRST) - 9])
    assert client.feed(dtls_record(parts[0])) is None
    partial = client.partial()
    assert partial is not None
    assert partial.server_name == NAME


def test_bounds() -> None:
    client = DtlsClient()
    for number in range(MAX_MESSAGES):
        client.feed(dtls_record(fragment(FIRST, 0, 50, number=number)))
    assert said(client, [datagram(SECOND, MAX_MESSAGES)]) == []
    assert len(said(client, [datagram(FIRST, MAX_MESSAGES - 1)])) == 1

    client = DtlsClient()
    tiny = dtls_record(b"".join(fragment(FIRST, 0, 1) for _ in range(100)))
    run = Run([up(at, payload=tiny, transport=17) for at in range(20)])
    assert run.counters == {"dtls-over-limit": 1}
    for _ in range(MAX_FRAGMENTS // 100 + 1):
        client.feed(tiny)
    assert (client.done, client.oddity) == (True, "dtls-over-limit")

    client = DtlsClient()
    for count in range(MAX_DATAGRAMS):
        assert not client.done
        client.feed(dtls_record(fragment(FIRST, 0, 50)))
        assert client.held_bytes == (count + 1) * 75
    assert client.done


@given(st.binary(max_size=120))
def test_random_datagrams_begin_nothing(payload: bytes) -> None:
    assert not begins_dtls(payload)
    assert not begins_dtls(b"\x16\xfe\xfd\0\1" + payload)
    assert begins_dtls(datagram(FIRST) + payload)


@pytest.mark.parametrize(("at", "value"), [(0, 23), (1, 3), (2, 0), (4, 1), (13, 2), (11, 0xFF), (22, 0xFF)])
def test_each_field_of_the_headers_counts(at: int, value: int) -> None:
    payload = bytearray(datagram(FIRST))
    payload[at] = value
    assert not begins_dtls(bytes(payload))


def test_the_hello_with_the_cookie_is_the_same_greeting() -> None:
    verify = dtls_record(fragment(b"\xfe\xff\x04cook", 0, 7, kind=3), version=DTLS_1_0)
    run = Run(
        [
            up(0, payload=datagram(FIRST), transport=17),
            down(20, payload=verify, transport=17),
            up(21, payload=datagram(SECOND, 1), transport=17),
            up(22, payload=datagram(SECOND, 1), transport=17),
        ]
    )
    assert run.names == [NAME]
    assert [flow.handshake_rtt_ns for flow in run.flows] == [20_000_000]
    assert run.counters == {}


def test_another_association_of_one_socket_is_a_flow_of_its_own() -> None:
    other = dtls_body(sni(b"api.mistral.ai"))
    payloads = [datagram(FIRST), dtls_record(bytes(90), kind=23, epoch=1), datagram(other), datagram(other)]
    run = Run([up(at, payload=payload, transport=17) for at, payload in enumerate(payloads)])
    assert run.names == [NAME, "api.mistral.ai"]
    assert [flow.packets_up for flow in run.flows] == [2, 2]

"""Reading the client's CRYPTO stream: real Initials from aioquic, and packets sealed one by one."""

import pytest
from aioquic.buffer import encode_uint_var
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.crypto import CryptoPair
from aioquic.quic.packet import QuicProtocolVersion, encode_quic_retry
from hypothesis import given, settings
from hypothesis import strategies as st

from sensors import quic
from sensors.quic import InitialReader, is_client_initial_candidate, is_long_header
from sensors.quic_version import VERSIONS
from sensors.wire import Malformed

V1, V2 = b"\x00\x00\x00\x01", b"\x6b\x33\x43\xcf"
CLIENT_ID, OTHER_ID = b"client-8", b"server-id-9"
HELLO = bytes(range(256)) * 4


def crypto(offset: int, data: bytes) -> bytes:
    return b"\x06" + encode_uint_var(offset) + encode_uint_var(len(data)) + data


def initial(
    frames: bytes,
    *,
    version: bytes = V1,
    to: bytes = CLIENT_ID,
    key: bytes | None = None,
    from_client: bool = True,
) -> bytes:
    """Seal one Initial for the connection ID ``to`` under the keys of ``key``."""
    pair = CryptoPair()
    pair.setup_initial(key or to, is_client=from_client, version=int.from_bytes(version))
    frames = frames.ljust(3, b"\x00")
    length = (1 + len(frames) + 16) | 0x4000
    ids = bytes((len(to),)) + to + b"\x00"
    token = b"\x00"
    header = bytes((VERSIONS[version].initial,)) + version + ids + token + length.to_bytes(2) + b"\x07"
    return pair.encrypt_packet(header, frames, 7)


def other_packet(kind: int, *, version: bytes = V1, to: bytes = CLIENT_ID) -> bytes:
    """A long-header packet that is no Initial, with 30 opaque bytes."""
    return bytes((kind,)) + version + bytes((len(to),)) + to + b"\x00" + encode_uint_var(30) + b"\xaa" * 30


def client(version: QuicProtocolVersion = QuicProtocolVersion.VERSION_1, alpn: int = 1) -> QuicConnection:
    connection = QuicConnection(
        configuration=QuicConfiguration(
            is_client=True,
            server_name="api.example.com",
            alpn_protocols=[f"protocol-{number:03}" for number in range(alpn)],
            original_version=version,
            supported_versions=[version],
        )
    )
    connection.connect(("192.0.2.1", 443), now=0.0)
    return connection


def datagrams(connection: QuicConnection) -> list[bytes]:
    return [data for data, _ in connection.datagrams_to_send(now=0.0)]


def assert_whole_hello(stream: bytes) -> None:
    assert stream[0] == 1
    assert int.from_bytes(stream[1:4]) == len(stream) - 4
    assert b"api.example.com" in stream


def outcome_of(reader: InitialReader, payload: bytes) -> str:
    reader.feed(payload)
    return reader.outcome


@pytest.mark.parametrize("alpn", [1, 100, 300])
@pytest.mark.parametrize("version", [QuicProtocolVersion.VERSION_1, QuicProtocolVersion.VERSION_2])
def test_real_hellos_over_one_or_more_datagrams(version: QuicProtocolVersion, alpn: int) -> None:
    sent = datagrams(client(version, alpn))
    assert (len(sent) > 1) is (alpn > 1)
    for order in (sent, sent[::-1], sent + sent):
        reader = InitialReader()
        assert_whole_hello(b"".join(map(reader.feed, order)))
        assert reader.outcome == "initial"
        assert reader.connections == 1
    assert is_client_initial_candidate(sent[0])


def test_a_real_retry_begins_the_stream_anew() -> None:
    connection = client()
    [first] = datagrams(connection)
    source_at = 6 + first[5]
    retry = encode_quic_retry(
        version=QuicProtocolVersion.VERSION_1,
        source_cid=OTHER_ID,
        destination_cid=first[source_at + 1 : source_at + 1 + first[source_at]],
        original_destination_cid=first[6:source_at],
        retry_token=b"token",
    )
    connection.receive_datagram(retry, ("192.0.2.1", 443), now=0.1)
    [second] = datagrams(connection)
    assert second[6 : 6 + second[5]] == OTHER_ID
    reader = InitialReader()
    assert_whole_hello(reader.feed(first))
    assert_whole_hello(reader.feed(second))
    assert reader.connections == 2


@given(st.data())
@settings(max_examples=60)
def test_any_cut_order_and_repetition_gives_the_same_stream(data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(1, len(HELLO) - 1), max_size=8)))
    starts = [0, *cuts]
    extra = data.draw(st.lists(st.tuples(st.integers(0, len(HELLO)), st.integers(0, 300)), max_size=4))
    spans = [*zip(starts, [*cuts, len(HELLO)], strict=True), *((at, at + size) for at, size in extra)]
    frames = [crypto(start, HELLO[start:end]) for start, end in spans]
    frames = data.draw(st.permutations([*frames, b"\x01", b"\x00\x00\x01", b"\x02\x00\x00\x00\x00"]))
    reader = InitialReader()
    got = b""
    while frames:
        count = data.draw(st.integers(1, len(frames)))
        got += reader.feed(initial(b"".join(frames[:count])))
        frames = frames[count:]
    assert got == HELLO


def test_a_connection_keeps_its_keys_when_the_server_chooses_its_id() -> None:
    reader = InitialReader()
    assert reader.feed(initial(crypto(0, b"hel"))) == b"hel"
    assert reader.feed(initial(crypto(3, b"lo"), to=OTHER_ID, key=CLIENT_ID)) == b"lo"
    assert reader.feed(initial(crypto(5, b"!"), to=b"", key=CLIENT_ID)) == b"!"
    assert reader.connections == 1


def test_another_connection_begins_another_stream() -> None:
    reader = InitialReader()
    assert reader.feed(initial(crypto(0, b"abandoned"))) == b"abandoned"
    assert reader.feed(initial(crypto(0, b"new"), to=OTHER_ID, version=V2)) == b"new"
    assert reader.connections == 2


def test_coalesced_packets() -> None:
    zero_rtt, handshake = other_packet(0xD0), other_packet(0xE0)
    first, second = initial(crypto(0, b"ab")), initial(crypto(2, b"cd"))
    broken = first[:-1] + bytes((first[-1] ^ 1,))
    for datagram in (
        first + second,
        second + first,
        zero_rtt + first + handshake + second,
        first + second + b"\x00" * 100,  # padding outside of any packet
        first + second + b"\xff" * 100,  # and what is no packet
        first + second + first[:40],
        first + second + b"\xc0" + V1 + b"\xff" * 100,  # or a malformed one
        broken + first + second,  # an unreadable packet does not hide the next
    ):
        reader = InitialReader()
        assert reader.feed(datagram) == b"abcd"
        assert reader.outcome == "initial"


def test_a_coalesced_packet_for_another_connection_is_passed_over() -> None:
    reader = InitialReader()
    assert reader.feed(initial(crypto(0, b"ab")) + initial(crypto(0, b"decoy"), to=OTHER_ID)) == b"ab"
    assert reader.connections == 1


def test_one_malformed_packet_spoils_its_datagram() -> None:
    reader = InitialReader()
    with pytest.raises(Malformed, match="quic-frame-type"):
        reader.feed(initial(crypto(0, b"ab")) + initial(b"\x08\x00\x00"))
    assert reader.outcome == "malformed"
    assert reader.feed(initial(crypto(0, b"ab"))) == b"ab"


@pytest.mark.parametrize(
    ("payload", "outcome"),
    [
        (initial(crypto(0, b"ab")), "initial"),
        (initial(b"\x01"), "initial"),
        (b"", "no-initial"),
        (b"\x40" + b"short header" * 9, "no-initial"),
        (other_packet(0xD0), "no-initial"),
        (other_packet(0xC0, version=V2), "no-initial"),  # a Retry there
        (other_packet(0xF0), "no-initial"),
        (b"\xc0\x1a\x2a\x3a\x4a" + bytes(60), "unknown-version"),
        (b"\x80\x00\x00\x00\x00" + bytes(60), "unknown-version"),  # Version Negotiation
        (initial(crypto(0, b"ab"), key=OTHER_ID), "undecryptable"),
        (initial(crypto(0, b"ab"), from_client=False), "undecryptable"),
    ],
)
@pytest.mark.parametrize("complete", [True, False])
def test_outcomes(payload: bytes, outcome: str, *, complete: bool) -> None:
    reader = InitialReader()
    reader.feed(payload, complete=complete)
    assert reader.outcome == outcome


@pytest.mark.parametrize("kept", [7, 14, 15, 16, 18, 19, 60, 100])
def test_a_cut_datagram_is_truncated_where_the_capture_cut_it_else_malformed(kept: int) -> None:
    payload = initial(crypto(0, HELLO[:100]))[:kept]
    reader = InitialReader()
    assert reader.feed(payload, complete=False) == b""
    assert reader.outcome == "truncated"
    with pytest.raises(Malformed, match="quic-past-end"):
        InitialReader().feed(payload)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"\xc0" + V1 + b"\x15" + bytes(80), "quic-connection-id"),
        (b"\xc0" + V1 + b"\x00\x15" + bytes(80), "quic-connection-id"),
        (b"\xc0" + V1 + b"\x08" + bytes(8) + b"\x00\x00\x13" + bytes(80), "quic-initial-too-short"),
    ],
)
@pytest.mark.parametrize("complete", [True, False])
def test_malformed_headers(payload: bytes, reason: str, *, complete: bool) -> None:
    reader = InitialReader()
    with pytest.raises(Malformed) as caught:
        reader.feed(payload, complete=complete)
    assert caught.value.reason == reason
    assert reader.outcome == "malformed"


def test_failures_of_a_flow_are_bounded_and_successes_are_not() -> None:
    reader = InitialReader()
    good, bad = initial(crypto(0, b"ab")), initial(crypto(0, b"ab"), key=OTHER_ID)
    for _ in range(quic.MAX_FAILED_DATAGRAMS - 1):
        reader.feed(bad)
        reader.feed(other_packet(0xD0))
    assert reader.feed(good) == b"ab"
    assert outcome_of(reader, bad) == "undecryptable"
    assert outcome_of(reader, good) == "over-limit"


def test_initials_of_a_datagram_are_bounded() -> None:
    packets = [initial(crypto(at, b"x")) for at in range(quic.MAX_COALESCED_INITIALS + 5)]
    assert InitialReader().feed(b"".join(packets)) == b"x" * quic.MAX_COALESCED_INITIALS


def test_the_stream_is_bounded() -> None:
    reader = InitialReader()
    assert reader.feed(initial(crypto(quic.MAX_CRYPTO_BYTES, b"beyond") + crypto(1 << 61, b"far"))) == b""
    chunk = b"x" * 16_000
    got = b"".join(reader.feed(initial(crypto(at, chunk))) for at in range(0, 80_000, 16_000))
    assert got == b"x" * quic.MAX_CRYPTO_BYTES


@pytest.mark.parametrize(
    ("payload", "candidate"),
    [
        (initial(crypto(0, b"ab")), True),
        (initial(crypto(0, b"ab"), version=V2), True),
        (initial(crypto(0, b"ab"), to=b"x" * 20), True),
        (initial(crypto(0, b"ab"))[:15], True),
        (initial(crypto(0, b"ab"))[:14], False),
        (initial(crypto(0, b"ab"), to=b"x" * 20)[:26], False),
        (initial(crypto(0, b"ab"), to=b"seven-b"), False),
        (initial(crypto(0, b"ab"), to=b"x" * 21), False),
        (b"\xc0" + V1 + b"\x08" + bytes(8) + b"\x15" + bytes(40), False),
        (b"\x80" + initial(b"\x01")[1:], False),  # without the fixed bit
        (other_packet(0xD0), False),
        (other_packet(0xC0, version=V2), False),
        (other_packet(0xC0, version=b"\x1a\x2a\x3a\x4a"), False),
        (b"", False),
    ],
)
def test_candidates(payload: bytes, *, candidate: bool) -> None:
    assert is_client_initial_candidate(payload) is candidate


@pytest.mark.parametrize(
    ("payload", "long"),
    [
        (initial(b"\x01", from_client=False), True),
        (b"\x80\x00\x00\x00\x00\x00\x00", True),
        (b"\x80\x00\x00\x00\x00\x00", False),
        (b"\x40" * 40, False),
        (b"", False),
    ],
)
def test_long_headers(payload: bytes, *, long: bool) -> None:
    assert is_long_header(payload) is long


@given(st.lists(st.binary(max_size=120) | st.binary(max_size=80).map(lambda tail: b"\xc0" + V1 + tail)))
def test_any_datagrams_give_outcomes_and_no_bytes(payloads: list[bytes]) -> None:
    reader = InitialReader()
    for payload in payloads:
        try:
            assert reader.feed(payload) == b""
        except Malformed:
            assert reader.outcome == "malformed"
        assert reader.outcome not in ("initial", "truncated")


@given(st.integers(0, 78), st.integers(1, 255))
def test_a_changed_byte_never_changes_the_stream(at: int, change: int) -> None:
    payload = bytearray(initial(crypto(0, b"a" * 30)))
    payload[at % len(payload)] ^= change
    try:
        assert InitialReader().feed(bytes(payload), complete=False) in (b"", b"a" * 30)
    except Malformed:
        return

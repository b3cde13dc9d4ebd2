"""What a sensor says live: a flow's totals at each hello, and the first packet that may hold data."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pcaps.builder.concealing import openvpn_reset
from sensors.frames import Segment
from sensors.observations import DataSeen, FlowUpdate, HelloSeen
from tests.dtls_bytes import datagram, dtls_body, dtls_record
from tests.hello_bytes import pieces, record, sni, vector
from tests.hellos import client_hello
from tests.segments import ACK, FIN, MS, START_NS, Run, closing, down, handshake, up
from tests.stream_bytes import CONNECT, socks5
from tests.test_quic import crypto, initial, other_packet
from tests.test_udp import first_flight

HELLO = client_hello("api.mistral.ai")
END = 1 + len(HELLO)
CCS = record(b"\x01", 20, 0x0303)
KEYS = record(b"\x10" + bytes(60), 22, 0x0303)  # ClientKeyExchange, or the encrypted Finished of TLS 1.2
DATA = record(b"sealed", 23, 0x0303)
GET = b"GET / HTTP/1.1\r\nHost: api.mistral.ai\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: api.mistral.ai\r\nContent-Length: 3\r\n\r\n"
SOCKS = b"\x05\x01\0" + socks5(b"api.mistral.ai")
OPENVPN = vector(2, openvpn_reset("a"))
Row = tuple[str, int]


def said(segments: list[Segment], *, eager: bool = True) -> list[Row]:
    """Return what was said, and at which millisecond, but for the flows' ends."""
    rows: list[Row] = []
    for each in Run(segments, eager=eager).all:
        at_ms = (each.ts_ns - START_NS) // MS
        if isinstance(each, HelloSeen):
            rows.append((each.carrier, at_ms))
        elif isinstance(each, DataSeen):
            rows.append(("data", at_ms))
        elif isinstance(each, FlowUpdate) and not each.final:
            rows.append(("active", at_ms))
    return rows


def stream(*chunks: bytes) -> list[Segment]:
    """Return a client's stream, from the handshake on: a segment each 10 ms from 30 on."""
    segments, seq = handshake(), 1
    for index, chunk in enumerate(chunks):
        segments.append(up(30 + 10 * index, ACK, seq, chunk))
        seq += len(chunk)
    return segments


AT_30: list[Row] = [("tls", 30), ("active", 30)]
AT_40: list[Row] = [("tls", 40), ("active", 40)]
TCP: dict[str, tuple[list[Segment], list[Row]]] = {
    "nothing follows": ([*stream(HELLO), *closing(90, END, 1)], AT_30),
    "data": (stream(HELLO, DATA, DATA), [*AT_30, ("data", 40)]),
    "a hello in two segments": (stream(HELLO[:50], HELLO[50:], DATA), [*AT_40, ("data", 50)]),
    "TLS 1.2": (stream(HELLO, KEYS, CCS + KEYS, DATA), [*AT_30, ("data", 60)]),
    "TLS 1.2 with data right behind": (stream(HELLO, KEYS + CCS + KEYS + DATA), [*AT_30, ("data", 40)]),
    "TLS 1.3": (stream(HELLO, CCS + DATA), [*AT_30, ("data", 40)]),
    "a lone change_cipher_spec": (stream(HELLO, CCS, HELLO, DATA), [*AT_30, ("data", 60)]),
    "a record's second half": (stream(HELLO, KEYS[:9], KEYS[9:]), [*AT_30, ("data", 50)]),
    "a record cut in its header": (stream(HELLO, KEYS[:3]), AT_30),
    "an alert": (stream(HELLO, record(b"\1\0", 21)), [*AT_30, ("data", 40)]),
    "0-RTT": (stream(HELLO + CCS + DATA), [*AT_30, ("data", 30)]),
    "0-RTT that came before the hello's end": (
        [*handshake(), up(30, ACK, 1, HELLO[:50]), up(40, ACK, END, DATA), up(50, ACK, 51, HELLO[50:])],
        [("tls", 50), ("active", 50), ("data", 50)],
    ),
    "the hello twice": (
        [*stream(HELLO), up(40, ACK, 1, HELLO), up(50, ACK, END, DATA)],
        [*AT_30, ("data", 50)],
    ),
    "its end twice": ([*stream(HELLO), up(40, ACK, 99, HELLO[98:])], AT_30),
    "its end with data": ([*stream(HELLO), up(40, ACK, 99, HELLO[98:] + DATA)], [*AT_30, ("data", 40)]),
    "a probe that keeps alive": ([*stream(HELLO), up(40, ACK, END - 1, b"\0")], AT_30),
    "data out of order": (
        [*stream(HELLO), up(40, ACK, END + 500, b"x" * 9), up(50, ACK, END, DATA)],
        [*AT_30, ("data", 40)],
    ),
    "data with FIN": ([*stream(HELLO), up(40, FIN | ACK, END, DATA)], [*AT_30, ("data", 40)]),
    "the server's data": ([*stream(HELLO), down(40, ACK, 1, DATA)], AT_30),
    "plain HTTP": (stream(GET), [("http", 30), ("active", 30)]),
    "the next request": (stream(GET, GET), [("http", 30), ("active", 30), ("data", 40)]),
    "a body": (stream(POST, b"\x16ab"), [("http", 30), ("active", 30), ("data", 40)]),
    "a body with the head": (stream(POST + b"abc"), [("http", 30), ("active", 30), ("data", 30)]),
    "a tunnel to TLS": (
        stream(CONNECT, HELLO[:50], HELLO[50:], DATA),
        [("http-connect", 30), ("active", 30), ("tls", 50), ("active", 50), ("data", 60)],
    ),
    "a tunnel to something else": (
        stream(CONNECT, b"SSH-2.0-x\r\n" + bytes(20), DATA),
        [("http-connect", 30), ("active", 30), ("data", 40)],
    ),
    "something else at once": (
        stream(SOCKS + b"SSH-2.0-x\r\n" + bytes(20)),
        [("socks", 30), ("active", 30), ("data", 30)],
    ),
    "a tunnel that conceals": (stream(OPENVPN, DATA), [("openvpn", 30), ("active", 30)]),
    "one in a tunnel": (
        stream(CONNECT, OPENVPN, DATA),
        [("http-connect", 30), ("active", 30), ("openvpn", 40), ("active", 40)],
    ),
    "more tunnels than are entered": (
        stream(CONNECT * 5 + CCS, CCS, DATA),
        [*[("http-connect", 30), ("active", 30)] * 5, ("data", 50)],
    ),
}


@pytest.mark.parametrize(("segments", "wanted"), TCP.values(), ids=TCP)
def test_tcp(segments: list[Segment], wanted: list[Row]) -> None:
    assert said(segments) == wanted
    told = [row for row in wanted if row[0] not in ("active", "data")]
    assert said(segments, eager=False) == told


def test_totals_are_those_so_far_and_data_counts_what_went_up_before() -> None:
    run = Run([*stream(HELLO, b"\x16", DATA), *closing(90, END + 12, 1)], eager=True)
    hello, active, data, end = run.all
    assert isinstance(active, FlowUpdate)
    assert isinstance(data, DataSeen)
    assert active.flow == data.flow == run.hellos[0].flow
    assert (active.reason, active.final, active.ts_ns) == ("active", False, hello.ts_ns)
    assert (active.packets_up, active.bytes_up) == (3, 3 * 40 + len(HELLO))
    assert data.bytes_up == active.bytes_up + 41
    assert isinstance(end, FlowUpdate)
    assert end.reason == "fin"


def test_a_hello_that_never_became_whole_is_told_with_the_end_alone() -> None:
    assert said(stream(HELLO[:-1])) == [("tls", 30)]


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_any_cut_order_and_repetition_of_the_hello(data: st.DataObject) -> None:
    offset, parts = 0, []
    for piece in pieces(HELLO, data.draw(st.lists(st.integers(1, len(HELLO) - 1), max_size=6))):
        parts.append((offset, piece))
        offset += len(piece)
    again = data.draw(st.lists(st.sampled_from(parts), max_size=4))
    order = [*data.draw(st.permutations(parts)), *again]
    sent = [up(30, ACK, 1 + offset, piece) for offset, piece in order]
    run = Run([*handshake(), *sent, up(40, ACK, END, DATA), up(50, ACK, END + len(DATA), DATA)], eager=True)
    (seen,) = [each for each in run.all if isinstance(each, DataSeen)]
    assert seen.ts_ns == START_NS + 40 * MS
    assert seen.bytes_up == (2 + len(sent)) * 40 + sum(len(piece) for _, piece in order)
    assert [type(each) for each in run.all] == [HelloSeen, FlowUpdate, DataSeen, FlowUpdate]


QUIC = first_flight("api.mistral.ai")[0]  # padded with zeros
BARE = initial(crypto(0, HELLO[5:]))
SHORT = b"\x41" + bytes(40)
STUN = bytes.fromhex("000100002112a442") + bytes(12)
DTLS = datagram(dtls_body(sni(b"api.mistral.ai")))
UDP: dict[str, tuple[list[bytes], list[Row]]] = {
    "QUIC": ([QUIC, SHORT, SHORT], [("quic", 0), ("active", 0), ("data", 1)]),
    "an Initial again": ([QUIC, QUIC], [("quic", 0), ("active", 0)]),
    "0-RTT": ([QUIC, other_packet(0xD0)], [("quic", 0), ("active", 0), ("data", 1)]),
    "0-RTT in the hello's datagram": ([BARE + other_packet(0xD0)], [("quic", 0), ("active", 0), ("data", 0)]),
    "a Handshake": ([QUIC, other_packet(0xE0)], [("quic", 0), ("active", 0)]),
    "a Handshake and more": ([QUIC, other_packet(0xE0) + SHORT], [("quic", 0), ("active", 0), ("data", 1)]),
    "a Handshake and padding": ([QUIC, other_packet(0xE0) + bytes(9)], [("quic", 0), ("active", 0)]),
    "an empty datagram": ([QUIC, b""], [("quic", 0), ("active", 0)]),
    "DTLS": ([DTLS, DTLS, dtls_record(b"x", kind=23)], [("dtls", 0), ("active", 0), ("data", 2)]),
    "DTLS 1.3": ([DTLS, b"\x2f" + bytes(20)], [("dtls", 0), ("active", 0), ("data", 1)]),
    "media": (
        [STUN, DTLS, STUN, b"\x80media"],
        [("stun", 0), ("active", 0), ("dtls", 1), ("active", 1), ("data", 3)],
    ),
    "STUN alone": ([STUN, b"\x80media"], [("stun", 0), ("active", 0)]),
}


@pytest.mark.parametrize(("payloads", "wanted"), UDP.values(), ids=UDP)
def test_udp(payloads: list[bytes], wanted: list[Row]) -> None:
    segments = [up(at, payload=payload, transport=17) for at, payload in enumerate(payloads)]
    assert said(segments) == wanted


def test_the_servers_datagrams_are_no_data() -> None:
    segments = [up(0, payload=QUIC, transport=17), down(1, payload=SHORT, transport=17)]
    assert said(segments) == [("quic", 0), ("active", 0)]


def test_each_connection_of_one_socket_has_data_of_its_own() -> None:
    payloads = [QUIC, SHORT, *first_flight("api.openai.com"), SHORT]
    run = Run([up(at, payload=each, transport=17) for at, each in enumerate(payloads)], eager=True)
    data = [each for each in run.all if isinstance(each, DataSeen)]
    assert [each.bytes_up for each in data] == [
        40 + len(QUIC),
        sum(40 + len(each) for each in payloads[2:-1]),
    ]

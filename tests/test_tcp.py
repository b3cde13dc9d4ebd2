"""TCP connections: who the client is, what it said first in whatever order it came, and how it ended."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensors.flows import LINGER_NS, TCP_IDLE_NS
from sensors.frames import Segment
from sensors.observations import FlowKey
from tests.hellos import client_hello
from tests.segments import ACK, CLIENT, FIN, MS, RST, SERVER, SYN, Ports, Run, closing, down, handshake, up
from tests.stream_bytes import PROXY_HEADERS, TUNNELS

WIRE = f"proxy:{CLIENT}:50000-{SERVER}:443"
HELLO = client_hello("api.eu.mistral.ai")
NAME = "api.eu.mistral.ai"


def connection(hello: bytes = HELLO) -> list[Segment]:
    """A whole connection: handshake, hello in two segments, an answer, data, and the end."""
    end = 1 + len(hello)
    return [
        *handshake(),
        up(25, ACK, 1, hello[:100]),
        up(26, ACK, 101, hello[100:]),
        down(50, ACK, 1, b"S" * 1_000),
        up(60, ACK, end, b"D" * 500),
        *closing(100, end + 500, 1_001),
    ]


def test_a_whole_connection() -> None:
    run = Run(connection())
    (hello,) = run.hellos
    assert (hello.server_name, hello.carrier, hello.complete, hello.rtt_ns) == (NAME, "tls", True, 20 * MS)
    assert hello.alpn == ("h2", "http/1.1")
    assert hello.ts_ns == connection()[4].ts_ns
    (flow,) = run.flows
    assert (flow.flow.client, flow.flow.server, flow.flow.server_port) == (CLIENT, SERVER, 443)
    assert (flow.packets_up, flow.packets_down) == (7, 3)
    assert flow.bytes_up == 7 * 40 + len(HELLO) + 500
    assert flow.bytes_down == 3 * 40 + 1_000
    assert (flow.handshake_rtt_ns, flow.first_byte_ns) == (20 * MS, 25 * MS)
    assert (flow.final, flow.reason, flow.midstream) == (True, "fin", False)
    assert run.counters == {}


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_segmentation_order_and_duplication_gives_the_same(data: st.DataObject) -> None:
    cuts = data.draw(st.lists(st.integers(1, len(HELLO) - 1), max_size=12, unique=True).map(sorted))
    parts = [(a, HELLO[a:b]) for a, b in zip([0, *cuts], [*cuts, len(HELLO)], strict=True)]
    parts += data.draw(st.lists(st.sampled_from(parts), max_size=5))
    segments = [*handshake(), *(up(30, ACK, 1 + offset, part) for offset, part in parts)]
    order = data.draw(st.permutations(segments))
    run = Run(order)
    assert run.names == [NAME]
    assert [hello.complete for hello in run.hellos] == [True]
    (flow,) = run.flows
    assert (flow.flow.client, flow.packets_up, flow.midstream) == (CLIENT, len(segments) - 1, False)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, (1 << 32) - 1))
def test_sequence_numbers_wrap(initial: int) -> None:
    segments = [up(0, SYN, initial - 1_000, b"")]
    segments += [up(1, ACK, initial - 1_000 + 1 + a, HELLO[a : a + 90]) for a in range(0, len(HELLO), 90)][
        ::-1
    ]
    assert Run(segments).names == [NAME]


@pytest.mark.parametrize(
    ("cut", "label"),
    [(slice(0, None), "in order"), (slice(None, None, -1), "in reverse")],
    ids=["forward", "reverse"],
)
def test_a_later_forged_copy_changes_nothing(cut: slice, label: str) -> None:
    genuine = [up(25, ACK, 1 + a, HELLO[a : a + 200]) for a in range(0, len(HELLO), 200)][cut]
    forged = [up(26, ACK, 1 + a, b"\x00" * 200) for a in range(0, len(HELLO), 200)][cut]
    mixed = [each for pair in zip(genuine, forged, strict=True) for each in pair]
    assert Run([*handshake(), *mixed]).names == [NAME], label


def test_data_on_the_syn_counts() -> None:
    run = Run([up(0, SYN, 0, HELLO[:50]), down(20, SYN | ACK, 0), up(30, ACK, 51, HELLO[50:])])
    assert run.names == [NAME]


@pytest.mark.parametrize("swap", [False, True], ids=["in order", "swapped"])
def test_a_capture_that_starts_after_the_handshake(swap: bool) -> None:  # noqa: FBT001
    halves = [up(0, ACK, 1, HELLO[:300]), up(1, ACK, 301, HELLO[300:])]
    run = Run(halves[::-1] if swap else halves)
    assert run.names == [NAME]
    assert [flow.midstream for flow in run.flows] == [True]


def test_the_sender_of_a_hello_is_the_client_whatever_the_ports_say() -> None:
    run = Run([down(0, ACK, 1, HELLO, client_port=443, server_port=50_000)])
    assert [hello.flow.client for hello in run.hellos] == [SERVER]
    assert [flow.flow.client for flow in run.flows] == [SERVER]


def test_bulk_data_without_a_start_is_given_up_after_a_while() -> None:
    run = Run([up(i, ACK, 1 + 1_400 * i, b"\x17\x03\x03" + b"x" * 1_397) for i in range(20)])
    assert run.hellos == []
    assert run.counters == {"midstream": 1}
    assert [flow.midstream for flow in run.flows] == [True]


def test_a_hello_that_never_became_whole_is_told_as_such() -> None:
    run = Run([*handshake(), up(25, ACK, 1, HELLO[:-10])])
    assert [(hello.server_name, hello.complete, hello.ja4) for hello in run.hellos] == [(NAME, False, None)]
    assert run.counters == {"incomplete-hellos": 1}


def test_an_unknown_protocol_is_counted_not_malformed() -> None:
    run = Run([*handshake(), up(25, ACK, 1, b"SSH-2.0-OpenSSH_9.2\r\n")])
    assert run.hellos == []
    assert run.counters == {"unknown-protocol": 1}


def test_a_tunnel_through_a_proxy_gives_both_names() -> None:
    head = b"CONNECT api.openai.com:443 HTTP/1.1\r\nHost: api.openai.com:443\r\n\r\n"
    inner = client_hello("api.openai.com")
    run = Run(
        [
            *handshake(server_port=3_128),
            up(25, ACK, 1, head, server_port=3_128),
            down(30, ACK, 1, b"HTTP/1.1 200 OK\r\n\r\n", server_port=3_128),
            up(40, ACK, 1 + len(head), inner, server_port=3_128),
        ]
    )
    assert [(hello.carrier, hello.server_name) for hello in run.hellos] == [
        ("http-connect", "api.openai.com"),
        ("tls", "api.openai.com"),
    ]


def test_a_capture_that_starts_inside_a_socks_conversation() -> None:
    methods, request = TUNNELS["SOCKS5"][0][:3], TUNNELS["SOCKS5"][0][3:]
    segments = [
        up(0, ACK, 1, methods),
        up(1, ACK, 4, request),
        up(2, ACK, 4 + len(request), HELLO[:200]),
        up(3, ACK, 204 + len(request), HELLO[200:]),
    ]
    run = Run(segments)
    assert [(hello.carrier, hello.server_name) for hello in run.hellos] == [
        ("socks", "api.mistral.ai"),
        ("tls", NAME),
    ]
    assert run.counters == {}
    assert Run(segments[1:]).counters == {}
    assert Run(segments[1:]).names == []


@pytest.mark.parametrize("tunnel", [None, "vxlan:42"])
@pytest.mark.parametrize("kind", ["version 1, IPv4", "version 2, IPv6"])
@pytest.mark.parametrize("opened", [True, False], ids=["from the SYN on", "midstream"])
def test_the_connection_that_a_proxy_passes_on_is_the_flow(
    kind: str,
    tunnel: str | None,
    opened: bool,  # noqa: FBT001
) -> None:
    header, ends = PROXY_HEADERS[kind]
    assert ends is not None
    run = Run(
        [
            *(handshake(tunnel=tunnel) if opened else []),
            up(25, ACK, 1, header, tunnel=tunnel),
            up(26, ACK, 1 + len(header), HELLO, tunnel=tunnel),
            down(50, ACK, 1, b"S" * 100, tunnel=tunnel),
        ]
    )
    key = FlowKey(ends[0], 50_123, ends[1], 443, "tcp", None, f"vxlan:42/{WIRE}" if tunnel else WIRE)
    assert [(hello.flow, hello.server_name) for hello in run.hellos] == [(key, NAME)]
    (flow,) = run.flows
    assert (flow.flow, flow.bytes_down, flow.midstream) == (key, 140 + 40 * opened, not opened)
    assert run.counters == {}


def test_a_proxy_that_speaks_for_itself_stays_the_client() -> None:
    header, _ = PROXY_HEADERS["version 2, local"]
    run = Run([*handshake(), up(25, ACK, 1, header + HELLO)])
    assert [(hello.flow.client, hello.flow.tunnel) for hello in run.hellos] == [(CLIENT, None)]
    assert [flow.flow for flow in run.flows] == [hello.flow for hello in run.hellos]


def test_nobody_else_believes_an_answer_because_of_a_proxy_header() -> None:
    """A client that claims to be another must not put names into the other's mouth."""
    header, _ = PROXY_HEADERS["version 1, IPv4"]
    ports: Ports = {"server_port": 53}
    run = Run(
        [*handshake(**ports), up(25, ACK, 1, header, **ports), down(30, ACK, 1, dns_messages(1), **ports)]
    )
    assert [(answer.client, answer.resolver) for answer in run.answers] == [(CLIENT, SERVER)]
    assert [flow.flow.tunnel for flow in run.flows] == [f"proxy:{CLIENT}:50000-{SERVER}:53"]


@pytest.mark.parametrize(
    "said", [HELLO, PROXY_HEADERS["version 1, IPv4"][0] + HELLO], ids=["hello", "header"]
)
def test_who_the_client_is_was_said_once(said: bytes) -> None:
    """A server that speaks as clients do, where no SYN was seen, must not turn the flow round."""
    run = Run([down(0, ACK, 1, said[:20]), up(1, ACK, 1, HELLO), down(2, ACK, 21, said[20:])])
    (hello,), (flow,) = run.hellos, run.flows
    assert (hello.flow.client, hello.flow.tunnel) == (CLIENT, None)
    assert hello.flow == flow.flow


def test_a_malformed_header_leaves_the_flow_as_it_is() -> None:
    run = Run([*handshake(), up(25, ACK, 1, b"PROXY TCP4 1.2.3.4\r\n" + HELLO)])
    assert (run.hellos, run.counters) == ([], {"malformed-proxy-line": 1})
    assert [(flow.flow.client, flow.flow.tunnel) for flow in run.flows] == [(CLIENT, None)]


@pytest.mark.parametrize(
    ("segments", "reasons"),
    [
        ([*handshake(), up(30, RST, 1)], ["rst"]),
        ([*handshake(), *closing(30, 1, 1)], ["fin"]),
        ([*handshake(), up(30, FIN | ACK, 1)], ["end"]),
        ([*handshake(), *handshake(1_000 + TCP_IDLE_NS // MS)], ["idle", "end"]),
        ([*handshake(), *closing(30, 1, 1), *handshake(100)], ["fin", "end"]),
        ([*handshake(), *closing(30, 1, 1), down(60, RST, 2)], ["fin"]),
        ([*handshake(), *closing(30, 1, 1), up(1_000 + LINGER_NS // MS, RST, 2)], ["fin", "rst"]),
        ([*handshake(), up(50, SYN, 777_777)], ["end", "end"]),
        ([*handshake(), up(50, SYN, 0)], ["end"]),
    ],
    ids=[
        "reset", "closed", "half closed", "silent too long", "port used again", "late reset",
        "reset after lingering", "another SYN", "the SYN again",
    ],
)  # fmt: skip
def test_ends(segments: list[Segment], reasons: list[str]) -> None:
    run = Run(segments)
    assert [flow.reason for flow in run.flows] == reasons
    assert sum(flow.packets_up + flow.packets_down for flow in run.flows) == len(segments)


def test_a_long_flow_reports_now_and_then() -> None:
    hour = 3_600_000
    run = Run([*handshake(), *(up(minute * 60_000, ACK, 1) for minute in range(1, 61))])
    assert [(flow.final, flow.reason) for flow in run.flows] == [(False, "active"), (True, "end")]
    assert run.flows[0].packets_up < run.flows[1].packets_up
    assert run.flows[-1].ts_ns - run.flows[-1].first_ns == hour * MS


def test_a_full_table_gives_up_the_longest_silent_flow_and_says_so() -> None:
    segments = [up(i, SYN, 0, client_port=1_000 + i) for i in range(12)]
    segments.insert(5, up(4, ACK, 1, client_port=1_000))
    run = Run(segments, flows=10)
    evicted = [flow for flow in run.flows if flow.reason == "evicted"]
    assert [flow.flow.client_port for flow in evicted] == [1_001, 1_002]
    assert run.counters == {"evicted-flows": 2}
    assert len(run.flows) == 12


def test_the_first_syn_counts_for_the_round_trip() -> None:
    run = Run([up(0, SYN, 0), up(1_000, SYN, 0), down(1_020, SYN | ACK, 0)])
    assert [flow.handshake_rtt_ns for flow in run.flows] == [1_020 * MS]


def dns_messages(count: int) -> bytes:
    """Return answers as they follow each other on a TCP connection."""
    message = (
        b"\x00\x01\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00\x03api\x06openai\x03com\x00\x00\x01\x00\x01"
        b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\x01\x02\x03\x04"
    )
    return (len(message).to_bytes(2, "big") + message) * count


def test_dns_over_tcp_is_read_for_as_long_as_it_lasts() -> None:
    stream = dns_messages(4_000)
    assert len(stream) > 131_072
    segments = [
        down(30, ACK, 1 + a, stream[a : a + 1_400], server_port=53) for a in range(0, len(stream), 1_400)
    ]
    swapped = [*segments[:10], segments[11], segments[10], *segments[12:]]
    run = Run([*handshake(server_port=53), *swapped])
    assert len(run.answers) == 4_000
    assert run.counters == {}


@pytest.mark.parametrize(("client_port", "server_port"), [(50_000, 53), (53, 443)])
def test_port_53_hides_no_hello(client_port: int, server_port: int) -> None:
    ports: Ports = {"client_port": client_port, "server_port": server_port}
    run = Run([*handshake(**ports), up(25, ACK, 1, HELLO, **ports)])
    assert run.names == [NAME]


def test_when_all_flows_together_hold_too_much_the_oldest_is_given_up() -> None:
    def begins(port: int) -> list[Segment]:
        return [up(port, SYN, 0, client_port=port), up(port, ACK, 1, HELLO[:300], client_port=port)]

    first_three = [*begins(1_001), *begins(1_002), *begins(1_003)]
    rest = [up(5_000, ACK, 301, HELLO[300:], client_port=port) for port in (1_001, 1_002, 1_003)]
    run = Run([*first_three, *rest], budget=700)
    assert [hello.flow.client_port for hello in run.hellos] == [1_002, 1_003]
    assert run.budget.given_up == 1

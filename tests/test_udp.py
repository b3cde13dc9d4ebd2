"""UDP flows: DNS answers to questions and only those, and QUIC connections that share a socket."""

import pytest
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection

from tests.segments import Run, down, up

QUERY = b"\x00\x01\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03api\x06openai\x03com\x00\x00\x01\x00\x01"
ANSWER = (
    b"\x00\x01\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00\x03api\x06openai\x03com\x00\x00\x01\x00\x01"
    b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\x01\x02\x03\x04"
)


def first_flight(name: str) -> list[bytes]:
    """Return the datagrams with which a client begins."""
    connection = QuicConnection(configuration=QuicConfiguration(is_client=True, server_name=name))
    connection.connect(("192.0.2.1", 443), now=0.0)
    return [data for data, _ in connection.datagrams_to_send(now=0.0)]


def test_an_answer_to_a_question() -> None:
    run = Run(
        [
            up(0, payload=QUERY, transport=17, server_port=53),
            down(9, payload=ANSWER, transport=17, server_port=53),
        ]
    )
    assert [(answer.qname, answer.addresses) for answer in run.answers] == [("api.openai.com", ("1.2.3.4",))]
    assert [flow.first_byte_ns for flow in run.flows] == [9_000_000]
    assert run.counters == {}


def test_an_answer_that_nobody_asked_for_is_not_believed() -> None:
    run = Run([down(0, payload=ANSWER, transport=17, server_port=53)])
    assert run.answers == []
    assert run.counters == {"dns-unsolicited": 1}


@pytest.mark.parametrize(
    ("names", "flows"),
    [
        (("chatgpt.com", "gemini.google.com", "example.org"), 3),
        (("chatgpt.com", "chatgpt.com"), 1),
    ],
)
def test_each_connection_of_one_socket_is_a_flow_of_its_own(names: tuple[str, ...], flows: int) -> None:
    segments = []
    for index, name in enumerate(names):
        for datagram in first_flight(name):
            segments.append(up(100 * index, payload=datagram, transport=17))
            segments.append(up(100 * index, payload=datagram, transport=17))  # sent again
        segments.append(down(100 * index + 20, payload=b"\xc0" + bytes(30), transport=17))
        segments.append(up(100 * index + 30, payload=b"\x40" + bytes(1_000), transport=17))
    run = Run(segments)
    assert run.names == list(names)[:flows]
    assert len(run.flows) == flows
    assert sum(flow.packets_up + flow.packets_down for flow in run.flows) == len(segments)
    assert [flow.handshake_rtt_ns for flow in run.flows] == [20_000_000] * flows

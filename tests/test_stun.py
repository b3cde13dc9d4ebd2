"""STUN requests, with which media begins: what is one, and what the sensor says of a flow that has them."""

import struct

import pytest

from sensors.stun import is_stun_request
from tests.dtls_bytes import datagram, dtls_body
from tests.segments import Run, up


def request(kind: int = 1, body: bytes = b"", cookie: int = 0x2112A442) -> bytes:
    """Return a STUN message."""
    return struct.pack("!HHI", kind, len(body), cookie) + bytes(12) + body


@pytest.mark.parametrize(
    ("payload", "wire_bytes", "is_one"),
    [
        (request(), 20, True),
        (request(body=bytes(8)), 28, True),
        (request(3, bytes(8)), 28, True),  # of a relay
        (request(0x0101), 20, False),  # an answer
        (request(cookie=0x2112A443), 20, False),
        (request(body=bytes(7)), 27, False),  # attributes are padded to four bytes
        (request(), 24, False),  # something follows
        (request(body=bytes(80))[:20], 100, True),  # cut by the snap length
        (request()[:19], 19, False),
        (b"", 0, False),
    ],
)
def test_requests(payload: bytes, wire_bytes: int, *, is_one: bool) -> None:
    assert is_stun_request(payload, wire_bytes) is is_one


def test_a_flow_begins_once_and_its_dtls_hello_is_still_read() -> None:
    stun = [up(index, payload=request(), transport=17, server_port=3_478) for index in range(3)]
    dtls = up(9, payload=datagram(dtls_body()), transport=17, server_port=3_478)
    run = Run([*stun, dtls])
    assert [hello.carrier for hello in run.hellos] == ["stun", "dtls"]
    assert [hello.server_name for hello in run.hellos] == [None, None]
    assert len(run.flows) == 1

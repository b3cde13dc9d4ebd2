"""Torture of DNS through both engines: compression that goes round, and messages as long as they may be."""

from ipaddress import ip_address
from pathlib import Path

import pytest

from sensors import native
from tests.test_dns import CNAME, QUESTION_NAME, RR, A, response, wire
from tests.torture_kit import ACK, CLIENT, RESOLVER, SYN, Ends, Said, tcp, udp

pytestmark = pytest.mark.skipif(
    bool(native.MISSING), reason=f"the native engine is not built: {native.MISSING}"
)
ENDS = Ends(CLIENT, 50_000, RESOLVER, 53)
NAME = "api.eu.mistral.ai"
LIMIT_ADDRESSES = 64
HEADER = response("", (), flags=0x8180)[:12]


def pointer(at: int) -> bytes:
    return (0xC000 | at).to_bytes(2)


def asked(qname: bytes) -> bytes:
    """A response whose question has this name, as it is on the wire."""
    return HEADER + qname + b"\0\1\0\1"


def query() -> bytes:
    return b"\x12\x34\x01\0\0\1\0\0\0\0\0\0" + wire(NAME) + b"\0\1\0\1"


def over_udp(message: bytes) -> list[bytes]:
    return [udp(query(), ENDS), udp(message, ENDS.back())]


def over_tcp(message: bytes, segment_bytes: int) -> list[bytes]:
    stream = len(message).to_bytes(2) + message
    question = len(query()).to_bytes(2) + query()
    return [
        tcp(1, flags=SYN, ends=ENDS),
        tcp(7, flags=SYN | ACK, ends=ENDS.back()),
        tcp(2, question, ends=ENDS),
        *(
            tcp(8 + at, stream[at : at + segment_bytes], ends=ENDS.back())
            for at in range(0, len(stream), segment_bytes)
        ),
    ]


MALFORMED = {
    "a pointer to itself": asked(pointer(12)),
    "two pointers to each other": asked(pointer(14) + pointer(12)),
    "a label and back to it": asked(b"\1a" + pointer(12)),
    "a pointer forward": asked(pointer(18) + b"\0\1\0\1" + wire(NAME)),
    "a pointer past the end": asked(pointer(0x3FFF)),
    "an owner that points to itself": response(NAME, [RR(pointer(12 + 23), A, "192.0.2.1")]),
    "a label type that does not exist": asked(b"\x80" + wire(NAME)),
    "a name of more than 255 bytes": asked(b"\x3f" + b"a" * 63 + (b"\x3f" + b"a" * 63) * 4 + b"\0"),
}


@pytest.mark.parametrize("message", MALFORMED.values(), ids=MALFORMED)
def test_names_that_never_end_are_malformed(message: bytes, tmp_path: Path) -> None:
    for frames in (over_udp(message), over_tcp(message, 1)):
        said = Said(frames, tmp_path)
        assert said.answers == []
        ((counter, count),) = said.counters.items()
        assert (counter.startswith("malformed-dns"), count) == (True, 1)


def test_aliases_that_go_round_end(tmp_path: Path) -> None:
    round_ = [RR(NAME, CNAME, "b.example"), RR("b.example", CNAME, NAME), RR("b.example", A, "192.0.2.1")]
    (answer,) = Said(over_udp(response(NAME, round_)), tmp_path).answers
    assert answer.qname == NAME
    assert answer.cnames[0] == "b.example"


def full_message() -> bytes:
    """An answer of 65,535 bytes: A records, then one of another type that fills it up."""
    count = (65_535 - len(response(NAME))) // 16 - 1
    records = [RR(QUESTION_NAME, A, str(ip_address(0xC6120000 + index))) for index in range(count)]
    rest = 65_535 - len(response(NAME, records)) - 12
    return response(NAME, [*records, RR(QUESTION_NAME, 16, bytes(rest))])


@pytest.mark.parametrize("segment_bytes", [1_400, 65_000, 13])
def test_the_longest_message(segment_bytes: int, tmp_path: Path) -> None:
    message = full_message()
    assert len(message) == 65_535
    said = Said(over_tcp(message, segment_bytes), tmp_path)
    (answer,) = said.answers
    assert answer.qname == NAME
    assert len(answer.addresses) == LIMIT_ADDRESSES
    assert said.counters == {"dns-clipped-answers": 1}


def test_many_messages_in_one_stream(tmp_path: Path) -> None:
    message = response(NAME, [RR(QUESTION_NAME, A, "192.0.2.1")])
    stream = (len(message).to_bytes(2) + message) * 3_000
    frames = over_tcp(message, 1_400)[:3]
    frames += [tcp(8 + at, stream[at : at + 1_400], ends=ENDS.back()) for at in range(0, len(stream), 1_400)]
    assert len(Said(frames, tmp_path).answers) == 3_000

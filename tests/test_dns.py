"""Answers read from responses: built by hand field by field, and by scapy as another implementation."""

from collections.abc import Sequence
from ipaddress import ip_address
from itertools import pairwise
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.dns import DNS, DNSQR, DNSRR, dns_compress

from sensors import dns
from sensors.dns import Answer, TcpMessages, parse_response
from sensors.dns_names import NameReader
from sensors.dns_records import MAX_STEPS, Record, RecordReader
from sensors.wire import Malformed

A, NS, CNAME, AAAA, RRSIG, OPT, SVCB, HTTPS = 1, 2, 5, 28, 46, 41, 64, 65
QUESTION_NAME = b"\xc0\x0c"


def wire(name: str) -> bytes:
    labels = [label.encode() for label in name.split(".") if label]
    return b"".join(bytes((len(label),)) + label for label in labels) + b"\x00"


class RR(NamedTuple):
    """A record to be written; RDATA may be text: a name or an address."""

    owner: str | bytes
    kind: int
    rdata: str | bytes
    ttl: int = 60
    class_: int = 1

    def pack(self) -> bytes:
        owner = wire(self.owner) if isinstance(self.owner, str) else self.owner
        rdata = self.rdata
        if isinstance(rdata, str):
            rdata = ip_address(rdata).packed if self.kind in (A, AAAA) else wire(rdata)
        fixed = self.kind.to_bytes(2) + self.class_.to_bytes(2) + self.ttl.to_bytes(4)
        return owner + fixed + len(rdata).to_bytes(2) + rdata


def response(
    qname: str,
    answers: Sequence[RR] = (),
    *,
    qtype: int = A,
    flags: int = 0x8180,
    authority: Sequence[RR] = (),
    additional: Sequence[RR] = (),
) -> bytes:
    counts = (1, len(answers), len(authority), len(additional))
    header = b"\x12\x34" + flags.to_bytes(2) + b"".join(count.to_bytes(2) for count in counts)
    question = wire(qname) + qtype.to_bytes(2) + b"\x00\x01"
    return header + question + b"".join(rr.pack() for rr in (*answers, *authority, *additional))


def answer(message: bytes, *, complete: bool = True) -> Answer:
    read = parse_response(message, complete=complete)
    assert read is not None
    return read


def https(priority: int, target: str, parameters: bytes = b"") -> bytes:
    return priority.to_bytes(2) + wire(target) + parameters


IPV4_HINT = b"\x00\x04\x00\x08\xc0\x00\x02\x01\xc0\x00\x02\x02"
IPV6_HINT = b"\x00\x06\x00\x10" + ip_address("2001:db8::1").packed
ECH = b"\x00\x05\x00\x2a\x00\x28\xfe\x0d\x00\x24\x01\x00\x20\x00\x08keykeyke\x00\x04\x00\x01\x00\x01\x20"
ECH += b"\x0dcover.example\x00\x00"

CASES: dict[str, tuple[bytes, Answer]] = {
    "address": (
        response("Example.COM", [RR(QUESTION_NAME, A, "192.0.2.1")]),
        Answer(0x1234, "example.com", A, 0, addresses=("192.0.2.1",), ttl=60),
    ),
    "ipv6 address": (
        response("a.example", [RR("a.example", AAAA, "2001:DB8:0:0::1")], qtype=AAAA),
        Answer(0x1234, "a.example", AAAA, 0, addresses=("2001:db8::1",), ttl=60),
    ),
    "chain": (
        response(
            "a.example",
            [
                RR("a.example", CNAME, "b.example", 300),
                RR("B.example", CNAME, "c.example", 20),
                RR("c.example", A, "192.0.2.2", 40),
                RR("c.example", A, "192.0.2.1", 40),
                RR("c.example", A, "192.0.2.2", 40),
            ],
        ),
        Answer(
            0x1234,
            "a.example",
            A,
            0,
            ("b.example", "c.example"),
            addresses=("192.0.2.2", "192.0.2.1"),
            ttl=20,
        ),
    ),
    "chain without an address": (
        response("a.example", [RR("a.example", CNAME, "b.example", 7)], qtype=AAAA),
        Answer(0x1234, "a.example", AAAA, 0, ("b.example",), ttl=7),
    ),
    "no such name": (
        response("a.example", flags=0x8183, authority=[RR("example", 6, b"soa")]),
        Answer(0x1234, "a.example", A, 3),
    ),
    "root": (response("", qtype=NS), Answer(0x1234, ".", NS, 0)),
    "loop": (
        response("a.example", [RR("a.example", CNAME, "b.example"), RR("b.example", CNAME, "a.example")]),
        Answer(0x1234, "a.example", A, 0, ("b.example",), ttl=60),
    ),
    "alias of itself": (
        response("a.example", [RR("a.example", CNAME, "a.example"), RR("a.example", A, "192.0.2.1")]),
        Answer(0x1234, "a.example", A, 0, addresses=("192.0.2.1",), ttl=60),
    ),
    "two aliases: the first counts": (
        response("a.example", [RR("a.example", CNAME, "b.example"), RR("a.example", CNAME, "c.example")]),
        Answer(0x1234, "a.example", A, 0, ("b.example",), ttl=60),
    ),
    "records for others": (
        response(
            "a.example",
            [
                RR("bank.example", A, "203.0.113.1", 5),
                RR("a.example", A, "192.0.2.1"),
                RR("bank.example", CNAME, "evil.example", 5),
                RR("evil.example", AAAA, "2001:db8::bad", 5),
            ],
        ),
        Answer(0x1234, "a.example", A, 0, addresses=("192.0.2.1",), ttl=60, unrelated=3),
    ),
    "other classes and types": (
        response(
            "a.example",
            [
                RR("a.example", A, b"chaos", class_=3),
                RR("a.example", RRSIG, b"signature", 1),
                RR("a.example", A, "192.0.2.1"),
            ],
        ),
        Answer(0x1234, "a.example", A, 0, addresses=("192.0.2.1",), ttl=60),
    ),
    "what follows the answer section is left alone": (
        response(
            "a.example",
            [RR("a.example", A, "192.0.2.1")],
            authority=[RR("example", NS, "ns.example")],
            additional=[
                RR("ns.example", A, "192.0.2.53"),
                RR("", OPT, b"", 0, 1232),
                RR("a.example", A, b"x"),
            ],
        ),
        Answer(0x1234, "a.example", A, 0, addresses=("192.0.2.1",), ttl=60),
    ),
    "TTL with the first bit set": (
        response("a.example", [RR("a.example", A, "192.0.2.1", 0x8000_0001)]),
        Answer(0x1234, "a.example", A, 0, addresses=("192.0.2.1",), ttl=0),
    ),
    "service with hints and ECH": (
        response(
            "a.example", [RR("a.example", HTTPS, https(1, ".", IPV4_HINT + ECH + IPV6_HINT))], qtype=HTTPS
        ),
        Answer(
            0x1234,
            "a.example",
            HTTPS,
            0,
            addresses=("192.0.2.1", "192.0.2.2", "2001:db8::1"),
            ttl=60,
            ech_public_names=("cover.example",),
        ),
    ),
    "service with a broken ECH list": (
        response("a.example", [RR("a.example", HTTPS, https(1, ".", b"\x00\x05\x00\x01x"))], qtype=HTTPS),
        Answer(0x1234, "a.example", HTTPS, 0, ttl=60, ech_malformed=True),
    ),
    "service at another name, whose address stands in the additional section": (
        response(
            "a.example",
            [RR("a.example", CNAME, "b.example"), RR("b.example", SVCB, https(1, "svc.example"))],
            qtype=SVCB,
            authority=[RR("example", NS, "ns.example")],
            additional=[RR("ns.example", A, "192.0.2.53"), RR("svc.example", A, "192.0.2.1", 9)],
        ),
        Answer(0x1234, "a.example", SVCB, 0, ("b.example",), addresses=("192.0.2.1",), ttl=9),
    ),
    "AliasMode is a step": (
        response(
            "a.example",
            [RR("a.example", HTTPS, https(0, "pool.example"))],
            qtype=HTTPS,
            additional=[
                RR("cdn.example", AAAA, "2001:db8::1"),
                RR("pool.example", HTTPS, https(0, "cdn.example")),
            ],
        ),
        Answer(
            0x1234, "a.example", HTTPS, 0, ("pool.example", "cdn.example"), addresses=("2001:db8::1",), ttl=60
        ),
    ),
    "CNAME goes before AliasMode; a target of the root is no step": (
        response(
            "a.example",
            [
                RR("a.example", HTTPS, https(0, "c.example")),
                RR("a.example", CNAME, "b.example"),
                RR("b.example", HTTPS, https(0, ".")),
                RR("c.example", AAAA, "2001:db8::bad", 5),
            ],
            qtype=HTTPS,
        ),
        Answer(0x1234, "a.example", HTTPS, 0, ("b.example",), ttl=60, unrelated=1),
    ),
    "truncated by the server": (
        response("a.example", [RR("a.example", A, "192.0.2.1")] * 2, flags=0x8380)[:-1],
        Answer(0x1234, "a.example", A, 0, addresses=("192.0.2.1",), ttl=60, truncated=True),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_answers(case: str) -> None:
    message, expected = CASES[case]
    assert parse_response(message) == expected


GOOD = response("a.example", [RR("a.example", A, "192.0.2.1")])


@pytest.mark.parametrize(
    "message",
    [
        response("a.example", flags=0x0100),  # a query
        response("a.example", flags=0xA980),  # an update's response
        GOOD[:4] + b"\x00\x00" + GOOD[6:],  # no question, as in multicast DNS
        GOOD[:4] + b"\x00\x02" + GOOD[6:],
        GOOD[:25] + b"\x00\x03" + GOOD[27:],  # class CH
        response("a.example", flags=0x8380)[:-1],  # truncated inside the question
    ],
)
def test_what_answers_no_standard_query_is_none(message: bytes) -> None:
    assert parse_response(message) is None


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"", "dns-header-past-end"),
        (GOOD[:11], "dns-header-past-end"),
        (GOOD[:20], "dns-name-past-end"),
        (GOOD[:26], "dns-question-past-end"),
        (GOOD[:27], "dns-name-past-end"),
        (GOOD[:40], "dns-record-past-end"),
        (GOOD[:-1], "dns-record-past-end"),
        (response("a.example", [RR("a.example", A, bytes(5))]), "dns-rdata-length"),
        (response("a.example", [RR("a.example", AAAA, bytes(4))]), "dns-rdata-length"),
        (response("a.example", [RR("a.example", CNAME, wire("b") + b"\x00")]), "dns-rdata-length"),
        (response("a.example", [RR("a.example", CNAME, b"\x01b"), RR("", A, b"")]), "dns-rdata-length"),
        (response("a.example", [RR("a.example", HTTPS, b"\x00")]), "dns-svcb-past-end"),
        (response("a.example", [RR(b"\xc0\x1b", A, bytes(4))]), "dns-name-loop"),
        (response("a.example", [RR(b"\x80", A, bytes(4))]), "dns-label-type"),
        (response("a" * 63 + (".a" * 96)), "dns-name-too-long"),
    ],
)
def test_malformed_messages(message: bytes, reason: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse_response(message)
    assert caught.value.reason == reason


@pytest.mark.parametrize("case", ["chain", "service with hints and ECH"])
def test_a_message_cut_anywhere_gives_what_is_whole(case: str) -> None:
    message, whole = CASES[case]
    for kept in range(len(message)):
        read = parse_response(message[:kept], complete=False)
        if read is not None:
            assert read.truncated
            assert read.cnames == whole.cnames[: len(read.cnames)]
            assert read.addresses == whole.addresses[: len(read.addresses)]
        with pytest.raises(Malformed, match="past-end"):
            parse_response(message[:kept])
    assert parse_response(message, complete=False) == whole


@given(st.data(), st.integers(0, dns.MAX_CHAIN))
def test_the_order_of_records_changes_no_chain(data: st.DataObject, length: int) -> None:
    names = [f"n{number}.example" for number in range(length + 1)]
    records = [RR(owner, CNAME, target) for owner, target in pairwise(names)]
    records.append(RR(names[-1], A, "192.0.2.1", 5))
    read = answer(response(names[0], data.draw(st.permutations(records))))
    assert read.cnames == tuple(names[1:])
    assert (read.addresses, read.ttl, read.unrelated, read.clipped) == (("192.0.2.1",), 5, 0, False)


LABELS = st.text("abcxyz-019", min_size=1, max_size=12)
NAMES = st.lists(LABELS, min_size=1, max_size=5).map(".".join)


@given(st.lists(NAMES, min_size=1, max_size=6, unique=True), st.lists(st.ip_addresses(v=4), max_size=5))
def test_reads_what_scapy_writes_and_compresses(names: list[str], addresses: list[object]) -> None:
    texts = list(dict.fromkeys(map(str, addresses)))
    chain = [DNSRR(rrname=owner, type="CNAME", rdata=target, ttl=100) for owner, target in pairwise(names)]
    ends = [DNSRR(rrname=names[-1], type="A", rdata=text, ttl=50) for text in texts]
    packet = DNS(id=9, qr=1, ra=1, qd=[DNSQR(qname=names[0], qtype="A")], an=[*chain, *ends])
    expected = Answer(9, names[0], A, 0, tuple(names[1:]), tuple(texts), 50 if texts else 100)
    if not chain and not ends:
        expected = Answer(9, names[0], A, 0)
    assert parse_response(bytes(packet)) == expected
    assert parse_response(bytes(dns_compress(packet))) == expected  # type: ignore[no-untyped-call]


def test_the_chain_is_bounded() -> None:
    names = [f"n{number}.example" for number in range(dns.MAX_CHAIN + 2)]
    records = [RR(owner, CNAME, target) for owner, target in pairwise(names)]
    whole = answer(response(names[0], records[:-1]))
    assert (len(whole.cnames), whole.clipped) == (dns.MAX_CHAIN, False)
    clipped = answer(response(names[0], [*records, RR(names[-1], A, "192.0.2.1")]))
    assert clipped.cnames == whole.cnames
    assert (clipped.addresses, clipped.clipped, clipped.unrelated) == ((), True, 1)


def test_addresses_are_bounded() -> None:
    records = [RR(QUESTION_NAME, A, bytes((192, 0, 2, last))) for last in range(dns.MAX_ADDRESSES + 1)]
    whole = answer(response("a.example", records[:-1] * 2))
    assert (len(whole.addresses), whole.clipped) == (dns.MAX_ADDRESSES, False)
    clipped = answer(response("a.example", records))
    assert (clipped.addresses, clipped.clipped) == (whole.addresses, True)


def test_public_names_are_bounded() -> None:
    records = [
        RR(QUESTION_NAME, HTTPS, https(1, ".", ECH.replace(b"cover", f"c{number:04}".encode())))
        for number in range(dns.MAX_PUBLIC_NAMES + 1)
    ]
    assert not answer(response("a.example", records[:-1], qtype=HTTPS)).clipped
    clipped = answer(response("a.example", records, qtype=HTTPS))
    assert (len(clipped.ech_public_names), clipped.clipped) == (dns.MAX_PUBLIC_NAMES, True)


def test_a_web_of_pointers_costs_a_bounded_number_of_steps() -> None:
    question = response("a.example")
    longest = b"\x01a" * 120 + b"\x00"
    web = RR(longest, A, "192.0.2.1").pack()
    at = len(question)
    for _ in range(3_000):  # each owner is one label and a pointer to the longest suffix that has room
        web += RR(
            b"\x01b" + (0xC000 | at + 4).to_bytes(2), CNAME, b"\x01c" + (0xC000 | at + 6).to_bytes(2)
        ).pack()
    message = question[:6] + (3_001).to_bytes(2) + question[8:] + web
    names, kept = NameReader(message), list[Record]()
    records = RecordReader(message, at, names)
    records.read(3_001, kept)
    assert records.clipped
    assert MAX_STEPS < names.steps < MAX_STEPS + 300
    assert len(kept) < 100
    assert answer(message).clipped


@given(st.binary(max_size=300) | st.binary(max_size=200).map(lambda tail: GOOD[:29] + tail))
def test_any_bytes_give_an_answer_none_or_malformed(message: bytes) -> None:
    for complete in (True, False):
        try:
            read = parse_response(message, complete=complete)
        except Malformed:
            continue
        assert read is None or len(read.cnames) <= dns.MAX_CHAIN


@given(st.sampled_from(sorted(CASES)), st.integers(0, 500), st.integers(1, 255))
def test_a_changed_byte_gives_an_answer_none_or_malformed(case: str, at: int, change: int) -> None:
    message = bytearray(CASES[case][0])
    message[at % len(message)] ^= change
    try:
        read = parse_response(bytes(message))
    except Malformed:
        return
    assert read is None or (read.qname.isascii() and read.qname.isprintable())


@given(st.lists(st.binary(max_size=40), max_size=8), st.data())
def test_tcp_messages_are_the_same_however_the_stream_is_cut(
    messages: list[bytes], data: st.DataObject
) -> None:
    stream = b"".join(len(message).to_bytes(2) + message for message in messages)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    reader = TcpMessages()
    got = [reader.feed(stream[a:b]) for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert [message for part in got for message in part] == messages


def test_an_unfinished_tcp_message_waits() -> None:
    reader = TcpMessages()
    assert reader.feed(b"\xff\xff" + b"x" * 65_534) == []
    assert reader.feed(b"x\x00\x01yz") == [b"x" * 65_535, b"y"]
    assert reader.feed(b"") == []

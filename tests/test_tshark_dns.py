"""DNS answers from rows of fields: records find their values, messages their records."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors.tshark_dns import MAX_CHAIN, Answer, answers
from sensors.tshark_facts import Facts
from sensors.wire import Malformed
from tests.tshark_help import facts

ECH = "0045fe0d00414700200020f3e9ba4dbabbfa87f73530fe9f13cea3c9c0150623cfa42c6f3ab1ed18164a640004000100010012"
ECH += b"cloudflare-ech.com".hex() + "0000"


def message(answers: int, kinds: tuple[str, ...], **fields: str | tuple[str, ...]) -> Facts:
    """Return one response to a question for www.example, with records of these kinds, all in the answer."""
    plain = len([kind for kind in kinds if kind != "41"])
    usual: dict[str, str | tuple[str, ...]] = {
        "dns_response": "1",
        "dns_opcode": "0",
        "dns_rcode": "0",
        "dns_questions": "1",
        "dns_answers": str(answers),
        "dns_authorities": "0",
        "dns_additional": str(len(kinds) - answers),
        "dns_qname": "www.example",
        "dns_qtype": "1",
        "dns_qclass": "0x0001",
        "dns_type": kinds,
        "dns_owner": ("www.example",) * len(kinds),
        "dns_class": ("0x0001",) * plain,
        "dns_ttl": tuple(str(60 + index) for index in range(plain)),
    }
    return facts("eth:ethertype:ip:udp:dns", **{**usual, **fields})


CASES: list[tuple[str, Facts, Answer | None]] = [
    ("nothing", message(0, (), dns_rcode="3"), Answer("www.example", 1, 3)),
    (
        "an alias and its address, and EDNS",
        message(
            2, ("5", "1", "41"), dns_owner=("www.example", "cdn.example", "<Root>"), dns_cname="CDN.example",
            dns_a="192.0.2.1",
        ),
        Answer("www.example", 1, 0, ("cdn.example",), ("192.0.2.1",), 60),
    ),
    (
        "another name's address",
        message(2, ("1", "1"), dns_owner=("www.example", "other.example"), dns_a=("192.0.2.1", "192.0.2.9")),
        Answer("www.example", 1, 0, (), ("192.0.2.1",), 60),
    ),
    (
        "a service with hints and ECH",
        message(
            1, ("65",), dns_qtype="65", dns_priority="1", dns_target="<Root>", dns_hint=("192.0.2.1",),
            dns_hint_6=("2001:db8::1",), dns_ech=ECH,
        ),
        Answer("www.example", 65, 0, (), ("192.0.2.1", "2001:db8::1"), 60, ("cloudflare-ech.com",)),
    ),
    (
        "an alias of a service",
        message(1, ("65",), dns_qtype="65", dns_priority="0", dns_target="cdn.example"),
        Answer("www.example", 65, 0, ("cdn.example",), (), 60),
    ),
    (
        "ECH that is broken",
        message(1, ("65",), dns_qtype="65", dns_priority="1", dns_target="<Root>", dns_ech="00"),
        Answer("www.example", 65, 0, (), (), 60),
    ),
    (
        "SRV, whose owner stands elsewhere",
        message(2, ("33", "1"), dns_owner=("www.example",), dns_a="192.0.2.1"),
        Answer("www.example", 1, 0, (), ("192.0.2.1",), 61),
    ),
    (
        "aliases in a circle",
        message(
            2, ("5", "5"), dns_owner=("www.example", "b.example"), dns_cname=("b.example", "www.example")
        ),
        Answer("www.example", 1, 0, ("b.example",), (), 60),
    ),
    (
        "cut by the snap length",
        message(3, ("1",), dns_a="192.0.2.1", wire_bytes="400"),
        Answer("www.example", 1, 0, (), ("192.0.2.1",), 60),
    ),
    ("a query", message(0, (), dns_response="0"), None),
    ("an update", message(0, (), dns_opcode="5"), None),
    ("two questions", message(0, (), dns_questions="2"), None),
    ("another class", message(0, (), dns_qclass="0x0003"), None),
]  # fmt: skip


@pytest.mark.parametrize(("said", "wanted"), [row[1:] for row in CASES], ids=[row[0] for row in CASES])
def test_answers(said: Facts, wanted: Answer | None) -> None:
    assert answers(said) == [wanted]


def test_two_messages_in_a_frame() -> None:
    said = facts(
        "eth:ethertype:ip:tcp:dns:dns",
        dns_response=("1", "1"),
        dns_opcode=("0", "0"),
        dns_rcode=("0", "0"),
        dns_questions=("1", "1"),
        dns_answers=("1", "2"),
        dns_authorities=("0", "0"),
        dns_additional=("0", "0"),
        dns_qname=("a.example", "b.example"),
        dns_qtype=("1", "28"),
        dns_qclass=("1", "1"),
        dns_type=("1", "5", "28"),
        dns_owner=("a.example", "b.example", "c.example"),
        dns_class=("1", "1", "1"),
        dns_ttl=("1", "2", "3"),
        dns_a=("192.0.2.1",),
        dns_aaaa=("2001:db8::1",),
        dns_cname=("c.example",),
    )
    assert answers(said) == [
        Answer("a.example", 1, 0, (), ("192.0.2.1",), 1),
        Answer("b.example", 28, 0, ("c.example",), ("2001:db8::1",), 2),
    ]


def test_a_chain_ends() -> None:
    owners = tuple(f"{index}.example" for index in range(40))
    kinds = ("5",) * 40
    said = message(40, kinds, dns_qname="0.example", dns_owner=owners, dns_cname=(*owners[1:], "end.example"))
    (answer,) = answers(said)
    assert answer is not None
    assert answer.cnames == owners[1 : MAX_CHAIN + 1]


@pytest.mark.parametrize(
    "said",
    [
        message(2, ("1",), dns_a="192.0.2.1"),
        message(1, ("1",)),
        message(1, ("x",)),
        message(1, ("1",), dns_a="192.0.2.1", dns_ttl="soon"),
    ],
)
def test_fields_that_do_not_fit(said: Facts) -> None:
    with pytest.raises(Malformed, match="dns-fields"):
        answers(said)


WORDS = st.lists(
    st.sampled_from(["0", "1", "5", "28", "65", "41", "33", "a.example", "<Root>", "x", ""]), max_size=4
)
ROWS = [field for field in Facts.__struct_fields__ if field.startswith("dns_")]


@given(st.fixed_dictionaries({row: WORDS.map(tuple) for row in ROWS}))
def test_whatever_is_said_is_read_or_malformed(rows: dict[str, tuple[str, ...]]) -> None:
    try:
        found = answers(facts("eth", **rows))
    except Malformed:
        return
    assert len(found) == len(rows["dns_response"])

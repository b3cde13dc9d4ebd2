"""Matching of names and addresses: label by label, the most specific entry wins, bounded work."""

import ipaddress
import re
import time
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.catalog.hostmatch import AddressIndex, NameIndex, normal_name, parse_address

LABELS = st.sampled_from(["a", "b", "ab", "ba", "aab", "x1"])
PARTS = st.sampled_from(["*", "a", "b", "ab", "a*", "*b", "a*b", "x1"])
NAMES = st.lists(LABELS, min_size=1, max_size=6).map(".".join)


def index_of(*patterns: str) -> NameIndex[str]:
    index: NameIndex[str] = NameIndex()
    for pattern in patterns:
        index.add(pattern, pattern)
    index.seal()
    return index


@st.composite
def patterns(draw: st.DrawFn) -> str:
    head = draw(st.lists(PARTS, max_size=4))
    return ".".join([*head, draw(LABELS)])


def reference(pattern: str) -> re.Pattern[str]:
    """The same pattern as a regular expression."""
    parts = [part.replace("*", "[^.]*") for part in pattern.split(".")]
    if pattern.startswith("*."):
        parts[0] = r"[^.]+(?:\.[^.]+)*"
    return re.compile(r"\.".join(parts))


@pytest.mark.parametrize(
    ("pattern", "inside", "outside"),
    [
        (
            "api.example.com",
            "api.example.com",
            "xapi.example.com a.api.example.com api.example.com.evil.test",
        ),
        ("*.example.com", "a.example.com a.b.example.com", "example.com aexample.com example.com.evil.test"),
        (
            "vpce-*.eu.vpce.test",
            "vpce-0a1.eu.vpce.test vpce-.eu.vpce.test",
            "vpce.eu.vpce.test a.vpce-1.eu.vpce.test",
        ),
        ("api.*.*.hub.test", "api.a.b.hub.test", "api.a.hub.test api.a.b.c.hub.test xapi.a.b.hub.test"),
        (
            "cog*prod-eu-01.net.test",
            "cogweprod-eu-01.net.test",
            "cogprod-us-01.net.test cogpro-eu-01.net.test",
        ),
        (
            "*.app.*.test.example",
            "a.app.b.test.example a.c.app.b.test.example",
            "app.b.test.example a.app.test.example",
        ),
        ("aba*aba.test", "abaaba.test abaxaba.test", "aba.test ababa.test"),
    ],
)
def test_a_pattern_fits_whole_labels(pattern: str, inside: str, outside: str) -> None:
    index = index_of(pattern)
    assert [index.match(name) for name in inside.split()] == [pattern] * len(inside.split())
    assert [index.match(name) for name in outside.split()] == [None] * len(outside.split())


@pytest.mark.parametrize(
    ("name", "winner"),
    [
        ("a.privatelink.openai.test", "*.privatelink.openai.test"),
        ("a.openai.test", "*.openai.test"),
        ("eu.openai.test", "eu.openai.test"),
        ("a.eu.openai.test", "*.eu.openai.test"),
        ("eu-2.openai.test", "eu-*.openai.test"),
        ("eu-12.openai.test", "eu-1*.openai.test"),
        ("api.ai.prod.hub.test", "api.ai.*.hub.test"),
    ],
)
def test_the_most_specific_entry_wins(name: str, winner: str) -> None:
    index = index_of(
        "*.openai.test",
        "*.privatelink.openai.test",
        "eu.openai.test",
        "*.eu.openai.test",
        "eu-*.openai.test",
        "eu-1*.openai.test",
        "*.prod.hub.test",
        "api.ai.*.hub.test",
    )
    assert index.match(name) == winner


@given(patterns(), NAMES)
def test_a_pattern_fits_what_the_regular_expression_fits(pattern: str, name: str) -> None:
    assert (index_of(pattern).match(name) is not None) == bool(reference(pattern).fullmatch(name))


@given(st.lists(patterns(), max_size=8, unique=True), NAMES, st.randoms())
def test_the_order_of_declaration_does_not_matter(many: list[str], name: str, random: Random) -> None:
    shuffled = list(many)
    random.shuffle(shuffled)
    assert index_of(*many).match(name) == index_of(*shuffled).match(name)


@given(st.lists(patterns(), max_size=8, unique=True), NAMES)
def test_a_match_always_fits_and_none_that_fits_is_missed(many: list[str], name: str) -> None:
    fitting = {pattern for pattern in many if reference(pattern).fullmatch(name)}
    found = index_of(*many).match(name)
    assert found in fitting if fitting else found is None


@pytest.mark.parametrize(
    ("many", "tied"),
    [
        (("a*.x.test", "*a.x.test"), True),
        (("a*b.x.test", "ab*.x.test"), True),
        (("a*.x.test", "b*.x.test"), False),
        (("*a.x.test", "*b.x.test"), False),
        (("a*.x.test", "ab*.x.test"), False),
        (("a.*.x.test", "*.a.x.test"), False),
        (("a.b*.x.test", "c.b*.x.test"), False),
        (("a*.b.x.test", "*a.b.x.test"), True),
        (("ab.*.x.test", "a*.b*.x.test"), False),
    ],
)
def test_ties_are_found(many: tuple[str, ...], *, tied: bool) -> None:
    assert bool(list(index_of(*many).ties())) == tied


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("API.OpenAI.com", "api.openai.com"),
        ("api.openai.com.", "api.openai.com"),
        ("api.openai.com..", None),
        ("", None),
        (".", None),
        (".openai.com", None),
        ("api..openai.com", None),
        ("api.to\N{KELVIN SIGN}en.test", None),  # str.lower() makes an ASCII k of it
        ("\N{FULLWIDTH LATIN SMALL LETTER A}pi.openai.com", None),
        ("a" * 253, "a" * 253),
        ("a" * 254, None),
        ("a" * 253 + ".", "a" * 253),
        ("api.openai.com\\x00.evil.test", "api.openai.com\\x00.evil.test"),
    ],
)
def test_names_are_normalised_or_refused(text: str, expected: str | None) -> None:
    assert normal_name(text) == expected


@given(st.text(max_size=300))
def test_any_text_is_a_name_or_none(text: str) -> None:
    name = normal_name(text)
    if name is not None:
        assert len(name) <= 253
        assert name == name.lower()
        index_of("*.test", "a*.b.test").match(name)


def test_the_work_for_one_name_is_bounded() -> None:
    index = index_of(*(f"x*y{number}.suffix.test" for number in range(100)), "*.a.a.a", "a.*.a.*.a")
    hostile = [".".join(["a"] * 127), "x" * 240 + ".suffix.test", "x" * 127 + "." + "y" * 125]
    start = time.process_time()
    for name in hostile * 300:
        index.match(name)
    assert time.process_time() - start < 2


def addresses_of(*prefixes: str) -> AddressIndex[str]:
    index: AddressIndex[str] = AddressIndex()
    for prefix in prefixes:
        index.add(ipaddress.ip_network(prefix), prefix)
    return index


@pytest.mark.parametrize(
    ("address", "prefix"),
    [
        ("10.1.2.3", "10.1.0.0/16"),
        ("10.1.2.4", "10.1.2.4/32"),
        ("10.2.0.1", "10.0.0.0/8"),
        ("11.0.0.1", None),
        ("::ffff:10.1.2.3", "10.1.0.0/16"),
        ("2001:db8::1", "2001:db8::/32"),
        ("2001:0DB8:0::1", "2001:db8::/32"),
        ("2001:db9::1", None),
        ("fe80::1%eth0", None),
        ("10.1.2.3/32", None),
        ("010.1.2.3", None),
        ("", None),
    ],
)
def test_the_longest_prefix_wins(address: str, prefix: str | None) -> None:
    index = addresses_of("10.0.0.0/8", "10.1.0.0/16", "10.1.2.4/32", "2001:db8::/32")
    assert index.match(address) == prefix


@given(st.one_of(st.text(max_size=80), st.ip_addresses().map(str)))
def test_any_text_is_an_address_or_none(text: str) -> None:
    everything = addresses_of("0.0.0.0/0", "::/0")
    assert (everything.match(text) is not None) == (parse_address(text) is not None)


def test_a_long_text_is_no_address() -> None:
    assert parse_address(":" * 10_000_000) is None

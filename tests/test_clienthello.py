"""Reading ClientHellos: every field, every malformation, hellos that end early, and real ones."""

import contextlib
import ssl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensors.clienthello import (
    ECH_PUBLIC_NAMES,
    GREASE,
    MAX_CLIENT_HELLO_BYTES,
    ClientHello,
    parse_client_hello,
)
from sensors.wire import Malformed
from tests.hello_bytes import (
    ALPN,
    ECH,
    ESNI,
    PADDING,
    SIGNATURES,
    SNI,
    VERSIONS,
    alpn,
    codes,
    ech,
    ech_body,
    extension,
    hello_body,
    name_entry,
    real_flight,
    signatures,
    sni,
    vector,
    versions,
)

TLS12, TLS13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3

BROWSER = hello_body(
    extension(0x1A1A, b""),
    sni(b"api.eu.mistral.ai"),
    alpn(b"h2", b"http/1.1"),
    versions(0x2A2A, 0x0303, 0x0304),
    signatures(0x0403, 0x0804),
    ech(),
    extension(PADDING, bytes(40)),
    suites=(0x3A3A, 0x1301, 0xC02B),
)


def test_every_field() -> None:
    assert parse_client_hello(BROWSER) == ClientHello(
        server_name="api.eu.mistral.ai",
        alpn=("h2", "http/1.1"),
        versions=(0x0304, 0x0303),
        ech="grease",
        legacy_version=0x0303,
        cipher_suites=(0x3A3A, 0x1301, 0xC02B),
        extensions=(0x1A1A, SNI, ALPN, VERSIONS, SIGNATURES, ECH, PADDING),
        signature_algorithms=(0x0403, 0x0804),
        alpn_first=b"h2",
        complete=True,
    )


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ((b"API.OpenAI.com",), "api.openai.com"),
        ((b"api.openai.com.",), "api.openai.com"),
        ((b".",), "."),
        ((b"10.60.5.4",), "10.60.5.4"),
        ((b"2001:db8::1",), "2001:db8::1"),
        ((b"first.example", b"second.example"), "first.example"),
        ((b"a b\n\x00\\",), r"a\x20b\x0a\x00\x5c"),
        ((b"m\xc3\xbcnchen.example",), r"m\xc3\xbcnchen.example"),
        ((b"a" * 255,), "a" * 255),
    ],
)
def test_server_name(names: tuple[bytes, ...], expected: str) -> None:
    assert parse_client_hello(hello_body(sni(*names))).server_name == expected


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        (name_entry(b"opaque", kind=7) + name_entry(b"host.example"), "host.example"),
        (name_entry(b"host.example") + name_entry(b"", kind=7), "host.example"),
        (name_entry(b"opaque", kind=7), None),
    ],
)
def test_names_of_other_types_are_passed_over(entries: bytes, expected: str | None) -> None:
    hello = parse_client_hello(hello_body(extension(SNI, vector(2, entries))))
    assert hello.server_name == expected
    assert hello.extensions == (SNI,)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (hello_body(legacy=0x0300, session_id=b""), (0x0300,)),
        (hello_body(legacy=0x0301), (0x0301,)),
        (hello_body(legacy=0x0301) + codes(0), (0x0301,)),
        (hello_body(versions(0x0303, 0x0304)), (0x0304, 0x0303)),
        (hello_body(versions(0x0303, 0x0303)), (0x0303,)),
        (hello_body(versions(0xFAFA, 0x0304)), (0x0304,)),
        (hello_body(versions(0x7F1C, 0x0303)), (0x7F1C, 0x0303)),
        (hello_body(versions(0x0A0A)), (0x0303,)),
    ],
)
def test_versions(body: bytes, expected: tuple[int, ...]) -> None:
    hello = parse_client_hello(body)
    assert hello.versions == expected
    assert hello.server_name is None
    assert hello.complete


def test_grease_is_what_rfc_8701_reserves() -> None:
    assert sorted(GREASE) == [int(f"{nibble}a" * 2, 16) for nibble in "0123456789abcdef"]


@pytest.mark.parametrize(
    ("protocols", "expected"),
    [
        ((b"h2", b"http/1.1"), ("h2", "http/1.1")),
        ((b"H2",), ("H2",)),
        ((b"\xba\xad", b"a\\x20", b"a b"), (r"\xba\xad", r"a\x5cx20", r"a\x20b")),
    ],
)
def test_alpn(protocols: tuple[bytes, ...], expected: tuple[str, ...]) -> None:
    hello = parse_client_hello(hello_body(alpn(*protocols)))
    assert hello.alpn == expected
    assert hello.alpn_first == protocols[0]


@given(st.lists(st.binary(min_size=1, max_size=6), min_size=1, max_size=5))
def test_alpn_text_tells_all_protocols_apart(protocols: list[bytes]) -> None:
    texts = parse_client_hello(hello_body(alpn(*protocols))).alpn
    assert len(set(texts)) == len(set(protocols))
    assert all(text.isascii() and text.isprintable() and " " not in text for text in texts)


@pytest.mark.parametrize("name", sorted(ECH_PUBLIC_NAMES))
def test_ech_is_offered_behind_a_known_public_name(name: str) -> None:
    upper = name.upper().encode()
    for extensions in ((sni(upper), ech()), (ech(), sni(upper))):
        hello = parse_client_hello(hello_body(*extensions))
        assert (hello.ech, hello.server_name) == ("offered", name)


PUBLIC = sni(b"cloudflare-ech.com")


@pytest.mark.parametrize(
    ("extensions", "expected"),
    [
        ((PUBLIC,), "none"),
        ((sni(b"api.anthropic.com"), ech()), "grease"),
        ((sni(b"sub.cloudflare-ech.com"), ech()), "grease"),
        ((ech(),), "grease"),
        ((PUBLIC, ech(kind=1)), "grease"),
        ((PUBLIC, extension(ECH, b"")), "grease"),
        ((PUBLIC, extension(ECH, ech_body(payload=b""))), "grease"),
        ((PUBLIC, extension(ECH, ech_body()[:-1])), "grease"),
        ((PUBLIC, extension(ECH, ech_body() + b"\x00")), "grease"),
        ((PUBLIC, extension(ECH, ech_body()[:7])), "grease"),
        ((extension(ESNI, b"anything"),), "offered"),
    ],
)
def test_ech_state(extensions: tuple[bytes, ...], expected: str) -> None:
    assert parse_client_hello(hello_body(*extensions)).ech == expected


def test_a_hello_with_encrypted_server_name_has_no_name() -> None:
    assert parse_client_hello(hello_body(extension(ESNI, bytes(64)))).server_name is None


FIXED = hello_body()
NO_SUITES = hello_body(suites=())
ODD_SUITES = codes(0x0303) + bytes(33) + vector(2, b"\x13") + b"\x01\x00"


@pytest.mark.parametrize(
    ("reason", "body"),
    [
        ("hello-truncated", b""),
        ("hello-truncated", FIXED[:-1]),
        ("hello-truncated", FIXED + b"\x00"),
        ("hello-truncated", FIXED + codes(4)),
        ("hello-truncated", FIXED + codes(4, SNI)),
        ("hello-truncated", BROWSER[:-1]),
        ("hello-session-id", hello_body(session_id=bytes(33))),
        ("hello-cipher-suites", NO_SUITES),
        ("hello-cipher-suites", ODD_SUITES),
        ("hello-compression-methods", hello_body(compression=b"")),
        ("hello-trailing-bytes", BROWSER + b"\x00"),
        ("hello-trailing-bytes", FIXED + codes(0) + b"\x00"),
        ("hello-extensions", FIXED + vector(2, b"\x00\x17\x00")),
        ("hello-extensions", FIXED + vector(2, codes(PADDING, 1))),
        ("hello-duplicate-extension", hello_body(sni(b"a.example"), sni(b"b.example"))),
        ("hello-duplicate-extension", hello_body(alpn(b"h2"), alpn(b"h2"))),
        ("hello-duplicate-extension", hello_body(versions(0x0304), versions(0x0303))),
        ("sni-list", hello_body(extension(SNI, b""))),
        ("sni-list", hello_body(extension(SNI, codes(0)))),
        ("sni-list", hello_body(extension(SNI, vector(2, b"\x00\x00")))),
        ("sni-list", hello_body(extension(SNI, vector(2, name_entry(b"a.example")[:-1])))),
        ("sni-list", hello_body(extension(SNI, vector(2, name_entry(b"a.example")) + b"\x00"))),
        ("sni-list", hello_body(extension(SNI, vector(2, name_entry(b"a.example") + b"\x00\x00\x01")))),
        ("sni-name-length", hello_body(sni(b""))),
        ("sni-name-length", hello_body(sni(b"a" * 256))),
        ("alpn-list", hello_body(extension(ALPN, b""))),
        ("alpn-list", hello_body(alpn())),
        ("alpn-list", hello_body(alpn(b"h2", b""))),
        ("alpn-list", hello_body(extension(ALPN, vector(2, b"\x03h2")))),
        ("supported-versions", hello_body(extension(VERSIONS, b""))),
        ("supported-versions", hello_body(versions())),
        ("supported-versions", hello_body(extension(VERSIONS, vector(1, b"\x03\x04\x03")))),
        ("signature-algorithms", hello_body(signatures())),
        ("signature-algorithms", hello_body(extension(SIGNATURES, vector(2, b"\x04")))),
        ("hello-too-long", bytes(MAX_CLIENT_HELLO_BYTES + 1)),
    ],
)
def test_malformed(reason: str, body: bytes) -> None:
    with pytest.raises(Malformed) as malformed:
        parse_client_hello(body)
    assert malformed.value.reason == reason


@pytest.mark.parametrize(
    ("extensions", "kinds"),
    [
        ((extension(0x7777, b"x"), sni(b"a.example"), extension(0x7777, b"y")), (0x7777, SNI, 0x7777)),
        ((extension(0x000A, b"\xff"), sni(b"a.example")), (0x000A, SNI)),
    ],
)
def test_what_is_not_read_cannot_hide_the_name(extensions: tuple[bytes, ...], kinds: tuple[int, ...]) -> None:
    hello = parse_client_hello(hello_body(*extensions))
    assert (hello.server_name, hello.extensions) == ("a.example", kinds)


def test_the_longest_valid_hello_is_read() -> None:
    room = 65_535 - len(sni(b"a.example")) - 4
    body = hello_body(
        sni(b"a.example"),
        extension(PADDING, bytes(room)),
        suites=(0x1301,) * 32_767,
        compression=bytes(255),
    )
    assert len(body) == MAX_CLIENT_HELLO_BYTES
    assert parse_client_hello(body).server_name == "a.example"


def assert_beginning_of(part: ClientHello, whole: ClientHello) -> None:
    """Everything that a cut hello says, the whole one says too; what it does not know, it leaves open."""
    assert not part.complete
    assert part.server_name in (None, whole.server_name)
    assert part.alpn in ((), whole.alpn)
    assert part.alpn_first in (b"", whole.alpn_first)
    assert part.versions in ((), whole.versions)
    assert part.legacy_version in (None, whole.legacy_version)
    assert part.cipher_suites in ((), whole.cipher_suites)
    assert part.signature_algorithms in ((), whole.signature_algorithms)
    assert part.extensions == whole.extensions[: len(part.extensions)]
    assert part.ech in {"none", whole.ech} or (part.ech, part.server_name) == ("grease", None)


@pytest.mark.parametrize(
    "body",
    [
        BROWSER,
        hello_body(ech(), PUBLIC, alpn(b"h3")),
        real_flight("api.openai.com", ("h2",))[9:],
    ],
    ids=["browser", "ech first", "real"],
)
def test_every_beginning_of_a_hello(body: bytes) -> None:
    whole = parse_client_hello(body)
    known = []
    for end in range(len(body) + 1):
        part = parse_client_hello(body[:end], complete=False)
        assert_beginning_of(part, whole)
        known.append(part.server_name)
    assert set(known) == {None, whole.server_name}
    first = known.index(whole.server_name)
    assert None not in known[first:]
    assert body[:first].endswith(str(whole.server_name).encode())


def test_a_cut_hello_does_not_guess_its_versions() -> None:
    before_versions = BROWSER.index(codes(VERSIONS) + b"\x00\x07")
    part = parse_client_hello(BROWSER[:before_versions], complete=False)
    assert (part.legacy_version, part.versions, part.alpn) == (0x0303, (), ("h2", "http/1.1"))


def test_a_cut_hello_may_still_be_malformed() -> None:
    body = hello_body(sni(b"a.example"), sni(b"b.example"), extension(PADDING, bytes(99)))
    with pytest.raises(Malformed, match="hello-duplicate-extension"):
        parse_client_hello(body[:-50], complete=False)


@pytest.mark.parametrize("name", ["eu.api.openai.com", "10.60.5.4", None])
@pytest.mark.parametrize("protocols", [(), ("h2",), ("h2", "http/1.1"), ("acme-tls/1", "x")])
@pytest.mark.parametrize(
    ("lowest", "highest", "expected"),
    [
        (TLS12, TLS13, (0x0304, 0x0303)),
        (TLS13, TLS13, (0x0304,)),
        (TLS12, TLS12, (0x0303,)),
    ],
)
def test_real_hellos(
    name: str | None,
    protocols: tuple[str, ...],
    lowest: ssl.TLSVersion,
    highest: ssl.TLSVersion,
    expected: tuple[int, ...],
) -> None:
    hello = parse_client_hello(real_flight(name, protocols, lowest, highest)[9:])
    sent = name if name != "10.60.5.4" else None  # RFC 6066 section 3: no literal addresses
    assert (hello.server_name, hello.alpn, hello.versions) == (sent, protocols, expected)
    assert (hello.ech, hello.legacy_version, hello.complete) == ("none", 0x0303, True)
    assert len(hello.signature_algorithms) > 5
    assert (SNI in hello.extensions) is (sent is not None)


@settings(max_examples=300)
@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_a_hello_or_malformed(data: bytes, complete: bool) -> None:  # noqa: FBT001
    with contextlib.suppress(Malformed):
        assert parse_client_hello(data, complete=complete).complete is complete


@settings(max_examples=500)
@given(st.integers(0, len(BROWSER) - 1), st.binary(min_size=1, max_size=3), st.booleans())
def test_a_damaged_hello_is_a_hello_or_malformed(at: int, damage: bytes, complete: bool) -> None:  # noqa: FBT001
    data = BROWSER[:at] + damage + BROWSER[at + len(damage) :]
    with contextlib.suppress(Malformed):
        hello = parse_client_hello(data, complete=complete)
        assert hello.server_name is None or hello.server_name.isprintable()

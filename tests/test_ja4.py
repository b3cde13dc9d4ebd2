"""JA4 against the specification's own examples and the fingerprints that the reference tools publish."""

from typing import Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors.clienthello import ClientHello, parse_client_hello
from sensors.ja4 import ja4
from tests.hello_bytes import (
    ALPN,
    SIGNATURES,
    SNI,
    VERSIONS,
    alpn,
    extension,
    hello_body,
    signatures,
    sni,
    versions,
)

CHROME_SUITES = "1301 1302 1303 c02b c02f c02c c030 cca9 cca8 c013 c014 009c 009d 002f 0035"
CHROME_SIGNATURES = "0403 0804 0401 0503 0805 0501 0806 0601"
SPEC_EXTENSIONS = "001b 0000 0033 0010 4469 0017 002d 000d 0005 0023 0012 002b ff01 000b 000a 0015"


class Published(msgspec.Struct, frozen=True):
    """A fingerprint and what it was made of, all in the order of the wire."""

    fingerprint: str
    suites: str
    extensions: str
    algorithms: str
    first: bytes
    versions: tuple[int, ...]


# The first is the specification's example, the others are what FoxIO's tools print for the captures in their
# repository.
PUBLISHED = (
    Published(
        "t13d1516h2_8daaf6152771_e5627efa2ab1",
        CHROME_SUITES,
        SPEC_EXTENSIONS,
        CHROME_SIGNATURES,
        b"h2",
        (0x0304,),
    ),
    Published(  # tls-sni.pcapng: without ALPN and ALPS
        "t13d151400_8daaf6152771_de4a06bb82e3",
        CHROME_SUITES,
        "0033 002b 001b 0000 0012 002d 000d 000a 0005 0023 0017 ff01 000b 0015",
        CHROME_SIGNATURES,
        b"",
        (0x0304, 0x0303),
    ),
    Published(  # sigalg-grease.pcapng: GREASE stands among the signature algorithms too
        "t13d1517h2_8daaf6152771_cb7bf5808d99",
        f"5a5a {CHROME_SUITES}",
        "dada fe0d 0010 0017 0033 44cd ff01 000a 000d 0023 002b 000b ca34 002d 0000 0005 001b 0012 0a0a",
        f"8a8a 0904 0905 0906 {CHROME_SIGNATURES}",
        b"h2",
        (0xEAEA, 0x0304, 0x0303),
    ),
    Published(  # tls12.pcap: Firefox
        "t13d1715h2_5b57614c22b0_3d5424432f57",
        "1301 1303 1302 c02b c02f cca9 cca8 c02c c030 c00a c009 c013 c014 009c 009d 002f 0035",
        "0000 0017 ff01 000a 000b 0023 0010 0005 0022 0033 002b 000d 002d 001c 0015",
        "0403 0503 0603 0804 0805 0806 0401 0501 0601 0203 0201",
        b"h2",
        (0x0304, 0x0303),
    ),
    Published(  # macos_tcp_flags.pcap: one signature algorithm stands twice
        "t13d2613h2_2802a3db6c62_845d286b0d67",
        """1301 1302 1303 c02c c02b c024 c023 c00a c009 cca9 c030 c02f c028
        c027 c014 c013 cca8 009d 009c 003d 003c 0035 002f c008 c012 000a""",
        "ff01 0000 0017 000d 0005 0012 0010 000b 0033 002d 002b 000a 0015",
        "0403 0804 0401 0503 0203 0805 0805 0501 0806 0601 0201",
        b"h2",
        (0x0304, 0x0303, 0x0302, 0x0301),
    ),
    Published(  # https3-301-get.pcap: nothing but a name
        "t10d230100_6a57a6f57151_000000000000",
        """0039 0038 0035 0016 0013 000a 0033 0032 002f 009a 0099 0096
        0005 0004 0015 0012 0009 0014 0011 0008 0006 0003 00ff""",
        "0000",
        "",
        b"",
        (0x0301,),
    ),
    Published(  # quic-tls-handshake.pcapng
        "q13d0310h3_55b375c5d22e_cd85d2d88918",
        "1301 1302 1303",
        "002d 001b 4469 000d 002b 0000 000a 0039 0010 0033",
        f"{CHROME_SIGNATURES} 0201",
        b"h3",
        (0x0304,),
    ),
)


def numbers(text: str) -> tuple[int, ...]:
    return tuple(int(code, 16) for code in text.split())


def built(published: Published) -> ClientHello:
    """A hello with the lists of a published fingerprint, read from bytes."""
    bodies = {SNI: sni(b"a.example"), VERSIONS: versions(*published.versions)}
    if published.algorithms:
        bodies[SIGNATURES] = signatures(*numbers(published.algorithms))
    if published.first:
        bodies[ALPN] = alpn(published.first, b"http/1.1")
    kinds = numbers(published.extensions)
    legacy = 0x0303 if VERSIONS in kinds else published.versions[0]
    parts = [bodies.get(kind) or extension(kind, b"") for kind in kinds]
    return parse_client_hello(hello_body(*parts, suites=numbers(published.suites), legacy=legacy))


@pytest.mark.parametrize("published", PUBLISHED, ids=[each.fingerprint for each in PUBLISHED])
def test_published_fingerprints(published: Published) -> None:
    transport: Literal["t", "q"] = "q" if published.fingerprint.startswith("q") else "t"
    assert ja4(built(published), transport) == published.fingerprint


def test_without_signature_algorithms_the_list_ends_without_an_underscore() -> None:
    hello = ClientHello(extensions=numbers(SPEC_EXTENSIONS), cipher_suites=numbers(CHROME_SUITES))
    assert ja4(hello, "t").endswith("_8daaf6152771_6d807ffa2a79")


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        (b"", "00"),
        (b"h2", "h2"),
        (b"http/1.1", "h1"),
        (b"Z", "ZZ"),
        (b"\xab", "ab"),
        (b"\xab\xcd", "ad"),
        (b"\x30\xab", "3b"),
        (b"\x30\x31\xab\xcd", "3d"),
        (b"\x30\xab\xcd\x31", "01"),
        (b"-", "2d"),
        (b"\xba\xad", "bd"),
    ],
)
def test_first_and_last_character_of_the_first_protocol(first: bytes, expected: str) -> None:
    assert ja4(ClientHello(alpn_first=first), "t")[8:10] == expected


@pytest.mark.parametrize(
    ("offered", "expected"),
    [
        ((0x0304, 0x0303), "13"),
        ((0x0303,), "12"),
        ((0x0302,), "11"),
        ((0x0301,), "10"),
        ((0x0300,), "s3"),
        ((0x0002,), "s2"),
        ((0x7F1C, 0x0303), "00"),
        ((), "00"),
    ],
)
def test_version(offered: tuple[int, ...], expected: str) -> None:
    assert ja4(ClientHello(versions=offered), "q")[:3] == f"q{expected}"


@pytest.mark.parametrize(
    ("count", "expected"), [(0, "00"), (9, "09"), (99, "99"), (100, "99"), (3_000, "99")]
)
def test_counts_end_at_99(count: int, expected: str) -> None:
    hello = ClientHello(cipher_suites=(0xC02B,) * count, extensions=(0x0015,) * count)
    assert ja4(hello, "t")[3:8] == f"i{expected}{expected}"


def test_nothing_to_hash_is_twelve_zeros() -> None:
    only_grease = ClientHello(cipher_suites=(0x0A0A,), extensions=(0x1A1A, SNI, ALPN), versions=(0x0303,))
    assert ja4(only_grease, "t") == "t12d000200_000000000000_000000000000"


CODES = st.lists(st.sampled_from(range(0x0016, 0x0029)), unique=True, min_size=1)
GREASE = st.sampled_from((0x0A0A, 0x4A4A, 0xFAFA))


@given(CODES, CODES, CODES, GREASE, st.data())
def test_neither_grease_nor_the_order_of_suites_and_extensions_counts(
    suites: list[int], extensions: list[int], algorithms: list[int], grease: int, data: st.DataObject
) -> None:
    plain = ClientHello(
        cipher_suites=tuple(suites),
        extensions=tuple(extensions),
        signature_algorithms=tuple(algorithms),
    )
    other = ClientHello(
        cipher_suites=(grease, *data.draw(st.permutations(suites))),
        extensions=(*data.draw(st.permutations(extensions)), grease),
        signature_algorithms=(algorithms[0], grease, *algorithms[1:]),
    )
    assert ja4(other, "t") == ja4(plain, "t")


def test_the_order_of_signature_algorithms_counts() -> None:
    one = ClientHello(extensions=(SIGNATURES,), signature_algorithms=(0x0403, 0x0804))
    other = ClientHello(extensions=(SIGNATURES,), signature_algorithms=(0x0804, 0x0403))
    assert ja4(one, "t")[:-12] == ja4(other, "t")[:-12]
    assert ja4(one, "t") != ja4(other, "t")

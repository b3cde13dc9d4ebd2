"""HTTPS and SVCB records, among them test vectors of RFC 9460 appendix D, and ECH lists built by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors.dns_names import NameReader
from sensors.svcb import Service, ech_public_names, parse_service
from sensors.wire import Malformed

FOO = b"\x03foo\x07example\x03com\x00"


def parameter(key: int, value: bytes) -> bytes:
    return key.to_bytes(2) + len(value).to_bytes(2) + value


def vector(length_bytes: int, data: bytes) -> bytes:
    return len(data).to_bytes(length_bytes) + data


def ech_config(public_name: bytes, *, version: int = 0xFE0D, extensions: bytes = b"") -> bytes:
    key = b"\x07\x00\x20" + vector(2, b"k" * 32) + vector(2, b"\x00\x01\x00\x01")
    contents = key + b"\x40" + vector(1, public_name) + vector(2, extensions)
    return version.to_bytes(2) + vector(2, contents)


def parse(rdata: bytes) -> Service:
    before = b"\x00" * 20
    return parse_service(rdata, len(before), NameReader(before + rdata))


@pytest.mark.parametrize(
    ("rdata", "service"),
    [
        (b"\x00\x00" + FOO, Service(0, "foo.example.com")),
        (b"\x00\x01\x00", Service(1, ".")),
        (b"\x00\x10" + FOO + parameter(3, b"\x00\x35"), Service(16, "foo.example.com")),
        (b"\x00\x01" + FOO + parameter(667, b"hello\xd2qoo"), Service(1, "foo.example.com")),
        (
            b"\x00\x01" + FOO + parameter(6, bytes(15) + b"\x01" + b"\x20" + bytes(15)),
            Service(1, "foo.example.com", (bytes(15) + b"\x01", b"\x20" + bytes(15))),
        ),
        (
            b"\x00\x01\x00" + parameter(1, b"\x02h3") + parameter(4, b"\x01\x02\x03\x04\x05\x06\x07\x08"),
            Service(1, ".", (b"\x01\x02\x03\x04", b"\x05\x06\x07\x08")),
        ),
        (b"\x00\x00\x00" + parameter(4, b"odd"), Service(0, ".")),  # AliasMode: parameters are ignored
        (
            b"\x00\x01\x00" + parameter(5, vector(2, ech_config(b"Cover.example"))),
            Service(1, ".", (), ("cover.example",)),
        ),
        (
            b"\x00\x01\x00" + parameter(4, bytes(4)) + parameter(5, b"broken"),
            Service(1, ".", (bytes(4),), ech_malformed=True),
        ),
    ],
)
def test_services(rdata: bytes, service: Service) -> None:
    assert parse(rdata) == service
    assert service.is_alias is (service.priority == 0)


@pytest.mark.parametrize(
    ("rdata", "reason"),
    [
        (b"", "dns-svcb-past-end"),
        (b"\x00\x01", "dns-svcb-past-end"),
        (b"\x00\x01" + FOO[:-1], "dns-name-past-end"),
        (b"\x00\x01\x00\x00\x04\x00", "dns-svcb-past-end"),
        (b"\x00\x01\x00" + parameter(4, bytes(4))[:-1], "dns-svcb-past-end"),
        (b"\x00\x01\x00" + parameter(4, bytes(4)) * 2, "dns-svcb-key-order"),
        (b"\x00\x01\x00" + parameter(4, bytes(4)) + parameter(1, b"\x02h2"), "dns-svcb-key-order"),
        (b"\x00\x01\x00" + parameter(4, b""), "dns-svcb-hint-length"),
        (b"\x00\x01\x00" + parameter(4, bytes(6)), "dns-svcb-hint-length"),
        (b"\x00\x01\x00" + parameter(6, bytes(20)), "dns-svcb-hint-length"),
    ],
)
def test_malformed_services(rdata: bytes, reason: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse(rdata)
    assert caught.value.reason == reason


def test_a_target_that_leaves_its_record_is_malformed() -> None:
    with pytest.raises(Malformed, match="dns-svcb-past-end"):
        parse_service(b"\x00\x01\x03", 0, NameReader(b"\x00\x01\x03foo\x00"))


@pytest.mark.parametrize(
    ("configs", "names"),
    [
        (vector(2, ech_config(b"cover.example")), ("cover.example",)),
        (vector(2, ech_config(b"a.example", extensions=b"\x00\x01\x00\x00")), ("a.example",)),
        (vector(2, ech_config(b"a.example") + ech_config(b"b.example")), ("a.example", "b.example")),
        (vector(2, ech_config(b"x", version=0xFE0A) + ech_config(b"b.example")), ("b.example",)),
        (vector(2, b"\xfe\x0c\x00\x02??"), ()),
        (vector(2, ech_config(b"evil\n.example")), ("evil\\x0a.example",)),
    ],
)
def test_ech_public_names(configs: bytes, names: tuple[str, ...]) -> None:
    assert ech_public_names(configs) == names


@pytest.mark.parametrize(
    ("configs", "reason"),
    [
        (b"", "ech-past-end"),
        (b"\x00\x00", "ech-list-length"),
        (vector(2, ech_config(b"a")) + b"\x00", "ech-list-length"),
        (vector(2, ech_config(b"a"))[:-1], "ech-past-end"),
        (vector(2, ech_config(b"a")[:-1]), "ech-past-end"),
        (vector(2, ech_config(b"a") + b"\xfe"), "ech-past-end"),
        (vector(2, ech_config(b"")), "ech-config-length"),
        (vector(2, b"\xfe\x0d" + vector(2, ech_config(b"a")[4:] + b"\x00")), "ech-config-length"),
        (vector(2, b"\xfe\x0d" + vector(2, ech_config(b"a")[4:-4])), "ech-past-end"),
    ],
)
def test_malformed_ech_lists(configs: bytes, reason: str) -> None:
    with pytest.raises(Malformed) as caught:
        ech_public_names(configs)
    assert caught.value.reason == reason


@given(
    st.binary(max_size=80) | st.binary(max_size=80).map(lambda tail: vector(2, b"\xfe\x0d" + vector(2, tail)))
)
def test_any_ech_bytes_give_names_or_malformed(configs: bytes) -> None:
    try:
        names = ech_public_names(configs)
    except Malformed:
        return
    assert all(name.isascii() and name.isprintable() for name in names)


@given(st.binary(max_size=80).map(lambda tail: b"\x00\x01\x00" + tail))
def test_any_rdata_gives_a_service_or_malformed(rdata: bytes) -> None:
    try:
        service = parse(rdata)
    except Malformed:
        return
    assert {len(address) for address in service.addresses} <= {4, 16}

"""GeoIP databases: every layout in use, several files, and files that are no database."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.load import GeoIp, InputError
from tests.facts import shared
from tests.mmdb import Value, mmdb

ADDRESS = "192.0.2.7"


def database(folder: Path, value: Value, name: str = "geo.mmdb", kind: str = "Test-Country") -> Path:
    """Write a database with one record."""
    path = folder / name
    path.write_bytes(mmdb({"192.0.2.0/24": value}, kind))
    return path


@pytest.mark.parametrize(
    ("record", "country", "asn"),
    [
        (
            {"country": {"iso_code": "DE", "geoname_id": 1}, "registered_country": {"iso_code": "US"}},
            "DE",
            None,
        ),
        ({"registered_country": {"iso_code": "US"}}, "US", None),
        ({"country_code": "FR"}, "FR", None),
        ({"country": "FR", "asn": "AS12876"}, "FR", 12876),
        ({"autonomous_system_number": 13335, "autonomous_system_organization": "X"}, None, 13335),
        ({"country": {"iso_code": "EU"}}, None, None),
        ({"country_code": "ZZ"}, None, None),
        ({"country_code": "de"}, None, None),
        ({"country_code": "DEU"}, None, None),
        ({"country_code": ["DE"]}, None, None),
        ({"country": {"iso_code": 7}}, None, None),
        ({"country": {"names": {"en": "Germany"}}, "country_code": "DE"}, "DE", None),
        ({"asn": "12876"}, None, 12876),
        ({"asn": "AS4294967296"}, None, None),
        ({"asn": "AS" + "9" * 25}, None, None),
        ({"autonomous_system_number": 2**40}, None, None),
        ("a text", None, None),
        ([], None, None),
    ],
)
def test_layouts(tmp_path: Path, record: Value, country: str | None, asn: int | None) -> None:
    geo = GeoIp([database(tmp_path, record)])
    location = geo.locate(ADDRESS)
    found = (location.country, location.asn) if location is not None else (None, None)
    assert found == (country, asn)
    assert (geo.country(ADDRESS), geo.asn(ADDRESS)) == (country, asn)
    assert geo.faults == 0
    geo.close()


def test_the_data_set_is_named_with_its_build_date(tmp_path: Path) -> None:
    path = database(tmp_path, {"country_code": "DE"}, kind="GeoLite2-Country")
    geo = GeoIp([path])
    assert geo.datasets == ("geo.mmdb (GeoLite2-Country, 2026-01-01)",)
    location = geo.locate(ADDRESS)
    assert location is not None
    assert location.dataset == geo.datasets[0]
    path.write_bytes(mmdb({}, epoch=2**63))
    assert GeoIp([path]).datasets == ("geo.mmdb (Test-Country, build date unknown)",)


def test_several_databases_complete_each_other(tmp_path: Path) -> None:
    system = database(tmp_path, {"autonomous_system_number": 64500}, "asn.mmdb")
    country = database(tmp_path, {"country_code": "DE"}, "country.mmdb")
    second = database(tmp_path, {"country_code": "FR"}, "second.mmdb")
    location = GeoIp([system, country, second]).locate(ADDRESS)
    assert location is not None
    assert (location.country, location.asn, location.dataset) == (
        "DE",
        64500,
        "country.mmdb (Test-Country, 2026-01-01)",
    )
    only = GeoIp([system]).locate(ADDRESS)
    assert only is not None
    assert (only.country, only.dataset) == (None, "asn.mmdb (Test-Country, 2026-01-01)")


@pytest.mark.parametrize(
    "address", ["192.0.3.7", "2001:db8::1", "10.0.0.1", "", "no address", "192.0.2.7/24"]
)
def test_an_address_that_is_not_there_has_no_country(tmp_path: Path, address: str) -> None:
    geo = GeoIp([database(tmp_path, {"country_code": "DE"})])
    assert geo.locate(address) is None
    assert geo.country(address) is None
    assert geo.asn(address) is None


def test_a_broken_record_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "broken.mmdb"
    whole = mmdb({"192.0.2.0/24": {"country_code": "DE"}})
    at = whole.index(b"country_code")
    path.write_bytes(whole[: at - 1] + b"\x5f" + whole[at:])  # a text longer than the file
    geo = GeoIp([path])
    assert geo.country(ADDRESS) is None
    assert geo.faults == 1


@pytest.mark.parametrize(
    "content", [b"", b"text", b"\xab\xcd\xefMaxMind.com", bytes(100_000), b"PK\x03\x04" * 99]
)
def test_a_file_of_another_kind_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.mmdb"
    path.write_bytes(content)
    with pytest.raises(InputError) as error:
        GeoIp([path])
    assert str(error.value) == f"{path}: no MaxMind DB; give a database in MaxMind DB format (.mmdb)"


def test_a_file_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file or directory; check the path"):
        GeoIp([tmp_path / "absent.mmdb"])
    with pytest.raises(InputError):
        GeoIp([tmp_path])


@given(st.integers(0, 400), st.binary(min_size=1, max_size=8))
def test_a_damaged_database_is_refused_or_answers(
    tmp_path_factory: pytest.TempPathFactory, at: int, by: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / f"damaged-{os.getpid()}.mmdb"
    whole = bytearray(
        mmdb({"192.0.2.0/24": {"country": {"iso_code": "DE"}}, "2001:db8::/32": {"asn": "AS1"}})
    )
    at = len(whole) - 1 - at
    whole[at : at + len(by)] = by
    path.write_bytes(whole)
    try:
        geo = GeoIp([path])
    except InputError:
        return
    for address in (ADDRESS, "2001:db8::1"):
        location = geo.locate(address)
        assert location is None or location.country is None or len(location.country) == 2
    geo.close()


def test_a_real_flat_database() -> None:
    geo = GeoIp([shared("data/geo-whois-asn-country.mmdb")])
    assert geo.datasets == ("geo-whois-asn-country.mmdb (country ipvAll, 2026-06-17)",)
    assert geo.country("13.93.122.1") == "NL"
    assert geo.country("::ffff:13.93.122.1") == "NL"
    assert geo.country("2607:6bc0::10") == "US"
    assert geo.country("10.0.0.1") is None
    geo.close()

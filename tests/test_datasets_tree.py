"""Resolving and compiling: the look-up says what a slow search over all rows says."""

import ipaddress
from pathlib import Path

import maxminddb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.datasets.parsers import parse_aws, parse_azure, parse_google
from monitor.datasets.resolve import Statement, resolve
from monitor.datasets.rows import IPV4_BITS, Prefix, read_prefix
from monitor.datasets.tree import Record, database
from tests.datasets_kit import aws, azure, google


def statements(*files: tuple[str, bytes]) -> dict[str, Statement]:
    """What a provider says of each prefix."""
    read = {"aws": parse_aws, "azure": parse_azure, "google": parse_google}
    found = resolve([(f"{name} 1", read[name](data).rows) for name, data in files])
    return {text(prefix): said for prefix, said in found.items()}


def text(prefix: Prefix) -> str:
    """A prefix of IPv4 as people write it."""
    return str(ipaddress.ip_network((prefix.first, prefix.length - IPV4_BITS)))


def test_the_service_is_the_one_with_the_fewest_addresses() -> None:
    data = azure(
        {
            "AzureCloud": ("", ["20.52.0.0/16"]),
            "AzureCloud.germanywc": ("germanywc", ["20.52.0.0/16"]),
            "Big": ("", ["20.52.1.0/24", "20.60.0.0/16"]),
            "Small": ("", ["20.52.1.0/24"]),
        }
    )
    said = statements(("azure", data))
    assert (said["20.52.1.0/24"].service, said["20.52.1.0/24"].region) == ("Small", "germanywestcentral")
    assert (said["20.52.0.0/16"].service, said["20.52.0.0/16"].region) == ("AzureCloud", "germanywestcentral")


def test_a_prefix_takes_what_it_leaves_open_from_the_one_around_it() -> None:
    said = statements(
        ("aws", aws({"52.0.0.0/12": ("us-east-1", "EC2"), "52.1.1.0/24": ("us-east-1", "AMAZON")}))
    )
    assert said["52.1.1.0/24"].service == "EC2"


def test_a_prefix_of_another_region_takes_nothing() -> None:
    said = statements(
        ("aws", aws({"52.0.0.0/12": ("us-east-1", "EC2"), "52.1.1.0/24": ("eu-west-1", "AMAZON")}))
    )
    assert (said["52.1.1.0/24"].service, said["52.1.1.0/24"].region) == ("AMAZON", "eu-west-1")


def test_what_is_everywhere_takes_no_region() -> None:
    said = statements(
        ("aws", aws({"52.0.0.0/12": ("us-east-1", "AMAZON"), "52.1.1.0/24": ("GLOBAL", "GLOBALACCELERATOR")}))
    )
    assert (said["52.1.1.0/24"].region, said["52.1.1.0/24"].anycast) == (None, True)


def test_regions_that_disagree_name_none() -> None:
    data = azure({"A": ("westeurope", ["20.52.0.0/16"]), "B": ("northeurope", ["20.52.0.0/16"])})
    assert statements(("azure", data))["20.52.0.0/16"].region is None


def test_google_services_are_no_cloud() -> None:
    cloud = google({"34.1.208.0/20": "africa-south1"})
    services = google({"34.0.0.0/15": None, "34.1.208.0/20": None, "34.1.209.0/24": None})
    read = [("cloud 1", parse_google(cloud).rows), ("goog 1", parse_google(services).rows)]
    said = {text(prefix): each for prefix, each in resolve(read).items()}
    assert said["34.1.208.0/20"] == Statement("africa-south1", "Google Cloud", True, False, "cloud 1")
    assert said["34.0.0.0/15"] == Statement(None, "Google", True, True, "goog 1")
    assert said["34.1.209.0/24"] == Statement("africa-south1", "Google Cloud", True, False, "goog 1")


IPV4 = st.tuples(st.integers(0x08000000, 0x080FFFFF), st.integers(8, 32)).map(
    lambda drawn: str(ipaddress.ip_network((drawn[0] >> 32 - drawn[1] << 32 - drawn[1], drawn[1])))
)
IPV6 = st.tuples(st.integers(0x26 << 120, (0x26 << 120) + (1 << 100)), st.integers(16, 128)).map(
    lambda drawn: str(ipaddress.ip_network((drawn[0] >> 128 - drawn[1] << 128 - drawn[1], drawn[1])))
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(prefixes=st.lists(st.one_of(IPV4, IPV6), min_size=1, max_size=30, unique=True), data=st.data())
def test_the_tree_finds_the_longest_prefix(prefixes: list[str], data: st.DataObject, tmp_path: Path) -> None:
    networks = sorted(map(ipaddress.ip_network, prefixes), key=lambda each: each.prefixlen)
    pairs: list[tuple[Prefix, Record]] = sorted(
        ((read_prefix(str(each)), {"is": str(each)}) for each in networks), key=lambda p: p[0].length
    )
    path = tmp_path / "tree.mmdb"
    path.write_bytes(database(pairs, "Test", "about", 1))
    chosen = ipaddress.ip_network(data.draw(st.sampled_from(prefixes)))
    address = chosen[data.draw(st.integers(0, chosen.num_addresses - 1))]
    holding = [each for each in networks if each.version == address.version and address in each]
    with maxminddb.open_database(path) as reader:
        assert reader.get(address) == {"is": str(max(holding, key=lambda each: each.prefixlen))}
        assert reader.get("203.0.113.1") is None


def test_the_database_is_the_same_every_time_and_describes_itself(tmp_path: Path) -> None:
    pairs: list[tuple[Prefix, Record]] = [
        (read_prefix("8.8.8.0/24"), {"flag": True, "count": 70_000, "name": "é" * 400, "none": 0})
    ]
    data = database(pairs, "Test", "about it", 1_767_225_600)
    assert database(pairs, "Test", "about it", 1_767_225_600) == data
    path = tmp_path / "tree.mmdb"
    path.write_bytes(data)
    for mode in (maxminddb.MODE_AUTO, maxminddb.MODE_FILE):
        with maxminddb.open_database(path, mode) as reader:
            assert reader.get("8.8.8.8") == {"flag": True, "count": 70_000, "name": "é" * 400, "none": 0}
            metadata = reader.metadata()
            assert (metadata.database_type, metadata.build_epoch) == ("Test", 1_767_225_600)
            assert metadata.description == {"en": "about it"}
            assert dict.fromkeys([metadata.ip_version, metadata.record_size]) == {6: None, 32: None}


@pytest.mark.parametrize("length", [0, 28, 29, 284, 285, 65_000])
def test_texts_of_every_length(length: int, tmp_path: Path) -> None:
    path = tmp_path / "tree.mmdb"
    path.write_bytes(database([(read_prefix("8.8.8.0/24"), {"text": "x" * length})], "T", "a", 1))
    with maxminddb.open_database(path) as reader:
        assert reader.get("8.8.8.8") == {"text": "x" * length}

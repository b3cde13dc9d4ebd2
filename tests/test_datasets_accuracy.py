"""Published ranges beside their source files: a thousand addresses of each cloud, found independently."""

import ipaddress
import json
import random
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from monitor.datasets.lookup import Ranges
from monitor.datasets.use import DataChoice, open_data
from tests.catalog_help import built_in, load_jurisdictions
from tests.datasets_kit import real, real_store

SAMPLES = 1_000
SEED = 20_260_311
CLOUDS = ("aws", "google", "azure", "oracle")
NOWHERE = frozenset({"GLOBAL", "global", ""})

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Published = list[tuple[str, str]]  # prefix and region, as the file has them


@pytest.fixture(scope="module")
def ranges(tmp_path_factory: pytest.TempPathFactory) -> Ranges:
    """The look-up of all real files."""
    store = real_store(tmp_path_factory.mktemp("data"))
    opened = open_data(DataChoice(store.folder), built_in().regions).ranges
    assert opened is not None
    return opened


def published(cloud: str) -> Published:
    """The rows of a cloud's file, read without the program."""
    if cloud == "aws":
        file = json.loads(real("aws-ip-ranges.json"))
        rows = [(row["ip_prefix"], row["region"]) for row in file["prefixes"]]
        return rows + [(row["ipv6_prefix"], row["region"]) for row in file["ipv6_prefixes"]]
    if cloud == "google":
        prefixes = json.loads(real("gcp-cloud.json"))["prefixes"]
        return [(row.get("ipv4Prefix") or row["ipv6Prefix"], row["scope"]) for row in prefixes]
    if cloud == "oracle":
        regions = json.loads(real("oracle-public_ip_ranges.json"))["regions"]
        return [(cidr["cidr"], region["region"]) for region in regions for cidr in region["cidrs"]]
    tags = json.loads(real("azure-servicetags-public.json"))["values"]
    return [
        (prefix, tag["properties"]["region"])
        for tag in tags
        for prefix in tag["properties"]["addressPrefixes"]
    ]


def azure_names() -> Mapping[str, str]:
    """The regions' names in Azure Resource Manager, as the file's own regional tags have them."""
    tags = json.loads(real("azure-servicetags-public.json"))["values"]
    names = {"brazilne": "brazilnortheast"}  # of which there is no regional tag
    return names | {
        tag["properties"]["region"]: tag["name"].partition(".")[2].lower()
        for tag in tags
        if tag["name"].startswith("ActionGroup.")
    }


class Naive:
    """The longest prefix by trying every length: slow, and plainly right."""

    def __init__(self, rows: Published) -> None:
        self._regions: dict[Network, set[str]] = {}
        for prefix, region in rows:
            self._regions.setdefault(ipaddress.ip_network(prefix), set()).add(region)
        self._known = frozenset(self._regions)

    def longest(self, address: str) -> tuple[str, str | None]:
        """The longest prefix of an address, and the region of the longest that states where it is.

        Of Azure's tags those of no region are for all regions, and state nothing.
        """
        first: str | None = None
        for network in self._around(address):
            first = first or str(network)
            regions = self._regions[network] - {""}
            if regions:
                (region,) = regions
                return first, None if region in NOWHERE else region
        assert first is not None
        return first, None

    def _around(self, address: str) -> Iterator[Network]:
        bits = ipaddress.ip_address(address).max_prefixlen
        for length in range(bits, -1, -1):
            network = ipaddress.ip_network((address, length), strict=False)
            if network in self._known:
                yield network


def sampled(rows: Published) -> list[str]:
    """Addresses anywhere in prefixes drawn by chance, always the same."""
    draw = random.Random(SEED)
    distinct = sorted({prefix for prefix, _ in rows})
    networks = [ipaddress.ip_network(draw.choice(distinct)) for _ in range(SAMPLES)]
    return [str(network[draw.randrange(network.num_addresses)]) for network in networks]


@pytest.mark.parametrize("cloud", CLOUDS)
def test_a_thousand_addresses_are_where_their_source_file_says(cloud: str, ranges: Ranges) -> None:
    rows = published(cloud)
    naive, names = Naive(rows), azure_names() if cloud == "azure" else {}
    table, european = built_in().regions, load_jurisdictions().members("EU")
    wrong: list[str] = []
    wrongly_european: list[str] = []
    for address in sampled(rows):
        prefix, code = naive.longest(address)
        region = names.get(code, code) if code is not None else None
        countries = (table[cloud, region].country,) if region is not None else ()
        found = ranges.find(address)
        assert found is not None, address
        if (found.provider, found.prefix, found.region, found.countries) != (
            cloud,
            prefix,
            region,
            countries,
        ):
            wrong.append(f"{address}: {found}, not {prefix} {region} {countries}")
        if european.issuperset(found.countries) != european.issuperset(countries):
            wrongly_european.append(address)
    assert wrong == []
    assert wrongly_european == []


@pytest.mark.parametrize("cloud", CLOUDS)
def test_every_region_has_a_country(cloud: str) -> None:
    names = azure_names() if cloud == "azure" else {}
    codes = {region for _, region in published(cloud)} - NOWHERE
    assert {code for code in codes if (cloud, names.get(code, code)) not in built_in().regions} == set()


def test_the_region_of_cognitive_services_is_the_one_of_azure_cloud(ranges: Ranges) -> None:
    """Where OpenAI deployments are reached; the tag itself names no region."""
    lines = real("azure_ai_frontends_by_region.tsv").decode().splitlines()[1:]
    names = azure_names()
    compared = 0
    for line in lines:
        tag, prefix, region = line.split("\t")
        network = ipaddress.ip_network(prefix)
        found = ranges.find(str(network[0]))
        if tag != "CognitiveServicesFrontend" or not region or "," in region:
            continue
        assert found is not None
        assert found.region == names.get(region, region), line
        compared += 1
    assert compared > 100


@pytest.mark.parametrize(
    ("address", "provider", "region", "service", "anycast"),
    [
        ("4.171.26.81", "azure", "qatarcentral", "CognitiveServicesFrontend", False),
        ("13.32.0.1", "aws", None, "CLOUDFRONT", True),
        ("160.79.104.10", "anthropic", None, None, False),
        ("2607:6bc0::1", "anthropic", None, None, False),
        ("162.159.140.245", "cloudflare", None, None, True),
        ("2606:4700::1", "cloudflare", None, None, True),
        ("::ffff:162.159.140.245", "cloudflare", None, None, True),
        ("134.70.24.1", "oracle", "us-ashburn-1", "OBJECT_STORAGE", False),
    ],
)
def test_known_addresses(  # noqa: PLR0917
    address: str,
    provider: str,
    region: str | None,
    service: str | None,
    anycast: bool,  # noqa: FBT001
    ranges: Ranges,
) -> None:
    found = ranges.find(address)
    assert found is not None
    assert (found.provider, found.region, found.service, found.anycast) == (
        provider,
        region,
        service,
        anycast,
    )


@pytest.mark.parametrize("address", ["10.0.0.1", "192.0.2.1", "::1", "::8.8.8.8", "", "x", "34.162.46.92/32"])
def test_addresses_that_nobody_publishes(address: str, ranges: Ranges) -> None:
    assert ranges.find(address) is None


def test_the_compiled_file_is_small(ranges: Ranges, tmp_path_factory: pytest.TempPathFactory) -> None:
    del ranges
    (path, *_) = sorted(
        Path(tmp_path_factory.getbasetemp()).glob("data*/store/compiled/*.mmdb"),
        key=lambda file: file.stat().st_size,
    )[-1:]
    assert path.stat().st_size < 8_000_000

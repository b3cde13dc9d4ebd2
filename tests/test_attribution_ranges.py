"""What published ranges add to an attribution, what they contradict, and where they say nothing."""

import pytest

from monitor.attribution import PublishedRange, Question, attribute
from monitor.policy.places import whereabouts
from monitor.types import Attribution
from tests.catalog_help import FixedGeo, built_in, dns, name

ADDRESS = "198.51.100.7"
DATASET = "ranges 2026-08-22"


def published(
    provider: str, region: str | None, *countries: str, service: str | None = None, anycast: bool = False
) -> PublishedRange:
    """Return what is published of an address."""
    return PublishedRange("198.51.100.0/24", provider, region, service, countries, anycast, DATASET)


class FixedRanges:
    """Ranges in which every address is the same."""

    def __init__(self, published: PublishedRange) -> None:
        self._published = published

    def find(self, address: str) -> PublishedRange | None:
        """Return the range, whatever the address is."""
        assert address
        return self._published


def held(
    host: str,
    said: PublishedRange,
    geo: str | None = None,
    cnames: tuple[str, ...] = (),
    address: str = ADDRESS,
) -> Attribution:
    """Return the attribution of a carried name at an address that is published so."""
    question = Question((name(host, *cnames),), address)
    return attribute(question, built_in(), FixedGeo(geo) if geo else None, FixedRanges(said))


VIRGINIA = published("aws", "us-east-1", "US", service="EC2")
FRANKFURT = published("aws", "eu-central-1", "DE", service="EC2")
IRELAND = published("aws", "eu-west-1", "IE")
NETHERLANDS = published("azure", "westeurope", "NL", service="CognitiveServicesFrontend")
CLOUDFLARE = published("cloudflare", None, anycast=True)
ACCELERATOR = published("aws", None, service="GLOBALACCELERATOR", anycast=True)
BEDROCK = "bedrock-runtime.eu-central-1.amazonaws.com"
AZURE = "contoso.openai.azure.com"


def test_a_range_that_agrees_is_evidence_with_its_data_set() -> None:
    found = held(BEDROCK, FRANKFURT)
    assert (found.region, found.countries, found.certainty) == ("eu-central-1", ("DE",), "observed")
    [said] = [each for each in found.evidence if each.kind == "range"]
    assert (said.value, said.dataset) == ("198.51.100.0/24", DATASET)
    assert said.says == (
        "Amazon Web Services publishes 198.51.100.0/24, which holds 198.51.100.7, for eu-central-1 (DE)"
        " (EC2); that agrees"
    )


@pytest.mark.parametrize(
    ("host", "cnames", "said", "contradicted"),
    [
        (BEDROCK, (), VIRGINIA, "eu-central-1 (DE)"),
        (BEDROCK, (), IRELAND, "eu-central-1 (DE)"),
        (
            BEDROCK,
            (),
            published("azure", "germanywestcentral", "DE"),
            "which aws serves from ranges of its own",
        ),
        (BEDROCK, (), CLOUDFLARE, "which aws serves from ranges of its own"),
        (AZURE, (), VIRGINIA, "which azure serves from ranges of its own"),
        (
            AZURE,
            ("westeurope.api.cognitive.microsoft.com",),
            published("azure", "eastus", "US"),
            "westeurope (NL)",
        ),
        ("api.eu.mistral.ai", (), VIRGINIA, "countries"),
    ],
)
def test_a_range_elsewhere_is_a_conflict(
    host: str, cnames: tuple[str, ...], said: PublishedRange, contradicted: str
) -> None:
    found = held(host, said, cnames=cnames)
    assert found.certainty == "indeterminate"
    assert [each.kind for each in found.conflicts] == ["range"]
    assert contradicted in found.conflicts[0].says
    assert "that contradicts" in found.conflicts[0].says


def test_a_range_gives_the_region_that_the_name_leaves_open() -> None:
    found = held(AZURE, NETHERLANDS)
    place = found.provider, found.scope, found.region, found.countries, found.certainty
    assert place == ("azure", "entry", "westeurope", ("NL",), "observed")
    assert not found.conflicts


def test_another_operators_range_gives_the_country_alone() -> None:
    found = held("llm-server.llmhub.t-systems.net", published("aws", "eu-central-1", "DE"))
    assert found.countries == ("DE",)
    assert found.region != "eu-central-1"


@pytest.mark.parametrize("said", [CLOUDFLARE, ACCELERATOR])
def test_an_anycast_range_says_nothing_of_the_place(said: PublishedRange) -> None:
    found = held("eu.api.openai.com", said)
    assert (found.region, found.certainty, found.conflicts) == ("eu", "observed", ())
    assert "many places answer at it" in next(each.says for each in found.evidence if each.kind == "range")


def test_the_region_of_a_front_is_not_the_place_of_a_global_or_anycast_host() -> None:
    for host in ("api.openai.com", "eu.api.openai.com", "au.api.openai.com", "api.anthropic.com"):
        bare = attribute(Question((name(host),), None), built_in())
        found = (
            held(host, FRANKFURT)
            if host != "api.anthropic.com"
            else held(host, published("google", "europe-west3", "DE"))
        )
        assert (found.scope, found.region, found.countries) == (bare.scope, bare.region, bare.countries)


def test_geoip_against_a_published_range_is_a_conflict_and_the_range_counts() -> None:
    found = held(AZURE, NETHERLANDS, geo="US")
    assert (found.region, found.countries, found.certainty) == ("westeurope", ("NL",), "observed")
    assert [each.kind for each in found.conflicts] == ["geoip"]
    assert "westeurope (NL), as its operator publishes" in found.conflicts[0].says


def test_geoip_of_an_anycast_range_is_not_used() -> None:
    found = held(AZURE, published("azure", None, service="AzureFrontDoor", anycast=True), geo="US")
    assert (found.countries, found.conflicts) == ((), ())


def test_a_range_alone_names_no_provider() -> None:
    found = attribute(Question((), ADDRESS), built_in(), None, FixedRanges(FRANKFURT))
    assert (found.provider, found.possible) == (None, ())
    assert [each.kind for each in found.evidence] == ["range"]


def test_no_data_set_is_asked_for_a_private_address() -> None:
    found = held(AZURE, VIRGINIA, address="10.60.5.4")
    assert [each.kind for each in found.evidence if each.kind == "range"] == []
    assert found.conflicts == ()


def test_what_lies_behind_a_proxy_is_not_held_against_the_proxys_range() -> None:
    names = (name(BEDROCK, source="connect"),)
    found = attribute(Question(names, ADDRESS), built_in(), None, FixedRanges(VIRGINIA))
    assert (found.region, found.conflicts) == ("eu-central-1", ())


def test_an_address_that_dns_gave_for_somebody_else_contradicts_a_host_with_addresses_of_its_own() -> None:
    question = Question((name(AZURE), dns("www.example.com")), ADDRESS)
    found = attribute(question, built_in())
    assert (found.provider, found.certainty) == ("azure", "indeterminate")
    assert [each.value for each in found.conflicts] == ["www.example.com"]
    assert "was not seen to resolve contoso.openai.azure.com to it" in found.conflicts[0].says


@pytest.mark.parametrize("carried", ["www.example.com", "github.com"])
def test_a_hello_for_another_host_at_an_llms_own_address_may_be_for_the_llm(carried: str) -> None:
    fronted = attribute(Question((name(carried), dns(AZURE)), ADDRESS), built_in())
    assert (fronted.provider, fronted.possible) == (None, ("azure",))
    assert [each.value for each in fronted.conflicts] == [AZURE]
    told = attribute(Question((name(carried), dns(AZURE), dns(carried)), ADDRESS), built_in())
    assert (told.provider, told.possible) == (None, ())
    shared = attribute(Question((name(carried), dns("api.openai.com")), ADDRESS), built_in())
    assert (shared.provider, shared.possible) == (None, ())


def test_whereabouts_name_the_evidence_that_gave_the_place() -> None:
    """And not what says nothing of it, or agrees at most."""
    ended = "the connection ended at an address that"
    assert whereabouts(held(AZURE, NETHERLANDS)).startswith(
        f"{ended} its operator's published ranges place in NL"
    )
    geo = attribute(Question((name(AZURE),), ADDRESS), built_in(), FixedGeo("NL"))
    assert whereabouts(geo).startswith(f"{ended} a GeoIP data set places in NL (inferred)")
    by_dns = Question((dns(BEDROCK),), ADDRESS)
    found = attribute(by_dns, built_in(), FixedGeo("US"), FixedRanges(ACCELERATOR))
    assert whereabouts(found).startswith("the connection ended at an endpoint placed in DE (inferred)")


def test_a_region_of_a_group_is_inside_it() -> None:
    for host in ("eu-dialogflow.googleapis.com", "aiplatform.eu.rep.googleapis.com"):
        found = held(host, published("google", "europe-west1", "BE", service="Google Cloud"))
        assert (found.region, found.conflicts) == ("eu", ())
        found = held(host, published("google", "us-east1", "US", service="Google Cloud"))
        assert [each.kind for each in found.conflicts] == ["range"]


@pytest.mark.parametrize("host", ["downloads.claude.ai", "statsig.anthropic.com"])
def test_files_and_telemetry_may_be_served_from_anybodys_ranges(host: str) -> None:
    found = held(host, published("google", "us-central1", "US"))
    assert (found.provider, found.conflicts) == ("anthropic", ())
    assert held("api.anthropic.com", published("google", "us-central1", "US")).conflicts


@pytest.mark.parametrize("host", ["api.openai.com", "eu.api.openai.com", "api.anthropic.com"])
def test_geoip_is_no_conflict_where_no_place_is_taken_from_the_address(host: str) -> None:
    assert (
        held(host, published("aws", "eu-central-1", "DE"), geo="IE").conflicts
        == held(host, published("aws", "eu-central-1", "DE")).conflicts
    )

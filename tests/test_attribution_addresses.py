"""Attribution by addresses: declared ranges, private networks, proxies, and GeoIP."""

import pytest

from monitor.attribution import Question, attribute, is_llm_related
from monitor.attribution.private import is_private
from monitor.types import Attribution, Name
from tests.catalog_help import WEST_EUROPE, FixedGeo, attributed, built_in, dns, kinds, name, place, with_own

OWN = """\
    providers:
      - {id: house, name: Our own models, operator_country: DE}
    defaults: {provider: house, source: inventory, date: 2026-06-01}
    endpoints:
      - {cidr: 10.60.0.0/16, scope: region, countries: [DE], service: vLLM}
      - {cidr: 198.51.100.0/24, service: vLLM}
      - {cidr: 198.51.101.0/24, service: vLLM, address: anycast}
      - {cidr: 192.168.0.0/16, not_llm: true}
      - {host: llm.corp.example}
      - {cidr: 10.70.0.0/16, provider: azure, region: westeurope, scope: entry}
      - {cidr: 10.80.0.0/16, provider: azure, region: eastus, scope: entry}
"""


@pytest.mark.parametrize(
    "address", ["160.79.104.0", "160.79.105.255", "2607:6bc0::1", "::ffff:160.79.104.10"]
)
def test_a_published_range_identifies_the_provider(address: str) -> None:
    found = attributed(address=address)
    assert place(found) == ("anthropic", "global", None, (), "observed")
    assert kinds(found.evidence) == ["prefix", "operator", "catalogue"]


@pytest.mark.parametrize("asked", [name("www.example.com"), dns("www.example.com")])
def test_a_built_in_range_is_no_more_than_inferred_beside_a_name_that_is_not_listed(asked: Name) -> None:
    found = attributed(asked, address="160.79.104.10")
    assert place(found) == ("anthropic", "global", None, (), "inferred")
    assert [(each.kind, each.value) for each in found.evidence[:2]] == [
        ("prefix", "160.79.104.0/23"),
        ("name" if asked.source == "sni" else "dns", "www.example.com"),
    ]
    assert "which is in no entry of the catalogue" in found.evidence[1].says


def test_a_range_of_ones_own_is_observed_whatever_the_name() -> None:
    found = attributed("llm-7.corp.example", address="10.60.1.1", catalog=with_own(OWN))
    assert place(found) == ("house", "region", None, ("DE",), "observed")
    assert kinds(found.evidence) == ["prefix", "name", "catalogue"]


@pytest.mark.parametrize("address", ["160.79.106.1", "160.79.111.255", "34.162.46.92", "2607:6bc1::1"])
def test_an_outbound_or_retired_range_is_no_destination(address: str) -> None:
    assert attributed(address=address) == Attribution()


def test_a_range_of_another_provider_contradicts_the_name() -> None:
    found = attributed("api.openai.com", address="160.79.104.10")
    assert (found.provider, found.certainty, kinds(found.conflicts)) == (
        "openai",
        "indeterminate",
        ["prefix"],
    )
    agreed = attributed("api.anthropic.com", address="160.79.104.10")
    assert (agreed.certainty, agreed.conflicts) == ("observed", ())
    assert kinds(agreed.evidence) == ["name", "prefix", "operator", "catalogue"]


def test_a_close_call_says_why_it_is_none() -> None:
    found = attributed("gemini.com", address="160.79.104.10")
    assert not is_llm_related(found)
    assert "crypto exchange" in found.evidence[0].says


@pytest.mark.parametrize("address", ["10.60.5.4", "172.31.0.1", "192.168.1.1", "fd00::4", "::ffff:10.0.0.1"])
def test_a_private_address_with_an_llm_name_is_a_private_endpoint(address: str) -> None:
    geo = FixedGeo("US")
    question = Question((name("contoso.openai.azure.com", *WEST_EUROPE),), address)
    found = attribute(question, built_in(), geo)
    assert place(found) == ("azure", "entry", "westeurope", ("NL",), "inferred")
    assert "private" in kinds(found.evidence)
    [said] = [each.says for each in found.evidence if each.kind == "private"]
    assert said.endswith("a private endpoint of the provider, or an intermediary such as a proxy")
    assert geo.asked == []
    assert is_private(address)


@pytest.mark.parametrize("address", ["172.32.0.1", "100.64.0.1", "fe80::1", "8.8.8.8", "text"])
def test_other_addresses_are_not_private(address: str) -> None:
    assert not is_private(address)


def test_the_address_of_a_proxy_says_nothing() -> None:
    geo = FixedGeo("US")
    through = name("bedrock-runtime.eu-central-1.amazonaws.com", source="connect")
    found = attribute(Question((through,), "10.0.0.8"), built_in(), geo)
    assert place(found) == ("aws", "entry", "eu-central-1", ("DE",), "observed")
    assert (geo.asked, kinds(found.evidence)) == ([], ["name", "proxy", "catalogue"])


@pytest.mark.parametrize("literal", ["160.79.104.10", "2607:6bc0::1", "[2607:6bc0::1]"])
def test_a_carried_name_that_is_an_address_is_looked_up_as_one(literal: str) -> None:
    found = attributed(name(literal, source="connect"), address="10.0.0.80")
    assert place(found) == ("anthropic", "global", None, (), "observed")
    assert kinds(found.evidence) == ["prefix", "proxy", "operator", "catalogue"]
    assert f"the client asked a proxy for {literal}, which is in " in found.evidence[0].says
    direct = attributed(name(literal, source="http"), address="160.79.104.10")
    assert (direct.provider, direct.certainty, direct.conflicts) == ("anthropic", "observed", ())
    assert not is_llm_related(attributed(name("192.0.2.1", source="connect"), address="10.0.0.80"))
    assert not is_llm_related(attributed(dns("160.79.104.10"), address="192.0.2.1"))


def test_a_proxys_names_are_not_those_behind_it() -> None:
    through = name("192.0.2.1", source="connect")
    assert attributed(through, dns("api.openai.com"), address="192.0.2.80") == Attribution()
    names = (name("api.openai.com"), through, dns("api.deepseek.com"))
    assert attributed(*names, address="192.0.2.80").conflicts == ()


@pytest.mark.parametrize(
    ("host", "country"),
    [
        ("eu.api.openai.com", "US"),
        ("europe-west3-aiplatform.googleapis.com", "US"),
        ("api.mistral.ai", "US"),
        ("api.deepseek.com", "SG"),
        ("ws-1.eu-central-1.maas.aliyuncs.com", "US"),
    ],
)
def test_geoip_of_an_address_that_stands_nowhere_is_not_used(host: str, country: str) -> None:
    with_geo, without = attributed(host, address="203.0.113.9", geo=country), attributed(host)
    assert place(with_geo) == place(without)
    assert with_geo.conflicts == ()
    [said] = [each for each in with_geo.evidence if each.kind == "geoip"]
    assert (said.value, said.dataset) == (country, "fixed (test, 2026-01-01)")
    assert said.says.endswith(("says nothing about the place", "so this is not used"))


def test_geoip_against_the_country_of_a_unicast_host_is_a_conflict() -> None:
    found = attributed("bedrock-runtime.eu-central-1.amazonaws.com", address="203.0.113.9", geo="US")
    assert place(found) == ("aws", "entry", "eu-central-1", ("DE",), "observed")
    assert [(each.kind, each.value) for each in found.conflicts] == [("geoip", "US")]
    agreed = attributed("bedrock-runtime.eu-central-1.amazonaws.com", address="203.0.113.9", geo="DE")
    assert (kinds(agreed.evidence), agreed.conflicts) == (["name", "geoip", "catalogue"], ())


def test_geoip_gives_the_country_of_a_unicast_host_that_names_none() -> None:
    found = attributed("contoso.openai.azure.com", address="13.93.122.1", geo="NL")
    assert place(found) == ("azure", "entry", None, ("NL",), "inferred")
    [said] = [each.says for each in found.evidence if each.kind == "geoip"]
    assert said == (
        "data set fixed (test, 2026-01-01) places 13.93.122.1 in NL; "
        "the connection ended at that address, and nothing else names a place"
    )
    shared = attributed("contoso.cognitiveservices.azure.com", address="13.93.122.1", geo="NL")
    assert (shared.provider, shared.possible, shared.countries) == (None, ("azure",), ("NL",))
    assert shared.certainty == "indeterminate"


def test_a_data_set_without_country_adds_nothing() -> None:
    question = Question((name("contoso.openai.azure.com"),), "13.93.122.1")
    found = attribute(question, built_in(), FixedGeo(None, 8075))
    assert place(found) == ("azure", "unknown", None, (), "observed")
    assert "AS8075" in next(each.says for each in found.evidence if each.kind == "geoip")


def test_a_place_alone_names_no_provider() -> None:
    found = attributed(address="203.0.113.9", geo="US")
    assert not is_llm_related(found)
    assert kinds(found.evidence) == ["geoip"]


def test_a_user_declares_models_by_address() -> None:
    catalog = with_own(OWN)
    found = attributed(address="10.60.1.1", catalog=catalog)
    assert place(found) == ("house", "region", None, ("DE",), "observed")
    assert kinds(found.evidence) == ["prefix", "catalogue"]
    assert {each.dataset for each in found.evidence} == {"own.yaml (2026-06-01)"}
    located = attributed(address="198.51.100.7", geo="FR", catalog=catalog)
    assert place(located) == ("house", "entry", None, ("FR",), "inferred")
    anycast = attributed(address="198.51.101.7", geo="FR", catalog=catalog)
    assert place(anycast) == ("house", "unknown", None, (), "observed")


def test_a_user_declares_models_by_name() -> None:
    catalog = with_own(OWN)
    found = attributed("llm.corp.example", address="198.51.100.200", geo="FR", catalog=catalog)
    assert place(found) == ("house", "entry", None, ("FR",), "inferred")
    assert not is_llm_related(attributed(address="192.168.1.1", catalog=catalog))


def test_a_declared_range_gives_the_region_of_a_private_endpoint_or_contradicts_it() -> None:
    catalog = with_own(OWN)
    found = attributed("contoso.openai.azure.com", address="10.70.0.4", catalog=catalog)
    assert place(found) == ("azure", "entry", "westeurope", ("NL",), "observed")
    same = attributed(name("contoso.openai.azure.com", *WEST_EUROPE), address="10.70.0.4", catalog=catalog)
    assert (same.region, same.conflicts) == ("westeurope", ())
    other = attributed(name("contoso.openai.azure.com", *WEST_EUROPE), address="10.80.0.4", catalog=catalog)
    assert (other.region, other.certainty, kinds(other.conflicts)) == (
        "westeurope",
        "indeterminate",
        ["prefix"],
    )
    ignored = attributed("contoso.openai.azure.com", address="192.168.0.4", catalog=catalog)
    assert (ignored.provider, ignored.conflicts) == ("azure", ())

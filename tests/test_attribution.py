"""Attribution: what each kind of evidence may add, what it may contradict, and what stays open."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.attribution import Question, attribute, is_llm_related
from monitor.types import Attribution, Name
from tests.catalog_help import WEST_EUROPE, FixedGeo, attributed, built_in, dns, kinds, name, place


def test_a_documented_name_is_observed() -> None:
    found = attributed("bedrock-runtime.eu-central-1.amazonaws.com")
    assert place(found) == ("aws", "entry", "eu-central-1", ("DE",), "observed")
    assert (found.service, found.possible, found.conflicts) == ("Bedrock inference", (), ())
    assert kinds(found.evidence) == ["name", "catalogue"]
    assert {each.dataset for each in found.evidence} == {f"catalogue {built_in().version}"}


def test_an_unverified_name_is_inferred() -> None:
    assert attributed("us-west-1.api.x.ai").certainty == "inferred"
    assert attributed("eu-west-1.api.x.ai").certainty == "inferred"
    assert attributed("us-east-1.api.x.ai").certainty == "observed"


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("eu.openrouter.ai", "according to public code samples, processing is limited to eu (34 countries)"),
        (
            "inference.de-txl.ionos.com",
            "according to public code samples, processing is limited to de-txl (DE)",
        ),
        ("coding-intl.dashscope.aliyuncs.com", "according to anomalyco/models.dev, data at rest is kept in"),
    ],
)
def test_what_a_third_party_says_is_inferred_and_said_to_be_so(host: str, said: str) -> None:
    found = attributed(host)
    assert found.certainty == "inferred"
    assert said in found.evidence[-1].says


def test_no_promise_is_read_from_somebody_elses_lists() -> None:
    third_party = ("models.dev", "code samples", "litellm", "one-api")
    for endpoint in built_in().endpoints:
        if endpoint.scope in ("region", "group", "storage") and endpoint.verified == "full":
            own = "docs" in endpoint.source or "microsoft/" in endpoint.source
            assert own or not any(word in endpoint.source for word in third_party), endpoint.match


def test_a_host_that_mixes_traffic_promises_no_place() -> None:
    found = attributed("api.infomaniak.com")
    assert found.possible == ("infomaniak",)
    assert not any("processing is limited" in each.says for each in found.evidence)
    assert "the place given for it is ch (CH)" in found.evidence[-1].says


def test_the_operators_country_is_inferred() -> None:
    found = attributed("api.deepseek.com")
    assert place(found) == ("deepseek", "unknown", None, ("CN",), "inferred")
    assert kinds(found.evidence) == ["name", "operator", "catalogue"]
    assert place(attributed("api.groq.com")) == ("groq", "unknown", None, (), "observed")


@pytest.mark.parametrize("source", ["sni", "connect", "http"])
def test_a_name_that_the_connection_carried_is_observed(source: str) -> None:
    carried = Name("api.openai.com", source)  # type: ignore[arg-type]
    assert place(attributed(carried)) == ("openai", "global", None, (), "observed")


def test_a_name_that_only_dns_gave_is_inferred() -> None:
    found = attributed(dns("api.openai.com"), address="162.159.140.245")
    assert place(found) == ("openai", "global", None, (), "inferred")
    assert kinds(found.evidence)[0] == "dns"


def test_the_alias_chain_gives_the_region() -> None:
    found = attributed(name("contoso.openai.azure.com", *WEST_EUROPE))
    assert place(found) == ("azure", "entry", "westeurope", ("NL",), "inferred")
    assert kinds(found.evidence) == ["name", "cname", "cname", "cname", "cname", "catalogue"]
    assert found.conflicts == ()


@pytest.mark.parametrize("alias", [WEST_EUROPE[1], WEST_EUROPE[2], WEST_EUROPE[4]])
def test_any_step_of_the_chain_may_give_the_region(alias: str) -> None:
    assert attributed(name("contoso.services.ai.azure.com", alias)).region == "westeurope"


def test_an_undocumented_abbreviation_gives_no_region() -> None:
    found = attributed(name("contoso.openai.azure.com", "cognitiveabcprod.trafficmanager.net"))
    assert place(found) == ("azure", "unknown", None, (), "observed")


def test_the_chain_may_stand_with_the_dns_answer() -> None:
    found = attributed(name("contoso.openai.azure.com"), dns("contoso.openai.azure.com", *WEST_EUROPE))
    assert place(found) == ("azure", "entry", "westeurope", ("NL",), "inferred")


def test_a_chain_that_contradicts_itself_or_the_name_is_a_conflict() -> None:
    chain = (WEST_EUROPE[0], "cognitiveeusprod-eastus-01.regional.azure-api.net")
    found = attributed(name("contoso.openai.azure.com", *chain))
    assert place(found) == ("azure", "entry", "westeurope", ("NL",), "indeterminate")
    assert [each.value for each in found.conflicts] == [chain[1]]
    named = attributed(name("x.westeurope.models.ai.azure.com", "eastus.api.cognitive.microsoft.com"))
    assert place(named) == ("azure", "entry", "westeurope", ("NL",), "indeterminate")
    assert kinds(named.conflicts) == ["cname"]
    same_country = attributed(name("x.eastus.models.ai.azure.com", "eastus2.api.cognitive.microsoft.com"))
    assert kinds(same_country.conflicts) == ["cname"]


def test_a_chain_to_another_provider_is_a_conflict_but_a_shared_front_end_is_not() -> None:
    other = attributed(name("api.openai.com", "api.mistral.ai"))
    assert (other.provider, other.certainty, kinds(other.conflicts)) == ("openai", "indeterminate", ["cname"])
    github = attributed(name("models.inference.ai.azure.com", *WEST_EUROPE))
    assert (github.provider, github.region, github.conflicts) == ("github", None, ())


def test_a_chain_says_who_is_behind_a_name_of_ones_own() -> None:
    found = attributed(name("llm.acme.example", "contoso.openai.azure.com", *WEST_EUROPE))
    assert place(found) == ("azure", "entry", "westeurope", ("NL",), "inferred")
    assert kinds(found.evidence)[:2] == ["cname", "cname"]
    speech = attributed(name("westeurope.stt.speech.test", *WEST_EUROPE[1:]))
    assert not is_llm_related(speech)


def test_global_stays_global_whatever_the_chain_says() -> None:
    found = attributed(
        name("aws-external-anthropic.eu-west-1.api.aws", "bedrock-runtime.eu-west-1.amazonaws.com")
    )
    assert (found.scope, found.region, found.countries) == ("global", None, ())


def test_candidates_of_several_providers_stay_open() -> None:
    found = attributed(dns("api.openai.com"), dns("api.groq.com"), address="162.159.140.245", geo="US")
    assert place(found) == (None, "unknown", None, (), "indeterminate")
    assert found.possible == ("groq", "openai")
    assert kinds(found.evidence) == ["dns", "dns"]


def test_an_llm_beside_something_else_stays_open() -> None:
    found = attributed(dns("api.openai.com"), dns("www.example.com"))
    assert (found.provider, found.possible, found.certainty) == (None, ("openai",), "indeterminate")
    assert [each.value for each in found.evidence] == ["api.openai.com", "www.example.com"]
    assert attributed(dns("contoso.openai.azure.com"), dns("x.cognitiveservices.azure.com")).possible == (
        "azure",
    )


def test_candidates_of_one_provider_keep_what_they_have_in_common() -> None:
    found = attributed(dns("api.openai.com"), dns("eu.api.openai.com"), address="162.159.140.245", geo="US")
    assert place(found) == ("openai", "unknown", None, (), "inferred")
    assert found.service is None
    assert any("their places differ" in each.says for each in found.evidence)
    assert kinds(found.evidence).count("catalogue") == 2


def test_candidates_that_agree_are_one() -> None:
    names = [dns(f"{each}.openai.azure.com", *WEST_EUROPE) for each in ("contoso", "fabrikam")]
    found = attributed(*names, address="13.93.122.1", geo="NL")
    assert place(found) == ("azure", "entry", "westeurope", ("NL",), "inferred")
    assert found.service == "Azure OpenAI (custom subdomain)"
    assert kinds(found.evidence)[-2:] == ["geoip", "catalogue"]


def test_a_carried_name_outranks_what_dns_gave() -> None:
    found = attributed(name("www.example.com"), dns("api.openai.com"), address="162.159.140.245")
    assert found == Attribution()
    found = attributed(name("api.openai.com"), dns("www.example.com"))
    assert place(found) == ("openai", "global", None, (), "observed")


def test_a_carried_name_is_contradicted_by_another_provider_that_the_address_was_resolved_for() -> None:
    told = dns("api.deepseek.com")
    found = attributed(name("eu.api.openai.com"), told, address="116.205.40.114")
    assert (found.provider, found.certainty) == ("openai", "indeterminate")
    assert [(each.kind, each.value) for each in found.conflicts] == [("dns", "api.deepseek.com")]
    assert "was not seen to resolve eu.api.openai.com to it" in found.conflicts[0].says


@pytest.mark.parametrize(
    "told",
    [
        (dns("api.groq.com"), dns("api.openai.com")),  # an address that both share
        (dns("api.groq.com"), dns("api.openai.com", state="stale")),
        (dns("eu.api.openai.com"),),  # the same provider
        (dns("www.example.com"),),
        (dns("api.cloudflare.com"),),  # an LLM, or not
        (dns("api.groq.com", state="stale"),),
        (dns("api.groq.com", state="foreign"),),
    ],
)
def test_a_shared_address_contradicts_no_carried_name(told: tuple[Name, ...]) -> None:
    found = attributed(name("api.openai.com"), *told, address="162.159.140.245")
    assert place(found) == ("openai", "global", None, (), "observed")
    assert found.conflicts == ()


def test_the_innermost_name_counts_and_an_outer_one_may_contradict_it() -> None:
    through = name("proxy.example.com", source="connect")
    assert place(attributed(name("api.openai.com"), through)) == ("openai", "global", None, (), "observed")
    other = name("api.mistral.ai", source="connect")
    found = attributed(name("api.openai.com"), other)
    assert (found.provider, found.certainty, kinds(found.conflicts)) == ("openai", "indeterminate", ["name"])
    fronted = attributed(name("www.example.com"), name("api.openai.com", source="connect"))
    assert (fronted.provider, fronted.possible) == (None, ("openai",))


@pytest.mark.parametrize("state", ["stale", "foreign"])
def test_hearsay_gives_a_possibility_at_most(state: str) -> None:
    heard = Name("api.openai.com", "dns", state)  # type: ignore[arg-type]
    found = attributed(heard, address="162.159.140.245", geo="US")
    assert place(found) == (None, "unknown", None, (), "indeterminate")
    assert found.possible == ("openai",)
    assert kinds(found.evidence) == ["dns", "geoip"]
    assert attributed(dns("www.example.com"), heard) == Attribution()
    live = attributed(dns("api.groq.com"), heard)
    assert (live.provider, live.possible) == ("groq", ())
    assert "api.openai.com" in [each.value for each in live.evidence]
    assert not is_llm_related(attributed(Name("www.example.com", "dns", "stale")))


def test_an_outer_name_is_never_the_name() -> None:
    hidden = Question((name("api.openai.com"),), "162.159.140.245", "api.openai.com")
    found = attribute(hidden, built_in())
    assert (found.provider, found.possible, kinds(found.evidence)) == (None, (), ["ech"])
    told = Question((dns("api.groq.com"),), "172.66.0.243", "cloudflare-ech.com")
    found = attribute(told, built_in())
    assert (found.provider, found.certainty) == ("groq", "inferred")
    assert kinds(found.evidence) == ["dns", "ech", "operator", "catalogue"]


def test_a_known_outer_name_says_who_may_be_behind_it() -> None:
    found = attributed(name("cloudflare-ech.com"))
    assert found.provider is None
    assert {"openai", "groq"} <= set(found.possible)
    assert (kinds(found.evidence), found.certainty) == (["ech"], "indeterminate")
    assert attributed(name("cloudflare-ech.com"), dns("www.example.com")) == Attribution()


WORDS = st.one_of(
    st.text(max_size=40), st.sampled_from([*WEST_EUROPE, "api.openai.com", "cloudflare-ech.com"])
)
NAMES = st.builds(
    Name,
    WORDS,
    st.sampled_from(["sni", "connect", "http", "dns"]),
    st.sampled_from(["live", "stale", "foreign"]),
    st.lists(WORDS, max_size=4).map(tuple),
)


@given(
    st.lists(NAMES, max_size=5).map(tuple),
    st.one_of(st.none(), st.text(max_size=40), st.ip_addresses().map(str), st.just("160.79.104.9")),
    st.one_of(st.none(), WORDS),
    st.sampled_from([None, "US", "DE"]),
)
def test_any_question_has_an_answer_that_holds_together(
    names: tuple[Name, ...], address: str | None, outer: str | None, country: str | None
) -> None:
    geo = FixedGeo(country) if country else None
    found = attribute(Question(names, address, outer), built_in(), geo)
    assert found == attribute(Question(names, address, outer), built_in(), geo)
    assert found.provider is None or found.possible == ()
    assert found.provider is not None or found.certainty == "indeterminate"
    assert found.scope != "global" or not found.countries
    assert list(found.countries) == sorted(set(found.countries))
    assert not is_llm_related(found) or found.evidence
    assert all(each.says and each.dataset for each in (*found.evidence, *found.conflicts))


def test_the_work_for_a_hostile_question_is_bounded() -> None:
    chain = tuple(f"{number}.api.cognitive.microsoft.com" for number in range(10_000))
    names = tuple(dns(f"x{number}.openai.azure.com", *chain) for number in range(1_000))
    found = attribute(Question(names, "13.93.122.1"), built_in())
    assert found.provider == "azure"
    assert len(found.evidence) < 100


def test_a_proxys_address_says_nothing_of_the_provider() -> None:
    names = (name("api.openai.com"), name("api.openai.com", source="connect"))
    found = attributed(*names, address="10.0.0.80")
    kinds = [evidence.kind for evidence in found.evidence]
    assert found.provider == "openai"
    assert "proxy" in kinds
    assert "private" not in kinds


def test_the_one_name_that_a_resolver_had_counts_with_less_certainty() -> None:
    told = dns("bedrock-runtime.eu-central-1.amazonaws.com", state="resolver")
    found = attributed(told, address="3.120.0.1")
    assert place(found) == ("aws", "entry", "eu-central-1", ("DE",), "indeterminate")
    assert found.evidence[0].says.startswith(
        "a resolver had resolved bedrock-runtime.eu-central-1.amazonaws.com"
    )
    assert "for whom was not seen" in found.evidence[0].says


def test_several_names_that_resolvers_had_give_possibilities_only() -> None:
    told = dns("api.openai.com", state="resolver"), dns("www.example.com", state="resolver")
    found = attributed(*told, address="162.159.140.245")
    assert (found.provider, found.possible) == (None, ("openai",))
    own = attributed(dns("www.example.com"), told[0], address="162.159.140.245")
    assert (own.provider, own.possible) == (None, ())

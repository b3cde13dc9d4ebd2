"""Cases that a naive design gets wrong: what one would like to conclude, and what the evidence allows."""

import pytest

from monitor.attribution import Question, attribute, is_llm_related
from monitor.types import Attribution, Name
from tests.catalog_help import FixedGeo, attributed, built_in, dns, load_jurisdictions, name
from tests.wording_kit import forbidden_in

LLM_FREE = Attribution()


def members(code: str) -> tuple[str, ...]:
    """Return the countries of a set, as an attribution lists them."""
    return tuple(sorted(load_jurisdictions().members(code)))


@pytest.mark.parametrize(
    ("host", "provider", "scope", "region", "countries"),
    [
        # A regional host of OpenAI promises the EEA and Switzerland, which is not the EU alone.
        ("eu.api.openai.com", "openai", "group", "eu", members("EEA+CH")),
        # Storage in a country says nothing about where inference runs.
        ("au.api.openai.com", "openai", "storage", "au", ("AU",)),
        ("gb.api.openai.com", "openai", "storage", "gb", ("GB",)),
        ("ae.api.openai.com", "openai", "storage", "ae", ("AE",)),
        # A contract does not change the host: the plain one is global.
        ("api.openai.com", "openai", "global", None, ()),
        # A French company's default host is global; its regional one reaches into EFTA.
        ("api.mistral.ai", "mistral", "global", None, ()),
        ("api.eu.mistral.ai", "mistral", "group", "eu", members("EU/EFTA")),
        # The model identifier decides where Bedrock processes, and it is encrypted.
        ("bedrock-runtime.eu-central-1.amazonaws.com", "aws", "entry", "eu-central-1", ("DE",)),
        # The sovereign cloud has a suffix of its own.
        ("bedrock-runtime.eusc-de-east-1.amazonaws.eu", "aws", "entry", "eusc-de-east-1", ("DE",)),
        # Anthropic on AWS: the region is the way in, inference is global or in the US.
        ("aws-external-anthropic.eu-west-1.api.aws", "anthropic", "global", None, ()),
        # A customer may call a resource whatever it likes.
        ("openai-france-1234.openai.azure.com", "azure", "unknown", None, ()),
        # Vertex AI stays in the region only for the models that Google lists there: none in the Middle East.
        ("europe-west3-aiplatform.googleapis.com", "google", "entry", "europe-west3", ("DE",)),
        ("me-central2-aiplatform.googleapis.com", "google", "unknown", "me-central2", ("SA",)),
        ("aiplatform.googleapis.com", "google", "global", "global", ()),
        ("aiplatform.eu.rep.googleapis.com", "google", "group", "eu", members("EU")),
        ("europe-west1-aiplatform.mtls.googleapis.com", "google", "entry", "europe-west1", ("BE",)),
        # At Alibaba the region stores, and the scope computes.
        ("ws-abc.eu-central-1.maas.aliyuncs.com", "alibaba", "storage", "eu-central-1", ("DE",)),
        ("dashscope-intl.aliyuncs.com", "alibaba", "storage", "ap-southeast-1", ("SG",)),
        # The same code is another place at another vendor.
        ("bedrock-runtime.ap-southeast-5.amazonaws.com", "aws", "entry", "ap-southeast-5", ("MY",)),
        ("bedrock-runtime.eu-west-1.amazonaws.com", "aws", "entry", "eu-west-1", ("IE",)),
        ("bedrock-runtime.eu-west-3.amazonaws.com", "aws", "entry", "eu-west-3", ("FR",)),
        ("me-west1-aiplatform.googleapis.com", "google", "unknown", "me-west1", ("IL",)),
        # A gateway passes on: the processor is not visible, wherever the company sits.
        ("router.huggingface.co", "huggingface", "unknown", None, ()),
        ("openrouter.ai", "openrouter", "unknown", None, ()),
        ("gateway.ai.cloudflare.com", "cloudflare", "unknown", None, ()),
        ("router.requesty.ai", "requesty", "unknown", None, ()),
        # A regional host may still forward to somebody else's model.
        (
            "inference.generativeai.eu-frankfurt-1.oci.oraclecloud.com",
            "oracle",
            "entry",
            "eu-frankfurt-1",
            ("DE",),
        ),
        ("llm-server.llmhub.t-systems.net", "t-systems", "entry", None, ("DE",)),
    ],
)
def test_what_a_name_allows_to_say(
    host: str, provider: str, scope: str, region: str | None, countries: tuple[str, ...]
) -> None:
    found = attributed(host)
    assert (found.provider, found.scope, found.region) == (provider, scope, region)
    assert found.countries == countries
    assert (found.possible, found.conflicts, found.certainty) == ((), (), "observed")


@pytest.mark.parametrize(
    ("host", "region", "country"),
    [
        ("ark.ap-southeast.bytepluses.com", "ap-southeast-1", "MY"),
        ("ark.eu-west.bytepluses.com", "eu-west-1", "IE"),
    ],
)
def test_the_same_code_is_another_place_at_another_vendor(host: str, region: str, country: str) -> None:
    found = attributed(host)
    assert (found.provider, found.scope, found.region, found.countries) == (
        "byteplus",
        "region",
        region,
        (country,),
    )
    assert found.certainty == "inferred"  # nobody but code samples says so


@pytest.mark.parametrize(
    ("host", "word"),
    [
        ("eu.api.openai.com", "Switzerland"),
        ("bedrock-runtime.eu-central-1.amazonaws.com", "inference profile"),
        ("aws-external-anthropic.eu-west-1.api.aws", "enters at AWS eu-west-1"),
        ("openai-france-1234.openai.azure.com", "customer's resource name"),
        ("europe-west3-aiplatform.googleapis.com", "models that Google lists"),
        ("ws-abc.eu-central-1.maas.aliyuncs.com", "Chinese mainland included"),
        ("dashscope-intl.aliyuncs.com", "anywhere but the Chinese mainland"),
        ("ark.ap-southeast.bytepluses.com", "Johor"),
        ("inference.generativeai.eu-frankfurt-1.oci.oraclecloud.com", "external provider"),
        ("llm-server.llmhub.t-systems.net", "passes requests on"),
        ("router.huggingface.co", "real processor is not visible"),
    ],
)
def test_the_condition_that_the_wire_does_not_show_is_told(host: str, word: str) -> None:
    assert any(word in each.says for each in attributed(host).evidence)


def test_the_place_of_an_anycast_address_does_not_move_a_name() -> None:
    found = attributed("eu.api.openai.com", address="162.159.140.245", geo="US")
    assert (found.provider, found.countries, found.certainty) == ("openai", members("EEA+CH"), "observed")
    assert found.conflicts == ()
    vertex = attributed("europe-west3-aiplatform.googleapis.com", address="142.250.1.95", geo="US")
    assert (vertex.countries, vertex.conflicts) == (("DE",), ())


def test_the_alias_of_an_azure_resource_gives_its_region_and_no_more() -> None:
    found = attributed(name("contoso.openai.azure.com", "westeurope.api.cognitive.microsoft.com"))
    assert (found.provider, found.scope, found.region, found.countries) == (
        "azure",
        "entry",
        "westeurope",
        ("NL",),
    )
    assert found.certainty == "inferred"


def test_a_private_address_is_not_internal_traffic() -> None:
    found = attributed("contoso.openai.azure.com", address="10.60.5.4", geo="US")
    assert (found.provider, found.countries) == ("azure", ())
    assert "private" in [each.kind for each in found.evidence]


@pytest.mark.parametrize(
    ("host", "possible"),
    [
        ("api.salesforce.com", "salesforce"),
        ("api.infomaniak.com", "infomaniak"),
        ("api.cloudflare.com", "cloudflare"),
        ("adb-123.7.azuredatabricks.net", "databricks"),
        ("dbc-1.cloud.databricks.com", "databricks"),
        ("acme-xy.snowflakecomputing.com", "snowflake"),
        ("contoso.cognitiveservices.azure.com", "azure"),
        ("westeurope.api.cognitive.microsoft.com", "azure"),
        ("cognitiveweprod.trafficmanager.net", "azure"),
        ("substrate.office.com", "microsoft-copilot"),
        ("o123.ingest.us.sentry.io", "llm-observability"),
        ("browser-intake-datadoghq.com", "llm-observability"),
    ],
)
def test_a_host_that_mixes_traffic_is_only_possible(host: str, possible: str) -> None:
    found = attributed(host)
    assert (found.provider, found.possible, found.certainty) == (None, (possible,), "indeterminate")


def test_the_outer_name_of_an_encrypted_hello_hides_the_inner_one() -> None:
    assert attributed("cloudflare-ech.com").provider is None
    resolved = (name("cloudflare-ech.com"), dns("api.openai.com"))
    found = attribute(Question(resolved, "162.159.140.245", "cloudflare-ech.com"), built_in(), FixedGeo("US"))
    assert (found.provider, found.certainty, found.countries) == ("openai", "inferred", ())
    assert "ech" in [each.kind for each in found.evidence]


@pytest.mark.parametrize(
    "address", ["20.171.206.10", "52.230.152.10", "23.102.140.112", "160.79.106.35", "160.79.110.1"]
)
def test_the_addresses_of_crawlers_and_of_outbound_calls_are_no_destination(address: str) -> None:
    assert attributed(address=address) == LLM_FREE


@pytest.mark.parametrize(
    "host",
    [
        "gemini.com",
        "www.gemini.com",
        "exchange.gemini.com",
        "acme.my.salesforce.com",
        "storage.googleapis.com",
        "www.googleapis.com",
        "www.google.com",
        "googleapis.com",
        "login.microsoftonline.com",
        "s3.eu-central-1.amazonaws.com",
        "sagemaker.eu-central-1.amazonaws.com",
        "bedrock-runtime.amazonaws.com",
        "bedrock-runtime.eu-central-1.amazonaws.com.evil.test",
        "bedrock-runtime.eu-central-9.amazonaws.com",
        "xbedrock-runtime.eu-central-1.amazonaws.com",
        "github.com",
        "api.github.com",
        "openai.com",
        "www.openai.com",
        "notapi.openai.com",
        "api.openai.com.evil.test",
        "openai.com.evil.test",
        "example.openai.com.evil.test",
        "api-openai.com",
        "xapi.openai.com",
        "fakechatgpt.com",
        "chatgpt.com.evil.test",
        "openai.azure.com",
        "openai.azure.com.evil.test",
        "evilopenai.azure.com",
        "contoso.openai.azure.com.evil.test",
        "contoso.azure.com",
        "cognitiveweprod.azure-api.net.evil.test",
        "contoso-westeurope-01.regional.azure-api.net",
        "europe-west3-aiplatform.googleapis.com.evil.test",
        "europe-west3-storage.googleapis.com",
        "evil-europe-west3-aiplatform.googleapis.com",
        "apixmistral.ai",
        "mistral.ai",
        "anthropic.com",
        "console.aws.amazon.com",
        "cloudflare.com",
        "www.cloudflare.com",
        "huggingface.co",
        "api.openai.com\\x00.evil.test",
        "api.\N{CYRILLIC SMALL LETTER O}penai.com",
        "localhost",
        "",
    ],
)
def test_close_calls_are_no_llm_endpoints(host: str) -> None:
    found = attributed(host)
    assert not is_llm_related(found)
    assert (found.provider, found.possible, found.region, found.countries) == (None, (), None, ())


def test_no_sentence_says_what_packets_cannot_show() -> None:
    hosts = [
        endpoint.match.replace("*", "x1") for endpoint in built_in().endpoints if "/" not in endpoint.match
    ]
    for host in hosts:
        found = attributed(host, address="203.0.113.9", geo="US")
        for each in (*found.evidence, *found.conflicts):
            text = each.says.lower()
            assert not any(word in text for word in ("violation", "sent to", "gdpr")), each
            assert not forbidden_in(text)


def test_a_name_in_capitals_or_with_a_dot_is_the_same() -> None:
    assert attributed(Name("EU.API.OpenAI.com.", "sni")).region == "eu"


def test_media_after_an_assistants_signalling_is_possibly_its_voice() -> None:
    """WebRTC carries no server name: the host at which the call was arranged is a hint, and no more."""
    found = attributed(Name("chatgpt.com", "signalling", "beside"), address="192.0.2.50", geo="US")
    assert (found.provider, found.possible, found.certainty) == (None, ("openai",), "indeterminate")
    assert (found.region, found.countries) == (None, ())

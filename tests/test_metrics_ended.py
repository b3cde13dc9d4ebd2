"""What is counted of an LLM-related connection beside its decision: the country, and times on the wire."""

import msgspec
import pytest

from monitor.attribution import Question, attribute
from monitor.metrics import Metrics
from monitor.metrics.families import FIRST_BYTE, HANDSHAKE
from monitor.metrics.labels import country
from monitor.types import Attribution, Decision, Evidence, Name
from tests.metrics_kit import GLOBAL, example, exposed, feed, loaded, row, value, verdict

AGAINST = Evidence("geoip", "192.0.2.1", "that contradicts DE", "test")
HOST = "bedrock-runtime.eu-central-1.amazonaws.com"
FRANKFURT = Attribution("aws", scope="region", region="eu-central-1", countries=("DE",), certainty="observed")
MILLISECOND = 1_000_000


def contradicted(attribution: Attribution) -> Attribution:
    return msgspec.structs.replace(attribution, certainty="indeterminate", conflicts=(AGAINST,))


@pytest.mark.parametrize(
    ("attribution", "wanted"),
    [
        (FRANKFURT, "DE"),
        (Attribution("own", scope="region", countries=("DE", "FR")), "several"),
        (Attribution("azure", scope="group", region="us", countries=("US",)), "US"),
        (Attribution("openai", scope="group", region="eu", countries=("DE", "FR")), "several"),
        (Attribution("aws", scope="entry", region="eu-west-3", countries=("FR",)), "FR"),
        (Attribution("aws", scope="entry", region="somewhere"), "unknown"),
        (Attribution("snowflake", scope="storage", countries=("IE",)), "IE"),
        (GLOBAL, "global"),
        (Attribution("deepseek", scope="unknown", countries=("CN",)), "unknown"),
        (Attribution(possible=("databricks", "google")), "unknown"),
        (Attribution(possible=("databricks",), scope="entry", countries=("NL",)), "NL"),
        (contradicted(FRANKFURT), "unknown"),
        (contradicted(GLOBAL), "global"),
        (
            msgspec.structs.replace(FRANKFURT, conflicts=(AGAINST,)),
            "DE",
        ),  # weaker than what the provider says
    ],
)
def test_the_country_is_one_that_the_evidence_points_to(attribution: Attribution, wanted: str) -> None:
    assert country(attribution) == wanted
    metrics = loaded()
    feed(metrics, [verdict(attribution=attribution)])
    labels = {"tenant": "acme", "source_group": "crm-backend", "country": wanted, "outcome": "violation"}
    assert exposed(metrics)["residency_destination_connections_total"] == {row(labels): 1}


@pytest.mark.parametrize(
    ("name", "wanted"), [(Name(HOST, "sni"), "DE"), (Name(HOST, "dns", "resolver"), "unknown")]
)
def test_what_only_a_resolver_asked_for_is_no_country(name: Name, wanted: str) -> None:
    known = example()
    attribution = attribute(Question((name,), None), known.catalog)
    assert attribution.countries == ("DE",)
    assert country(attribution) == wanted


def test_a_connection_is_counted_by_country_once_when_it_ended() -> None:
    metrics = loaded()
    metrics.opened(verdict(attribution=FRANKFURT))
    assert "residency_destination_connections_total" not in exposed(metrics)
    metrics.ended(verdict("allow", attribution=FRANKFURT))
    metrics.ended(verdict(None, rule=None, port=50_001))
    assert value(metrics, "residency_destination_connections_total", country="DE", outcome="allow") == 1
    assert (
        value(metrics, "residency_destination_connections_total", country="global", outcome="inventory") == 1
    )
    assert value(metrics, "residency_destination_connections_total") == 2


def timed(handshake_ns: int | None, first_byte_ns: int | None, attribution: Attribution = GLOBAL) -> Decision:
    decision = verdict(attribution=attribution)
    times = {"handshake_rtt_ns": handshake_ns, "first_byte_ns": first_byte_ns}
    totals = msgspec.structs.replace(decision.connection.totals, **times)
    connection = msgspec.structs.replace(decision.connection, totals=totals)
    return msgspec.structs.replace(decision, connection=connection)


def counts(metrics: Metrics, name: str, **labels: str) -> list[float]:
    """Return how many there are up to each bound, the sum behind them."""
    series = exposed(metrics)
    buckets = [
        (dict(key)["le"], number) for key, number in series[f"{name}_bucket"].items() if key >= row(labels)
    ]
    up_to = [number for _, number in sorted(buckets, key=lambda bucket: float(bucket[0]))]
    assert series[f"{name}_count"][row(labels)] == up_to[-1]
    return [*up_to, series[f"{name}_sum"][row(labels)]]


def test_times_are_distributions_by_endpoint() -> None:
    metrics = loaded()
    global_ = {"provider": "openai", "dst_region": "global"}
    frankfurt = {"provider": "aws", "dst_region": "aws:eu-central-1"}
    for decision in (
        timed(MILLISECOND // 2, MILLISECOND),
        timed(20 * MILLISECOND, 40_000 * MILLISECOND),
        timed(None, 0),
        timed(None, None),
        timed(5_000 * MILLISECOND, None, FRANKFURT),
    ):
        metrics.ended(decision)
    assert counts(metrics, HANDSHAKE.name, **global_) == [1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 0.0205]
    assert counts(metrics, HANDSHAKE.name, **frankfurt) == [0] * 11 + [1, 5.0]
    assert counts(metrics, FIRST_BYTE.name, **global_) == [2] * 12 + [3, 40.001]
    assert set(exposed(metrics)["residency_first_byte_seconds_count"]) == {row(global_)}


def test_only_the_end_of_a_connection_has_times() -> None:
    metrics = loaded()
    metrics.opened(timed(MILLISECOND, MILLISECOND))
    series = exposed(metrics)
    assert not {name for name in series if name.startswith((HANDSHAKE.name, FIRST_BYTE.name))}

"""What an answer's time rules out, case by case; how the policy and the commands speak of it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from monitor import app
from monitor.attribution import Question, attribute
from monitor.catalog import Catalog
from monitor.cli import group
from monitor.geography import Site
from monitor.physics import Physics, bound_ns, reach_km
from monitor.replaying import Reading, replay
from monitor.types import Attribution, Connection, Hello, Name, Subject, Totals
from sensors.observations import FlowKey
from tests.catalog_help import FixedGeo, built_in
from tests.mmdb import mmdb
from tests.policy_help import judge, policy
from tests.test_attribution_ranges import FixedRanges, published
from tests.world_kit import HOST, NS_PER_MS, catalog, extents

FRANKFURT, SINGAPORE = Site(50.11, 8.68, "Frankfurt"), Site(1.35, 103.82)
ADDRESS = "20.79.107.4"
BEDROCK = "bedrock-runtime.eu-central-1.amazonaws.com"
FLOW = FlowKey("10.20.1.5", 50_000, ADDRESS, 443, "tcp")


def connection(name: str = HOST, ms: float = 1.8, **other: object) -> Connection:
    """Return a TLS connection whose server answered in time."""
    rtt_ns = int(ms * NS_PER_MS)
    fields: dict[str, object] = {
        "ts_ns": 0,
        "flow": FLOW,
        "subject": Subject(),
        "names": (Name(name, "sni"),),
        "hello": Hello("tls"),
        "totals": Totals(6, 6, 2_000, 5_000, 10**9, rtt_ns, rtt_ns, "fin"),
        "coverage": "sni",
        **other,
    }
    return Connection(**fields)  # type: ignore[arg-type]


def attributed(
    of: Connection, site: Site, country: str | None = None, by: Catalog | None = None
) -> Attribution:
    """Return the attribution of a connection past a sensor; ``country`` is what GeoIP says."""
    using = by or catalog()
    question = Question(of.names, of.flow.server)
    plain = attribute(question, using, FixedGeo(country) if country else None)
    return Physics(site, extents(), using).refute(of, plain, lambda: attribute(question, using))


@pytest.mark.parametrize(("rtt_ns", "km"), [(0, 0), (1_000_000, 150), (2_000_000, 300), (1, 0.00015)])
def test_reach(rtt_ns: int, km: float) -> None:
    assert reach_km(rtt_ns) == pytest.approx(km)


@pytest.mark.parametrize(
    ("site", "ms", "country", "refuted"),
    [
        (FRANKFURT, 1.8, "US", True),
        (FRANKFURT, 20, "US", True),
        (FRANKFURT, 40, "US", False),
        (FRANKFURT, 1.8, "DE", False),
        (FRANKFURT, 1.8, "CH", False),
        (FRANKFURT, 1.8, "AT", False),
        (FRANKFURT, 1.8, "IE", True),
        (FRANKFURT, 6, "IE", False),
        (SINGAPORE, 1.8, "DE", True),
        (SINGAPORE, 1.8, "MY", False),
        (Site(21.31, -157.86), 1.8, "US", False),  # Honolulu
        (Site(-20.88, 55.45), 1.8, "FR", False),  # Réunion
        (Site(12.15, -68.27), 1.8, "NL", False),  # Bonaire
        (FRANKFURT, 1.8, "ZZ", False),  # no country
    ],
)
def test_a_country_that_geoip_gives(site: Site, ms: float, country: str, *, refuted: bool) -> None:
    found = attributed(connection(ms=ms), site, country)
    assert found.provider == "llm"
    if refuted:
        assert (found.countries, found.scope, found.certainty) == ((), "unknown", "indeterminate")
        assert [each.kind for each in found.evidence if each.kind in ("geoip", "rtt")] == ["geoip", "rtt"]
    else:
        assert (found.countries, found.scope, found.certainty) == ((country,), "entry", "inferred")
        assert "rtt" not in {each.kind for each in found.evidence}
    assert found.conflicts == ()
    assert found.evidence[0].kind == "name"  # what carries an attribution stays first


def test_the_sentence() -> None:
    said = attributed(connection(), FRANKFURT, "US").evidence[-1]
    assert said.kind == "rtt"
    assert said.value == "1.8 ms"
    assert said.says.startswith(
        "the connection was answered within 1.8 ms of the sensor at Frankfurt (50.11, 8.68), so it ended at"
        " most 270 km away, and no place in US is nearer than 5,"
    )
    assert said.dataset == extents().version


TLS = connection().totals
UNSURE: Mapping[str, dict[str, Any]] = {
    "no handshake": {"totals": msgspec.structs.replace(TLS, handshake_rtt_ns=None)},
    "no first byte": {"totals": msgspec.structs.replace(TLS, first_byte_ns=None)},
    "out of order": {"totals": msgspec.structs.replace(TLS, handshake_rtt_ns=0)},
    "a late answer": {"totals": msgspec.structs.replace(TLS, first_byte_ns=13 * NS_PER_MS)},
    "an early answer": {"totals": msgspec.structs.replace(TLS, first_byte_ns=NS_PER_MS // 2)},
    "an alert": {"totals": msgspec.structs.replace(TLS, packets_down=4, bytes_down=200)},
    "acknowledgements alone": {"totals": msgspec.structs.replace(TLS, packets_down=90, bytes_down=90 * 52)},
    "no hello": {"hello": None},
    "half a hello": {"hello": Hello("tls", complete=False)},
    "plain HTTP": {"hello": Hello("http")},
    "a proxy asked by HTTP": {"hello": Hello("http-connect")},
    "SOCKS": {"hello": Hello("socks")},
    "inside CONNECT": {"names": (Name(HOST, "sni"), Name("proxy.example", "connect"))},
    "QUIC": {"flow": msgspec.structs.replace(FLOW, transport="udp"), "hello": Hello("quic")},
    "STARTTLS": {"flow": msgspec.structs.replace(FLOW, server_port=587)},
    "a PROXY header": {"flow": msgspec.structs.replace(FLOW, tunnel="proxy:10.0.0.90:1-10.0.0.91:8443")},
    "a mirror": {"flow": msgspec.structs.replace(FLOW, tunnel="vxlan:42")},
    "a private address": {"flow": msgspec.structs.replace(FLOW, server="10.60.5.4")},
    "a carrier's NAT": {"flow": msgspec.structs.replace(FLOW, server="100.64.0.1")},
    "a mapped private address": {"flow": msgspec.structs.replace(FLOW, server="::ffff:10.60.5.4")},
    "a unique local address": {"flow": msgspec.structs.replace(FLOW, server="fd00::4")},
    "no address": {"flow": msgspec.structs.replace(FLOW, server="")},
}


@pytest.mark.parametrize("other", UNSURE.values(), ids=UNSURE)
def test_what_is_not_measured_refutes_nothing(other: dict[str, Any]) -> None:
    unsure = connection(**other)
    assert bound_ns(unsure) is None
    assert bound_ns(connection()) == 1_800_000


@pytest.mark.parametrize(("handshake_ms", "first_byte_ms", "bound_ms"), [(2, 3, 3), (3, 2, 3), (3, 1.5, 3)])
def test_the_longer_time_counts(handshake_ms: float, first_byte_ms: float, bound_ms: float) -> None:
    totals = msgspec.structs.replace(
        TLS,
        handshake_rtt_ns=int(handshake_ms * NS_PER_MS),
        first_byte_ns=int(first_byte_ms * NS_PER_MS),
    )
    assert bound_ns(connection(totals=totals)) == bound_ms * NS_PER_MS


def test_a_region_that_a_name_pins_stays_and_is_contradicted() -> None:
    there = attributed(connection(BEDROCK), FRANKFURT, by=built_in())
    assert there.conflicts == ()
    found = attributed(connection(BEDROCK, ms=1), SINGAPORE, by=built_in())
    assert (found.region, found.countries, found.certainty) == ("eu-central-1", ("DE",), "indeterminate")
    (said,) = found.conflicts
    assert said.kind == "rtt"
    assert "no place in region eu-central-1 is nearer than 10," in said.says


def test_a_region_in_the_sensors_own_country_is_contradicted_by_its_city() -> None:
    name, seattle = "bedrock-runtime.us-east-1.amazonaws.com", Site(47.6, -122.3)
    assert attributed(connection(name, ms=1), seattle, by=built_in()).conflicts
    assert not attributed(connection(name, ms=70), seattle, by=built_in()).conflicts


def test_a_place_that_a_published_range_gives_stays_and_is_contradicted() -> None:
    virginia = published("azure", "eastus", "US")
    of = connection("contoso.services.ai.azure.com")
    question = Question(of.names, of.flow.server)
    using = built_in()
    plain = attribute(question, using, FixedGeo("DE"), FixedRanges(virginia))
    bare = attribute(question, using, None, FixedRanges(virginia))
    assert plain.countries == ("US",)
    found = Physics(FRANKFURT, extents(), using).refute(of, plain, lambda: bare)
    assert (found.countries, found.certainty) == (("US",), "indeterminate")
    assert [each.kind for each in found.conflicts] == ["rtt", "geoip"]


@pytest.mark.parametrize("name", ["europe-west3-aiplatform.googleapis.com", "eu.api.openai.com"])
def test_an_edge_contradicts_no_name_whose_address_stands_in_many_places(name: str) -> None:
    assert attributed(connection(name, ms=1), SINGAPORE, by=built_in()) == attribute(
        Question((Name(name, "sni"),), ADDRESS), built_in()
    )


RULES = "  - {id: R-1, description: CRM stays in the EEA, when: {data_classes: [crm]}, allow_in: [EEA]}"


def test_the_policy_says_why_it_cannot_decide() -> None:
    of = policy(RULES)
    plain = attribute(Question((Name(HOST, "sni"),), ADDRESS), catalog(), FixedGeo("US"))
    assert judge(of, plain).outcome == "violation"
    found = judge(of, attributed(connection(), FRANKFURT, "US"))
    assert found.outcome == "indeterminate"
    assert any("answered within 1.8 ms of the sensor at Frankfurt" in reason for reason in found.reasons)
    entered = judge(of, attributed(connection(BEDROCK, ms=1), SINGAPORE, "DE", built_in()))
    assert entered.outcome == "indeterminate"
    assert any("answered within 1.0 ms of the sensor at (1.35, 103.82)" in each for each in entered.reasons)


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(group, arguments)
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def geoip(tmp_path: Path) -> str:
    path = tmp_path / "geo.mmdb"
    path.write_bytes(mmdb({"20.64.0.0/10": {"country": {"iso_code": "US"}}}))
    return str(path)


def test_explain(geoip: str) -> None:
    name = ("explain", "contoso.openai.azure.com", "--address", ADDRESS, "--geoip", geoip, "--json")
    place = ("--location", "50.11,8.68,Frankfurt")
    _, plain, _ = run(*name)
    _, far, _ = run(*name, *place, "--rtt", "90")
    _, near, _ = run(*name, *place, "--rtt", "1.8")
    assert plain == far
    assert json.loads(plain)["countries"] == ["US"]
    assert json.loads(near)["countries"] == []
    assert json.loads(near)["evidence"][-1]["kind"] == "rtt"
    _, alone, says = run(*name, *place)
    assert alone == plain
    assert "--location and --rtt say nothing without each other" in says


@pytest.mark.parametrize(
    "text", ["", "50.11", "Frankfurt", "50.11,", "50.11;8.68", "91,0", "0,181", "nan,0", "0,inf", "1,2x"]
)
def test_what_is_no_place_is_refused(text: str) -> None:
    status, _, says = run("explain", "api.openai.com", "--location", text, "--rtt", "1")
    assert status == 2
    assert "is no place" in says


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("50.11,8.68,Frankfurt", "Frankfurt (50.11, 8.68)"),
        ("50.11, 8.68, Frankfurt, hall 2", "Frankfurt, hall 2 (50.11, 8.68)"),
        ("-33.9,18.4", "(-33.9, 18.4)"),
    ],
)
def test_the_place_stands_in_the_summary(text: str, shown: str) -> None:
    _, printed, _ = run("replay", "pcaps/openai-eu/traffic.pcap", "--location", text, "--json")
    assert json.loads(printed)["versions"]["location"] == shown


def test_engines_agree(geoip: str) -> None:
    knowledge = app.with_physics(app.load_knowledge(geoips=[Path(geoip)]), SINGAPORE)
    case = [Path("pcaps/mixed-endpoints/traffic.pcap")]
    summaries = [replay(case, knowledge, Reading(engine)).summary for engine in ("dpkt", "auto")]
    assert summaries[0].destinations == summaries[1].destinations
    assert any(row.key.conflicted for row in summaries[0].destinations)

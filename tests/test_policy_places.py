"""Positions: what scope and countries prove about being inside a set of countries."""

import datetime as dt

import pytest

from monitor.policy.places import Position, Territory, locate_inside, locate_region, whereabouts
from monitor.policy.schema import OwnJurisdiction
from monitor.types import Attribution, Certainty, Evidence, EvidenceKind, Scope
from tests.policy_help import jurisdictions

DAY = dt.date(2026, 3, 10)
ELSEWHERE = "processing may be elsewhere"
RANGES = "the provider's published ranges place in"
LIMITS = "the connection ended at an endpoint whose provider limits processing to"
OWN = (
    OwnJurisdiction("nordic", countries=("DK", "NO", "SE")),
    OwnJurisdiction("friends", include=("EEA", "ADEQUATE"), without=("CA", "US")),
    OwnJurisdiction("sales", countries=("US",), include=("ADEQUATE",)),
)


def territory(*names: str) -> Territory:
    return Territory(names, OWN, jurisdictions())


def attribution(scope: Scope, countries: str, region: str | None = None) -> Attribution:
    return Attribution("aws", scope=scope, countries=tuple(countries.split()), region=region)


@pytest.mark.parametrize(
    ("scope", "countries", "position"),
    [
        ("region", "DE", "inside"),
        ("region", "DE NO", "inside"),
        ("region", "US", "outside"),
        ("region", "CN US", "outside"),
        ("region", "CH DE", "unclear"),
        ("region", "", "unclear"),
        ("group", "AT DE FR", "inside"),
        ("group", "CA US", "outside"),
        ("group", "CH DE", "unclear"),
        ("group", "", "unclear"),
        ("entry", "DE", "entry"),
        ("entry", "US", "outside"),
        ("entry", "DE US", "unclear"),
        ("entry", "", "unclear"),
        ("storage", "DE", "unclear"),
        ("storage", "DE SG", "unclear"),
        ("storage", "SG", "storage"),
        ("storage", "", "unclear"),
        ("global", "", "global"),
        ("global", "DE", "global"),
        ("global", "US", "global"),
        ("unknown", "", "unclear"),
        ("unknown", "DE", "unclear"),
        ("unknown", "CN", "operator"),
        ("unknown", "CN DE", "unclear"),
    ],
)
def test_position_in_the_eea(scope: Scope, countries: str, position: Position) -> None:
    assert locate_inside(attribution(scope, countries), territory("EEA"), DAY).position == position


@pytest.mark.parametrize(
    ("names", "countries", "position"),
    [
        (["EU"], "NO", "outside"),
        (["EU", "NO"], "NO", "inside"),
        (["nordic"], "NO SE", "inside"),
        (["nordic"], "DE", "outside"),
        (["nordic", "DE"], "DE NO", "inside"),
        (["friends"], "GB", "inside"),
        (["friends"], "US", "outside"),  # taken out
        (["ADEQUATE"], "US", "unclear"),  # some organisations only
        (["ADEQUATE"], "GB US", "unclear"),
        (["ADEQUATE", "US"], "US", "inside"),  # the owner has looked it up
        (["sales"], "US", "inside"),
        (["sales"], "CA", "unclear"),
        (["EEA", "sales"], "DE", "inside"),
    ],
)
def test_sets_add_up(names: list[str], countries: str, position: Position) -> None:
    assert locate_inside(attribution("region", countries), territory(*names), DAY).position == position


@pytest.mark.parametrize(
    ("on", "country", "position"),
    [
        ("2026-01-25", "BR", "outside"),
        ("2026-01-26", "BR", "inside"),
        ("2021-06-27", "GB", "outside"),
        ("2021-06-28", "GB", "inside"),
        ("2023-07-09", "US", "outside"),
        ("2023-07-10", "US", "unclear"),
        ("0001-01-01", "CH", "outside"),
        ("9999-12-31", "CH", "inside"),
    ],
)
def test_adequacy_is_that_of_the_day(on: str, country: str, position: Position) -> None:
    day = dt.date.fromisoformat(on)
    assert locate_inside(attribution("region", country), territory("ADEQUATE"), day).position == position


@pytest.mark.parametrize(
    ("scope", "region", "position"),
    [
        ("region", "eu-west-1", "inside"),
        ("region", "eu-west-2", "outside"),
        ("region", None, "unclear"),
        ("entry", "eu-west-1", "entry"),
        ("entry", "us-east-1", "outside"),
        ("entry", None, "unclear"),
        ("group", "eu-west-1", "inside"),
        ("group", "eu", "unclear"),  # its countries may hold the region, or not
        ("storage", "eu-west-1", "unclear"),
        ("storage", "us-east-1", "storage"),
        ("unknown", "eu-west-1", "unclear"),
        ("unknown", "us-east-1", "operator"),
        ("unknown", None, "unclear"),
        ("global", None, "global"),
        ("global", "eu-west-1", "global"),
    ],
)
def test_position_in_a_list_of_regions(scope: Scope, region: str | None, position: Position) -> None:
    found = locate_region(attribution(scope, "IE", region), frozenset({"aws:eu-west-1", "aws:eu-west-3"}))
    assert found.position == position


def test_region_is_that_of_the_provider() -> None:
    elsewhere = Attribution("alibaba", scope="region", countries=("GB",), region="eu-west-1")
    assert locate_region(elsewhere, frozenset({"aws:eu-west-1"})).position == "outside"
    nobody = Attribution(None, ("aws",), scope="region", countries=("IE",), region="eu-west-1")
    assert locate_region(nobody, frozenset({"aws:eu-west-1"})).position == "unclear"


@pytest.mark.parametrize(
    ("scope", "countries", "reasons"),
    [
        (
            "group",
            "CH DE NO",
            (
                f"{LIMITS} CH, DE, NO",
                "of these countries, CH is not in EEA",
            ),
        ),
        (
            "group",
            "CH DE GB",
            (
                f"{LIMITS} CH, DE, GB",
                "of these countries, CH, GB are not in EEA",
            ),
        ),
        (
            "unknown",
            "CN",
            (
                "the endpoint promises no place; its operator says or sits in CN",
                "CN is not in EEA",
                "this rests on a place that the operator names without promising to process there",
            ),
        ),
        (
            "global",
            "",
            ("the endpoint is global: its name and address say nothing about where requests are processed",),
        ),
        (
            "storage",
            "DE",
            (
                "provider documentation places data at rest in DE; processing may be elsewhere",
                "DE is inside EEA",
            ),
        ),
        ("region", "", ("no evidence says where the endpoint processes requests",)),
    ],
)
def test_reasons(scope: Scope, countries: str, reasons: tuple[str, ...]) -> None:
    assert locate_inside(attribution(scope, countries), territory("EEA"), DAY).reasons == reasons


def test_reasons_name_the_day_where_it_matters_and_the_condition() -> None:
    found = locate_inside(attribution("region", "US"), territory("EEA", "sales", "ADEQUATE"), DAY)
    assert found.reasons[1] == "US is inside EEA or sales or ADEQUATE as of 2026-03-10"
    found = locate_inside(attribution("region", "US"), territory("ADEQUATE"), DAY)
    assert found.reasons[1] == (
        "US is in ADEQUATE as of 2026-03-10 for organisations on the EU-US Data Privacy Framework list "
        "((EU) 2023/1795) only, and packets do not show who is one"
    )


@pytest.mark.parametrize(
    ("kinds", "scope", "certainty", "sentence"),
    [
        (
            ["name"],
            "region",
            "observed",
            "the connection ended at a host that provider documentation places in DE",
        ),
        (
            ["name"],
            "entry",
            "observed",
            f"the connection ended at a host that provider documentation places in DE; {ELSEWHERE}",
        ),
        (
            ["name", "geoip"],
            "region",
            "observed",
            "the connection ended at a host that provider documentation places in DE",
        ),
        (
            ["name", "cname"],
            "entry",
            "inferred",
            f"the connection ended at a host whose alias chain leads to DE (inferred); {ELSEWHERE}",
        ),
        (
            ["prefix"],
            "entry",
            "observed",
            f"the connection ended at an address that {RANGES} DE; {ELSEWHERE}",
        ),
        (["geoip"], "region", "inferred", "the connection ended at an endpoint placed in DE (inferred)"),
        ([], "region", "observed", "the connection ended at an endpoint placed in DE"),
        (["name"], "group", "observed", f"{LIMITS} DE"),
        (
            ["name"],
            "group",
            "inferred",
            "the connection ended at an endpoint said to limit processing to DE (inferred)",
        ),
    ],
)
def test_whereabouts_say_what_kind_of_evidence_it_is(
    kinds: list[EvidenceKind], scope: Scope, certainty: Certainty, sentence: str
) -> None:
    evidence = tuple(Evidence(kind, "x", "says", "d") for kind in kinds)
    found = Attribution("aws", scope=scope, countries=("DE",), certainty=certainty, evidence=evidence)
    assert whereabouts(found) == sentence


def test_many_countries_are_cut_short() -> None:
    countries = sorted(jurisdictions().members("EEA+CH"))
    found = locate_inside(attribution("group", " ".join(countries)), territory("EEA"), DAY)
    assert found.reasons == (
        f"{LIMITS} AT, AX, BE, BG, CH, CY, CZ and 31 more",
        "of these countries, CH is not in EEA",
    )


def test_days_are_remembered_within_a_bound() -> None:
    place = territory("ADEQUATE")
    for number in range(600):
        place.on(dt.date.fromordinal(738_000 + number))
    assert place.on.cache_info().currsize == 256


def test_a_range_beside_a_name_that_says_nothing_is_what_the_place_rests_on() -> None:
    said = tuple(Evidence(kind, "x", "x", "x") for kind in ("prefix", "name", "catalogue"))
    found = Attribution("own", scope="region", countries=("DE",), certainty="observed", evidence=said)
    assert whereabouts(found) == f"the connection ended at an address that {RANGES} DE"

"""Judgements: which rule decides, what it says by scope and place, and that any flow gets an answer."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.attribution import Question, attribute
from monitor.documents import DocumentError
from monitor.types import Attribution, Certainty, Evidence, Name, Outcome, Scope, Subject
from tests.catalog_help import built_in
from tests.policy_help import DAY_NS, HEAD, NOON_NS, compiled, connection, judge, policy

PLACE = "- {id: P, description: stays here, allow_in: [EEA]}"
STRICT = (
    "- {id: P, allow_in: [EEA], on_entry: violation, on_global: indeterminate, on_indeterminate: violation}"
)
LENIENT = "- {id: P, allow_in: [EEA], on_entry: allow, on_global: allow, on_indeterminate: allow}"

V, N, A = "violation", "indeterminate", "allow"


@pytest.mark.parametrize(
    ("scope", "countries", "by_default", "strict", "lenient"),
    [
        ("region", "DE", A, A, A),
        ("region", "US", V, V, V),
        ("region", "", N, V, A),
        ("group", "DE NO", A, A, A),
        ("group", "CH DE", N, V, A),
        ("group", "US", V, V, V),
        ("entry", "DE", N, V, A),
        ("entry", "US", V, V, V),
        ("entry", "", N, V, A),
        ("storage", "DE", N, V, A),
        ("storage", "SG", V, V, V),
        ("global", "", V, N, A),
        ("unknown", "CN", V, V, V),
        ("unknown", "DE", N, V, A),
        ("unknown", "", N, V, A),
    ],
)
def test_outcome_by_scope_place_and_action(
    scope: Scope, countries: str, by_default: Outcome, strict: Outcome, lenient: Outcome
) -> None:
    attribution = Attribution("aws", (), "API", scope, None, tuple(countries.split()))
    outcomes = [judge(policy(rule), attribution).outcome for rule in (PLACE, STRICT, LENIENT)]
    assert outcomes == [by_default, strict, lenient]


SEAT = Attribution(
    "deepseek", (), "API", countries=("CN",), evidence=(Evidence("operator", "CN", "sits in CN", "d"),)
)
NAMED = Attribution("google", (), "API", region="me-west1", countries=("IL",))
AT_REST = Attribution("alibaba", (), "API", "storage", "ap-southeast-1", ("SG",))


@pytest.mark.parametrize(
    ("attribution", "key", "case", "basis"),
    [
        (
            SEAT,
            "on_operator",
            "where only the operator's place is known to be outside",
            "this rests on the operator's seat, which does not say where it processes",
        ),
        (
            NAMED,
            "on_operator",
            "where only the operator's place is known to be outside",
            "this rests on a place that the operator names without promising to process there",
        ),
        (
            AT_REST,
            "on_storage",
            "where only data at rest is known to be outside",
            "this rests on where data rests, which does not say where it is processed",
        ),
    ],
)
def test_a_seat_or_a_store_outside_is_a_choice_and_is_said_to_be_one(
    attribution: Attribution, key: str, case: str, basis: str
) -> None:
    for action in (V, N, A):
        for place in ("allow_in: [EEA]", "allow_in_regions: [aws:eu-central-1]"):
            judgement = judge(policy(f"- {{id: P, {place}, {key}: {action}}}"), attribution)
            if attribution.region is None and "regions" in place:
                continue  # whose region is not known is open, not outside
            assert judgement.outcome == action
            assert judgement.reasons[-2:] == (basis, f"P says {action} {case}")
    assert judge(policy("- {id: P, allow_in: [EEA]}"), attribution).outcome == V


ENTRY = Attribution("aws", (), "Bedrock inference", "entry", "eu-central-1", ("DE",))
VIRGINIA = Attribution("aws", (), "Bedrock inference", "entry", "us-east-1", ("US",))


@pytest.mark.parametrize(
    ("effect", "attribution", "outcome"),
    [
        ("allow_in_regions: [aws:eu-central-1], on_entry: allow", ENTRY, A),
        ("allow_in_regions: [aws:eu-central-1]", ENTRY, N),
        ("allow_in_regions: [aws:eu-central-1], on_entry: allow", VIRGINIA, V),
        ("allow_in_regions: [aws:eu-west-1], on_entry: allow", ENTRY, V),
        ("allow_in_regions: [aws:eu-west-1], allow_in: [DE], on_entry: allow", ENTRY, A),
        ("allow_in_regions: [aws:eu-central-1], allow_in: [FR], on_entry: allow", ENTRY, A),
        ("allow_in_regions: [aws:eu-central-1], allow_in: [FR], on_entry: allow", VIRGINIA, V),
    ],
)
def test_regions_and_jurisdictions_add_up(effect: str, attribution: Attribution, outcome: Outcome) -> None:
    assert judge(policy(f"- {{id: P, {effect}}}"), attribution).outcome == outcome


EXCUSE = """\
exceptions:
- {id: X, ticket: T-1, approved_by: dpo, reason: trial, expires: 2026-12-31, when: {providers: [openai]}}
"""
AGAINST = (Evidence("dns", "api.deepseek.com", "the client had resolved another name", "d"),)


@pytest.mark.parametrize("scope", ["region", "group", "entry"])
def test_contradicted_evidence_is_not_inside(scope: Scope) -> None:
    of = policy("- {id: P, allow_in: [EEA], on_entry: allow}", EXCUSE)
    sure = Attribution("openai", (), "API", scope, None, ("DE",), "observed", (), AGAINST)
    assert judge(of, sure).outcome == A  # GeoIP alone says otherwise, for instance
    doubtful = Attribution("openai", (), "API", scope, None, ("DE",), "indeterminate", (), AGAINST)
    judgement = judge(of, doubtful)
    assert (judgement.outcome, judgement.exception) == (N, None)
    assert "but the client had resolved another name" in judgement.reasons
    outside = Attribution("openai", (), "API", scope, None, ("US",), "indeterminate", (), AGAINST)
    assert judge(of, outside).outcome == V


def test_a_description_of_several_lines_is_one_reason() -> None:
    of = policy('- {id: P, description: "one\\n  two", allow_in: [EEA]}')
    assert judge(of, ENTRY).reasons[0] == "not decided under P: one two"


@pytest.mark.parametrize("break_", ["\\n", "\\r", "\\e[2J", "\\u2028", "\\u202e", "x\\n"])
def test_a_name_is_one_line_of_printable_text(break_: str) -> None:
    with pytest.raises(DocumentError, match="write one line of printable text"):
        policy(f'- {{id: "P{break_}", allow_in: [EEA]}}')


SHARED = Attribution(None, ("azure", "openai"))


@pytest.mark.parametrize(
    ("rule", "outcome"),
    [
        ("outcome: violation", N),
        ("outcome: violation, on_indeterminate: violation", V),
        ("outcome: allow", A),  # whoever it is, and whether it is an LLM or not
        ("when: {providers: [openai]}, outcome: allow", N),
        ("when: {providers: [openai]}, outcome: violation", N),
        ("when: {providers: [openai]}, outcome: violation, on_indeterminate: allow", A),
        ("allow_in: [EEA]", N),
        ("allow_in: [EEA], on_indeterminate: violation", V),
    ],
)
def test_flow_with_several_possible_providers(rule: str, outcome: Outcome) -> None:
    judgement = judge(policy(f"- {{id: P, {rule}}}"), SHARED)
    assert (judgement.outcome, judgement.rule) == (outcome, "P")


def test_rule_about_other_providers_does_not_decide_for_possible_ones() -> None:
    rules = "- {id: P, when: {providers: [aws]}, outcome: allow}\n- {id: Q, allow_in: [EEA]}"
    assert judge(policy(rules), SHARED).rule == "Q"


def test_first_rule_that_selects_decides() -> None:
    rules = """\
- {id: P, when: {providers: [deepseek]}, outcome: violation, severity: critical}
- {id: Q, when: {data_classes: [general]}, outcome: allow}
- {id: R, when: {scopes: [global]}, outcome: indeterminate, severity: low}
- {id: S, allow_in: [EEA], severity: high}
"""
    of = policy(rules)
    deepseek = Attribution("deepseek", (), "API", "global")
    openai = Attribution("openai", (), "API", "global")
    american = Attribution("openai", (), "API", "group", None, ("US",))

    def said(attribution: Attribution, client: str) -> tuple[Outcome, str | None, str | None]:
        judgement = judge(of, attribution, client)
        return judgement.outcome, judgement.rule, judgement.severity

    assert said(deepseek, "10.20.0.5") == ("violation", "P", "critical")
    assert said(deepseek, "10.40.0.5") == ("violation", "P", "critical")
    assert said(openai, "10.40.0.5") == ("allow", "Q", None)
    assert said(openai, "10.20.0.5") == ("indeterminate", "R", "low")
    assert said(american, "10.20.0.5") == ("violation", "S", "high")


NARROW = "- {id: P, when: {providers: [google]}, outcome: allow}"


@pytest.mark.parametrize(
    ("default", "attribution", "outcome"),
    [
        ("", ENTRY, N),
        ("default: violation", ENTRY, V),
        ("default: allow", ENTRY, A),
        ("default: indeterminate", SHARED, N),
        ("default: violation", SHARED, N),  # a shared host may carry no LLM traffic at all
        ("default: violation", Attribution(), N),
        ("default: allow", SHARED, A),
    ],
)
def test_default_applies_when_no_rule_does(default: str, attribution: Attribution, outcome: Outcome) -> None:
    judgement = judge(policy(NARROW, default), attribution)
    assert (judgement.outcome, judgement.rule) == (outcome, "default")


@pytest.mark.parametrize("client", ["10.99.0.1", "2001:db8::1", "", "nonsense"])
def test_client_of_no_group_is_unassigned(client: str) -> None:
    judgement = judge(policy("- {id: P, outcome: violation}"), ENTRY, client)
    assert (judgement.outcome, judgement.rule, judgement.severity) == ("unassigned", None, None)
    assert judgement.reasons == (f"no source group of policy small owns client {client}",)


def test_recorded_subject_that_the_policy_does_not_have_is_unassigned() -> None:
    of = policy(PLACE)
    recorded = connection(of, "10.20.0.5")
    other = Subject("acme", "warehouse", "crm")
    flow = type(recorded)(NOON_NS, recorded.flow, other, (), None, recorded.totals, "address")
    judgement = of.judge(NOON_NS, flow, ENTRY)
    assert judgement.outcome == "unassigned"
    assert judgement.reasons == ("policy small has no source group 'warehouse' as recorded",)


@pytest.mark.parametrize(
    ("attribution", "reasons"),
    [
        (
            Attribution("openai", (), "API", "group", None, ("CH", "DE")),
            (
                "not decided under P: stays here",
                "the connection ended at an endpoint whose provider limits processing to CH, DE",
                "of these countries, CH is not in EEA",
                "P says indeterminate where the evidence cannot decide",
            ),
        ),
        (
            Attribution("deepseek", (), "API", "unknown", None, ("CN",)),
            (
                "outside policy P: stays here",
                "the endpoint promises no place; its operator says or sits in CN",
                "CN is not in EEA",
                "this rests on a place that the operator names without promising to process there",
                "P says violation where only the operator's place is known to be outside",
            ),
        ),
        (
            Attribution("openai", (), "API", "global"),
            (
                "outside policy P: stays here",
                "the endpoint is global: its name and address say nothing about where requests are processed",
                "P says violation for a global endpoint",
            ),
        ),
        (
            SHARED,
            (
                "not decided under P: stays here",
                "the evidence names no single provider; it may be azure, openai, or no LLM at all",
                "P says indeterminate where the evidence cannot decide",
            ),
        ),
        (
            Attribution("aws", (), "API", "region", None, ("DE",)),
            (
                "allowed by P: stays here",
                "the connection ended at an endpoint placed in DE",
                "DE is inside EEA",
            ),
        ),
    ],
)
def test_reasons_say_what_the_rule_asks_and_what_the_evidence_shows(
    attribution: Attribution, reasons: tuple[str, ...]
) -> None:
    assert judge(policy(PLACE), attribution).reasons == reasons


def test_version_names_the_policy_and_changes_with_its_text() -> None:
    first, second = policy(PLACE), policy(f"{PLACE} # and a comment")
    assert first.version.startswith("small@")
    assert len(first.version) == len("small@") + 12
    assert first.version != second.version
    assert first.version == policy(PLACE).version


def test_empty_list_of_rules_leaves_everything_to_the_default() -> None:
    of, warnings = compiled(f"{HEAD}rules: []\n")
    assert warnings == ()
    assert judge(of, ENTRY).rule == "default"


WORDS = st.sampled_from(["aws", "azure", "openai", "deepseek", "nobody", ""])
COUNTRIES = st.lists(st.sampled_from(["DE", "NO", "CH", "GB", "US", "CN", "BR", "XK", ""]), max_size=4)
SCOPES: tuple[Scope, ...] = ("region", "entry", "group", "global", "storage", "unknown")
CERTAINTIES: tuple[Certainty, ...] = ("observed", "inferred", "indeterminate")
ATTRIBUTIONS = st.builds(
    Attribution,
    provider=st.none() | WORDS,
    possible=st.lists(WORDS, max_size=3).map(tuple),
    service=st.none() | st.sampled_from(["API", "Bedrock inference", ""]),
    scope=st.sampled_from(SCOPES),
    region=st.none() | st.sampled_from(["eu-central-1", "eu-west-1", "eu", ""]),
    countries=COUNTRIES.map(tuple),
    certainty=st.sampled_from(CERTAINTIES),
)
RICH = policy(
    """\
- {id: P, when: {providers: [deepseek]}, outcome: violation}
- id: Q
  when: {providers: [aws], services: [Bedrock], regions: [aws:eu-central-1]}
  allow_in_regions: [aws:eu-central-1]
- id: R
  when: {jurisdictions: [ADEQUATE], scopes: [region, group]}
  allow_in: [ADEQUATE]
  on_indeterminate: violation
- {id: S, when: {data_classes: [crm]}, allow_in: [EEA, own], on_entry: allow}
""",
    """\
jurisdictions: [{name: own, include: [ADEQUATE], without: [US]}]
exceptions:
- {id: E, ticket: T, approved_by: dpo, reason: r, when: {jurisdictions: [US]}, expires: 2026-06-30}
default: violation
""",
)
CLIENTS = st.sampled_from(["10.20.0.1", "10.40.0.1", "10.99.0.1", "::", "x"])


@settings(max_examples=400)
@given(ATTRIBUTIONS, CLIENTS, st.integers(-(2**64), 2**64))
def test_any_flow_gets_a_judgement_and_always_the_same(
    attribution: Attribution, client: str, ts_ns: int
) -> None:
    judgement = judge(RICH, attribution, client, ts_ns)
    assert judgement == judge(RICH, attribution, client, ts_ns)
    assert judgement.reasons
    assert (judgement.severity is None) == (judgement.outcome in ("allow", "unassigned"))
    assert (judgement.exception is not None) == (judgement.outcome == "excepted")
    assert (judgement.rule is None) == (judgement.outcome == "unassigned")
    if attribution.provider is None and client.startswith("10.40"):
        assert judgement.outcome != "violation" or judgement.rule == "R"  # R says so of the undecided


@given(ATTRIBUTIONS, st.integers(0, DAY_NS - 1))
def test_the_time_of_day_does_not_matter(attribution: Attribution, offset_ns: int) -> None:
    midnight = NOON_NS - DAY_NS // 2
    assert judge(RICH, attribution, ts_ns=midnight + offset_ns) == judge(RICH, attribution, ts_ns=midnight)


def test_no_reason_claims_what_packets_cannot_prove() -> None:
    said: set[str] = set()
    for scope in SCOPES:
        for countries in ((), ("DE",), ("US",), ("DE", "US")):
            for provider in (None, "aws"):
                said.update(judge(RICH, Attribution(provider, scope=scope, countries=countries)).reasons)
    assert said
    assert not [
        reason for reason in said for word in ("complian", "gdpr", "was sent") if word in reason.lower()
    ]


@pytest.mark.parametrize("cname", [None, "bedrock-runtime.eu-central-1.amazonaws.com"])
@pytest.mark.parametrize(
    ("rule", "outcome"),
    [
        ("{id: A, allow_in: [EEA], on_entry: allow}", "indeterminate"),
        ("{id: A, allow_in: [CN]}", "indeterminate"),
        ("{id: A, when: {providers: [aws]}, outcome: allow}", "indeterminate"),
        ("{id: A, when: {providers: [aws]}, outcome: violation}", "indeterminate"),
        ("{id: A, when: {tenants: [acme]}, outcome: allow}", "allow"),
        ("{id: A, when: {providers: [openai]}, outcome: allow}", "indeterminate"),
    ],
)
def test_a_name_that_only_a_resolver_had_decides_nothing(rule: str, outcome: str, cname: str | None) -> None:
    """Its answer was for a client that was not seen: whether for this one is a guess."""
    bedrock = "bedrock-runtime.eu-central-1.amazonaws.com"
    told = (
        Name("llm.corp.example", "dns", "resolver", (cname,)) if cname else Name(bedrock, "dns", "resolver")
    )
    found = attribute(Question((told,), "198.51.100.7"), built_in())
    assert found.provider == "aws"
    judgement = judge(policy(f"  - {rule}"), found)
    assert judgement.outcome == outcome
    if outcome == "indeterminate":
        assert "for whom was not seen" in " ".join(judgement.reasons)

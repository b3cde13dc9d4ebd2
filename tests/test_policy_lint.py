"""What a policy says without effect: warnings. And what two tenants both claim: errors."""

import pytest

from monitor.documents import DocumentError
from tests.policy_help import HEAD, compiled

BASE = """\
- {id: A, when: {data_classes: [crm], providers: [aws, azure]}, outcome: allow}
- {id: B, when: {source_groups: [office]}, allow_in: [EEA]}
"""
FIT = "see whether tenants, source_groups and data_classes fit together"
NAME_IT = "name it among the `sources:` of a group, or remove it"
EXCEPTION = """\
exceptions:
- {id: E, ticket: T, approved_by: dpo, reason: r, expires: 2027-01-01,
   when: {source_groups: [office], data_classes: [crm]}}
"""


def warnings(rules: str, rest: str = "") -> list[str]:
    return [str(each) for each in compiled(f"{HEAD}rules:\n{rules}{rest}")[1]]


def never(rule: str, first: str, line: int = 14) -> list[str]:
    problem = f"rule {rule!r} is never reached: {first!r} selects all of its flows first"
    return [f"p.yaml:{line}: warning: {problem}; put it before {first!r}, or remove it"]


@pytest.mark.parametrize(
    ("when", "first"),
    [
        ("{data_classes: [crm], providers: [aws]}", "A"),
        ("{data_classes: [crm], providers: [azure, aws]}", "A"),
        ("{source_groups: [backend], providers: [aws]}", "A"),  # its data class is crm
        ("{tenants: [acme], data_classes: [crm], providers: [aws], scopes: [region]}", "A"),
        ("{data_classes: [crm], providers: [azure], jurisdictions: [DE]}", "A"),
        ("{data_classes: [crm], providers: [aws], regions: [aws:eu-west-1]}", "A"),
        ("{data_classes: [crm], providers: [aws], services: [Bedrock]}", "A"),
        ("{source_groups: [office], providers: [openai]}", "B"),
        ("{data_classes: [general]}", "B"),
    ],
)
def test_rule_behind_a_wider_one_is_never_reached(when: str, first: str) -> None:
    assert warnings(f"{BASE}- {{id: C, when: {when}, outcome: violation}}\n") == never("C", first)


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        ("services: [Bedrock]", "services: [Bedrock inference]"),
        ("services: [SageMaker, Bedrock]", "services: [Bedrock inference, Bedrock control plane]"),
        ("jurisdictions: [EEA]", "jurisdictions: [DE]"),
        ("jurisdictions: [EEA]", "jurisdictions: [EU]"),
        ("jurisdictions: [EU, CH]", "jurisdictions: [CH, AT]"),
        ("jurisdictions: [ADEQUATE]", "jurisdictions: [US, GB]"),  # which may be inside
    ],
)
def test_a_narrower_name_behind_a_wider_one_is_never_reached(wide: str, narrow: str) -> None:
    first, second = "- {id: A, when: {%s}, outcome: allow}\n", "- {id: B, when: {%s}, outcome: violation}\n"
    assert warnings(first % wide + second % narrow) == never("B", "A", 13)
    assert warnings(first % narrow + second % wide) == []


@pytest.mark.parametrize(
    "when",
    [
        "{data_classes: [crm]}",
        "{data_classes: [crm], providers: [aws, openai]}",
        "{providers: [aws]}",  # office too
        "{data_classes: [crm, general], providers: [aws]}",
        "{data_classes: [crm], scopes: [global]}",
    ],
)
def test_rule_that_selects_more_is_reached(when: str) -> None:
    assert warnings(f"{BASE}- {{id: C, when: {when}, outcome: violation}}\n") == []


def test_rule_for_everything_hides_all_that_follow() -> None:
    assert warnings(f"- {{id: Z, outcome: allow}}\n{BASE}") == never("A", "Z", 13) + never("B", "Z", 14)


@pytest.mark.parametrize(
    ("rest", "warning"),
    [
        (
            "- {id: C, when: {source_groups: [office], data_classes: [crm]}, outcome: allow}\n",
            f"14: warning: rule 'C' selects no source group; {FIT}",
        ),
        (
            EXCEPTION,
            f"15: warning: exception 'E' selects no source group; {FIT}",
        ),
        (
            "jurisdictions:\n- {name: own, countries: [DE]}\n",
            "15: warning: jurisdiction 'own' is not used; remove it",
        ),
        (
            "services:\n- {name: mailer, addresses: [10.20.0.9]}\n",
            f"15: warning: service 'mailer' is not used; {NAME_IT}",
        ),
    ],
)
def test_what_has_no_use(rest: str, warning: str) -> None:
    assert warnings(BASE, rest) == [f"p.yaml:{warning}"]


def test_data_class_of_no_group() -> None:
    text = f"{HEAD}rules:\n{BASE}".replace("{name: crm}", "{name: secret}, {name: crm}")
    problem = "data class 'secret' is handled by no source group; give it to a group, or remove it"
    assert [str(each) for each in compiled(text)[1]] == [f"p.yaml:5: warning: {problem}"]


@pytest.mark.parametrize("where", ["allow_in: [own]", "when: {jurisdictions: [own]}, outcome: allow"])
def test_jurisdiction_is_used_by_effect_or_selector(where: str) -> None:
    own = "jurisdictions:\n- {name: own, countries: [DE]}\n"
    assert warnings(f"- {{id: A, {where}}}\n", own) == []


OTHER = """\
  - name: beta
    groups:
      - {{name: lab, sources: [{}], data_class: general}}
"""


@pytest.mark.parametrize(
    ("network", "relation"),
    [
        ("10.20.0.0/16", "10.20.0.0/16 of 'beta' is also of 'acme'"),
        ("10.20.7.0/24", "10.20.7.0/24 of 'beta' lies inside 10.20.0.0/16 of 'acme'"),
        ("10.40.255.255", "10.40.255.255/32 of 'beta' lies inside 10.40.0.0/16 of 'acme'"),
    ],
)
def test_tenants_must_not_overlap(network: str, relation: str) -> None:
    with pytest.raises(DocumentError) as caught:
        compiled(f"{HEAD}{OTHER.format(network)}rules:\n{BASE}")
    assert str(caught.value) == (
        f"p.yaml:13: error: tenants overlap: {relation}; give every address to one tenant"
    )


def test_overlap_is_found_whichever_tenant_is_wider() -> None:
    with pytest.raises(DocumentError) as caught:
        compiled(f"{HEAD}{OTHER.format('10.0.0.0/8')}rules:\n{BASE}")
    assert [str(each) for each in caught.value.problems] == [
        f"p.yaml:{line}: error: tenants overlap: {network} of 'acme' lies inside 10.0.0.0/8 of 'beta'; "
        "give every address to one tenant"
        for line, network in ((9, "10.20.0.0/16"), (10, "10.40.0.0/16"))
    ]


@pytest.mark.parametrize("network", ["10.21.0.0/16", "10.19.0.0/16", '"fd00::/8"', '"::/0"'])
def test_neighbours_and_other_versions_do_not_overlap(network: str) -> None:
    assert compiled(f"{HEAD}{OTHER.format(network)}rules:\n{BASE}")[1] == ()

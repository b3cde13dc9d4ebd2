"""Jurisdictions: who is in which set on which day, and what is said of a code that does not exist."""

import datetime as dt

import pytest

from monitor.documents import DocumentError, Source
from monitor.jurisdictions import compile_jurisdictions
from tests.policy_help import jurisdictions

SETS = "EU, EFTA, EEA, EEA+CH, EU/EFTA, FIVE-EYES, ADEQUATE"
EU_TERRITORIES = {"AX", "GF", "GP", "MF", "MQ", "RE", "YT"}


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


@pytest.mark.parametrize(
    ("name", "size", "inside", "outside"),
    [
        ("EU", 34, "AT DE FR GR HR AX RE", "NO CH GB IS LI GL FO SJ EL"),
        ("EEA", 37, "DE NO IS LI MQ", "CH GB SJ"),
        ("EFTA", 4, "CH IS LI NO", "DE"),
        ("EEA+CH", 38, "CH NO DE", "GB"),
        ("EU/EFTA", 38, "CH NO DE", "GB"),
        ("FIVE-EYES", 5, "AU CA GB NZ US", "DE"),
        ("DE", 1, "DE", "FR"),
        ("NO", 1, "NO", "SE"),
    ],
)
def test_members(name: str, size: int, inside: str, outside: str) -> None:
    members = jurisdictions().members(name)
    assert len(members) == size
    assert members.issuperset(inside.split())
    assert members.isdisjoint(outside.split())


def test_the_eu_is_27_members_and_the_parts_with_codes_of_their_own() -> None:
    assert len(jurisdictions().members("EU") - EU_TERRITORIES) == 27


@pytest.mark.parametrize(
    ("country", "on", "adequate"),
    [
        ("GB", "2021-06-27", False),
        ("GB", "2021-06-28", True),
        ("GB", "2025-06-27", True),
        ("GB", "2025-06-28", True),  # the extension
        ("GB", "2025-12-27", True),
        ("GB", "2031-12-27", True),
        ("GB", "2031-12-28", False),
        ("BR", "2026-01-25", False),
        ("BR", "2026-01-26", True),
        ("US", "2023-07-09", False),
        ("US", "2023-07-10", True),
        ("KR", "2021-12-16", False),
        ("KR", "2021-12-17", True),
        ("CH", "2000-07-26", True),
        ("IN", "2026-11-01", False),
    ],
)
def test_adequacy_depends_on_the_day(country: str, on: str, adequate: bool) -> None:  # noqa: FBT001
    assert (country in jurisdictions().members("ADEQUATE", day(on))) is adequate


def test_partial_decisions_say_for_whom() -> None:
    assert jurisdictions().partial("ADEQUATE", day("2026-11-01")) == {
        "CA": "commercial organisations under PIPEDA (2002/2/EC)",
        "US": "organisations on the EU-US Data Privacy Framework list ((EU) 2023/1795)",
    }
    assert jurisdictions().partial("ADEQUATE", day("2020-01-01")) == {
        "CA": "commercial organisations under PIPEDA (2002/2/EC)"
    }
    assert jurisdictions().partial("EEA") == {}


def test_without_a_day_the_files_own_date_counts() -> None:
    sets = jurisdictions()
    assert sets.members("ADEQUATE") == sets.members("ADEQUATE", sets.as_of)


def test_only_sets_with_since_or_until_are_dated() -> None:
    sets = jurisdictions()
    assert [name for name in sets.names if sets.is_dated(name)] == ["ADEQUATE"]
    assert not sets.is_dated("DE")


def test_every_member_is_a_country() -> None:
    sets = jurisdictions()
    assert len(sets.countries) == 249
    for name in sets.names:
        assert sets.members(name) <= sets.countries


@pytest.mark.parametrize("code", ["EL", "UK", "XX", "eu", "", "EEA ", "DEU"])
def test_unknown_code_is_a_key_error(code: str) -> None:
    with pytest.raises(KeyError):
        jurisdictions().members(code)
    with pytest.raises(KeyError):
        jurisdictions().is_dated(code)


@pytest.mark.parametrize(
    ("code", "mend"),
    [
        ("EL", "did you mean 'GR'?"),
        ("UK", "did you mean 'GB'?"),
        ("uk", "did you mean 'GB'?"),
        ("eea", "did you mean 'EEA'?"),
        ("de", "did you mean 'DE'?"),
        ("ADEQUAT", "did you mean 'ADEQUATE'?"),
        ("acme-europ", "did you mean 'acme-europe'?"),
        (
            "QQ",
            f"use a country's ISO 3166-1 code or one of: acme-europe, {SETS}",
        ),
    ],
)
def test_mend(code: str, mend: str) -> None:
    assert jurisdictions().mend(code, ["acme-europe"]) == mend


FILE = """\
as_of: 2026-01-01
countries: DE NO
sets:
  - name: A
    parts:
      - {countries: [DE], verified: true, source: treaty}
"""


@pytest.mark.parametrize(
    ("addition", "problem"),
    [
        (
            '      - {countries: ["NO", EL], verified: true, source: x}',
            "j.yaml:7: error: unknown country 'EL'; use a code of `countries`",
        ),
        (
            "      - {countries: [NO], verified: true, source: x}",
            'j.yaml:7: error: YAML reads a bare NO as true or false; write "NO"',
        ),
        (
            "      - {countries: [DE], verified: true}",
            "j.yaml:7: error: a part without source; add `source:` to it or to its set",
        ),
        ("  - name: A", "j.yaml:7: error: set 'A' stands twice; give it another name"),
        ("  - name: DE", "j.yaml:7: error: set 'DE' stands twice; give it another name"),
        ("  - {name: B, include: [C]}", "j.yaml:7: error: unknown set 'C'; define it above this one"),
        ("  - {name: B, includes: [A]}", "j.yaml:7: error: unknown key 'includes'; did you mean 'include'?"),
    ],
)
def test_mistake_in_the_file_has_its_line(addition: str, problem: str) -> None:
    with pytest.raises(DocumentError) as caught:
        compile_jurisdictions(Source("j.yaml", f"{FILE}{addition}\n"))
    assert str(caught.value) == problem


def test_sets_include_earlier_sets() -> None:
    text = f'{FILE}  - {{name: B, include: [A], parts: [{{countries: ["NO"], verified: true, source: x}}]}}\n'
    sets = compile_jurisdictions(Source("j.yaml", text))
    assert sets.names == ("A", "B")
    assert sets.members("B") == {"DE", "NO"}

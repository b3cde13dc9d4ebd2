"""What the evidence of a finding cannot show is said with it."""

from typing import get_args

import pytest
from msgspec.structs import replace

from monitor.events import limits_of
from monitor.policy.words import FindingKind
from monitor.summary import ENDED_NOT_RAN, NAME_IS_A_CLAIM
from monitor.types import Certainty, Scope
from tests.events_kit import RELAY, UNDECIDED, VIOLATION
from tests.wording_kit import forbidden_in


@pytest.mark.parametrize("kind", get_args(FindingKind))
@pytest.mark.parametrize("scope", get_args(Scope))
@pytest.mark.parametrize("certainty", get_args(Certainty))
def test_every_finding_says_its_limits(kind: FindingKind, scope: Scope, certainty: Certainty) -> None:
    said = limits_of(replace(VIOLATION, kind=kind, scope=scope, certainty=certainty))
    assert said[0] == ENDED_NOT_RAN
    assert len(set(said)) == len(said)
    assert all(sentence.endswith(".") and sentence[0].isupper() for sentence in said)
    assert not forbidden_in(" ".join(said))


@pytest.mark.parametrize(
    ("scope", "certainty", "words"),
    [
        ("entry", "observed", "processing may be elsewhere"),
        ("group", "observed", "several regions"),
        ("global", "observed", "global"),
        ("storage", "observed", "data rests"),
        ("region", "observed", "packets cannot confirm it"),
        ("region", "inferred", "inferred"),
        ("unknown", "indeterminate", "insufficient"),
    ],
)
def test_scope_and_certainty_choose(scope: Scope, certainty: Certainty, words: str) -> None:
    assert words in " ".join(limits_of(replace(VIOLATION, scope=scope, certainty=certainty)))


def test_a_name_is_a_claim_only_where_there_is_one() -> None:
    assert NAME_IS_A_CLAIM in limits_of(VIOLATION)
    assert NAME_IS_A_CLAIM not in limits_of(UNDECIDED)
    assert any("several services" in sentence for sentence in limits_of(UNDECIDED))


def test_a_behaviour_without_an_endpoint_says_nothing_of_one() -> None:
    said = " ".join(limits_of(RELAY))
    assert "times and sizes" in said
    assert "endpoint" not in said

"""Selectors: yes, maybe and no, from what is known of a flow."""

import datetime as dt
from collections.abc import Sequence

import pytest

from monitor.policy.places import Territory
from monitor.policy.schema import When
from monitor.policy.selection import Selector, Selects
from monitor.types import Attribution, Subject
from tests.policy_help import jurisdictions

DAY = dt.date(2026, 3, 10)
BEDROCK = Attribution("aws", (), "Bedrock inference", "entry", "eu-central-1", ("DE",), "observed")
OPENAI_EU = Attribution("openai", (), "API", "group", None, ("CH", "DE", "NO"))
GLOBAL = Attribution("openai", (), "API", "global")
SHARED = Attribution(None, ("aws", "openai"))
CONCEALED = Attribution()
NO_SERVICE = Attribution("aws", (), None, "unknown")


def selector(when: When) -> Selector:
    def territory(names: Sequence[str]) -> Territory:
        return Territory(names, (), jurisdictions())

    return Selector(when, territory)


@pytest.mark.parametrize(
    ("when", "attribution", "selects"),
    [
        (When(), BEDROCK, "yes"),
        (When(), SHARED, "yes"),
        (When(), CONCEALED, "yes"),
        (When(providers=("aws",)), BEDROCK, "yes"),
        (When(providers=("aws", "openai")), GLOBAL, "yes"),
        (When(providers=("aws",)), GLOBAL, "no"),
        (When(providers=("aws",)), SHARED, "maybe"),
        (When(providers=("aws", "openai")), SHARED, "maybe"),
        (When(providers=("google",)), SHARED, "no"),
        (When(providers=("aws",)), CONCEALED, "no"),
        (When(services=("Bedrock inference",)), BEDROCK, "yes"),
        (When(services=("Bedrock",)), BEDROCK, "yes"),
        (When(services=("Bed",)), BEDROCK, "no"),
        (When(services=("SageMaker", "Bedrock")), BEDROCK, "yes"),
        (When(services=("Bedrock",)), GLOBAL, "no"),
        (When(services=("Bedrock",)), NO_SERVICE, "maybe"),
        (When(services=("Bedrock",), providers=("openai",)), NO_SERVICE, "no"),
        (When(scopes=("entry", "region")), BEDROCK, "yes"),
        (When(scopes=("global",)), BEDROCK, "no"),
        (When(scopes=("unknown",)), SHARED, "yes"),
        (When(regions=("aws:eu-central-1",)), BEDROCK, "yes"),
        (When(regions=("aws:us-east-1",)), BEDROCK, "no"),
        (When(regions=("aws:eu-central-1",)), GLOBAL, "no"),
        (When(jurisdictions=("EEA",)), BEDROCK, "yes"),
        (When(jurisdictions=("FIVE-EYES",)), BEDROCK, "no"),
        (When(jurisdictions=("EEA",)), OPENAI_EU, "maybe"),
        (When(jurisdictions=("EEA+CH",)), OPENAI_EU, "yes"),
        (When(jurisdictions=("CH",)), OPENAI_EU, "maybe"),
        (When(jurisdictions=("CH",)), GLOBAL, "no"),
        (When(jurisdictions=("ADEQUATE",)), Attribution("aws", countries=("US",)), "maybe"),
        (When(jurisdictions=("ADEQUATE",)), Attribution("aws", countries=("DE", "US")), "maybe"),
        (When(providers=("aws",), jurisdictions=("FIVE-EYES",)), BEDROCK, "no"),
        (When(providers=("aws",), jurisdictions=("EEA",), scopes=("entry",)), BEDROCK, "yes"),
    ],
)
def test_selects(when: When, attribution: Attribution, selects: Selects) -> None:
    assert selector(when).selects(attribution, DAY) == selects


@pytest.mark.parametrize(
    ("when", "owned"),
    [
        (When(), True),
        (When(tenants=("acme",)), True),
        (When(tenants=("beta",)), False),
        (When(source_groups=("office", "backend")), True),
        (When(source_groups=("office",)), False),
        (When(data_classes=("crm",)), True),
        (When(data_classes=("general",)), False),
        (When(tenants=("acme",), source_groups=("backend",), data_classes=("general",)), False),
    ],
)
def test_owns(when: When, owned: bool) -> None:  # noqa: FBT001
    assert selector(when).owns(Subject("acme", "backend", "crm")) is owned

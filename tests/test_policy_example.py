"""The shipped policy: it compiles without a warning, and its own tests pass on the shipped catalogue."""

import functools

import pytest

from monitor.attribution import Question, attribute
from monitor.catalog import Catalog
from monitor.documents import Problem, Source
from monitor.load import load_catalog
from monitor.policy import Policy, compile_policy
from monitor.policy.own_tests import TestResult, run_policy_tests
from monitor.types import Attribution, Name
from tests.policy_help import ROOT, jurisdictions

PATH = "policies/eu-crm.yaml"


@functools.cache
def catalog() -> Catalog:
    return load_catalog()


@functools.cache
def shipped() -> tuple[Policy, tuple[Problem, ...]]:
    endpoints = catalog().endpoints
    return compile_policy(
        Source(PATH, (ROOT / PATH).read_text(encoding="utf-8")),
        jurisdictions(),
        catalog().providers,
        {f"{each.provider}:{each.region}" for each in endpoints},
        {each.service for each in endpoints if each.service},
    )


@functools.cache
def results() -> dict[str, TestResult]:
    def attribution(names: tuple[Name, ...], address: str | None) -> Attribution:
        return attribute(Question(names, address), catalog())

    return {result.name: result for result in run_policy_tests(shipped()[0], attribution)}


def test_compiles_without_a_warning() -> None:
    assert shipped()[1] == ()


@pytest.mark.parametrize("name", [test.name for test in shipped()[0].document.tests])
def test_own_test(name: str) -> None:
    result = results()[name]
    assert result.passed, result.line


def test_own_tests_name_every_rule_and_every_outcome() -> None:
    document = shipped()[0].document
    assert {test.rule for test in document.tests} >= {rule.id for rule in document.rules}
    assert {test.outcome for test in document.tests} == {
        "allow",
        "violation",
        "indeterminate",
        "excepted",
        "unassigned",
    }


@pytest.mark.parametrize(
    ("client", "group"),
    [
        ("10.20.1.15", "crm-backend"),
        ("fd00:10:20::15", "crm-backend"),
        ("10.30.2.8", "data-platform"),
        ("10.30.200.10", "crm-backend"),
        ("10.40.7.21", "office"),
        ("10.99.3.4", None),
    ],
)
def test_clients_of_the_captures_have_their_groups(client: str, group: str | None) -> None:
    assert shipped()[0].subject(client).source_group == group

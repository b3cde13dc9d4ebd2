"""The reference of the policy language: it names every key and every value, and its example holds."""

import re
from typing import get_args

import msgspec
import pytest

from monitor.policy import findings_section, schema, section
from monitor.policy.own_tests import run_policy_tests
from monitor.policy.schema import Action
from monitor.policy.section import ConsoleRole, Source
from monitor.policy.words import FindingKind, Severity
from monitor.types import Attribution, Name, Outcome, Scope
from tests.policy_help import ROOT, compiled, jurisdictions

TEXT = (ROOT / "docs/20-policy.md").read_text(encoding="utf-8")
WORDS = set(re.findall(r"[\w+/-]+", " ".join(re.findall(r"`([^`\n]+)`", TEXT))))
ITEMS = (
    schema.OwnJurisdiction,
    schema.DataClass,
    schema.Service,
    schema.Group,
    schema.Tenant,
    schema.When,
    schema.Rule,
    schema.Exemption,
    schema.TestFlow,
    schema.PolicyTest,
    schema.PolicyDocument,
    section.DualExposure,
    section.Gateway,
    section.Relay,
    section.UploadLimit,
    section.Consoles,
    section.Latency,
    section.BehaviourSection,
    findings_section.SilenceAsked,
    findings_section.ReminderAsked,
    findings_section.FindingsSection,
)


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.__name__)
def test_every_key_is_named(item: type[msgspec.Struct]) -> None:
    assert WORDS.issuperset(field.encode_name for field in msgspec.structs.fields(item))


@pytest.mark.parametrize("choice", [Action, Severity, Outcome, Scope, Source, ConsoleRole, FindingKind])
def test_every_value_is_named(choice: object) -> None:
    assert WORDS.issuperset(get_args(choice))


def test_every_built_in_set_is_named() -> None:
    assert WORDS.issuperset(jurisdictions().names)


def test_the_examples_hold() -> None:
    example, behaviours, findings = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    policy, warnings = compiled(example + behaviours + findings)
    assert warnings == ()
    assert policy.behaviours is not None
    assert all(policy.behaviours)
    assert compiled(example)[0].behaviours is None
    assert [each.asked.name for each in policy.findings.reminders] == ["72 hours"]

    def openai(_names: tuple[Name, ...], _address: str | None) -> Attribution:
        return Attribution("openai", scope="global")

    assert [result.passed for result in run_policy_tests(policy, openai)] == [True]

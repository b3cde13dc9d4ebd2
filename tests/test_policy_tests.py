"""The tests that a policy carries: how a flow is stated, and what a failure says."""

import pytest

from monitor.policy.own_tests import run_policy_tests
from monitor.types import Attribution, Name
from tests.policy_help import policy

RULES = "- {id: P, description: stays here, allow_in: [EEA]}"
EXCEPTION = """\
exceptions:
- {id: E, ticket: T, approved_by: dpo, reason: r, when: {providers: [openai]}, expires: 2026-03-31}
"""
ENDED = "the connection ended at an endpoint placed in"
AMERICAN = f"violation by P because: outside policy P: stays here; {ENDED} US; US is not in EEA"
GERMAN = f"allow by P because: allowed by P: stays here; {ENDED} DE; DE is inside EEA"


def attribute(names: tuple[Name, ...], address: str | None) -> Attribution:
    """Names of example.de are pinned to DE; everything else is OpenAI's global host."""
    if names and names[0].value.endswith("example.de"):
        return Attribution("aws", (), "API", "region", None, ("DE",))
    if address == "192.0.2.1":
        return Attribution("aws", (), "API", "region", None, ("US",))
    return Attribution("openai", (), "API", "global")


def run(tests: str) -> list[tuple[bool, str]]:
    of = policy(RULES, f"{EXCEPTION}tests:\n{tests}")
    return [(result.passed, result.line) for result in run_policy_tests(of, attribute)]


@pytest.mark.parametrize(
    "test",
    [
        "flow: {client: 10.20.0.5, host: llm.example.de}, outcome: allow",
        "flow: {client: 10.20.0.5, host: llm.example.de}, outcome: allow, rule: P",
        "flow: {client: 10.20.0.5, host: LLM.Example.DE.}, outcome: allow",
        "flow: {client: 10.20.0.5, address: 192.0.2.1}, outcome: violation, rule: P",
        "flow: {client: 10.99.0.5, host: llm.example.de}, outcome: unassigned",
        "flow: {client: 10.20.0.5, host: a.example}, outcome: excepted",  # on the day of issue
        "flow: {client: 10.20.0.5, host: a.example, at: 2026-03-31T23:59:59Z}, outcome: excepted",
        "flow: {client: 10.20.0.5, host: a.example, at: 2026-04-01T00:00:00Z}, outcome: violation",
        "flow: {client: 10.20.0.5, host: a.example, at: 2026-04-01T01:00:00+02:00}, outcome: excepted",
        "flow: {client: 10.20.0.5, host: a.example, at: 2026-04-01 00:00:00}, outcome: violation",
        "flow: {client: 10.20.0.5, host: a.example, at: 2026-03-31}, outcome: excepted",
        "flow: {client: 10.20.0.5, host: a.example, at: 2026-04-01}, outcome: violation",
    ],
)
def test_passes(test: str) -> None:
    assert run(f"- {{name: one, {test}}}") == [(True, "p.yaml:16: test 'one'")]


@pytest.mark.parametrize(
    ("flow", "wanted", "line"),
    [
        ("{client: 10.20.0.5, address: 192.0.2.1}", "outcome: allow", f"wanted allow, got {AMERICAN}"),
        (
            "{client: 10.20.0.5, host: llm.example.de}",
            "outcome: allow\n  rule: default",
            f"wanted allow by default, got {GERMAN}",
        ),
        (
            "{client: 10.99.0.5, host: llm.example.de}",
            "outcome: allow",
            "wanted allow, got unassigned because: no source group of policy small owns client 10.99.0.5",
        ),
    ],
)
def test_failure_says_what_was_wanted_and_what_came(flow: str, wanted: str, line: str) -> None:
    good = "- {name: fine, flow: {client: 10.20.0.5, host: llm.example.de}, outcome: allow}"
    assert run(f"{good}\n- name: bad\n  flow: {flow}\n  {wanted}") == [
        (True, "p.yaml:16: test 'fine'"),
        (False, f"p.yaml:17: test 'bad': {line}"),
    ]


def test_attribution_is_asked_for_what_the_flow_says() -> None:
    asked: list[tuple[tuple[Name, ...], str | None]] = []

    def listen(names: tuple[Name, ...], address: str | None) -> Attribution:
        asked.append((names, address))
        return Attribution()

    tests = """\
- name: a
  flow: {client: 10.20.0.5, host: A.example, cnames: [B.example.], address: 192.0.2.7}
  outcome: allow
- name: b
  flow: {client: 10.20.0.5, address: "2001:DB8:0::7"}
  outcome: allow
"""
    run_policy_tests(policy(RULES, f"tests:\n{tests}"), listen)
    assert asked == [
        ((Name("a.example", "sni", "live", ("b.example",)),), "192.0.2.7"),
        ((), "2001:db8::7"),
    ]


def test_policy_without_tests_has_no_results() -> None:
    assert run_policy_tests(policy(RULES), attribute) == []

"""What two policies differ in, by item and key, and `residency policy diff`."""

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.documents import Source, decode
from monitor.policy.differences import PolicyChange, policy_differences
from monitor.policy.findings_section import DEFAULT_CURE
from monitor.policy.schema import PolicyDocument
from tests.policy_help import HEAD
from tests.rejudge_kit import DEMO, POLICY, document, edited, run

RULES = """\
rules:
- {id: A, when: {providers: [openai, aws]}, outcome: violation}
- {id: B, allow_in: [EEA], severity: high}
- {id: C, outcome: allow}
"""


def parsed(text: str) -> PolicyDocument:
    return decode(Source("p.yaml", text), PolicyDocument)


def said(old: str, new: str) -> list[tuple[str, str, str, list[tuple[str, object, object]]]]:
    return [
        (each.change, each.kind, each.item, [(key.key, key.old, key.new) for key in each.keys])
        for each in policy_differences(parsed(old), parsed(new))
    ]


BASE = HEAD + RULES
CASES: list[tuple[str, str, str, list[tuple[str, str, str, list[tuple[str, object, object]]]]]] = [
    ("nothing", "", "", []),
    ("a list in another order", "[openai, aws]", "[aws, openai]", []),
    (
        "a key with another value",
        "severity: high",
        "severity: low",
        [("changed", "rule", "B", [("severity", "high", "low")])],
    ),
    (
        "a key of a selector",
        "[openai, aws]",
        "[openai]",
        [("changed", "rule", "A", [("when.providers", ("openai", "aws"), ("openai",))])],
    ),
    (
        "a key that is gone",
        "when: {providers: [openai, aws]}, ",
        "",
        [("changed", "rule", "A", [("when.providers", ("openai", "aws"), None)])],
    ),
    (
        "a rule that is gone",
        "- {id: C, outcome: allow}\n",
        "",
        [("removed", "rule", "C", [("outcome", "allow", None), ("severity", "medium", None)])],
    ),
    (
        "a rule that is new, and moves no other",
        "- {id: A,",
        "- {id: N, outcome: allow}\n- {id: A,",
        [("added", "rule", "N", [("outcome", None, "allow"), ("severity", None, "medium")])],
    ),
    (
        "another name",
        "name: office",
        "name: people",
        [
            ("removed", "source group", "acme/office",
             [("data_class", "general", None), ("sources", ("10.40.0.0/16",), None)]),
            ("added", "source group", "acme/people",
             [("data_class", None, "general"), ("sources", None, ("10.40.0.0/16",))]),
        ],
    ),
    (
        "the head",
        "id: small\n",
        "id: small\nresolvers: [10.0.0.53]\ndefault: violation\n",
        [("changed", "policy", "",
          [("default", "indeterminate", "violation"), ("resolvers", (), ("10.0.0.53",))])],
    ),
    (
        "findings",
        "rules:",
        "findings: {cure: 48h, reminders: [{name: N, after: 24h, severities: [high], says: s}]}\nrules:",
        [
            ("changed", "findings", "", [("cure", DEFAULT_CURE, "48h")]),
            ("added", "reminder", "N",
             [("after", None, "24h"), ("severities", None, ("high",)), ("says", None, "s")]),
        ],
    ),
    (
        "behaviours",
        "rules:",
        "behaviours:\n  dual_exposure: {}\n  gateways: [{name: g, addresses: [10.1.1.1], for: [x]}]\nrules:",
        [
            ("added", "behaviour", "dual_exposure",
             [("window", None, "24h"), ("by", None, "client"), ("severity", None, "medium")]),
            ("added", "behaviour", "gateway g",
             [("addresses", None, ("10.1.1.1",)), ("for", None, ("x",)), ("severity", None, "medium")]),
        ],
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "other", "expected"), [each[1:] for each in CASES], ids=[each[0] for each in CASES]
)
def test_differences(
    text: str, other: str, expected: list[tuple[str, str, str, list[tuple[str, object, object]]]]
) -> None:
    assert text in BASE
    assert said(BASE, BASE.replace(text, other, 1) if text else BASE) == expected


def test_every_key_of_a_policy_is_compared() -> None:
    """A key that is new in the language has to be compared, too: extend the table above with it."""
    assert {field.encode_name for field in msgspec.structs.fields(PolicyDocument)} == {
        "version", "id", "owner", "issued", "tenants", "rules", "name", "description", "jurisdictions",
        "data_classes", "services", "resolvers", "exceptions", "default", "behaviours", "findings", "tests",
    }  # fmt: skip


def ordered(names: list[str]) -> PolicyDocument:
    rules = "".join(f"- {{id: {name}, outcome: allow}}\n" for name in names)
    return parsed(f"{HEAD}rules:\n{rules}")


def replayed(names: list[str], changes: list[PolicyChange]) -> list[str]:
    """The order that comes of moving what is said to be moved."""
    for change in changes:
        names.remove(change.item)
    for change in changes:
        names.insert(names.index(change.after) + 1 if change.after else 0, change.item)
    return names


@given(st.permutations([f"R{number}" for number in range(7)]))
def test_moves_lead_from_one_order_to_the_other(order: list[str]) -> None:
    names = [f"R{number}" for number in range(7)]
    changes = list(policy_differences(ordered(names), ordered(order)))
    assert {(each.change, each.kind) for each in changes} <= {("moved", "rule")}
    assert replayed(names.copy(), changes) == order
    assert len(changes) < 7
    assert bool(changes) == (order != names)


def test_one_rule_that_moves_is_one_change() -> None:
    (change,) = policy_differences(ordered(["A", "B", "C", "D"]), ordered(["D", "A", "B", "C"]))
    assert (change.change, change.item, change.after) == ("moved", "D", None)


def test_many_rules_are_compared_in_time() -> None:
    names = [f"R{number}" for number in range(2_000)]
    assert len(list(policy_differences(ordered(names), ordered(names[::-1])))) == 1_999


def test_diff_says_it_in_words(tmp_path: Path) -> None:
    new = edited(
        tmp_path,
        ("allow_in: [EEA]", "allow_in: [EEA+CH]"),
        ("expires: 2026-09-30", "expires: 2026-12-31"),
        ("severity: critical", "severity: high"),
    )
    result = run("policy", "diff", POLICY, new)
    assert result.exit_code == 1
    shown = result.stdout
    for line in (
        "~ rule RES-001 (changed)\n    severity: critical -> high\n",
        "~ rule RES-030 (changed)\n    allow_in: added EEA+CH; removed EEA\n",
        "~ exception EXC-2026-004 (changed)\n    expires: 2026-09-30 -> 2026-12-31\n",
        "- test nobody uses DeepSeek, not even for general data (removed)\n",
    ):
        assert line in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_diff_over_what_was_recorded(tmp_path: Path) -> None:
    old, new = edited(tmp_path), tmp_path / "new.yaml"
    new.write_text(old.read_text().replace("allow_in: [EEA]", "allow_in: [EEA+CH]"))
    result = run("policy", "diff", old, new, "--replayed", DEMO.parent)
    assert result.exit_code == 1
    assert "indeterminate RES-030 -> allow RES-030" in result.stdout
    assert "10.20.1.16 to api.eu.mistral.ai" in result.stdout
    found = document("policy", "diff", old, new, "--ledger", DEMO)
    assert found["flows"]["versions"]["before"] == found["old"]
    assert found["flows"] == document("rejudge", DEMO, "--policy", new) | {
        "versions": found["flows"]["versions"]
    }
    assert [each["item"] for each in found["differences"]] == ["RES-030"]


def test_what_is_recorded_does_not_count_in_a_diff(tmp_path: Path) -> None:
    """Both policies judge anew: what was recorded under a third one is of no matter."""
    stricter = edited(tmp_path, ("on_global: allow", "on_global: violation"))
    result = run("policy", "diff", stricter, stricter, "--replayed", DEMO)
    assert (result.exit_code, run("rejudge", DEMO, "--policy", stricter).exit_code) == (0, 1)
    assert "Nothing differs" in result.stdout
    assert "Nothing changes: 32 connections stand as they did." in result.stdout


@pytest.mark.parametrize(
    ("arguments", "status", "shown"),
    [
        ([POLICY, POLICY], 0, "Nothing differs"),
        ([POLICY], 2, "Missing argument 'NEW'"),
        ([POLICY, "no.yaml"], 2, "no.yaml: no such file"),
        ([POLICY, POLICY, "--ledger", "none"], 3, "none: no such file"),
        ([POLICY, POLICY, "--ledger", DEMO, "--replayed", DEMO], 2, "one of them"),
        ([POLICY, POLICY, "--json"], 0, '"differences": []'),
    ],
)
def test_how_diff_ends(arguments: list[str | Path], status: int, shown: str) -> None:
    result = run("policy", "diff", *arguments)
    assert (result.exit_code, shown in result.output) == (status, True), result.output


def test_json_is_one_document(tmp_path: Path) -> None:
    result = run(
        "policy", "diff", POLICY, edited(tmp_path, ("severity: critical", "severity: low")), "--json"
    )
    found = json.loads(result.stdout)
    assert (found["schema"], found["flows"]) == ("residency-policy-diff/1", None)
    assert found["differences"][0] == {
        "change": "changed",
        "kind": "rule",
        "item": "RES-001",
        "keys": [{"key": "severity", "old": "critical", "new": "low"}],
        "after": None,
    }

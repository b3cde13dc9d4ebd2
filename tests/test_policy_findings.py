"""The section ``findings`` and the rules' ``cure``: what they mean, and every mistake with its line."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.documents import DocumentError, Problem
from monitor.policy.findings import FindingsAsked, SilenceLimits
from tests.policy_help import DAY_NS, HEAD, compiled
from tests.test_policy_mistakes import SCRAPS

HOUR_NS = DAY_NS // 24
RULES = """\
rules:
- {id: R, when: {data_classes: [crm]}, allow_in: [EEA], cure: 14d}
- {id: S, when: {data_classes: [general]}, outcome: allow, on_indeterminate: allow}
"""
GOOD = """\
findings:
  cure: 30d
  silence: {least: 7d, covered_percent: 99.5, lost_percent: 2}
  reminders:
    - name: early
      after: 24h
      severities: [critical, high]
      says: Decide whether this is to be reported.
    - name: late
      after: 72h
      severities: [high]
      kinds: [violation, dual-exposure]
      says: Decide it again.
behaviours:
  dual_exposure: {window: 24h}
"""
FIRST = f"{HEAD}{RULES}".count("\n")
A_DURATION = "write a number with its unit, such as 30s, 5m, 24h or 7d"
A_CURE = "write a duration from 1s to 366d, such as 90d"
A_NAME = "give each a name of its own"
KINDS = (
    "use one of: console-access, dual-exposure, gateway-bypass, indeterminate, relay-suspected,"
    " unusual-upload, violation"
)

# what is written instead of what; then the line of the section, the problem and the mend that come back
ERRORS = [
    ("cure: 14d", "cure: 90", -1, "90 is not a duration", A_DURATION),
    ("cure: 14d", "cure: two weeks", -1, "'two weeks' is not a duration", A_DURATION),
    ("cure: 14d", "cure: 0d", -1, "a cure of 0d is no time at all", A_CURE),
    ("cure: 14d", "cure: 367d", -1, "a cure of 367d is too long", A_CURE),
    (
        "on_indeterminate: allow}",
        "on_indeterminate: allow, cure: 1d}",
        0,
        "cure has no meaning: rule 'S' allows all that it selects",
        "remove it",
    ),
    ("cure: 30d", "cure: soon", 2, "'soon' is not a duration", A_DURATION),
    ("cure: 30d", "cures: 30d", 2, "unknown key 'cures'", "did you mean 'cure'?"),
    ("least: 7d", "least: 7", 3, "7 is not a duration", A_DURATION),
    ("least: 7d", "least: 0s", 3, "a silence of 0s is no time at all", A_CURE),
    (
        "covered_percent: 99.5",
        "covered_percent: 101",
        3,
        "findings.silence.covered_percent: expected float <= 100.0 (found '101')",
        "write a number from 0 to 100",
    ),
    (
        "lost_percent: 2",
        "lost_percent: 2 %",
        3,
        "findings.silence.lost_percent: expected float, got str (found '2 %')",
        "write a number from 0 to 100",
    ),
    (
        "lost_percent: 2",
        'lost_percent: "2"',
        3,
        "findings.silence.lost_percent: expected float, got str (found '2')",
        "write it without quotes: 2",
    ),
    ("after: 24h", "after: tomorrow", 6, "'tomorrow' is not a duration", A_DURATION),
    ("after: 24h", "after: 500d", 6, "a reminder of 500d is too long", A_CURE),
    ("name: late", "name: early", 9, "reminder 'early' stands twice", A_NAME),
    (
        "severities: [high]",
        "severities: [urgent]",
        11,
        "findings.reminders[1].severities[0]: invalid enum value 'urgent' (found 'urgent')",
        "use one of: critical, high, low, medium",
    ),
    (
        "kinds: [violation, dual-exposure]",
        "kinds: [violations]",
        12,
        "findings.reminders[1].kinds[0]: invalid enum value 'violations' (found 'violations')",
        KINDS,
    ),
    (
        "kinds: [violation, dual-exposure]",
        "kinds: []",
        12,
        "findings.reminders[1].kinds: expected array of length >= 1",
        "write at least one, or remove the key",
    ),
    (
        "      says: Decide it again.\n",
        "",
        9,
        "findings.reminders[1]: object missing required field says",
        "add `says:`",
    ),
]


def policy(section: str = GOOD) -> FindingsAsked:
    return compiled(f"{HEAD}{RULES}{section}")[0].findings


def test_what_the_section_means() -> None:
    asked = policy()
    assert (asked.cure_of("R"), asked.cure_of("S"), asked.cure_of("dual-exposure")) == (
        14 * DAY_NS,
        30 * DAY_NS,
        30 * DAY_NS,
    )
    assert asked.silence == SilenceLimits(7 * DAY_NS, "7d", 99.5, 2.0, 0.0)
    assert [each.after_ns for each in asked.reminders] == [24 * HOUR_NS, 72 * HOUR_NS]
    early, late = asked.reminders
    assert [early.fits("indeterminate", "high"), early.fits("violation", "low")] == [True, False]
    assert [late.fits("violation", "high"), late.fits("indeterminate", "high")] == [True, False]


def test_what_holds_without_the_section() -> None:
    asked = policy("")
    assert (asked.cure_of("R"), asked.cure_of("S")) == (14 * DAY_NS, 90 * DAY_NS)
    assert asked.silence == SilenceLimits(DAY_NS, "24h", 95.0, 1.0, 0.0)
    assert asked.reminders == ()


def test_there_is_nothing_to_warn_of() -> None:
    assert compiled(f"{HEAD}{RULES}{GOOD}")[1] == ()


@pytest.mark.parametrize(("old", "new", "line", "problem", "mend"), ERRORS)
def test_mistake(old: str, new: str, line: int, problem: str, mend: str) -> None:
    text = f"{HEAD}{RULES}{GOOD}"
    assert text.count(old) == 1, old
    with pytest.raises(DocumentError) as caught:
        compiled(text.replace(old, new))
    first = caught.value.problems[0]
    assert (first.line, first.problem, first.mend) == (FIRST + line, problem, mend)


def test_a_reminder_of_what_nobody_looks_for_is_a_warning() -> None:
    text = f"{HEAD}{RULES}{GOOD}".replace("dual-exposure]", "console-access]")
    said = "reminder 'late' is about console-access, which `behaviours:` does not ask for"
    mend = "ask for it there, or take it out of `kinds:`"
    assert [str(each) for each in compiled(text)[1]] == [f"p.yaml:{FIRST + 12}: warning: {said}; {mend}"]


@settings(max_examples=150)
@given(st.integers(0, len(GOOD)), st.integers(0, 30), st.text(alphabet=SCRAPS, max_size=8))
def test_any_damage_gives_a_policy_or_problems_with_lines(at: int, cut: int, scrap: str) -> None:
    text = f"{HEAD}{RULES}{GOOD[:at]}{scrap}{GOOD[at + cut :]}"
    problems: tuple[Problem, ...] = ()
    try:
        problems = compiled(text)[1]
    except DocumentError as error:
        problems = error.problems
    assert all(1 <= problem.line <= text.count("\n") + 2 and problem.mend for problem in problems)

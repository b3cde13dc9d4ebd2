"""Exceptions: whom they excuse, from which rules, and on which days of the flow's own time."""

import datetime as dt

import pytest

from monitor.types import Attribution, Outcome
from tests.policy_help import DAY_NS, judge, policy

RULES = """\
- {id: P, when: {providers: [deepseek]}, outcome: violation}
- {id: Q, allow_in: [EEA], severity: high}
"""
GLOBAL = Attribution("openai", (), "API", "global")
EUROPE = Attribution("openai", (), "API", "group", None, ("CH", "DE"))
PINNED = Attribution("openai", (), "API", "region", None, ("DE",))
SHARED = Attribution(None, ("azure", "openai"))


def exception(fields: str, of: str = "E") -> str:
    return f"- {{id: {of}, ticket: T-7, approved_by: dpo, reason: pilot, {fields}}}"


def midnight_ns(day: str) -> int:
    return (dt.date.fromisoformat(day) - dt.date(1970, 1, 1)).days * DAY_NS


@pytest.mark.parametrize(
    ("ts_ns", "outcome"),
    [
        (midnight_ns("2026-02-01") - 1, "violation"),
        (midnight_ns("2026-02-01"), "excepted"),
        (midnight_ns("2026-03-31"), "excepted"),
        (midnight_ns("2026-04-01") - 1, "excepted"),  # the last day counts to its end, in UTC
        (midnight_ns("2026-04-01"), "violation"),
        (midnight_ns("2030-01-01"), "violation"),
        (0, "violation"),
    ],
)
def test_the_flows_time_decides_to_the_nanosecond(ts_ns: int, outcome: Outcome) -> None:
    fields = "when: {providers: [openai]}, starts: 2026-02-01, expires: 2026-03-31"
    of = policy(RULES, f"exceptions:\n{exception(fields)}")
    assert judge(of, GLOBAL, ts_ns=ts_ns).outcome == outcome


@pytest.mark.parametrize(
    ("fields", "attribution", "outcome"),
    [
        ("when: {providers: [openai]}", GLOBAL, "excepted"),
        ("when: {providers: [openai]}", EUROPE, "excepted"),  # of the undecided too
        ("when: {providers: [openai]}", PINNED, "allow"),  # nothing to excuse
        ("when: {providers: [aws]}", GLOBAL, "violation"),
        ("when: {providers: [openai]}", SHARED, "indeterminate"),  # it has to fit with certainty
        ("when: {jurisdictions: [EEA+CH]}", EUROPE, "excepted"),
        ("when: {jurisdictions: [EEA]}", EUROPE, "indeterminate"),
        ("when: {jurisdictions: [EEA+CH]}", GLOBAL, "violation"),
        ("when: {scopes: [global]}", GLOBAL, "excepted"),
        ("when: {source_groups: [backend]}", GLOBAL, "excepted"),
        ("when: {source_groups: [office]}", GLOBAL, "violation"),
        ("rules: [Q]", GLOBAL, "excepted"),
        ("rules: [P]", GLOBAL, "violation"),
        ("rules: [P, Q], when: {providers: [deepseek]}", Attribution("deepseek"), "excepted"),
        ("rules: [Q], when: {providers: [deepseek]}", Attribution("deepseek"), "violation"),
    ],
)
def test_who_is_excused(fields: str, attribution: Attribution, outcome: Outcome) -> None:
    of = policy(RULES, f"exceptions:\n{exception(f'{fields}, expires: 2026-12-31')}")
    assert judge(of, attribution).outcome == outcome


def test_default_can_be_excused() -> None:
    rules = "- {id: P, when: {providers: [aws]}, outcome: allow}"
    of = policy(
        rules, f"default: violation\nexceptions:\n{exception('rules: [default], expires: 2026-12-31')}"
    )
    judgement = judge(of, GLOBAL)
    assert (judgement.outcome, judgement.rule, judgement.exception) == ("excepted", "default", "E")


def test_excused_flow_keeps_rule_and_severity_and_says_by_whom() -> None:
    fields = "when: {providers: [openai]}, expires: 2026-12-31"
    judgement = judge(policy(RULES, f"exceptions:\n{exception(fields)}"), GLOBAL)
    assert (judgement.outcome, judgement.rule, judgement.severity) == ("excepted", "Q", "high")
    assert judgement.exception == "E"
    assert judgement.reasons == (
        "excused by exception E (ticket T-7), approved by dpo until 2026-12-31: pilot",
        "outside policy Q",
        "the endpoint is global: its name and address say nothing about where requests are processed",
        "Q says violation for a global endpoint",
    )


def test_lapsed_exceptions_are_mentioned_and_a_later_one_counts() -> None:
    lapsed = [
        exception("when: {providers: [openai]}, expires: 2026-01-31", "E1"),
        exception("when: {providers: [openai]}, starts: 2026-04-01, expires: 2026-12-31", "E2"),
        exception("when: {providers: [aws]}, expires: 2026-12-31", "E3"),
    ]
    judgement = judge(policy(RULES, "exceptions:\n" + "\n".join(lapsed)), GLOBAL)
    assert judgement.outcome == "violation"
    assert judgement.reasons[-2:] == (
        "exception E1 (ticket T-7) was in force until 2026-01-31",
        "exception E2 (ticket T-7) is in force from 2026-04-01 on",
    )
    current = exception("when: {providers: [openai]}, expires: 2026-12-31", "E4")
    judgement = judge(policy(RULES, "exceptions:\n" + "\n".join([*lapsed, current])), GLOBAL)
    assert judgement.exception == "E4"


def test_first_exception_in_force_is_the_one_named() -> None:
    both = [exception("when: {providers: [openai]}, expires: 2026-12-31", of) for of in ("E1", "E2")]
    assert judge(policy(RULES, "exceptions:\n" + "\n".join(both)), GLOBAL).exception == "E1"

"""The section ``behaviours``: what it means, every mistake with its line, and what has no effect."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.documents import DocumentError, Problem
from monitor.policy.quantities import duration_ns, size_bytes
from tests.policy_help import HEAD, compiled
from tests.test_policy_mistakes import SCRAPS

RULES = "rules:\n- {id: R, when: {data_classes: [crm, general]}, allow_in: [EEA]}\n"
GOOD = """\
behaviours:
  dual_exposure: {window: 1h 30m, by: source_group, severity: high}
  gateways:
    - name: gw
      addresses: [10.20.9.0/24]
      hosts: [llm.acme.example]
      for: [backend]
  relay:
    crm_ranges: [198.51.100.0/24]
    window: 5m
  upload_limits:
    - {data_class: crm, bytes: 10 MB}
    - {data_class: general, bytes: 500}
  consoles:
    permitted: [office, 10.60.0.0/16]
  latency:
    sovereign: [EEA]
"""
FIRST = f"{HEAD}{RULES}".count("\n")
A_DURATION = "write a number with its unit, such as 30s, 5m, 24h or 7d"
A_SIZE = "write a size such as 500 kB, 10 MB or 1 GiB"
NETWORK = "write a network such as 10.20.0.0/16 or 2001:db8::/32"
A_WINDOW = "write a duration from 1s to 366d, such as 24h"
OTHERS = "name other groups under `for:`, or write its address alone"
A_HOST = "write a name such as llm.corp.example, or *.llm.corp.example"

# what is written instead of what; then the line of the section, the problem and the mend that come back
ERRORS = [
    ("dual_exposure:", "dual_exposures:", 2, "unknown key 'dual_exposures'", "did you mean 'dual_exposure'?"),
    ("  relay:", "  relays:", 8, "unknown key 'relays'", "did you mean 'relay'?"),
    ("window: 1h 30m", "window: one day", 2, "'one day' is not a duration", A_DURATION),
    ("window: 1h 30m", "window: 90", 2, "90 is not a duration", A_DURATION),
    ("window: 1h 30m", "window: 0s", 2, "a window of 0s holds no two connections", A_WINDOW),
    ("window: 1h 30m", "window: 400d", 2, "a window of 400d is too long", A_WINDOW),
    ("window: 5m", "window: 0m", 10, "a window of 0m holds no two connections", A_WINDOW),
    ("window: 5m", "window: 5 min", 10, "'5 min' is not a duration", A_DURATION),
    (
        "by: source_group",
        "by: account",
        2,
        "behaviours.dual_exposure.by: invalid enum value 'account' (found 'account')",
        "use one of: client, source_group",
    ),
    ("[10.20.9.0/24]", "[10.20.9.1/24]", 5, "'10.20.9.1/24' has bits set behind its prefix", None),
    ("[10.20.9.0/24]", "[mailer]", 5, "unknown service 'mailer'", None),
    ("[llm.acme.example]", '["https://llm"]', 6, "'https://llm' is not a host name", A_HOST),
    ("[llm.acme.example]", '["*"]', 6, "'*' is not a host name", A_HOST),
    ("for: [backend]", "for: [backends]", 7, "unknown source group 'backends'", "did you mean 'backend'?"),
    (
        "      addresses: [10.20.9.0/24]\n      hosts: [llm.acme.example]\n",
        "",
        4,
        "gateway 'gw' is nowhere",
        "add `addresses:`, `hosts:` or both",
    ),
    (
        "      for: [backend]",
        "      for: [backend]\n    - {name: gw, hosts: [a.example], for: [office]}",
        8,
        "gateway 'gw' stands twice",
        "give each a name of its own",
    ),
    ("[198.51.100.0/24]", "[198.51.100.0/33]", 9, "'198.51.100.0/33' is not a network", NETWORK),
    ("[198.51.100.0/24]", "[salesforce]", 9, "unknown service 'salesforce'", None),
    ("data_class: crm", "data_class: crn", 12, "unknown data class 'crn'", "did you mean 'crm'?"),
    ("bytes: 10 MB", "bytes: 10 megs", 12, "'10 megs' is not a size", A_SIZE),
    ("bytes: 10 MB", "bytes: 0", 12, "a limit of nothing", A_SIZE),
    (
        "data_class: general",
        "data_class: crm",
        13,
        "limits overlap: 'crm' is limited to 10 MB already",
        "keep one of them",
    ),
    ("[office, 10", "[offices, 10", 15, "unknown source group 'offices'", "did you mean 'office'?"),
    ("10.60.0.0/16]", "10.60.0.0/99]", 15, "'10.60.0.0/99' is not a network", NETWORK),
    ("sovereign: [EEA]", "sovereign: [EAA]", 17, "unknown jurisdiction 'EAA'", "did you mean 'EEA'?"),
    ("sovereign: [EEA]", "sovereign: []", 17, None, "write at least one, or remove the key"),
]


def section(text: str) -> str:
    return f"{HEAD}{RULES}{text}"


def test_the_section_without_a_mistake() -> None:
    policy, warnings = compiled(section(GOOD))
    assert warnings == ()
    asked = policy.behaviours
    assert asked is not None
    assert asked.dual_exposure is not None
    assert asked.dual_exposure[1] == (5_400 * 10**9, "1h 30m")
    assert [limit.max_bytes for limit in asked.upload_limits] == [10_000_000, 500]
    assert asked.consoles is not None
    assert asked.consoles[2] == {"office"}
    assert [str(network) for network in asked.consoles[1]] == ["10.60.0.0/16"]


@settings(max_examples=150)
@given(st.integers(0, len(GOOD)), st.integers(0, 30), st.text(alphabet=SCRAPS, max_size=8))
def test_any_damage_gives_a_policy_or_problems_with_lines(at: int, cut: int, scrap: str) -> None:
    text = section(GOOD[:at] + scrap + GOOD[at + cut :])
    problems: tuple[Problem, ...] = ()
    try:
        problems = compiled(text)[1]
    except DocumentError as error:
        problems = error.problems
    assert all(1 <= problem.line <= text.count("\n") + 2 and problem.mend for problem in problems)


def test_a_policy_without_the_section_asks_for_nothing() -> None:
    assert compiled(section(""))[0].behaviours is None


@pytest.mark.parametrize(("old", "new", "line", "problem", "mend"), ERRORS)
def test_mistake(old: str, new: str, line: int, problem: str | None, mend: str | None) -> None:
    assert GOOD.count(old) == 1, old
    with pytest.raises(DocumentError) as caught:
        compiled(section(GOOD.replace(old, new)))
    first = caught.value.problems[0]
    assert first.line == FIRST + line
    assert problem in (None, first.problem)
    assert mend in (None, first.mend)


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("behaviours: {}\n", "`behaviours:` asks for nothing; say what to look for, or remove it"),
        (
            "behaviours:\n  gateways: [{name: gw, hosts: [a.example]}]\n",
            "gateway 'gw' is in reach of no source group; name the groups that are to use it under `for:`",
        ),
        (
            "behaviours:\n  gateways: [{name: gw, addresses: [10.20.0.0/15], for: [backend]}]\n",
            f"gateway 'gw' has no clients: all addresses of its groups are its own; {OTHERS}",
        ),
    ],
)
def test_what_has_no_effect(text: str, warning: str) -> None:
    line = FIRST + (1 if "{}" in text else 2)
    assert [str(each) for each in compiled(section(text))[1]] == [f"p.yaml:{line}: warning: {warning}"]


def test_a_group_may_begin_with_a_digit() -> None:
    text = section("behaviours:\n  consoles: {permitted: [2nd-floor, 10.60.0.0/16]}\n")
    policy, warnings = compiled(text.replace("name: office", "name: 2nd-floor"))
    assert warnings == ()
    assert policy.behaviours is not None
    assert policy.behaviours.consoles is not None
    assert policy.behaviours.consoles[2] == {"2nd-floor"}
    assert [str(network) for network in policy.behaviours.consoles[1]] == ["10.60.0.0/16"]


def test_what_the_section_names_is_used() -> None:
    more = (
        "services:\n- {name: proxy, addresses: [10.20.0.9]}\njurisdictions:\n- {name: own, countries: [DE]}\n"
    )
    text = "behaviours:\n  gateways: [{name: gw, addresses: [proxy], for: [backend]}]\n"
    policy, warnings = compiled(section(f"{text}  latency: {{sovereign: [own]}}\n{more}"))
    assert warnings == ()
    assert policy.behaviours is not None
    assert [str(network) for network in policy.behaviours.gateways[0].networks] == ["10.20.0.9/32"]


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("24h", 86_400), ("7d", 604_800), ("1h 30m", 5_400), ("1h30m", 5_400), ("90s", 90), ("0s", 0)],
)
def test_duration(written: str, seconds: int) -> None:
    assert duration_ns(written) == seconds * 10**9


@pytest.mark.parametrize("written", ["", "h", "24", "24 h", "-5m", "1.5h", "24H", "5m\n", "٣h", 24])
def test_no_duration(written: str | int) -> None:
    assert duration_ns(written) is None


@pytest.mark.parametrize(
    ("written", "size"),
    [("10 MB", 10**7), ("10MB", 10**7), ("1.5 GB", 1_500_000_000), ("1 KiB", 1_024), (7, 7), ("0 B", 0)],
)
def test_size(written: str | int, size: int) -> None:
    assert size_bytes(written) == size


@pytest.mark.parametrize("written", ["", "MB", "10", "10 mb", "-1 MB", "1,5 GB", "10 MB ", -1])
def test_no_size(written: str | int) -> None:
    assert size_bytes(written) is None

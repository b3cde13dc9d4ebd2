"""What the report says in sentences, for each kind of facts; and the filters that find packets."""

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from monitor.counts import FlowCount
from monitor.exports import FINDINGS
from monitor.report.dissector import display_filter
from monitor.report.page import render
from monitor.report.reading import gather
from monitor.report.seeing import UNKNOWN
from monitor.report.statements import MAX_LISTED, ended_ns, observers, statements
from monitor.report.types import Facts, Input, Period, Reference
from monitor.types import Outcome
from sensors.observations import FlowKey
from tests.page_kit import empty_facts, inventory_facts
from tests.report_kit import asking, demo_facts, demo_replay

SAYS = "coverage 91.8 % of flows, 95.9 % of bytes"
SEEN = "49 connections were seen, and 91.8 % of them could be named; "
REACHED = "32 connections were to an LLM provider, or possibly to one."
INVENTORY = "No policy was given: this is an inventory, and nothing in it is judged."
INCOMPLETE = (
    "Not everything could be looked at: what is said here holds for what was read, and the section on"
    " coverage says what is missing."
)
LAST = "Network evidence shows where a connection ended, not where inference ran."


def demo() -> Facts:
    """Return the facts of the demo, read under a name that does not change."""
    return named(demo_facts(), "demo-1")


def named(facts: Facts, *names: str) -> Facts:
    (sensor,) = facts.seen.sensors
    sensors = tuple(replace(sensor, name=name) for name in names)
    return replace(facts, seen=replace(facts.seen, sensors=sensors))


def judged(**counts: int) -> Facts:
    """Return facts without destinations, of so many connections by outcome."""
    names: tuple[Outcome, ...] = ("violation", "indeterminate", "unassigned", "excepted", "allow")
    outcomes = {name: FlowCount(counts.get(name, 0)) for name in names}
    related = FlowCount(sum(counts.values()))
    return replace(demo(), outcomes=outcomes, related=related, destinations=(), findings=(), exceptions=())


def incomplete() -> Facts:
    facts = judged(allow=3)
    said = f"{SAYS}, of what could be looked at"
    return replace(facts, seen=replace(facts.seen, says=said, complete=False))


def unknown() -> Facts:
    facts = empty_facts()
    seen = replace(facts.seen, says="how much could be seen is not known", complete=False)
    return replace(facts, seen=seen, related=FlowCount(2))


def late() -> Facts:
    facts = replace(demo(), period=Period(None, 1_775_000_000_000_000_000))
    cured = replace(facts.findings[1], finding=replace(facts.findings[1].finding, state="cured"))
    return replace(facts, findings=(facts.findings[0], cured), left_out={"findings": 3})


CASES: dict[str, tuple[Callable[[], Facts], list[str]]] = {
    "demo": (
        demo,
        [
            SEEN + REACHED,
            "8 connections of 3 source groups were outside policy (RES-040, RES-030 and RES-001).",
            "3 connections were not decided: the evidence leaves open whether policy allows it.",
            "1 connection was opened by clients that no source group owns; no rule was applied to that.",
            "1 connection was outside a rule and under an exception in force.",
            "19 connections were within policy, as far as the evidence goes.",
            "9 findings, 9 of them not closed.",
            LAST,
        ],
    ),
    "inventory": (
        lambda: named(inventory_facts(), "demo-1"),
        [
            SEEN + REACHED,
            f"{INVENTORY} Reached: 7 providers (anthropic, aws, azure, deepseek, google and 2 more).",
            LAST,
        ],
    ),
    "nothing seen": (
        empty_facts,
        [
            "No connection was seen at all; nothing follows about what was or was not reached.",
            "No connection to an LLM provider of the catalogue was seen (no connection was seen at all).",
            INVENTORY,
            LAST,
        ],
    ),
    "coverage not known": (
        unknown,
        [
            "How much could be seen is not known; 2 connections were to an LLM provider, or possibly to one.",
            INVENTORY,
            INCOMPLETE,
            LAST,
        ],
    ),
    "no violation": (
        lambda: judged(allow=1),
        [
            SEEN + "1 connection was to an LLM provider, or possibly to one.",
            f"No out-of-policy flow was observed by replay demo-1 ({SAYS}).",
            "1 connection was within policy, as far as the evidence goes.",
            LAST,
        ],
    ),
    "no LLM": (
        judged,
        [
            SEEN + "0 connections were to an LLM provider, or possibly to one.",
            f"No connection to an LLM provider of the catalogue was seen ({SAYS}).",
            f"No out-of-policy flow was observed by replay demo-1 ({SAYS}).",
            LAST,
        ],
    ),
    "rows left out": (
        lambda: judged(violation=2),
        [
            SEEN + "2 connections were to an LLM provider, or possibly to one.",
            "2 connections were outside policy.",
            LAST,
        ],
    ),
    "incomplete": (
        incomplete,
        [
            SEEN + "3 connections were to an LLM provider, or possibly to one.",
            f"No out-of-policy flow was observed by replay demo-1 ({SAYS}, of what could be looked at).",
            "3 connections were within policy, as far as the evidence goes.",
            INCOMPLETE,
            LAST,
        ],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_said(case: str) -> None:
    make, expected = CASES[case]
    assert [each.text for each in statements(make())] == expected


def test_some_were_not_judged() -> None:
    facts = replace(judged(allow=1), related=FlowCount(4))
    assert "3 connections were not judged by any policy." in [each.text for each in statements(facts)]


def test_groups_are_counted_at_least_where_rows_were_left_out() -> None:
    facts = demo()
    outcomes = {**(facts.outcomes or {}), "violation": FlowCount(10)}
    said = [each.text for each in statements(replace(facts, outcomes=outcomes))]
    assert any(each.startswith("10 connections of at least 3 source groups") for each in said)


def test_deadlines_are_held_against_the_end_of_the_period() -> None:
    facts = late()
    assert ended_ns(facts) == 1_775_000_000_000_000_000
    assert ended_ns(demo()) == demo().seen_period.until_ns
    said = [each.text for each in statements(facts)]
    assert (
        "5 findings, 1 of the 2 listed not closed. The deadline of 1 had passed by 2026-03-31 23:33:20 UTC."
        in said
    )


def test_judgements_go_with_their_sentences() -> None:
    kinds = [each.judgement for each in statements(demo())]
    assert kinds == [None, "violation", "indeterminate", "unassigned", "excepted", "allow", None, None]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ((), "these inputs"),
        (("a",), "replay a"),
        (("a", "b", "a"), "replays a and b"),
        (tuple("abcdefg"), "replays a, b, c, d, e and 2 more"),
    ],
)
def test_who_looked(names: tuple[str, ...], expected: str) -> None:
    facts = named(demo_facts(), *names)
    assert observers(facts) == expected
    sensors = tuple(replace(each, watched_ns=1) for each in facts.seen.sensors)
    live = replace(facts, seen=replace(facts.seen, sensors=sensors))
    assert observers(live) == expected.replace("replay", "sensor")


def test_sensors_and_replays_are_told_apart() -> None:
    facts = named(demo_facts(), "a", "b")
    one, other = facts.seen.sensors
    both = replace(facts, seen=replace(facts.seen, sensors=(one, replace(other, watched_ns=1))))
    assert observers(both) == "sensors and replays a and b"
    assert MAX_LISTED == 5


def reference(flow: FlowKey) -> Reference:
    return Reference(0, 0, 1_773_133_230_001_490_000, flow, "name", 1, 1)


TIME = "frame.time_epoch == 1773133230.001490000"
FILTERS = [
    (
        FlowKey("10.40.7.21", 49174, "116.205.40.114", 443, "tcp"),
        "ip.addr == 10.40.7.21 && ip.addr == 116.205.40.114 && tcp.port == 443 && tcp.port == 49174",
    ),
    (FlowKey("", 0, "116.205.40.114", 443, "tcp"), f"ip.addr == 116.205.40.114 && tcp.port == 443 && {TIME}"),
    (FlowKey("", 0, "2001:db8::1", 443, "udp"), f"ipv6.addr == 2001:db8::1 && udp.port == 443 && {TIME}"),
    (
        FlowKey("client-0a1b", 49174, "192.0.2.1", 443, "tcp"),
        f"ip.addr == 192.0.2.1 && tcp.port == 443 && tcp.port == 49174 && {TIME}",
    ),
    (
        FlowKey("10.0.0.1", 1, "10.0.0.2", 2, "tcp", tunnel="vlan/proxy:10.0.0.90:49152-10.0.0.91:8443"),
        TIME,
    ),
    (
        FlowKey("x || tcp", 0, "fe80::1%0 || tcp", 443, "tcp"),
        f"ipv6.addr == fe80::1 && tcp.port == 443 && {TIME}",
    ),
]


@pytest.mark.parametrize(("flow", "expected"), FILTERS)
def test_a_filter_has_numbers_and_addresses_alone(flow: FlowKey, expected: str) -> None:
    assert display_filter(reference(flow)) == expected


def test_findings_without_their_decisions_are_no_inventory(tmp_path: Path) -> None:
    demo_replay(tmp_path)
    facts = gather(asking(tmp_path / FINDINGS))
    assert [each.text for each in statements(facts)] == [
        "How much could be seen is not known; nothing follows about what was or was not reached.",
        f"No connection to an LLM provider was read; the findings tell of some ({UNKNOWN}).",
        "9 findings, 9 of them not closed.",
        INCOMPLETE,
        LAST,
    ]
    page = render(facts).decode()
    for false in ("inventory", "No policy", "No connection was seen at all", ">0 connections"):
        assert false not in page.partition("<main")[2].partition('id="annex"')[0].replace('"inventory"', "")


def test_what_a_finding_tells_is_not_denied() -> None:
    facts = replace(judged(allow=1), findings=demo().findings)
    said = [each.text for each in statements(facts)]
    assert f"No connection that was read is outside policy, and 6 findings tell of such ({SAYS})." in said
    assert not [each for each in said if "was observed" in each]
    later = replace(facts, period=Period(facts.findings[0].finding.last_ns + 10**12))
    said = [each.text for each in statements(later)]
    assert f"No out-of-policy flow was observed by replay demo-1 ({SAYS})." in said


@pytest.mark.parametrize(
    ("erased", "outside"),
    [({"allow": 3}, ""), ({"allow": 2, "violation": 1}, ", 1 of them outside policy")],
)
def test_what_retention_erased_is_not_denied(erased: dict[str, int], outside: str) -> None:
    facts = replace(judged(allow=1), inputs=(Input("ledger", "ledger", erased=erased),))
    said = [each.text for each in statements(facts)]
    assert f"None of the connections that retention left is outside policy ({SAYS})." in said
    assert f"Retention erased 3 decisions of these inputs{outside}: no figure here counts them." in said

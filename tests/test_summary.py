"""The summary: complete only when no bound bit, the rules that applied, and text for 80 columns."""

from collections.abc import Sequence
from typing import cast

import msgspec
import pytest
from click import unstyle

from monitor.console import lines
from monitor.groups import number_groups
from monitor.policy.schema import Rule
from monitor.summary import LIMITS, Summary, Versions, summarise
from monitor.tally import Tally
from monitor.types import (
    Attribution,
    Concealment,
    Connection,
    Coverage,
    Decision,
    Name,
    Outcome,
    Subject,
    Totals,
)
from monitor.wording import percent
from sensors.connections import CorrelatorCounters
from sensors.observations import Accounting, Count, Gap
from tests.observed import CLIENT, at, flow_key

RULE = Rule("RES-030", "stay inside", references=("GDPR Art. 44", "DORA Art. 28"), remediation="use eu.")


def summary_of(
    counters: dict[str, int] | None = None,
    undecoded: dict[str, Count] | None = None,
    tally: Tally | None = None,
    forgotten: CorrelatorCounters | None = None,
    rules: Sequence[Rule] = (RULE,),
) -> Summary:
    """Return the summary of a run with these counts."""
    accounting = Accounting(Count(), {}, undecoded or {}, counters or {})
    counted = tally or Tally(), forgotten or CorrelatorCounters()
    return summarise(
        Versions("1", "dpkt", "c", "p"), [], accounting, counted, {rule.id: rule for rule in rules}
    )


def text(summary: Summary) -> str:
    """Return what people read."""
    return "\n".join(unstyle(line) for line in lines(summary, 80))


def outside(rule: str = RULE.id, client: str = CLIENT, name: str = "api.openai.com") -> Tally:
    """Return a tally with one violation."""
    connection = Connection(at(0), flow_key(client), Subject(), (Name(name, "sni"),), None, Totals(), "sni")
    attribution = Attribution("openai", (), "API", "global", certainty="observed")
    tally = Tally()
    tally.decision(Decision(at(0), connection, attribution, "violation", rule, "high"))
    return tally


@pytest.mark.parametrize(
    "counter",
    ["quic-over-limit", "first-message-too-long", "reading-given-up", "delayed-files", "dns-clipped-answers"],
)
def test_a_bound_of_the_sensor_that_bit_is_incomplete_and_shown(counter: str) -> None:
    summary = summary_of({counter: 3})
    assert not summary.complete
    assert summary.bounds == {counter: 3}
    assert f"bound       3 {counter}" in text(summary)


@pytest.mark.parametrize("reason", ["fragment-overflow", "too-deep-nesting"])
def test_packets_that_a_bound_dropped_are_incomplete(reason: str) -> None:
    summary = summary_of(undecoded={reason: Count(2, 99)})
    assert not summary.complete
    assert summary.bounds == {reason: 2}


@pytest.mark.parametrize("field", ["forgotten_hellos", "forgotten_names"])
def test_what_the_correlator_forgot_is_incomplete(field: str) -> None:
    summary = summary_of(forgotten=CorrelatorCounters(**{field: 5}))
    assert not summary.complete
    assert summary.bounds == {field.replace("_", "-"): 5}


@pytest.mark.parametrize("field", ["folded_destinations", "shortened_llm_lists"])
def test_what_the_tally_left_out_is_incomplete(field: str) -> None:
    tally = Tally()
    setattr(tally, field, 7)
    summary = summary_of(tally=tally)
    assert not summary.complete
    assert summary.bounds == {field.replace("_", "-"): 7}


def test_other_counters_are_shown_and_harmless() -> None:
    tally = Tally()
    tally.gap(Gap(at(1), at(0), 1, 99, "decode"))
    summary = summary_of({"quic-undecryptable": 5, "dns-not-an-answer": 2}, tally=tally)
    assert summary.complete
    assert summary.bounds == {}
    assert "counted     5 quic-undecryptable, 2 dns-not-an-answer" in text(summary)


def test_the_rules_that_applied_are_there_with_all_that_they_say() -> None:
    summary = summary_of(tally=outside(), rules=(RULE, Rule("RES-099")))
    assert msgspec.to_builtins(summary.rules) == {
        "RES-030": {
            "description": "stay inside",
            "severity": "medium",
            "references": ("GDPR Art. 44", "DORA Art. 28"),
            "remediation": "use eu.",
        }
    }
    assert "  references  GDPR Art. 44; DORA Art. 28\n  remediation use eu." in text(summary)


def test_the_default_is_no_rule() -> None:
    summary = summary_of(tally=outside("default"))
    assert summary.rules == {}
    assert "remediation" not in text(summary)


def test_headings_fit_80_columns() -> None:
    summary = summary_of(tally=outside("-".join(["RULE"] * 30).replace("-", " ")))
    assert max(map(len, text(summary).splitlines())) <= 80


def test_a_row_without_a_group_names_its_clients() -> None:
    tally = outside()
    assert f"{CLIENT} -> openai" in text(summary_of(tally=tally))
    for each in ("10.99.0.1", "10.99.0.2"):
        (row,) = tally.destinations()
        connection = Connection(at(1), flow_key(each), Subject(), (), None, Totals(), "sni")
        attribution = Attribution("openai", (), "API", "global", certainty="observed")
        tally.decision(Decision(at(1), connection, attribution, "violation", RULE.id, "high"))
        assert row.clients
    assert f"3 clients, the first {CLIENT} -> openai" in text(summary_of(tally=tally))


def test_what_conceals_is_shown_in_two_lines() -> None:
    connection = Connection(at(0), flow_key(), Subject(), (), None, Totals(bytes_up=5), "address")
    tally = Tally()
    for kind, times in (("doh", 1), ("dot", 2), ("doq", 3), ("vpn", 10), ("relay", 20)):
        for _ in range(times):
            tally.concealing_connection(connection, cast("Concealment", kind))
    tally.connection(connection)
    summary = summary_of(tally=tally)
    assert summary.coverage["concealing"].flows == 36
    assert summary.connections.flows == 37
    assert summary.named_share == 0
    said = text(summary)
    assert "  hiding      6 (30 B) to encrypted DNS (1 DoH, 2 DoT, 3 DoQ): it hides lookups\n" in said
    assert "              30 (150 B) to VPNs or relays (10 VPN, 20 relay): they hide other" in said


def test_nothing_is_said_of_what_was_not_seen() -> None:
    assert "to encrypted DNS" not in text(summary_of())
    assert "to VPNs" not in text(summary_of())


def test_the_blind_spots_are_said() -> None:
    said = " ".join(text(summary_of()).split())
    for limit in LIMITS:
        assert limit in said
    for word in ("inference ran", "chose to say", "other hosts", "Encrypted DNS", "capture point"):
        assert word in said


def connection(
    client: str = CLIENT, subject: Subject | None = None, coverage: Coverage = "sni"
) -> Connection:
    """Return a connection of a class."""
    totals = Totals(bytes_up=60, bytes_down=40)
    return Connection(at(0), flow_key(client), subject or Subject(), (), None, totals, coverage)


def grouped(flows: dict[str, tuple[int, int]]) -> Tally:
    """Return a tally of groups, each with so many connections named and not named."""
    tally = Tally(
        number_groups((f"10.{n}.0.0/16", Subject("acme", name, "d")) for n, name in enumerate(flows))
    )
    for name, numbers in flows.items():
        for coverage, times in zip(("sni", "address"), numbers, strict=True):
            for _ in range(times):
                tally.connection(
                    connection(subject=Subject("acme", name, "d"), coverage=cast("Coverage", coverage))
                )
    return tally


def test_the_summary_leads_with_coverage() -> None:
    said = text(summary_of(tally=grouped({"backend": (999, 1)}))).splitlines()
    assert said[2] == "COVERAGE: 99.9 % of connections and 99.9 % of bytes could be named"
    said = text(summary_of()).splitlines()
    assert said[2] == "COVERAGE: no connection was seen"


def test_groups_come_worst_first_and_the_silent_are_named() -> None:
    summary = summary_of(tally=grouped({"good": (9, 1), "bad": (1, 3), "none": (0, 0), "best": (2, 0)}))
    said = text(summary).splitlines()
    at_heading = next(n for n, line in enumerate(said) if line.startswith("  source group"))
    assert [line.split() for line in said[at_heading + 1 : at_heading + 5]] == [
        ["acme/bad", "4", "400", "B", "25.0", "%", "25.0", "%", "0"],
        ["acme/good", "10", "1.0", "kB", "90.0", "%", "90.0", "%", "0"],
        ["acme/best", "2", "200", "B", "100.0", "%", "100.0", "%", "0"],
        ["no", "connection", "was", "seen", "from", "acme/none"],
    ]
    assert [(row.source_group, row.named_share) for row in summary.coverage_by_group] == [
        (None, None), ("good", 0.9), ("bad", 0.25), ("none", None), ("best", 1.0),
    ]  # fmt: skip


def test_the_table_of_groups_is_bounded_and_fits() -> None:
    names = {f"{'a long name ' * (n % 3)}{n}": (n % 14, 1) for n in range(28)}
    said = text(summary_of(tally=grouped(names)))
    assert "  and 18 more, which could be named as well or better" in said
    assert max(map(len, said.splitlines())) <= 80
    silent = text(summary_of(tally=grouped({f"g{n}": (0, 0) for n in range(8)})))
    assert "no connection was seen from acme/g0, acme/g1, acme/g2, acme/g3, acme/g4 and 3" in silent


def test_without_a_policy_there_is_no_table() -> None:
    tally = Tally()
    tally.connection(connection())
    summary = summarise(
        Versions("1", "dpkt", "c", None),
        [],
        Accounting(Count(), {}, {}, {}),
        (tally, CorrelatorCounters()),
        {},
    )
    assert "source group" not in text(summary)
    assert [(row.kind, row.connections.flows) for row in summary.coverage_by_group] == [("unassigned", 1)]


def test_what_has_no_name_where_llms_are_hosted_is_said() -> None:
    tally = Tally()
    for attributed in (False, False, True):
        tally.connection(connection(coverage="address"))
        tally.hosted_connection(connection(coverage="address"), attributed=attributed)
    summary = summary_of(tally=tally)
    assert (summary.address_hosting.flows, summary.address_attributed.flows) == (3, 1)
    said = " ".join(text(summary).split())
    assert "- 3 (300 B) of these have no name, at an address where LLM endpoints are hosted" in said
    assert "are hosted; 1 of them attributed all the same" in said


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        ("allow", "(coverage 50.0 % of flows, 50.0 % of bytes). WITHIN"),
        ("excepted", "of bytes). Beside: 1 connection under an exception in force. UNDER"),
        ("indeterminate", "of bytes). Beside: 1 connection that could not be decided. COULD"),
        ("unassigned", "of bytes). Beside: 1 connection from clients that no source group owns. FROM"),
    ],
)
def test_what_was_not_seen_carries_the_coverage(outcome: Outcome, said: str) -> None:
    tally = grouped({"backend": (1, 1)})
    tally.decision(Decision(at(0), connection(), Attribution("openai"), outcome))
    words = " ".join(text(summary_of(tally=tally)).split())
    assert "No out-of-policy flow was observed by these captures (coverage" in words
    assert said in words


def test_where_something_was_seen_it_is_not_denied() -> None:
    said = text(summary_of(tally=outside()))
    assert "No out-of-policy flow" not in said
    assert "No connection to an LLM" not in said


def test_of_an_incomplete_run_the_sentence_says_so() -> None:
    words = " ".join(text(summary_of({"delayed-files": 1}, tally=grouped({"backend": (1, 0)}))).split())
    assert "was seen (coverage 100.0 % of flows, 100.0 % of bytes, of what could be looked at)." in words
    assert "was seen (no connection was seen at all)." in " ".join(text(summary_of()).split())


@pytest.mark.parametrize(
    ("part", "whole", "said"),
    [(9_999, 10_000, "99.9 %"), (1, 1, "100.0 %"), (0, 0, "0.0 %"), (1, 3, "33.3 %")],
)
def test_percent_is_cut_off(part: int, whole: int, said: str) -> None:
    assert percent(part, whole) == said

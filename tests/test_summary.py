"""The summary: complete only when no bound bit, the rules that applied, and text for 80 columns."""

from collections.abc import Sequence
from typing import cast

import msgspec
import pytest
from click import unstyle

from monitor.console import lines
from monitor.policy.schema import Rule
from monitor.summary import LIMITS, Summary, Versions, summarise
from monitor.tally import Tally
from monitor.types import Attribution, Concealment, Connection, Decision, Name, Subject, Totals
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
    assert "              6 to encrypted DNS (DoH, DoT, DoQ): it hides lookups\n" in said
    assert "              30 to VPNs or relays: they hide other connections\n" in said


def test_nothing_is_said_of_what_was_not_seen() -> None:
    assert "to encrypted DNS" not in text(summary_of())
    assert "to VPNs" not in text(summary_of())


def test_the_blind_spots_are_said() -> None:
    said = " ".join(text(summary_of()).split())
    for limit in LIMITS:
        assert limit in said
    for word in ("inference ran", "chose to say", "other hosts", "Encrypted DNS", "capture point"):
        assert word in said

"""What the calls of the main loop come to: verdicts, decisions, open violations, latency, reloads."""

import math

import pytest

from monitor.metrics import Levels, Metrics
from monitor.metrics.expected import SHED_REASONS
from monitor.metrics.labels import place, provider
from monitor.metrics.standing import SILENT_NS
from monitor.types import Attribution, Decision
from sensors.connections import Shed
from sensors.observations import Accounting, Count
from tests.metrics_kit import GLOBAL, NAME, ROOMY, exposed, feed, loaded, value, verdict

SILENT_SECONDS = SILENT_NS / 1e9
Calls = list[tuple[str, Decision]]
BAD, FINE, UNCLEAR = verdict(), verdict("allow", rule="RES-020"), verdict("indeterminate")


def test_every_verdict_of_the_policy_begins_at_0() -> None:
    """A first violation is then an increase, which an alert sees."""
    series = exposed(loaded())
    verdicts = {tuple(sorted(dict(key).items())) for key in series["residency_verdicts_total"]}
    for group, rules in {
        "crm-backend": {"RES-001": "critical", "RES-010": "high", "RES-020": "high", "RES-030": "high"},
        "data-platform": {"RES-001": "critical", "RES-011": "medium", "RES-040": "medium"},
        "office": {"RES-001": "critical", "RES-050": "low"},
    }.items():
        for rule, severity in {**rules, "default": "medium"}.items():
            owner = {"tenant": "acme", "source_group": group, "policy": rule}
            wanted = [owner | {"outcome": "allow", "severity": "none"}]
            wanted += [
                owner | {"outcome": outcome, "severity": severity}
                for outcome in ("violation", "indeterminate", "excepted")
            ]
            for labels in wanted:
                verdicts.remove(tuple(sorted(labels.items())))
            open_ = frozenset((owner | {"severity": severity}).items())
            assert series["residency_violations_open"][open_] == 0
    nobody = {"tenant": "none", "source_group": "none", "policy": "none", "severity": "none"}
    assert verdicts == {tuple(sorted((nobody | {"outcome": "unassigned"}).items()))}
    assert not any(series["residency_verdicts_total"].values())
    assert len(series["residency_connections_total"]) == 4 * 8


@pytest.mark.parametrize(
    ("calls", "verdicts", "decisions", "still_open"),
    [
        ([("opened", BAD), ("ended", BAD)], {"violation": 1}, {"violation": 1}, 0),
        ([("opened", BAD)], {"violation": 1}, {}, 1),
        ([("opened", BAD), ("opened", BAD), ("opened", BAD)], {"violation": 1}, {}, 1),
        ([("ended", BAD)], {"violation": 1}, {"violation": 1}, 0),
        (
            [("opened", UNCLEAR), ("opened", BAD), ("ended", BAD)],
            {"indeterminate": 1, "violation": 1},
            {"violation": 1},
            0,
        ),
        ([("opened", BAD), ("opened", FINE)], {"violation": 1, "allow": 1}, {}, 0),
        ([("opened", BAD), ("ended", FINE)], {"violation": 1, "allow": 1}, {"allow": 1}, 0),
        ([("opened", BAD), ("opened", verdict(port=50_001))], {"violation": 2}, {}, 2),
        ([("ended", verdict(None, rule=None))], {"inventory": 1}, {"inventory": 1}, 0),
    ],
)
def test_a_verdict_is_counted_at_first_sight_and_when_it_changes(
    calls: Calls, verdicts: dict[str, int], decisions: dict[str, int], still_open: int
) -> None:
    metrics = loaded()
    for call, decision in calls:
        getattr(metrics, call)(decision)
    for outcome in ("violation", "allow", "indeterminate", "excepted", "unassigned", "inventory"):
        assert value(metrics, "residency_verdicts_total", outcome=outcome) == verdicts.get(outcome, 0), (
            outcome
        )
        if decisions:
            counted = value(metrics, "residency_decisions_total", outcome=outcome)
            assert counted == decisions.get(outcome, 0), outcome
    assert value(metrics, "residency_violations_open") == still_open


def test_bytes_are_counted_at_the_end_by_direction() -> None:
    metrics = loaded()
    feed(metrics, [BAD, FINE])
    assert value(metrics, "residency_decision_bytes_total", reason="up") == 200
    assert value(metrics, "residency_decision_bytes_total", reason="down", outcome="allow") == 1_000


def test_connections_whose_end_is_lost_do_not_stay_open_for_ever() -> None:
    metrics = loaded()
    for port in range(10):
        metrics.opened(verdict(port=port))
    metrics.opened(verdict(port=10, seconds=SILENT_SECONDS))
    assert value(metrics, "residency_violations_open") == 11
    metrics.opened(verdict(port=11, seconds=SILENT_SECONDS + 1))
    assert value(metrics, "residency_violations_open") == 2
    assert value(metrics, "residency_forgotten_connections_total") == 10


def test_nor_do_they_where_no_other_verdict_comes() -> None:
    metrics = loaded()
    metrics.opened(BAD)
    last_ns = BAD.connection.ts_ns + BAD.connection.totals.duration_ns
    for silent_ns, still_open in ((SILENT_NS, 1), (SILENT_NS + 1, 0)):
        metrics.accounted(Accounting(Count(), {}, {}, {}, last_ns=last_ns + silent_ns))
        assert value(metrics, "residency_violations_open") == still_open
    assert value(metrics, "residency_forgotten_connections_total") == 1


def test_open_connections_are_bounded() -> None:
    metrics = Metrics(NAME, ROOMY, max_standing=100)
    for port in range(1_000):
        metrics.opened(verdict(port=port))
    assert value(metrics, "residency_violations_open") == 100
    assert value(metrics, "residency_forgotten_connections_total") == 900
    for port in range(1_000):
        metrics.ended(verdict(port=port))
    assert value(metrics, "residency_violations_open") == 0
    assert value(metrics, "residency_decisions_total") == 1_000
    assert value(metrics, "residency_verdicts_total") == 1_900  # as the guide says of those given up


def test_latency_and_lead_are_distributions() -> None:
    metrics = loaded()
    metrics.opened(BAD, 40_000)
    metrics.opened(BAD, 4_999_999)
    metrics.opened(BAD, 2_000_000_000)
    metrics.opened(BAD)
    for lead_ns, bytes_up in ((1_000_000, 700), (-1, 5_000), (0, 512)):
        metrics.data_came(lead_ns, bytes_up)
    series = exposed(metrics)
    latency = series["residency_verdict_latency_seconds_bucket"]
    assert latency[frozenset({("le", "5e-05")})] == 1
    assert latency[frozenset({("le", "0.005")})] == 2
    assert latency[frozenset({("le", "1.0")})] == 2
    assert latency[frozenset({("le", "+Inf")})] == 3
    assert math.isclose(series["residency_verdict_latency_seconds_sum"][frozenset()], 2.005039999)
    assert series["residency_verdict_lead_seconds_count"][frozenset()] == 2
    assert series["residency_late_verdicts_total"][frozenset()] == 1
    assert series["residency_verdict_bytes_bucket"][frozenset({("le", "512.0")})] == 1
    assert series["residency_verdict_bytes_count"][frozenset()] == 3


@pytest.mark.parametrize(
    ("attribution", "wanted"),
    [
        (GLOBAL, ("openai", "global")),
        (
            Attribution("aws", scope="entry", region="eu-central-1", countries=("DE",)),
            ("aws", "aws:eu-central-1"),
        ),
        (Attribution("mistral", scope="group", region="eu", countries=("DE", "FR")), ("mistral", "group:eu")),
        (Attribution("own", scope="region", countries=("DE",)), ("own", "country:DE")),
        (Attribution("own", scope="group", countries=("DE", "FR")), ("own", "several")),
        (Attribution("deepseek", scope="unknown", countries=("CN",)), ("deepseek", "operator:CN")),
        (Attribution("azure"), ("azure", "unknown")),
        (Attribution(possible=("databricks", "google")), ("ambiguous", "unknown")),
        (Attribution(region="eu-west-1"), ("unknown", "unknown:eu-west-1")),
        (Attribution(), ("unknown", "unknown")),
    ],
)
def test_where_a_connection_ended_is_never_said_more_exactly_than_known(
    attribution: Attribution, wanted: tuple[str, str]
) -> None:
    assert (provider(attribution), place(attribution)) == wanted


def test_a_failed_reload_shows_until_one_succeeds() -> None:
    metrics = loaded()
    metrics.started(1_000.0)
    seen = []
    for now, ok in ((2_000.0, False), (3_000.0, False), (4_000.0, True)):
        metrics.reloaded(now, ok=ok)
        names = ("residency_reload_failed", "residency_last_reload_success_timestamp_seconds")
        seen.append(tuple(value(metrics, name) for name in names))
    assert seen == [(1, 1_000), (1, 1_000), (0, 4_000)]
    assert value(metrics, "residency_reloads_total", reason="failed") == 2
    assert value(metrics, "residency_reloads_total", reason="ok") == 1
    assert value(metrics, "residency_start_timestamp_seconds") == 1_000


def test_losses_levels_and_what_was_not_written() -> None:
    metrics = loaded()
    assert len(exposed(metrics)["residency_lost_packets_total"]) == 6
    metrics.lost("ring", 5, 500)
    metrics.lost("ring", 2)
    metrics.lost("of 10.0.0.1", 3)
    metrics.unwritten(4)
    metrics.shed(Shed(opened=1, ended=2))
    metrics.shed(Shed(ended=3))
    metrics.owners([("gone", 2), ("attributed", 1)])
    metrics.measured(Levels(flows=9, most_flows=250_000, queued=8, capturing=True))
    assert value(metrics, "residency_lost_packets_total", reason="ring") == 7
    assert value(metrics, "residency_lost_packets_total", reason="other") == 3
    assert value(metrics, "residency_lost_bytes_total") == 500
    assert value(metrics, "residency_unwritten_decisions_total") == 4
    assert value(metrics, "residency_flow_table_flows") == 9
    assert value(metrics, "residency_flow_table_limit_flows") == 250_000
    assert value(metrics, "residency_queue_observations") == 8
    assert value(metrics, "residency_capturing") == 1
    shed = {reason: value(metrics, "residency_shed_total", reason=reason) for reason in SHED_REASONS}
    assert shed == {"opened": 1, "ended": 5, "data": 0}
    assert value(metrics, "residency_owner_lookups_total", reason="gone") == 2

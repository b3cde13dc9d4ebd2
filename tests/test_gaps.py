"""Gaps: what was not observed is told once, by reason, over the time since the last report."""

import pytest

from sensors.gaps import GAP_INTERVAL_NS, GapLog, gap_reason
from sensors.observations import Count, Gap


@pytest.mark.parametrize(
    ("undecoded", "reason"),
    [
        ("truncated-tcp", "snaplen"),
        ("fragment-incomplete", "fragment"),
        ("malformed-ipv4", "decode"),
        ("unknown-linktype", "decode"),
        ("unknown-ethertype", None),
        ("unknown-ip-protocol", None),
    ],
)
def test_which_undecoded_packets_are_gaps(undecoded: str, reason: str | None) -> None:
    assert gap_reason(undecoded) == reason


def test_only_what_is_new_is_reported() -> None:
    log = GapLog()
    assert not log.due(1_000)
    assert not log.due(1_000 + GAP_INTERVAL_NS - 1)
    assert log.due(1_000 + GAP_INTERVAL_NS)
    log.evicted(7, 700)
    log.lost(2)
    log.lost(1)
    totals = {"malformed-ipv4": Count(1, 60), "malformed-tcp": Count(2, 90), "unknown-ethertype": Count(5, 5)}
    first = log.flush(5_000, totals)
    assert first == [
        Gap(5_000, 1_000, 3, 150, "decode"),
        Gap(5_000, 1_000, 3, 0, "ring"),
        Gap(5_000, 1_000, 7, 700, "table"),
    ]
    assert log.flush(6_000, totals) == []
    totals["truncated-tcp"] = Count(1, 34)
    assert log.flush(7_000, totals) == [Gap(7_000, 6_000, 1, 34, "snaplen")]


def test_how_long_losses_are_gathered() -> None:
    log = GapLog(10)
    assert not log.due(1_000)
    assert not log.due(1_009)
    assert log.due(1_010)


def test_a_clock_that_is_set_back_holds_no_report_up() -> None:
    log = GapLog()
    assert not log.due(10 * GAP_INTERVAL_NS)
    assert log.due(1_000)
    assert log.flush(1_000, {"malformed-ipv4": Count(1, 60)}) == [Gap(1_000, 1_000, 1, 60, "decode")]
    assert not log.due(2_000)

"""When there is no room: what becomes a number, in which order, and that nothing goes uncounted."""

import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.events.types import FindingEvent, SummaryEvent
from monitor.outbox.folding import NAMED
from monitor.outbox.handed import HANDED
from monitor.outbox.reading import OutboxReader
from monitor.policy.words import SEVERITIES, Severity
from tests.outbox_kit import SENSOR, checkpoint, event, events, finding, opened, queue

MANY = 100


def summaries(folder: Path) -> list[SummaryEvent]:
    return [each for each in queue(folder) if isinstance(each, SummaryEvent)]


def singles(folder: Path) -> list[str]:
    """Return the severities of what is no summary."""
    return [each.change.finding.severity for each in queue(folder) if isinstance(each, FindingEvent)]


def test_the_least_severe_and_oldest_go_first(tmp_path: Path) -> None:
    outbox = opened(tmp_path, MANY)
    outbox.commit([], events(0, 40, "critical"), {})
    outbox.commit([], events(100, 40, "low"), {})
    outbox.commit([], events(200, 20, "high"), {})
    assert outbox.counters().folded == 0
    outbox.commit([], events(300, 10, "medium"), {})
    assert Counter(singles(tmp_path)) == {"critical": 40, "low": 29, "high": 20, "medium": 10}
    (summary,) = summaries(tmp_path)
    assert (summary.tenant, summary.severity, summary.events, summary.sensor) == ("acme", "low", 11, SENSOR)
    folded = [finding(number, "low") for number in range(100, 111)]
    assert (summary.first_ns, summary.last_ns) == (folded[0].last_ns, folded[-1].last_ns)
    assert summary.findings == tuple(each.id for each in folded)
    outbox.commit([], events(400, 70, "high"), {})
    assert Counter(singles(tmp_path))["critical"] == 40
    assert outbox.waiting <= MANY
    assert outbox.counters().folded == 83 == sum(each.events for each in summaries(tmp_path))
    outbox.close()


def test_critical_violations_go_last_of_all(tmp_path: Path) -> None:
    outbox = opened(tmp_path, MANY)
    outbox.commit([], events(0, 60, "critical"), {})
    unsure = [event(finding(number, "critical", kind="indeterminate")) for number in range(100, 140)]
    outbox.commit([], unsure, {})
    outbox.commit([], events(200, 1, "critical"), {})
    kinds = Counter(each.change.finding.kind for each in queue(tmp_path) if isinstance(each, FindingEvent))
    assert kinds == {"violation": 61, "indeterminate": 38}
    outbox.commit([], events(300, 100, "critical"), {})
    kinds = Counter(each.change.finding.kind for each in queue(tmp_path) if isinstance(each, FindingEvent))
    assert kinds == {"violation": 99}
    assert outbox.counters().folded == 102
    outbox.close()


def test_a_summary_grows_until_it_is_handed_out(tmp_path: Path) -> None:
    outbox = opened(tmp_path, MANY)
    outbox.commit([], events(0, 150), {})
    (first,) = summaries(tmp_path)
    outbox.commit([], events(200, 10), {})
    (grown,) = summaries(tmp_path)
    assert grown.key == first.key
    assert (first.events, grown.events) == (51, 61)
    assert len(grown.findings) == NAMED
    reader = OutboxReader(tmp_path)
    taken = [parcel.event for parcel in reader.after(0, 1_000)]
    assert grown in taken
    outbox.commit([], events(300, 10), {})
    old, new = summaries(tmp_path)
    assert old == grown
    assert new.key not in {old.key, *(each.key for each in taken)}
    assert old.events + new.events == outbox.counters().folded == 72
    reader.close()
    outbox.close()


def test_what_cannot_be_told_counts_as_handed_out(tmp_path: Path) -> None:
    outbox = opened(tmp_path, MANY)
    outbox.commit([], events(0, 150), {})
    (tmp_path / HANDED).write_text("nonsense")
    outbox.commit([], events(200, 10), {})
    assert len({each.key for each in summaries(tmp_path)}) == 2
    outbox.close()
    outbox = opened(tmp_path, MANY)
    for number in range(300, 340, 10):
        outbox.commit([], events(number, 10), {})
    assert len(summaries(tmp_path)) == 3  # the start mended the file: the third one grew
    assert sum(each.events for each in summaries(tmp_path)) + len(singles(tmp_path)) == 200
    outbox.close()


def test_closed_summaries_become_one_before_critical_events_go(tmp_path: Path) -> None:
    outbox = opened(tmp_path, MANY)
    reader = OutboxReader(tmp_path)
    outbox.commit([], events(0, 90, "critical"), {})
    for number in range(1_000, 2_500, 30):
        outbox.commit([], events(number, 30, "low"), {})
        reader.after(0, 1_000)  # a receiver takes it all, another one takes nothing
        assert outbox.waiting <= MANY
    assert singles(tmp_path).count("critical") == 90
    counters = outbox.counters()
    assert counters.summaries_merged > 0
    low = singles(tmp_path).count("low")
    assert counters.folded == sum(each.events for each in summaries(tmp_path)) == 1_500 - low
    reader.close()
    outbox.close()


def test_a_commit_larger_than_the_bound(tmp_path: Path) -> None:
    outbox = opened(tmp_path, MANY)
    outbox.commit([], events(0, 5_000), {})
    assert outbox.waiting == MANY
    assert [each.events for each in summaries(tmp_path)] == [4_901]
    assert queue(tmp_path)[-2] == event(finding(4_999))
    outbox.close()


def test_one_of_each_tenant_is_not_worth_a_summary(tmp_path: Path) -> None:
    """A row alone of its tenant and severity would be replaced by a row, so it stays."""
    outbox = opened(tmp_path, MANY)
    some = [event(finding(number, "low", f"tenant-{number}")) for number in range(120)]
    outbox.commit([], some, {})
    assert (outbox.waiting, outbox.counters().folded) == (120, 0)
    outbox.commit([], [checkpoint(1), *events(500, 30, "high")], {})
    assert outbox.waiting <= 120 + 2
    assert summaries(tmp_path)
    outbox.close()


step = st.tuples(
    st.sampled_from(["commit", "commit", "commit", "trim", "read", "reopen"]),
    st.integers(0, 80),
    st.sampled_from(SEVERITIES),
    st.sampled_from(["acme", "beta", None]),
)


@settings(max_examples=25)
@given(st.lists(step, max_size=14))
def test_nothing_goes_without_being_counted(steps: list[tuple[str, int, Severity, str | None]]) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        outbox = opened(folder, MANY)
        reader = OutboxReader(folder)
        put = folded = trimmed = number = 0
        delivered = 0
        for what, count, severity, tenant in steps:
            if what == "commit":
                outbox.commit([], events(number, count, severity, tenant), {"acme": number})
                number += count
            elif what == "read":
                delivered = max([delivered, *(parcel.seq for parcel in reader.after(0, count))])
            elif what == "trim":
                outbox.trim(delivered)
            else:
                counters = outbox.counters()
                put, folded, trimmed = (
                    put + counters.put,
                    folded + counters.folded,
                    trimmed + counters.trimmed,
                )
                outbox.close()
                outbox = opened(folder, MANY)
            assert outbox.waiting == len(queue(folder)) <= MANY
        counters = outbox.counters()
        put, folded, trimmed = put + counters.put, folded + counters.folded, trimmed + counters.trimmed
        assert put == number == len(singles(folder)) + folded + trimmed
        reader.close()
        outbox.close()

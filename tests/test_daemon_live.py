"""The daemon says of packets on the wire what a replay says of the same packets in a file."""

import json
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.daemon_kit import DEMO, Daemon, daemon, squeezed, total, wire, write_capture
from tests.replayed import by_flow, replay

pytestmark = pytest.mark.enable_socket
SECONDS = 4.0  # that the demo is sent in


class Both:
    """What a replay and the daemon said of the same packets."""

    def __init__(self, live: Daemon) -> None:
        frames = squeezed(DEMO, SECONDS)
        capture = write_capture(live.folder / "traffic.pcap", frames)
        live.start()
        live.wire.send(capture)
        live.wait_packets(len(frames))
        self.packets = len(frames)
        self.during = live.samples()
        self.status = live.end()
        self.log = live.log()
        self.live = live.lines(ended=True)
        self.opened = live.lines(ended=False)
        self.windows = live.windows()
        self.summary, self.replayed = replay(capture, live.folder)


@pytest.fixture(scope="module")
def both() -> Iterator[Both]:
    with wire() as lane, daemon(lane) as live:
        yield Both(live)


def test_decisions_are_those_of_a_replay(both: Both) -> None:
    assert both.status == 0
    assert by_flow(both.live) == by_flow(both.replayed)


def test_a_verdict_came_before_the_end_where_there_was_a_hello(both: Both) -> None:
    opened = Counter(each.connection.flow for each in both.opened)
    ended = Counter(each.connection.flow for each in both.live if each.connection.hello is not None)
    assert ended
    assert not ended - opened


def test_metrics_are_those_of_a_replay(both: Both) -> None:
    accounting = both.summary["accounting"]
    assert total(both.during, "residency_packets_total") == accounting["read"]["packets"] == both.packets
    assert total(both.during, "residency_bytes_total") == accounting["read"]["bytes"]
    for protocol, count in accounting["decoded"].items():
        assert total(both.during, "residency_decoded_packets_total", reason=protocol) == count["packets"]
    assert total(both.during, "residency_undecoded_packets_total") == 0
    assert total(both.during, "residency_lost_packets_total") == 0
    for event, count in accounting["counters"].items():
        assert total(both.during, "residency_sensor_events_total", reason=event) == count


def test_verdicts_are_in_the_metrics_while_connections_live(both: Both) -> None:
    verdicts = Counter(
        (each.rule or "", each.outcome or "") for each in both.replayed if each.connection.hello is not None
    )
    assert any(outcome == "violation" for _, outcome in verdicts)
    for (rule, outcome), count in verdicts.items():
        labels = {"policy": rule, "outcome": outcome} if rule else {"outcome": outcome}
        assert total(both.during, "residency_verdicts_total", **labels) >= count, labels
    assert total(both.during, "residency_verdicts_total", outcome="violation") <= len(
        [each for each in both.replayed if each.outcome == "violation"]
    )


def test_the_window_says_what_the_summary_says(both: Both) -> None:
    (window,) = both.windows
    connections = both.summary["connections"]
    assert window["connections"] == connections["flows"]
    assert window["bytes"] == connections["bytes_up"] + connections["bytes_down"]
    coverage = {name: count["flows"] for name, count in both.summary["coverage"].items() if count["flows"]}
    assert window["coverage"] == coverage
    assert (window["packets"], window["lost"]) == (both.packets, {})


def test_the_last_line_of_the_log_counts_the_same(both: Both) -> None:
    last = both.log[-1]
    assert last["event"] == "stopped"
    outcomes = both.summary["outcomes"]
    assert {name: last[name] for name in ("packets", "connections", "to_llms", "outside_policy")} == {
        "packets": both.packets,
        "connections": both.summary["connections"]["flows"],
        "to_llms": both.summary["llm_related"]["flows"],
        "outside_policy": outcomes["violation"]["flows"],
    }
    assert [last[name] for name in ("dropped", "queued", "unwritten", "waiting")] == [0, 0, 0, 0]


def test_the_log_is_about_the_sensor_and_never_about_who_is_watched(both: Both) -> None:
    watched = {each.connection.flow.client for each in both.replayed}
    watched |= {each.connection.flow.server for each in both.replayed}
    watched |= {name.value for each in both.replayed for name in each.connection.names}
    said = json.dumps(both.log) + repr(both.during)
    assert watched
    assert not [each for each in watched if each in said]

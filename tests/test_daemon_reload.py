"""Reloads under load: nothing is lost, no counter falls, and a file that is wrong changes nothing."""

import os
import signal
from collections.abc import Iterator

import pytest

from monitor.datasets.store import Store
from monitor.datasets.use import DataChoice, open_data
from monitor.types import Decision
from tests.catalog_help import built_in
from tests.daemon_kit import (
    DEMO,
    RECEIVER,
    Daemon,
    Samples,
    daemon,
    records,
    squeezed,
    total,
    wait_for,
    wire,
    write_capture,
)
from tests.datasets_kit import aws, put

pytestmark = pytest.mark.enable_socket
LOOPS = 400  # more than the story takes
NETWORKS = 20_000
OLD, NEW = "RES-030", "RES-930"  # the same rule, by two names
DAYS = (("2026-04-01", "52.94.4.0/24"), ("2026-05-01", "52.94.8.0/24"))
FAILED = "reload failed, the old one stays in use"
CATALOG = """\
providers: [{id: own, name: Our own, operator_country: DE}]
defaults: {provider: own, service: API, scope: unknown, source: test, date: 2026-01-01, verified: full}
endpoints: [{host: HOST}]
"""


class Story:
    """Demo traffic without a pause, and what was asked for meanwhile."""

    def __init__(self, live: Daemon) -> None:
        self.samples: list[Samples] = []
        self._live = live
        self._catalog = live.folder / "etc/own.yaml"
        self._text = live.policy.read_text("utf-8")
        self.catalog("llm.own.example")
        live.configure(catalogs=[str(self._catalog)])
        frames = squeezed(DEMO, 1.0)
        capture = write_capture(live.folder / "traffic.pcap", frames)
        live.start()
        before = live.wire.sent()
        sender = live.wire.sending(capture, "--loop", str(LOOPS), "--mbps", "8")
        try:
            self._change()
            self.was_sending = sender.poll() is None
        finally:
            sender.kill()
            sender.wait()
        self.packets = live.wire.sent() - before
        live.wait_packets(self.packets)
        self.look()
        self.status = live.end()
        self.log = live.log()
        self.decisions = live.lines()

    def _change(self) -> None:
        live = self._live
        live.wait_metric("residency_verdicts_total", 1, outcome="violation", policy=OLD)
        self.look()
        self.policy(self._text.replace(OLD, NEW))
        self.catalog("www.heise.de")
        live.tell(signal.SIGHUP)
        live.wait_log("reloaded")
        live.wait_metric("residency_verdicts_total", 1, outcome="violation", policy=NEW)
        live.wait_metric("residency_decisions_total", 1, provider="own")
        self.look()
        self.policy(self._text.replace("outcome: violation\n    severity: critical", "outcome: forbidden"))
        live.tell(signal.SIGHUP)
        self.failure = live.wait_log(FAILED)
        wait_for(lambda: live.metric("residency_reload_failed") == 1, "the metric to say so")
        self.while_broken = live.get("/readyz")
        self.look()
        self.policy(self._text.replace(OLD, NEW))
        for _ in range(5):
            live.tell(signal.SIGHUP)
        wait_for(lambda: live.metric("residency_reload_failed") == 0, "the metric to say so no more")
        self.look()

    def policy(self, text: str) -> None:
        """Put another policy in the place of the old, as editors do."""
        partial = self._live.policy.with_suffix(".new")
        partial.write_text(text, "utf-8")
        partial.replace(self._live.policy)

    def catalog(self, host: str) -> None:
        """Write a catalogue with a host of our own."""
        self._catalog.write_text(CATALOG.replace("HOST", host), "utf-8")

    def look(self) -> None:
        """Keep what the metrics say now."""
        self.samples.append(self._live.samples())


@pytest.fixture(scope="module")
def story() -> Iterator[Story]:
    with wire() as lane, daemon(lane) as live:
        yield Story(live)


def test_no_packet_is_lost(story: Story) -> None:
    last = story.samples[-1]
    assert story.status == 0
    assert story.was_sending
    assert total(last, "residency_packets_total") == story.packets
    assert total(last, "residency_lost_packets_total") == 0


def test_no_counter_falls(story: Story) -> None:
    for before, after in zip(story.samples, story.samples[1:], strict=False):
        for name, series in before.items():
            if name.endswith(("_total", "_count", "_bucket", "_sum")):
                fallen = {row: value for row, value in series.items() if after[name][row] < value}
                assert not fallen, name


def test_decisions_follow_the_rules_of_their_time(story: Story) -> None:
    opened = [each for each in story.decisions if each.is_open and each.rule in {OLD, NEW}]
    times = {rule: [seen_ns(each) for each in opened if each.rule == rule] for rule in (OLD, NEW)}
    assert all(times.values())
    assert max(times[OLD]) < min(times[NEW])


def seen_ns(decision: Decision) -> int:
    """Return the time of the packet that a decision came with."""
    return decision.ts_ns + decision.connection.totals.duration_ns


def test_the_catalogue_counts_from_the_reload_on(story: Story) -> None:
    own = [each.ts_ns for each in story.decisions if each.attribution.provider == "own"]
    assert own
    assert min(own) > min(each.ts_ns for each in story.decisions if each.rule == OLD)
    assert not [each for each in story.decisions if each.attribution.provider == "own" and each.rule == OLD]


def test_a_broken_file_is_named_with_its_line_and_the_mend(story: Story) -> None:
    assert story.failure["level"] == "error"
    assert "policy.yaml:" in story.failure["problem"]
    assert "violation" in story.failure["problem"].split("; ")[-1]
    assert story.while_broken == (200, "ok\n")


def test_reloads_are_counted(story: Story) -> None:
    last = story.samples[-1]
    assert total(last, "residency_reloads_total", reason="failed") == 1
    ok = total(last, "residency_reloads_total", reason="ok")
    assert ok == len([line for line in story.log if line["event"] == "reloaded"])
    assert 2 <= ok <= 1 + 5
    assert total(last, "residency_reload_failed") == 0
    for reason, count in (("policy", 1), ("catalogue", 1), ("datasets", 0)):
        assert total(last, "residency_loaded_changes_total", reason=reason) == count, reason


def test_sums_agree_over_reloads(story: Story) -> None:
    stopped = story.log[-1]
    ended = [each for each in story.decisions if not each.is_open]
    outcomes = [each for each in ended if each.outcome == "violation"]
    assert stopped["packets"] == story.packets
    assert (stopped["unwritten"], stopped["waiting"], stopped["dropped"]) == (0, 0, 0)
    assert len(ended) >= stopped["to_llms"]  # which counts since the last reload
    assert len(outcomes) >= stopped["outside_policy"]


def test_a_policy_that_may_not_be_read_changes_nothing_and_one_with_many_networks_may_come() -> None:
    with wire() as lane, daemon(lane) as live:
        live.start()
        live.policy.chmod(0o600)
        live.tell(signal.SIGHUP)
        assert "policy.yaml" in live.wait_log(FAILED)["problem"]
        live.policy.chmod(0o644)
        text = live.policy.read_text("utf-8")
        many = ", ".join(f"10.{64 + at // 256}.{at % 256}.0/24" for at in range(NETWORKS))
        live.policy.write_text(text.replace("sources: [10.30.0.0/16]", f"sources: [10.30.0.0/16, {many}]"))
        live.tell(signal.SIGHUP)
        live.wait_log("reloaded")
        assert live.metric("residency_reload_failed") == 0
        lane.send(DEMO, "--topspeed")
        live.wait_packets(len(records(DEMO)))
        assert live.end() == 0


def test_a_policy_may_be_a_link_to_another_folder() -> None:
    with wire() as lane, daemon(lane) as live:
        real = live.folder / "real"
        real.mkdir()
        live.policy.rename(real / "policy.yaml")
        live.policy.symlink_to(real / "policy.yaml")
        live.configure(capture={"interfaces": [RECEIVER], "ring_bytes": "1MiB"})
        live.start()
        os.utime(real / "policy.yaml")
        live.tell(signal.SIGHUP)
        wait_for(lambda: live.said("reloaded") or live.said(FAILED), "an answer")
        assert not live.said(FAILED), live.stderr()
        assert live.end() == 0


def test_data_sets_that_came_since_the_start_are_compiled_by_a_reload() -> None:
    with wire() as lane, daemon(lane) as live:
        store = Store(live.folder / "datasets")
        put(store, "aws", aws({"52.94.0.0/24": ("AMAZON", "us-east-1")}), "2026-03-01")
        open_data(DataChoice(store.folder), built_in().regions)  # as `residency data update` does at its end
        live.configure(data=str(store.folder))
        live.start()
        (loaded,) = live.said("loaded")
        for at, (day, prefix) in enumerate(DAYS):
            put(store, "aws", aws({prefix: ("AMAZON", "us-east-1")}, f"{day}-10-00-00"), day)
            live.tell(signal.SIGHUP)
            live.wait_log("reloaded", at + 1)
            assert not live.said(FAILED), live.stderr()
            assert "Traceback" not in live.stderr()
            assert live.said("reloaded")[-1]["datasets"] != loaded["datasets"]
        assert live.end() == 0
        assert not [each.name for each in live.state.iterdir() if each.name.startswith(".ranges")]

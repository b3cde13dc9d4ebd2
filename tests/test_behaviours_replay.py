"""Behaviours through the command line: what is shown and written, and what a policy without them changes."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
from click import unstyle
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor import app, replaying
from monitor.behaviours import Behaviour, Behaviours
from monitor.cli import group
from monitor.exports import BEHAVIOURS, behaviour_lines
from monitor.pipeline import Pipeline
from monitor.summary import Summary, with_behaviours
from pcaps import golden
from sensors import native
from sensors.engine import Options, open_sensor
from tests.behaviours_kit import decide, policy, watch
from tests.catalog_help import built_in
from tests.exchanges_kit import Answer, Flow, answers, capture, flows
from tests.test_summary import summary_of, text

DUAL, RELAY = golden.PCAPS / "dual-exposure", golden.PCAPS / "crm-relay"
RANGES = 'relay: {crm_ranges: ["10.20.1.5/32", "2001:db8::/32"], window: 20s}'


def replay(case: Path, folder: Path, *more: str, section: bool = True) -> Result:
    """Replay a case under the example policy, with its section or without."""
    chosen = golden.policy_with_behaviours(case, folder) if section else golden.POLICY
    arguments = ["replay", str(golden.traffic(case)), "--policy", str(chosen), *more]
    return CliRunner(env={"COLUMNS": "80"}).invoke(group, arguments)


def test_the_text_says_what_was_found(tmp_path: Path) -> None:
    result = replay(DUAL, tmp_path)
    assert result.exit_code == 1
    shown = unstyle(result.stdout)
    assert max(map(len, shown.splitlines())) <= 80
    said = " ".join(shown.split())
    assert (
        "BEHAVIOURS ACROSS CONNECTIONS: 1 dual-exposure, 3 gateway-bypass, 1 unusual-upload"
        " dual-exposure (high) 10.20.1.15 (acme/crm-backend)"
        " what 10.20.1.15 (acme/crm-backend) reached both endpoints within policy (aws eu-central-1) and"
        " outside policy (openai (global)) within 5m: 1 connection within, 1 outside"
    ) in said
    assert "LATENCY, MEDIANS: inside EEA against all others" in said
    assert "all providers: 3 inside, 1 other handshake 3.1 ms against 4.6 ms, -1.5 ms" in said


def test_the_files_say_the_same(tmp_path: Path) -> None:
    result = replay(DUAL, tmp_path, "--out", str(tmp_path / "out"), "--json")
    summary = msgspec.json.decode(result.stdout, type=Summary)
    lines = (tmp_path / "out" / BEHAVIOURS).read_bytes()
    assert lines == (DUAL / "behaviours.jsonl").read_bytes()
    assert [msgspec.json.decode(line, type=Behaviour) for line in lines.splitlines()] == list(
        summary.behaviours or ()
    )
    assert summary.behaviour_counts == {"dual-exposure": 1, "gateway-bypass": 3, "unusual-upload": 1}
    assert summary.latency
    assert [row.provider for row in summary.latency.rows] == [None, "aws", "openai"]


def test_a_policy_without_the_section_changes_nothing(tmp_path: Path) -> None:
    out = tmp_path / "out"
    replay(DUAL, tmp_path, "--out", str(out))
    assert (out / BEHAVIOURS).exists()
    result = replay(DUAL, tmp_path, "--out", str(out), "--json", section=False)
    assert not (out / BEHAVIOURS).exists()
    assert not {"behaviours", "behaviour_counts", "latency"} & json.loads(result.stdout).keys()
    shown = replay(DUAL, tmp_path, section=False).stdout
    assert "BEHAVIOURS" not in shown
    assert "LATENCY" not in shown


def test_behaviours_leave_the_exit_status_alone(tmp_path: Path) -> None:
    case = golden.PCAPS / "bedrock-sovereign"
    section = "behaviours:\n  upload_limits: [{data_class: crm, bytes: 1, severity: critical}]\n"
    chosen = tmp_path / "policy.yaml"
    chosen.write_text(golden.POLICY.read_text() + section)
    result = CliRunner().invoke(group, ["replay", str(golden.traffic(case)), "--policy", str(chosen)])
    assert result.exit_code == 0
    assert "unusual-upload (critical)" in unstyle(result.stdout)


@pytest.mark.parametrize("engine", ["dpkt", "auto"])
def test_inbound_calls_are_counted_as_before_and_their_names_go_nowhere(tmp_path: Path, engine: str) -> None:
    with_section, without = (
        replay(RELAY, tmp_path, "--out", str(tmp_path / name), "--engine", engine, "--json", section=section)
        for name, section in (("with", True), ("without", False))
    )
    summaries = [json.loads(result.stdout) for result in (with_section, without)]
    assert summaries[0]["coverage"] == summaries[1]["coverage"]
    assert summaries[0]["coverage"]["sni"]["flows"] == 3
    assert summaries[0]["llm_related"]["flows"] == 1
    assert len(summaries[0]["behaviours"]) == 1
    assert b"hooks.corp.example" in golden.traffic(RELAY).read_bytes()
    written = [path.read_bytes() for path in (tmp_path / "with").iterdir()]
    assert not any(b"hooks.corp" in data for data in [with_section.stdout_bytes, *written])
    decisions = [(tmp_path / name / "decisions.jsonl").read_bytes() for name in ("with", "without")]
    assert decisions[0] == decisions[1]


def watched(path: Path, engine: str, *, filtered: bool) -> tuple[bytes, object]:
    """Return the behaviours of a capture, and what was counted."""
    pipeline = Pipeline(built_in(), policy(RANGES))
    sensor = open_sensor([path], engine, Options(interest=pipeline.interest() if filtered else None))
    for batch in sensor:
        for decision in pipeline.feed(batch):
            pipeline.behaviours.offer(decision)
    pipeline.count(sensor.counted())
    return behaviour_lines(pipeline.behaviours.finish()), vars(pipeline.tally)


HOST = "203.0.113.7"


@st.composite
def inbound(draw: st.DrawFn) -> Flow:
    """A connection to our host, from the CRM or from elsewhere."""
    return Flow(
        draw(st.integers(0, 30)),
        draw(st.sampled_from(["10.20.1.5", "10.20.1.6"])),
        HOST,
        name=draw(st.sampled_from([None, "www.example.org"])),
        seconds=draw(st.sampled_from([1, 30])),
    )


@st.composite
def calls(draw: st.DrawFn) -> Flow:
    """A connection of our host to a provider."""
    second, port = draw(st.integers(0, 60)), draw(st.integers(4_000, 4_003))
    return Flow(second, HOST, "198.51.100.9", port, name="api.openai.com")


@pytest.mark.skipif(bool(native.MISSING), reason=f"the native engine is not built: {native.MISSING}")
@settings(max_examples=50)
@given(
    st.lists(st.one_of(answers(), flows()), max_size=8),
    st.lists(inbound(), min_size=1, max_size=4),
    st.lists(calls(), min_size=1, max_size=3),
)
def test_an_interest_changes_no_behaviour(
    made: list[Answer | Flow], came: list[Flow], went: list[Flow]
) -> None:
    with TemporaryDirectory() as folder:
        path = capture([*made, *came, *went], Path(folder))
        wanted = watched(path, "dpkt", filtered=False)
        assert watched(path, "native", filtered=False) == wanted
        assert watched(path, "native", filtered=True) == wanted


def test_what_was_forgotten_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.behaviours.cases.MAX_CASES", 1)
    section = "gateways: [{name: gw, hosts: [gw.example], for: [backend]}]"
    behaviours, _ = watch(section, [decide(0, client=f"10.20.0.{last}") for last in range(3)])
    summary = with_behaviours(summary_of(), behaviours)
    assert not summary.complete
    assert summary.bounds == {"forgotten-behaviours": 2}
    assert "bound       2 forgotten-behaviours" in text(summary)


def test_no_policy_looks_for_nothing() -> None:
    summary = summary_of()
    assert with_behaviours(summary, Behaviours(None, built_in())) is summary


def test_what_is_looked_for_and_not_found_is_said() -> None:
    summary = with_behaviours(summary_of(), Behaviours(policy(RANGES).behaviours, built_in()))
    assert summary.behaviours == ()
    assert "BEHAVIOURS ACROSS CONNECTIONS: 0 relay-suspected" in text(summary)


def test_a_check_names_the_line_of_a_gateway_without_clients(tmp_path: Path) -> None:
    chosen = tmp_path / "policy.yaml"
    section = "behaviours:\n  gateways:\n  - {name: gw, hosts: [gw.example]}\n"
    chosen.write_text(golden.POLICY.read_text() + section)
    result = CliRunner().invoke(group, ["check", "--policy", str(chosen)])
    line = golden.POLICY.read_text().count("\n") + 3
    assert result.exit_code == 0
    assert f"policy.yaml:{line}: warning: gateway 'gw' is in reach of no source group" in result.stderr


def test_many_behaviours_are_cut_short_on_a_terminal() -> None:
    section = "gateways: [{name: gw, hosts: [gw.example], for: [backend]}]"
    behaviours, _ = watch(section, [decide(0, client=f"10.20.0.{last}") for last in range(60)])
    shown = text(with_behaviours(summary_of(), behaviours))
    assert "and 10 more behaviours in summary.json" in shown


def test_replay_takes_the_app_alone(tmp_path: Path) -> None:
    knowledge = app.load_knowledge(golden.policy_with_behaviours(RELAY, tmp_path))
    summary = replaying.replay([golden.traffic(RELAY)], knowledge, replaying.Reading()).summary
    assert summary.behaviours
    assert [each.kind for each in summary.behaviours] == ["relay-suspected"]

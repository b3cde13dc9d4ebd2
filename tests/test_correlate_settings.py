"""Every mistake in a fleet's configuration is one line, with what to write instead."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from monitor.cli import group
from monitor.documents import DocumentError
from monitor.files import InputError
from monitor.fleet.settings import load_fleet, secret_of
from tests.metrics_kit import EXAMPLE

GOOD = f"""\
version: 1
fleet: test
kafka: {{options: {{bootstrap.servers: "localhost:1"}}}}
policy: {EXAMPLE}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "correlator.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("more", "line", "says"),
    [
        ("topics: {observations: a, decisions: a}", 5, "both topics are the same"),
        ("groups: {correlate: a, record: a}", 5, "both groups are the same"),
        ("merging: {window: soon}", 5, "'soon' is no duration"),
        ("merging: {coverage: soon}", 5, "'soon' is no duration"),
        ("merging: {coverage: 59s}", 5, "59s is no length for a window of coverage"),
        ("merging: {coverage: 3h}", 5, "at most what is read again (window: 2h)"),
        ("merging: {hold_seconds: 9, patience_seconds: 5}", 5, "patience_seconds (5) is shorter"),
        ("privacy: {pseudonyms: {enabled: true}}", 5, "pseudonyms without a secret"),
        ("metrics: {address: localhost}", 5, "write 127.0.0.1"),
        ("root: ~/fleet", 5, "~ is not expanded"),
        ("root: keys\nledger: {key: keys/ledger.key}", 6, "the key lies beside the ledgers"),
        ("capture: {}", 5, "capture"),
        ("topics: {observations: a b}", 5, "observations"),
        *(
            (
                f"sinks: [{{type: jsonl, name: file, path: {path}}}]",
                5,
                "would be written for every partition at once",
            )
            for path in ("/var/lib/events.jsonl", "../events.jsonl", "a/../../events.jsonl")
        ),
    ],
)
def test_a_mistake_is_one_line(more: str, line: int, says: str, tmp_path: Path) -> None:
    with pytest.raises(DocumentError) as raised:
        load_fleet(written(tmp_path, f"{GOOD}{more}\n"))
    (problem,) = [each for each in raised.value.problems if each.level == "error"]
    assert (problem.line, says in str(problem)) == (line, True), problem


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("acks", "'acks' is set by this program"),
        ("group.id", "'group.id' is set by this program"),
        ("message.timeout.ms", "'message.timeout.ms' is set by this program"),
        ("sasl.password", "put it into a file"),
    ],
)
def test_what_would_lose_something_is_no_option(name: str, says: str, tmp_path: Path) -> None:
    text = GOOD.replace('"localhost:1"', f'"localhost:1", {name}: 1')
    with pytest.raises(DocumentError, match=says):
        load_fleet(written(tmp_path, text))


@pytest.mark.parametrize("path", ["events.jsonl", "a/b.jsonl", "a/../events.jsonl"])
def test_a_file_of_each_partitions_own_is_fine(path: str, tmp_path: Path) -> None:
    sink = f"sinks: [{{type: jsonl, name: file, path: {path}}}]\n"
    assert not load_fleet(written(tmp_path, GOOD + sink)).warnings


@pytest.mark.parametrize("command", ["check", "correlate", "deliver"])
def test_a_file_of_several_partitions_ends_each_command_with_one_line(command: str, tmp_path: Path) -> None:
    path = written(tmp_path, GOOD + "sinks: [{type: jsonl, name: file, path: /var/lib/events.jsonl}]\n")
    ran = CliRunner().invoke(group, [command, "--config", str(path)])
    assert ran.exit_code == 2
    problem = "error: '/var/lib/events.jsonl' would be written for every partition at once"
    mend = "write a path that counts from each partition's folder, such as events.jsonl"
    assert ran.stderr.splitlines() == [f"residency: {path}:5: {problem}; {mend}"]


def test_a_secret_that_can_be_guessed_is_none(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("short\n", encoding="utf-8")
    secret.chmod(0o600)
    more = "privacy: {pseudonyms: {enabled: true, secret: secret}}\n"
    with pytest.raises(InputError, match="openssl rand"):
        secret_of(load_fleet(written(tmp_path, GOOD + more)))
    secret.write_text("s" * 64, encoding="utf-8")
    assert secret_of(load_fleet(written(tmp_path, GOOD + more))) == b"s" * 64
    assert secret_of(load_fleet(written(tmp_path, GOOD))) is None


def test_check_knows_a_fleets_configuration_and_what_a_fleet_does_not_look_for(tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    asked = "behaviours:\n  relay: {crm_ranges: [10.20.0.0/16]}\n"
    policy.write_text(
        EXAMPLE.read_text("utf-8").replace("\nrules:", f"\n{asked}\nrules:", 1), encoding="utf-8"
    )
    path = written(tmp_path, GOOD.replace(str(EXAMPLE), "policy.yaml"))
    ran = CliRunner().invoke(group, ["check", "--config", str(path)])
    assert ran.exit_code == 0
    assert f"configuration {path}: fleet test, topic residency.observations, ok" in ran.stdout
    assert "relay is not looked for in a fleet" in ran.stderr

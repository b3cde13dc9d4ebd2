"""The command line as a user meets it: exit statuses, one line for each mistake, data on stdout."""

import errno
import gzip
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec
import pytest
from click.testing import CliRunner, Result

from monitor.cli import COMMANDS, group
from monitor.exitstatus import Exit
from monitor.summary import Summary
from sensors import native
from sensors.engine import ENGINES

ROOT = Path(__file__).parents[1]
PCAPS = ROOT / "pcaps"
POLICY = str(ROOT / "policies" / "eu-crm.yaml")


def residency(*arguments: str | Path, stdin: str | None = None) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(group, [str(argument) for argument in arguments], input=stdin)


def capture(case: str) -> Path:
    """Return a case's capture."""
    (path,) = (PCAPS / case).glob("traffic.pcap*")
    return path


def commands(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield what there is to type: the group, its commands, and theirs."""
    yield path
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            found = command.get_command(click.Context(command), name)
            assert found is not None
            yield from commands(found, (*path, name))


def test_help_fits_80_columns_and_is_cut_nowhere() -> None:
    for command in commands(group):
        result = residency(*command, "--help")
        assert result.exit_code == 0
        assert max(map(len, result.stdout.splitlines())) <= 80, command
        assert "Usage: " in result.stdout
        _, _, listed = result.stdout.partition("Commands:\n")
        assert "..." not in listed, command


@pytest.mark.parametrize(
    "command",
    [[], *([name] for name in COMMANDS if name != "doctor"), ["catalog", "list"], ["catalog", "show"]],
)
def test_help_shows_examples(command: list[str]) -> None:
    assert "Examples:\n" in residency(*command, "--help").stdout


def test_help_names_every_engine_and_exit_status() -> None:
    for command in ("replay", "observe", "crosscheck"):
        assert all(engine in residency(command, "--help").stdout for engine in ENGINES)
    closing = " ".join(residency("--help").stdout.split())
    assert all(f" {int(status)} " in closing for status in Exit)


def test_version() -> None:
    result = residency("--version")
    assert result.exit_code == 0
    assert result.stdout.startswith("residency ")


STATUSES: list[tuple[str, list[str | Path], int, str]] = [
    ("nothing judged", ["replay", capture("openai-global")], 0, ""),
    ("within policy", ["replay", capture("bedrock-sovereign"), "--policy", POLICY], 0, ""),
    ("violation", ["replay", capture("openai-global"), "--policy", POLICY], 1, ""),
    (
        "truncated",
        ["replay", capture("truncated-file"), "--policy", POLICY],
        4,
        "the file ends inside packet",
    ),
    ("no such file", ["replay", "nowhere.pcap"], 3, "nowhere.pcap: offset 0: there is no such file"),
    ("no capture", ["replay", POLICY], 3, "this is not a pcap or pcapng file"),
    ("a folder without captures", ["replay", ROOT / "policies"], 3, "policies"),
    ("no such policy", ["replay", capture("openai-eu"), "--policy", "no.yaml"], 2, "no.yaml: no such file"),
    ("not a policy", ["replay", capture("openai-eu"), "--policy", ROOT / "Makefile"], 2, "Makefile"),
    (
        "unknown engine",
        ["replay", capture("openai-eu"), "--engine", "warp"],
        2,
        "choose one of: auto, native, dpkt",
    ),
    ("no GeoIP database", ["replay", capture("openai-eu"), "--geoip", POLICY], 2, "eu-crm.yaml"),
    ("check, no GeoIP database", ["check", "--policy", POLICY, "--geoip", POLICY], 2, "no MaxMind DB"),
    (
        "crosscheck, no GeoIP",
        ["crosscheck", capture("openai-eu"), "--engines", "native,dpkt", "--geoip", POLICY],
        2,
        "no MaxMind DB",
    ),
    ("out is a file", ["replay", capture("openai-eu"), "--out", POLICY], 2, "choose another --out"),
    ("an empty path", ["replay", ""], 2, "it is empty; name a path"),
    ("out is empty", ["replay", capture("openai-eu"), "--out", ""], 2, "it is empty; name a path"),
    ("no number", ["replay", capture("openai-eu"), "--threads", "x"], 2, "'x' is not a valid number"),
    ("no thread", ["replay", capture("openai-eu"), "--threads", "0"], 2, "0 is not in the range x>=1"),
    ("wrong flag", ["replay", "--polcy", "x"], 2, "No such option"),
    ("observe", ["observe", capture("openai-eu")], 0, ""),
    ("observe, truncated", ["observe", capture("truncated-file")], 4, "the file ends inside packet"),
    ("observe, no such file", ["observe", "nowhere.pcap"], 3, "there is no such file"),
    ("check", ["check", "--policy", POLICY], 0, ""),
    ("check, built-in", ["check"], 0, ""),
    ("explain", ["explain", "api.openai.com"], 0, ""),
    (
        "explain, violation",
        ["explain", "api.deepseek.com", "--policy", POLICY, "--client", "10.20.1.5"],
        1,
        "",
    ),
    (
        "explain, nothing to judge by",
        ["explain", "api.openai.com", "--client", "10.20.1.5", "--at", "2026-03-10"],
        0,
        "--client and --at say nothing without --policy",
    ),
    (
        "explain, no client",
        ["explain", "api.openai.com", "--policy", POLICY],
        0,
        "without --client the policy cannot know the source group",
    ),
    ("explain, bad client", ["explain", "x", "--client", "me"], 2, "'me' is not an IP address"),
    ("explain, bad time", ["explain", "x", "--at", "noon"], 2, "2026-03-10T09:00:00Z"),
    ("catalog", ["catalog", "list"], 0, ""),
    ("catalog, what conceals", ["catalog", "list", "--concealing"], 0, ""),
    ("catalog, a concealer", ["catalog", "show", "mask.icloud.com"], 0, ""),
    ("catalog, unknown provider", ["catalog", "list", "acme"], 2, "unknown provider 'acme'"),
    ("catalog, unknown host", ["catalog", "show", "www.example.org"], 2, "`residency catalog list`"),
    ("doctor", ["doctor"], 0, ""),
    ("completion", ["completion", "bash"], 0, ""),
]


@pytest.mark.parametrize(
    ("arguments", "status", "message"), [row[1:] for row in STATUSES], ids=[row[0] for row in STATUSES]
)
def test_exit_statuses_and_messages(arguments: list[str | Path], status: int, message: str) -> None:
    result = residency(*arguments)
    assert result.exit_code == status, result.output
    assert message in result.stderr
    assert "Traceback" not in result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert bool(result.stdout) == (status != 2 and arguments != ["observe", "nowhere.pcap"])


def test_what_stood_before_a_fault_is_kept_and_counted() -> None:
    whole = residency("replay", capture("openai-global"), "--json")
    path = capture("truncated-file")
    cut = msgspec.json.decode(residency("replay", path, "--json").stdout, type=Summary)
    assert not cut.complete
    assert [fault.kind for fault in cut.accounting.faults] == ["truncated"]
    assert cut.accounting.read.packets > 0
    assert msgspec.json.decode(whole.stdout, type=Summary).complete


def test_a_file_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "closed.pcap"
    path.touch(mode=0)
    if os.geteuid() == 0:  # nothing is closed to root: give the answer that others get

        def refuse(self: Path, *_: object, **__: object) -> None:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))

        monkeypatch.setattr(Path, "open", refuse)
        monkeypatch.setattr(os, "access", lambda *_, **__: False)
    result = residency("observe", path, "--engine", "dpkt")
    assert result.exit_code == 3
    assert "permission" in result.stderr.lower()
    assert len(result.stderr.splitlines()) == 1


def test_without_the_native_engine_it_is_said_what_reads_and_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "MISSING", "it was not built; install Rust")
    result = residency("observe", capture("openai-eu"))
    assert (result.exit_code, len(result.stderr.splitlines())) == (0, 1)
    assert "with engine dpkt, many times slower than native; native: it was not built; in" in result.stderr
    result = residency("observe", capture("openai-eu"), "--engine", "native")
    assert result.exit_code == 2
    assert result.stderr == "residency: engine 'native' is not here: it was not built; install Rust\n"


def test_replay_leaves_its_files(tmp_path: Path) -> None:
    import pandas as pd  # noqa: PLC0415  slow

    result = residency("replay", capture("demo"), "--policy", POLICY, "--out", tmp_path)
    assert result.exit_code == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "connections.parquet",
        "decisions.jsonl",
        "findings.jsonl",
        "report.html",
        "summary.json",
    ]
    lines = (tmp_path / "decisions.jsonl").read_text().splitlines()
    table = pd.read_parquet(tmp_path / "connections.parquet")
    summary = msgspec.json.decode((tmp_path / "summary.json").read_bytes(), type=Summary)
    assert len(lines) == len(table) == summary.llm_related.flows > 20
    outcomes = [json.loads(line)["outcome"] for line in lines]
    assert list(table["outcome"]) == outcomes
    assert summary.outcomes is not None
    assert {name: count.flows for name, count in summary.outcomes.items() if count.flows} == {
        name: outcomes.count(name) for name in set(outcomes)
    }
    times = [json.loads(line)["ts_ns"] for line in lines]
    assert times == sorted(times)
    assert str(table["first_packet"].dtype) == "datetime64[ns, UTC]"


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    for run in ("a", "b"):
        residency("replay", PCAPS / "demo", "--policy", POLICY, "--out", tmp_path / run)
    for name in ("decisions.jsonl", "findings.jsonl", "summary.json", "connections.parquet"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_ordinary_names_never_leave_the_process(tmp_path: Path) -> None:
    result = residency("replay", capture("demo"), "--policy", POLICY, "--out", tmp_path)
    ordinary = "login.microsoftonline.com"
    seen = residency("observe", capture("demo")).stdout
    assert ordinary in seen
    assert ordinary not in result.stdout
    for name in ("decisions.jsonl", "findings.jsonl", "summary.json", "connections.parquet"):
        assert ordinary.encode() not in (tmp_path / name).read_bytes()


def test_a_folder_is_read_as_one_stream(tmp_path: Path) -> None:
    for case in ("openai-global", "bedrock-sovereign"):
        packed = gzip.compress(capture(case).read_bytes())
        (tmp_path / f"{case}.pcap.gz").write_bytes(packed)
    summary = msgspec.json.decode(residency("replay", tmp_path, "--json").stdout, type=Summary)
    assert [row.key.provider for row in summary.destinations] == ["aws", "openai"]


def test_observe_prints_one_observation_a_line_type_first() -> None:
    lines = residency("observe", capture("openai-global")).stdout.splitlines()
    assert all(line.startswith('{"type":"') for line in lines)
    assert {json.loads(line)["type"] for line in lines} == {"name_resolved", "hello_seen", "flow_update"}


def test_explain_takes_names_addresses_and_urls() -> None:
    inputs = [
        "api.openai.com",
        "",
        "https://api.openai.com/v1",
        " API.OPENAI.COM.:443 ",
        "no name",
        "160.79.104.10",
    ]
    result = residency("explain", "--json", "-", stdin="\n".join(inputs))
    answers = [json.loads(line) for line in result.stdout.splitlines()]
    assert [answer["provider"] for answer in answers] == ["openai", "openai", "openai", None, "anthropic"]
    assert list(answers[0]) == [
        "input", "provider", "possible", "service", "scope", "region", "countries", "certainty", "evidence",
        "conflicts",
    ]  # fmt: skip


def test_check_names_the_line_of_a_mistake(tmp_path: Path) -> None:
    text = Path(POLICY).read_text().replace("\nowner:", "\nownr:")
    policy = tmp_path / "policy.yaml"
    policy.write_text(text)
    result = residency("check", "--policy", policy)
    assert result.exit_code == 2
    line = next(number for number, row in enumerate(text.splitlines(), 1) if row.startswith("ownr:"))
    wanted = f"residency: {policy}:{line}: error: unknown key 'ownr'; did you mean 'owner'?"
    assert result.stderr.startswith(wanted)

    assert len(result.stderr.splitlines()) == 1


def test_check_runs_the_policys_own_tests(tmp_path: Path) -> None:
    text = Path(POLICY).read_text()
    policy = tmp_path / "policy.yaml"
    policy.write_text(text.replace("outcome: allow", "outcome: excepted"))
    result = residency("check", "--policy", policy)
    assert result.exit_code == 2
    assert "wanted excepted" in result.output


def test_what_people_ask_first_loads_little() -> None:
    heavy = (
        "cryptography",
        "monitor.findings",
        "monitor.pipeline",
        "pandas",
        "pyarrow",
        "sqlite3",
        "structlog",
    )
    check = f"import sys, monitor.commands.explain; print(*(set({heavy!r}) & set(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout == "\n"

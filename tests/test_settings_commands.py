"""`residency check --config` and `residency run`: exit statuses, and what is printed where."""

import re
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner, Result

from monitor.builtin import DATA
from monitor.cli import group

POLICY = Path(__file__).parents[1] / "policies" / "eu-crm.yaml"
DEFAULT = (DATA / "residency.yaml").read_text(encoding="utf-8")
HEAD = "version: 1\ncapture: {interfaces: [lo]}\n"
HERE = "ledger: {folder: ledger, key: ledger.key}\nstate: state\n"  # a folder whose parent is there


def residency(*arguments: str | Path) -> Result:
    return CliRunner().invoke(group, [str(argument) for argument in arguments])


def written(folder: Path, text: str) -> Path:
    path = folder / "residency.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_check_of_a_configuration_checks_what_it_names(tmp_path: Path) -> None:
    path = written(tmp_path, f"version: 1\ncapture: {{interfaces: [nowhere0]}}\npolicy: {POLICY}\n" + HERE)
    done = residency("check", "--config", path)
    assert done.exit_code == 0
    first, _, last = done.stdout.splitlines()
    assert first == f"configuration {path}: interface nowhere0, ok"
    assert re.fullmatch(r"policy eu-crm@\w+: 7 rules, (\d+) of \1 tests passed, 0 warnings, ok", last)
    assert f"{path}:2: warning: no interface 'nowhere0' on this host; " in done.stderr


def test_check_of_a_configuration_with_another_policy(tmp_path: Path) -> None:
    path = written(tmp_path, HEAD + HERE)
    assert "policy" not in residency("check", "--config", path).stdout
    done = residency("check", "--config", path, "--policy", POLICY)
    assert done.exit_code == 0
    assert "policy eu-crm@" in done.stdout


def test_a_tenant_of_a_sink_that_the_policy_does_not_know_is_a_warning(tmp_path: Path) -> None:
    sinks = "sinks: [{type: jsonl, name: file, path: /var/x.jsonl, tenants: [acme, acmee]}]\n"
    path = written(tmp_path, HEAD + HERE + f"policy: {POLICY}\n" + sinks)
    done = residency("check", "--config", path)
    assert done.exit_code == 0
    warned = [line for line in done.stderr.splitlines() if "no tenant" in line]
    assert warned == [
        "residency: sink 'file': warning: the policy has no tenant 'acmee'; see `tenants:` in both"
    ]


def test_check_of_a_folder_of_captures(tmp_path: Path) -> None:
    path = written(
        tmp_path, "version: 1\ncapture: {watch: .}\nledger: {folder: ../l, key: ../k}\nstate: ../s\n"
    )
    assert f"configuration {path}: folder {tmp_path}, ok\n" in residency("check", "--config", path).stdout


@pytest.mark.parametrize(
    ("named", "content", "says"),
    [
        ("policy: own.yaml", "version: 1\nidd: x\n", "own.yaml:2: error: unknown key 'idd'; did you mean"),
        ("catalogs: [own.yaml]", "endpoint: []\n", "own.yaml:1: error: unknown key 'endpoint'; did you mean"),
        ("geoip: [own.yaml]", "x", "own.yaml: no MaxMind DB; give a database in MaxMind DB format (.mmdb)"),
        ("data: folder", "", "folder: no data sets in it; fill it: residency data update"),
    ],
)
def test_a_mistake_in_what_a_configuration_names(named: str, content: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(content, encoding="utf-8")
    (tmp_path / "folder").mkdir()
    done = residency("check", "--config", written(tmp_path, HEAD + HERE + named))
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1].startswith(f"residency: {tmp_path}/{says}")


def test_a_policy_whose_tests_fail(tmp_path: Path) -> None:
    text = POLICY.read_text(encoding="utf-8").replace("outcome: violation", "outcome: unassigned", 1)
    assert text != POLICY.read_text(encoding="utf-8")
    (tmp_path / "p.yaml").write_text(text, encoding="utf-8")
    done = residency("check", "--config", written(tmp_path, HEAD + HERE + "policy: p.yaml"))
    assert done.exit_code == 2


@pytest.mark.parametrize("command", ["check", "run"])
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, ": no such file or directory; check the path"),
        (b"", ":1: error: the document is empty; it needs version, capture"),
        (b"version: 1\nsensor: \xff", ": offset 19: not UTF-8; save it as UTF-8 text"),
        (b"version: 1\ncapture: {interface: [lo]}", ":2: error: unknown key 'interface'; did you mean"),
        (b"\x89PNG\r\n\x1a\n\x00", ": offset 0: not UTF-8; save it as UTF-8 text"),
        (b"PK\x03\x04\x00\x00", ":1: error: not YAML: "),
    ],
)
def test_a_configuration_that_cannot_be_used(
    command: str, content: bytes | None, says: str, tmp_path: Path
) -> None:
    path = tmp_path / "residency.yaml"
    if content is not None:
        path.write_bytes(content)
    done = residency(command, "--config", path)
    assert (done.exit_code, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"residency: {path}{says}")


@pytest.mark.parametrize("command", ["check", "run"])
def test_a_folder_is_no_configuration(command: str, tmp_path: Path) -> None:
    done = residency(command, "--config", tmp_path)
    assert done.exit_code == 2
    assert done.stderr == f"residency: {tmp_path}: is a directory; name a file in it\n"


def test_run_refuses_what_the_host_lacks(tmp_path: Path) -> None:
    path = written(tmp_path, f"version: 1\ncapture: {{interfaces: [nowhere0]}}\npolicy: {POLICY}\n" + HERE)
    done = residency("run", "--config", path)
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"residency: {path}:2: error: no interface 'nowhere0' on this host; " in done.stderr


def test_the_default_is_printed_and_can_be_checked(tmp_path: Path) -> None:
    done = residency("run", "--print-default")
    assert (done.exit_code, done.stdout, done.stderr) == (0, DEFAULT, "")
    checked = residency("check", "--config", written(tmp_path, done.stdout))
    assert checked.exit_code == 0
    assert "interface eth0, ok" in checked.stdout


@pytest.mark.parametrize("arguments", [[], ["--print-default", "--config", "x.yaml"]])
def test_run_asks_for_one_of_both(arguments: list[str]) -> None:
    done = residency("run", *arguments)
    assert done.exit_code == 2
    assert done.stderr.endswith("Error: give --config FILE, or --print-default to write one\n")


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        (([], "ru"), {"run"}),
        ((["run"], "--"), {"--config", "--engine", "--print-default", "--help"}),
        ((["check"], "--con"), {"--config"}),
    ],
)
def test_completion(typed: tuple[list[str], str], offered: set[str]) -> None:
    completion = ShellComplete(group, {}, "residency", "_RESIDENCY_COMPLETE")
    assert {item.value for item in completion.get_completions(*typed)} == offered

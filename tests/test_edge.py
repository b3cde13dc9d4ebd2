"""Trouble where data enters and leaves: one line and a status of its own; never a traceback, never 1."""

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from monitor import app, cli, replaying
from monitor.__main__ import main
from monitor.replacing import Replacing
from tests.test_cli import POLICY, capture, residency
from tests.tshark_help import needs_tshark

ROOT = Path(__file__).parents[1]
ODD = os.fsdecode(b"\xff")  # a byte of a file's name that is no UTF-8
NO_SPACE = "No space left on device"


def run(*arguments: str | Path, stdin: bytes = b"", stdout: int = subprocess.PIPE) -> tuple[int, bytes, str]:
    """Run a command as users do; return its status, data and messages."""
    done = subprocess.run(
        [sys.executable, "-c", "from monitor.__main__ import main; main()", *map(str, arguments)],
        input=stdin,
        stdout=stdout,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        check=False,
        timeout=20,
    )
    return done.returncode, done.stdout, done.stderr.decode()


def run_in_shell(arguments: list[str], streams: str) -> tuple[int, bytes, str]:
    """Run a command with its streams as a shell makes them; a pipe is closed before anything comes."""
    command = [sys.executable, "-c", "from monitor.__main__ import main; main()", *arguments]
    wait = "sleep 0.1;" if "|" in streams else ""
    program = f"set -o pipefail; {{ {wait} {shlex.join(command)}; }} {streams}"
    done = subprocess.run(
        ["/bin/bash", "-c", program], capture_output=True, cwd=ROOT, check=False, timeout=20
    )
    return done.returncode, done.stdout, done.stderr.decode()


@pytest.mark.parametrize(
    "arguments",
    [
        ("replay", "CAPTURE", "--json"),
        ("replay", "CAPTURE"),
        ("replay", "CAPTURE", "--out", "OUT"),
        ("observe", "CAPTURE"),
    ],
    ids=["json", "text", "out", "observe"],
)
def test_a_path_may_be_made_of_any_bytes(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    path = tmp_path / f"{ODD}.pcap"
    path.write_bytes(capture("openai-global").read_bytes())
    places: dict[str, str | Path] = {"CAPTURE": path, "OUT": tmp_path / ODD}
    status, data, messages = run(*(places.get(word, word) for word in arguments))
    assert (status, messages) == (0, "")
    assert data.decode()


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_an_input_to_explain_may_be_made_of_any_bytes(options: tuple[str, ...]) -> None:
    status, data, messages = run("explain", ODD, "--cname", ODD, *options)
    assert (status, messages) == (0, "")
    assert "\N{REPLACEMENT CHARACTER}" in data.decode()


def test_a_catalogue_whose_name_is_no_text_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / f"{ODD}.yaml"
    path.write_text(
        "providers: [{id: corp, name: Corp, operator_country: DE}]\n"
        "endpoints: [{provider: corp, service: S, host: llm.corp.example, scope: region, countries: [DE],"
        " source: us, date: 2026-01-01, verified: full}]\n"
    )
    status, _, messages = run("explain", "--json", "llm.corp.example", "--catalog", path)
    assert status in (0, 2)
    assert len(messages.splitlines()) <= 1
    assert "Traceback" not in messages


@pytest.mark.parametrize("name", ["decisions.jsonl", "summary.json", "connections.parquet"])
def test_a_folder_in_the_place_of_a_file_is_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    status, data, messages = run("replay", capture("openai-global"), "--out", tmp_path)
    assert (status, data) == (2, b"")
    assert messages.splitlines() == [f"residency: {tmp_path / name}: it is a folder; choose another --out"]
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("command", [("replay", "--json"), ("replay",), ("observe",), ("catalog", "list")])
def test_a_full_disk_behind_stdout_is_one_line(command: tuple[str, ...]) -> None:
    inputs = () if command[0] == "catalog" else (capture("demo"),)
    with Path("/dev/full").open("wb") as full:
        status, _, messages = run(*command, *inputs, stdout=full.fileno())
    assert status == 2
    assert len(messages.splitlines()) == 1
    assert NO_SPACE in messages


def test_a_full_disk_under_out_is_one_line_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, NO_SPACE)

    monkeypatch.setattr(replaying, "write_summary", refuse)
    result = residency("replay", capture("openai-global"), "--out", tmp_path)
    assert result.exit_code == 2
    assert result.stderr == f"residency: {tmp_path}: {NO_SPACE}; make room, or choose another --out\n"


class _FullFile:
    def close(self) -> None:
        raise OSError(28, NO_SPACE)


def test_no_partial_file_is_left_where_the_last_bytes_do_not_fit(tmp_path: Path) -> None:
    replacing = Replacing(tmp_path / "decisions.jsonl")
    replacing.__enter__().close()
    replacing._file = _FullFile()  # type: ignore[assignment]  # noqa: SLF001  a disk that is full
    with pytest.raises(OSError, match=NO_SPACE):
        replacing.__exit__(None)
    assert list(tmp_path.iterdir()) == []


def test_no_partial_file_is_left_by_an_interrupt(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), Replacing(tmp_path / "decisions.jsonl"):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_ends_with_130_and_one_line() -> None:
    command = [sys.executable, "-c", "from monitor.__main__ import main; main()", "explain", "--json", "-"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(b"api.openai.com\n")  # and waits for more
        process.stdin.flush()
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        assert process.stderr.read() == b"residency: interrupted\n"
        assert process.wait(20) == 130


def test_ctrl_c_while_the_command_line_is_loaded_is_one_line_too(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "main", interrupt)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 130
    assert capfd.readouterr().err == "residency: interrupted\n"


@pytest.mark.parametrize(
    "arguments", [["observe", str(capture("demo"))], ["explain", "--json", "-"]], ids=["observe", "explain"]
)
def test_a_reader_that_goes_away_is_no_error(arguments: list[str]) -> None:
    command = [sys.executable, "-c", "from monitor.__main__ import main; main()", *arguments]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(b"api.openai.com\n" * 1_000)
        process.stdin.flush()
        process.stdout.readline()
        process.stdout.close()
        process.stdin.close()
        assert process.stderr.read() == b""
        assert process.wait(20) == 0


@pytest.mark.parametrize("closed", [">&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["--version"], 0),
        (["replay", "nowhere.pcap"], 3),
        (["replay", str(capture("openai-global")), "--policy", POLICY], 1),
        (["observe", str(capture("openai-global"))], 0),
        (["explain", "-"], 0),
        (["explain"], 2),
    ],
    ids=["version", "no such file", "replay", "observe", "explain", "usage"],
)
def test_a_stream_that_was_closed_changes_no_status(arguments: list[str], wanted: int, closed: str) -> None:
    status, _, messages = run_in_shell(arguments, closed)
    assert status == wanted
    assert "Traceback" not in messages


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["replay", "nowhere.pcap"], 3),
        (["replay", str(capture("truncated-file"))], 4),
        (["check", "--policy", "nowhere.yaml"], 2),
        (["explain"], 2),
        (["nonsense"], 2),
    ],
    ids=["no such file", "truncated", "check", "usage", "no such command"],
)
@pytest.mark.parametrize("place", ["2>/dev/full", "2>&1 >/dev/null | true"])
def test_messages_that_cannot_be_written_change_no_status(
    arguments: list[str], wanted: int, place: str
) -> None:
    assert run_in_shell(arguments, place)[0] == wanted


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["replay", str(capture("openai-global")), "--policy", POLICY], 1),
        (["replay", str(capture("openai-global")), "--policy", POLICY, "--json"], 1),
        (["replay", str(capture("truncated-file"))], 4),
        (["explain", "api.deepseek.com", "--policy", POLICY, "--client", "10.20.1.5"], 1),
        pytest.param(["crosscheck", "nowhere.pcap", "--engines", "dpkt,tshark"], 3, marks=needs_tshark),
        (["check", "--policy", "BAD"], 2),
    ],
    ids=["replay", "json", "truncated", "explain", "crosscheck", "check"],
)
def test_a_reader_that_goes_away_hides_nothing(tmp_path: Path, arguments: list[str], wanted: int) -> None:
    bad = tmp_path / "policy.yaml"
    bad.write_text(Path(POLICY).read_text().replace("outcome: allow", "outcome: excepted"))
    words = [str(bad) if word == "BAD" else word for word in arguments]
    assert run_in_shell(words, "| true")[0] == wanted


def test_the_paths_of_the_summary_are_text(tmp_path: Path) -> None:
    path = tmp_path / f"{ODD}.pcap"
    path.write_bytes(capture("openai-global").read_bytes())
    summary = replaying.replay([path], app.load_knowledge(), replaying.Reading("dpkt")).summary
    assert msgspec.json.decode(msgspec.json.encode(summary.inputs), type=list[str])[0].isprintable()

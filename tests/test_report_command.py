"""`residency report` as a user meets it: what is written, printed and refused."""

import functools
import hashlib
import io
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner, Result

from monitor.cli import group
from monitor.commands import report
from monitor.commands.report import FORMS
from monitor.commands.when import SINCE, UNTIL, When
from monitor.exitstatus import Exit
from monitor.report.files.browser import find_browser
from monitor.report.question import Question
from monitor.report.types import Facts
from tests.ledger_kit import ledger_of
from tests.report_kit import CAPTURE, POLICY

DAY_NS = 86_400_000_000_000
MARCH_10_NS = 1_773_100_800_000_000_000


def residency(*arguments: str | Path) -> Result:
    """Run a command in this process."""
    result = CliRunner(env={"COLUMNS": "80"}).invoke(group, [str(each) for each in arguments])
    assert "Traceback" not in result.output
    return result


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a replay of the demo leaves, with its report."""
    out = tmp_path_factory.mktemp("report") / "audit"
    assert residency("replay", CAPTURE, "--policy", POLICY, "--out", out).exit_code == 1
    return out


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger of the demo: the root of those of all tenants."""
    return ledger_of(CAPTURE, POLICY, tmp_path_factory.mktemp("report"))


def facts_of(*arguments: str | Path) -> dict[str, Any]:
    """Return the facts that the command prints."""
    result = residency("report", *arguments, "--json")
    assert result.exit_code in (1, 4), result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def contents(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_replay_leaves_the_report_that_the_command_makes(replayed: Path, tmp_path: Path) -> None:
    left = (replayed / "report.html").read_bytes()
    assert left.lower().startswith(b"<!doctype html>")
    assert residency("report", replayed, "--policy", POLICY, "--out", tmp_path).exit_code == 1
    assert (tmp_path / "report.html").read_bytes() == left
    assert not [path for path in replayed.iterdir() if path.name.startswith(".")]


def test_what_is_printed(replayed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = residency("report", replayed)
    said = result.stdout.splitlines()
    assert said[0].startswith("  coverage    91.8 % of 49 connections could be named")
    assert said[1].startswith("  to LLMs     32 connections: 8 outside policy, ")
    assert "  written     residency-report/report.html" in said
    assert max(map(len, said)) <= 80
    assert result.stderr == ""
    sha256 = hashlib.sha256(residency("report", replayed, "--json").stdout_bytes).hexdigest()
    assert "".join(said[-2:]).replace(" ", "").endswith(f"SHA-256{sha256}")
    assert list(contents(tmp_path)) == ["residency-report/report.html"]


@pytest.mark.parametrize("forms", [("csv", "xlsx", "parquet", "json", "html"), ("json", "json")])
def test_every_form_is_written_and_the_same_each_time(
    forms: tuple[str, ...], replayed: Path, ledger: Path, tmp_path: Path
) -> None:
    asked = [word for form in forms for word in ("--format", form)]
    for name, source, code in (("replay", replayed, 1), ("ledger", ledger, 4)):  # it states no coverage
        found = [tmp_path / name / run for run in ("one", "two")]
        for out in found:
            assert residency("report", source, "--out", out, *asked).exit_code == code
        first, second = map(contents, found)
        assert first == second
        assert len(first) == (1 if forms == ("json", "json") else 13 + 13 + 3)
        assert msgspec.json.decode(first["report.json"], type=Facts).related.flows == 32


@pytest.mark.skipif(find_browser() is None, reason="no Chromium is here: install chromium (Debian)")
def test_paper(replayed: Path, tmp_path: Path) -> None:
    result = residency("report", replayed, "--out", tmp_path, "--format", "pdf")
    assert result.exit_code == 1, result.output
    assert list(contents(tmp_path)) == ["report.pdf"]


def test_json_alone_writes_nothing(replayed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert facts_of(replayed)["schema"] == "residency-report/1"
    assert contents(tmp_path) == {}
    facts_of(replayed, "--out", "there")
    assert list(contents(tmp_path)) == ["there/report.html"]


def test_tenant_period_people_and_title(ledger: Path) -> None:
    every = facts_of(ledger)
    mine = facts_of(ledger, "--tenant", "acme")
    assert (every["tenant"], mine["tenant"]) == (None, "acme")
    assert mine["related"]["flows"] < every["related"]["flows"] == 32
    day = facts_of(ledger, "--since", "2026-03-10", "--until", "2026-03-10")
    assert day["period"] == {"since_ns": MARCH_10_NS, "until_ns": MARCH_10_NS + DAY_NS}
    assert day["related"]["flows"] == 32
    half = facts_of(ledger, "--until", "2026-03-10T09:00:30+00:00")
    assert 0 < half["related"]["flows"] < 32
    assert facts_of(ledger, "--until", "2026-03-10T10:00:30+01:00")["period"] == half["period"]
    named = facts_of(ledger, "--title", "March <b>", "--min-clients", "3", "--clients")
    assert named["title"] == "March <b>"
    assert named["people"] == {"least_clients": 3, "addresses": True}
    assert "10.20.1.15" in json.dumps(named)
    assert "10.20.1.15" not in json.dumps(every)


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        (SINCE, "2026-03-10", MARCH_10_NS),
        (UNTIL, "2026-03-10", MARCH_10_NS + DAY_NS),
        (UNTIL, "2026-03-10T00:00:00Z", MARCH_10_NS),
        (UNTIL, "2026-03-10T01:00:00+01:00", MARCH_10_NS),
        (SINCE, "2026-03-10 00:00:00.000001", MARCH_10_NS + 1_000),
        (SINCE, "1969-12-31T23:59:59Z", -1_000_000_000),
        (UNTIL, "9999-12-31", None),
        (SINCE, "noon", None),
        (SINCE, "", None),
        (UNTIL, "2026-02-30", None),
    ],
)
def test_when(kind: When, text: str, expected: int | None) -> None:
    if expected is not None:
        assert kind.convert(text, None, None) == expected
        return
    with pytest.raises(click.BadParameter, match="is no time; write 2026-03-10"):
        kind.convert(text, None, None)


MISTAKES: list[tuple[str, list[str | Path], int, str]] = [
    ("nothing named", [], 2, "Missing argument 'PATH...'"),
    ("no such path", ["nowhere"], 3, "nowhere: "),
    ("a file of something else", [POLICY], 3, "eu-crm.yaml"),
    ("no such policy", ["REPLAYED", "--policy", "none.yaml"], 2, "none.yaml: no such file"),
    ("no policy", ["REPLAYED", "--policy", CAPTURE], 2, "traffic.pcap"),
    ("an empty period", ["REPLAYED", "--since", "2026-03-11", "--until", "2026-03-10"], 2, "is not before"),
    ("no time", ["REPLAYED", "--since", "yesterday"], 2, "write 2026-03-10"),
    ("an unknown form", ["REPLAYED", "--format", "docx"], 2, "'docx' is not one of 'html', 'csv'"),
    ("nobody", ["REPLAYED", "--min-clients", "0"], 2, "0 is not in the range"),
    ("out is a file", ["REPLAYED", "--out", POLICY], 2, "choose another --out"),
    ("into the ledgers", ["LEDGER", "--out", "LEDGER"], 2, "what is read is not altered"),
    ("into a ledger", ["LEDGER", "--out", "LEDGER/acme/report"], 2, "what is read is not altered"),
    ("into one of two", ["REPLAYED", "LEDGER/acme", "--out", "LEDGER/acme"], 2, "what is read"),
    ("no such tenant", ["LEDGER", "--tenant", "nobody"], 2, "there are acme"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "code", "message"), [row[1:] for row in MISTAKES], ids=[row[0] for row in MISTAKES]
)
def test_mistakes(  # noqa: PLR0917
    arguments: list[str | Path],
    code: int,
    message: str,
    replayed: Path,
    ledger: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    before = contents(ledger), contents(replayed)
    places = ("REPLAYED", str(replayed)), ("LEDGER", str(ledger))
    named = [
        functools.reduce(lambda text, place: text.replace(*place), places, str(each)) for each in arguments
    ]
    result = residency("report", *named)
    assert result.exit_code == code, result.output
    assert message in result.stderr
    assert result.stdout == ""
    assert (contents(ledger), contents(replayed)) == before
    assert contents(tmp_path) == {}


def test_what_was_not_looked_at_outweighs_what_was_found(replayed: Path, tmp_path: Path) -> None:
    torn = tmp_path / "torn"
    shutil.copytree(replayed, torn)
    with (torn / "decisions.jsonl").open("ab") as file:
        file.write(b'{"ts_ns": 1\n')
    result = residency("report", torn, "--out", tmp_path / "out")
    assert result.exit_code == Exit.INCOMPLETE
    assert (tmp_path / "out/report.html").is_file()


class Terminal(io.StringIO):
    """A stream that says it is one."""

    def isatty(self) -> bool:
        """Say so."""
        return True


@pytest.mark.parametrize(("length", "shown"), [(1, True), (1 << 40, False)])
def test_a_terminal_sees_how_far_it_is(
    length: int, ledger: Path, replayed: Path, monkeypatch: pytest.MonkeyPatch, *, shown: bool
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(report, "LONG_LENGTH", length)
    report._gathered(Question((replayed, ledger)))  # noqa: SLF001
    assert ("reading" in terminal.getvalue()) == shown
    assert ("100%" in terminal.getvalue()) == shown


def test_completion_offers_command_forms_and_options() -> None:
    completion = ShellComplete(group, {}, "residency", "_RESIDENCY_COMPLETE")
    assert "report" in {each.value for each in completion.get_completions([], "re")}
    assert {each.value for each in completion.get_completions(["report", "--format"], "")} == set(FORMS)
    assert "--min-clients" in {each.value for each in completion.get_completions(["report"], "--")}

"""What `residency report` needs, writes and says of facts; and what it does where something is missing."""

import builtins
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from monitor.cli import group
from monitor.commands.report_text import lines, status
from monitor.counts import FlowCount
from monitor.exitstatus import Exit
from monitor.files import InputError
from monitor.report.files.writing import require, write_report
from monitor.report.statements import observers
from monitor.report.types import Facts
from monitor.tally import OUTCOMES
from monitor.types import Outcome
from tests.report_kit import CAPTURE, demo_facts


def residency(*arguments: str | Path) -> Result:
    """Run a command in this process."""
    return CliRunner(env={"COLUMNS": "80"}).invoke(group, [str(each) for each in arguments])


def contents(folder: Path) -> list[str]:
    """Return what is in a folder."""
    return sorted(path.name for path in folder.iterdir())


def judged(**flows: int) -> dict[Outcome, FlowCount]:
    return {name: FlowCount(flows.get(name, 0)) for name in OUTCOMES}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda facts: facts, Exit.VIOLATIONS),
        (lambda facts: replace(facts, outcomes=judged(allow=3)), Exit.VIOLATIONS),  # its findings tell
        (lambda facts: replace(facts, outcomes=judged(allow=3), findings=()), Exit.DONE),
        (lambda facts: replace(facts, outcomes=judged(violation=1), findings=()), Exit.VIOLATIONS),
        (lambda facts: replace(facts, outcomes=None, findings=()), Exit.DONE),
        (lambda facts: replace(facts, seen=replace(facts.seen, complete=False)), Exit.INCOMPLETE),
        (
            lambda facts: replace(facts, inputs=(replace(facts.inputs[0], problems={"altered": 1}),)),
            Exit.INCOMPLETE,
        ),
    ],
)
def test_exit_status(change: Callable[[Facts], Facts], expected: Exit) -> None:
    assert status(change(demo_facts())) == expected


def test_what_was_not_seen_is_said_with_coverage() -> None:
    facts = replace(demo_facts(), outcomes=judged(allow=32), findings=())
    said = " ".join(" ".join(lines(facts, (), 80)).split())
    assert f"no out-of-policy flow was observed by {observers(facts)} ({facts.seen.says})" in said
    assert f"findings none ({facts.seen.says})" in said
    inventory = " ".join(lines(replace(facts, outcomes=None), (), 80))
    assert "an inventory: no policy judged" in inventory
    unseen = replace(facts.seen, connections=FlowCount())
    said = " ".join(" ".join(lines(replace(facts, seen=unseen), (), 80)).split())
    assert said.startswith(f"coverage {facts.seen.says} to LLMs")


@pytest.mark.parametrize("form", ["html", "pdf", "xlsx", "parquet"])
def test_a_missing_extra_is_one_line(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    result = residency("report", "nowhere", "--format", form, "--out", tmp_path / "out")
    assert result.exit_code == Exit.USAGE
    (line,) = result.stderr.splitlines()
    needed = "needs the audit extra; install it: pip install 'residency-monitor[audit]'"
    assert line == f"residency: --format {form} {needed}"
    assert contents(tmp_path) == []


def test_a_replay_says_so_before_it_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "jinja2" else found(name))
    result = residency("replay", CAPTURE, "--out", tmp_path / "out")
    assert result.exit_code == Exit.USAGE
    assert "--out writes report.html, which needs the audit extra; install it" in result.stderr
    assert contents(tmp_path) == []


def test_tables_and_facts_need_no_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    imported = builtins.__import__

    def bare(name: str, *rest: Any, **others: Any) -> Any:
        if name.partition(".")[0] in {"pandas", "pyarrow", "jinja2", "xlsxwriter"}:
            raise ImportError(name)
        return imported(name, *rest, **others)

    monkeypatch.setattr(builtins, "__import__", bare)
    require(("csv", "json"))
    written = write_report(demo_facts(), tmp_path, ("csv", "json"))
    assert [path.name for path in written] == ["csv", "report.json"]


def test_a_full_disk_is_one_line_and_leaves_nothing_half(tmp_path: Path) -> None:
    (tmp_path / "report.json").mkdir()
    with pytest.raises(InputError, match="make room, or choose another --out"):
        write_report(demo_facts(), tmp_path, ("json",))
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_a_folder_where_the_report_should_be(tmp_path: Path) -> None:
    (tmp_path / "report.html").mkdir()
    result = residency("replay", CAPTURE, "--out", tmp_path)
    assert result.exit_code == Exit.USAGE
    assert "report.html: it is a folder; choose another --out" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]

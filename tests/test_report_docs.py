"""The page on reports: its example prints what it shows, and every option, table and bound is named."""

import re
import shlex
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from monitor.cli import group
from monitor.commands.report import DEFAULT_OUT, FORMS, command
from monitor.report.files.browser import BROWSERS, PRINT_SECONDS
from monitor.report.files.cells import MAX_CELL
from monitor.report.files.tables import tables
from monitor.report.files.writing import CSV_FOLDER, HTML, JSON, PARQUET_FOLDER, PDF, XLSX
from monitor.report.files.xlsx import MAX_ROWS
from monitor.report.types import People
from tests.report_kit import demo_facts

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs/80-report.md").read_text(encoding="utf-8")
(BLOCK,) = re.findall(r"```console\n(.*?)```", TEXT, re.DOTALL)
STEPS = re.findall(r"\$ residency (.*?)\n(.*?)(?=\$ |\Z)", BLOCK, re.DOTALL)


def test_the_example_prints_what_the_page_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("pcaps", "policies"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    assert len(STEPS) == 2
    for line, shown in STEPS:
        printed = CliRunner(env={"COLUMNS": "80"}).invoke(group, shlex.split(line)).stdout
        pattern = "".join(
            "(?:.*\n)*?" if each == "...\n" else re.escape(each).replace(r"\.\.\.", r"\S+")
            for each in shown.splitlines(keepends=True)
        )
        assert re.fullmatch(pattern, printed), printed


def test_every_option_form_and_table_is_named() -> None:
    code = " ".join(re.findall(r"`([^`\n]+)`", TEXT))
    words = set(re.findall(r"[\w-]+", code))
    options = [each for each in command.params if isinstance(each, click.Option)]
    assert {name for each in options for name in each.opts} <= words
    assert set(FORMS) <= words
    assert {table.name for table in tables(demo_facts())} <= words
    for name in (HTML, JSON, XLSX, PDF, f"{CSV_FOLDER}/NAME.csv", f"{PARQUET_FOLDER}/NAME.parquet"):
        assert f"`{name}`" in TEXT
    assert f"`{DEFAULT_OUT}/`" in TEXT
    assert set(BROWSERS[:3]) <= words


def test_bounds_are_as_said() -> None:
    assert f"for at most {PRINT_SECONDS} seconds" in TEXT
    assert f"A sheet holds\n{MAX_ROWS:,} rows, a cell {MAX_CELL:,} characters" in TEXT
    assert f"number of\nclients below {People().least_clients} " in TEXT

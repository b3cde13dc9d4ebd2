"""The page on the archive: its examples print what it shows, and every option, column and bound is named."""

import re
import shlex
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from monitor.archive.columns import origin_of
from monitor.archive.compacting import MANY, MAX_ROWS
from monitor.archive.parts import ROW_GROUP
from monitor.cli import group
from monitor.commands.archive import command as archive
from monitor.commands.query import LIMIT
from monitor.commands.query import command as query
from monitor.rejudge.reading import ALTERED, MALFORMED, MISSING, TOO_LONG
from tests.rejudge_kit import run

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs/82-archive.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```console\n\$ residency (.*?)\n(.*?)```", TEXT, re.DOTALL)
WORDS = set(re.findall(r"[\w-]+", " ".join(re.findall(r"`([^`\n]+)`", TEXT))))


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the page supposes it, with the replay that it makes."""
    folder = tmp_path_factory.mktemp("checkout")
    capture, policy = ROOT / "pcaps/demo/traffic.pcap", ROOT / "policies/eu-crm.yaml"
    assert "residency replay pcaps/demo/traffic.pcap --policy policies/eu-crm.yaml --out audit" in TEXT
    assert run("replay", capture, "--policy", policy, "--out", folder / "audit").exit_code == 1
    return folder


@pytest.mark.parametrize(("command", "shown"), BLOCKS, ids=[block[0][:40] for block in BLOCKS])
def test_an_example_prints_what_the_page_shows(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, command: str, shown: str
) -> None:
    monkeypatch.chdir(checkout)
    if not command.startswith("archive"):
        assert run("archive", "audit", "--archive", "archive").exit_code == 0
    printed = CliRunner(env={"COLUMNS": "80"}).invoke(group, shlex.split(command)).stdout
    assert re.fullmatch(re.escape(shown).replace(r"\.\.\.", r"\S+"), printed), printed


def test_every_option_and_column_is_named() -> None:
    assert len(BLOCKS) == 5
    for command in (archive, query):
        options = [each for each in command.params if isinstance(each, click.Option)]
        assert {name.removeprefix("--") for each in options for name in each.opts} <= {
            word.removeprefix("--") for word in WORDS
        }
    assert {*origin_of("", None, None, "2026-03-10"), "finding", "country", "class", "whole"} <= WORDS
    assert {ALTERED, MALFORMED, MISSING, TOO_LONG} <= WORDS
    for bound in (ROW_GROUP, MAX_ROWS, LIMIT):
        assert f"{bound:,}" in TEXT
    assert MANY == 8
    assert "Eight parts of a day become one" in TEXT

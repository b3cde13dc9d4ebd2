"""The page on `explain` and `catalog`: its examples print what it shows, every option and key is named."""

import re
import shlex
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from monitor.cli import group
from monitor.commands.catalog import command as catalog
from monitor.commands.catalog.shared import ROLES, SCOPES
from monitor.commands.explain import command as explain
from monitor.explain import KEPT, KEPT_INPUT, Answer, JudgedAnswer
from monitor.namelist import CLASSES, Line

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "10-explain-and-catalog.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```console\n\$ residency (.*?)\n(.*?)```", TEXT, re.DOTALL)
WORDS = set(re.findall(r"[\w-]+", " ".join(re.findall(r"`([^`\n]+)`", TEXT))))


@pytest.mark.parametrize(("command", "shown"), BLOCKS, ids=[block[0] for block in BLOCKS])
def test_an_example_prints_what_the_page_shows(
    command: str, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    printed = CliRunner(env={"COLUMNS": "80"}).invoke(group, shlex.split(command)).stdout
    pattern = "".join(
        "(?:.*\n)*?" if line == "...\n" else re.escape(line).replace(r"\ \.\.\.", ".*")
        for line in shown.splitlines(keepends=True)
    )
    assert re.fullmatch(pattern, printed), printed


def test_every_command_and_option_is_named() -> None:
    commands = [explain, *catalog.commands.values()]
    assert len(BLOCKS) >= len(commands)
    for command in commands:
        assert f"residency catalog {command.name}" in TEXT or command is explain
        options = (each for each in command.params if isinstance(each, click.Option))
        assert {name for each in options for name in each.opts} <= WORDS


def test_every_key_and_value_is_named() -> None:
    assert WORDS.issuperset({*Answer.__struct_fields__, *JudgedAnswer.__struct_fields__})
    assert WORDS.issuperset(Line.__struct_fields__)
    assert WORDS.issuperset({*CLASSES, *SCOPES, *ROLES})
    assert f"{KEPT:,} inputs asked last (of at most {KEPT_INPUT} characters)" in TEXT

"""The page on judging again: its examples print what it shows, every option and key is named."""

import re
import shlex
import subprocess
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from monitor.cli import group
from monitor.commands.policy import Answer, diff
from monitor.commands.rejudge import command as rejudge
from monitor.policy.differences import PolicyChange
from monitor.rejudge.counting import MAX_ROWS
from monitor.rejudge.reading import ALTERED, MALFORMED, MISSING, TOO_LONG
from monitor.rejudge.summary import Summary
from monitor.rejudge.types import WHATS, Line

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs/73-judging-again.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```console\n\$ residency (.*?)\n(.*?)```", TEXT, re.DOTALL)
SED = next(line for line in TEXT.splitlines() if line.startswith("sed "))
WORDS = set(re.findall(r"[\w-]+", " ".join(re.findall(r"`([^`\n]+)`", TEXT)))) | set(
    re.findall(r'"(\w+)"', TEXT)
)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder as the page supposes it, with the policy that it makes."""
    for name in ("pcaps", "policies"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    subprocess.run(["sh", "-c", SED], check=True)  # noqa: S607


@pytest.mark.usefixtures("checkout")
@pytest.mark.parametrize(("command", "shown"), BLOCKS, ids=[block[0] for block in BLOCKS])
def test_an_example_prints_what_the_page_shows(command: str, shown: str) -> None:
    printed = CliRunner(env={"COLUMNS": "80"}).invoke(group, shlex.split(command)).stdout
    pattern = "".join(
        "(?:.*\n)*?" if line == "...\n" else re.escape(line).replace(r"\.\.\.", r"\S+")
        for line in shown.splitlines(keepends=True)
    )
    assert re.fullmatch(pattern, printed), printed


def test_every_option_and_key_is_named() -> None:
    assert len(BLOCKS) == 3
    for command in (rejudge, diff):
        options = [each for each in command.params if isinstance(each, click.Option)]
        assert {name for each in options for name in each.opts} <= WORDS
    assert {*Line.__struct_fields__, *WHATS} <= WORDS
    assert {ALTERED, MALFORMED, MISSING, TOO_LONG} <= WORDS
    assert {*PolicyChange.__struct_fields__, *Answer.__struct_fields__} - {"schema"} <= WORDS
    assert set(Summary.__struct_fields__) - {"limits", "schema", "first_ns", "last_ns"} <= WORDS
    assert f"more than\n  {MAX_ROWS:,} rows" in TEXT

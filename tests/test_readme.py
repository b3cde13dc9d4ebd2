"""Console blocks of the README and of the page on coverage are run as they stand.

`...` stands for any lines, or for the rest of a word.
"""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from monitor.cli import COMMANDS, group

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
COVERAGE = (ROOT / "docs/25-coverage.md").read_text()
BLOCKS = re.findall(r"```console\n\$ residency (.*?)\n(.*?)```", README + COVERAGE, re.DOTALL)


def test_there_are_blocks() -> None:
    assert len(BLOCKS) >= 7


@pytest.mark.parametrize(("command", "shown"), BLOCKS, ids=[block[0] for block in BLOCKS])
def test_a_command_prints_what_the_readme_shows(
    command: str, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("COLUMNS", "80")
    printed = CliRunner().invoke(group, shlex.split(command)).stdout
    pattern = "".join(
        "(?:.*\n)*?" if line == "...\n" else re.escape(line).replace(r"\.\.\.", r"\S+")
        for line in shown.splitlines(keepends=True)
    )
    assert re.match(pattern, printed), printed


def test_every_command_is_in_the_table() -> None:
    assert {name for name in COMMANDS if f"`residency {name}" in README} == set(COMMANDS)


def test_every_link_leads_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target

"""Runs of `rejudge` and `policy diff` over what the demo capture recorded, and policies that differ."""

import json
from pathlib import Path
from typing import Any

import msgspec
from click.testing import CliRunner, Result

from monitor.cli import group
from monitor.types import Decision

ROOT = Path(__file__).parents[1]
DEMO = ROOT / "pcaps/demo/decisions.jsonl"
POLICY = ROOT / "policies/eu-crm.yaml"


def run(*args: str | Path, columns: int = 80) -> Result:
    return CliRunner().invoke(group, list(map(str, args)), env={"COLUMNS": str(columns)})


def edited(folder: Path, *replacements: tuple[str, str], of: Path = POLICY) -> Path:
    """The example policy with other text; each text that is replaced has to be there."""
    text = of.read_text(encoding="utf-8")
    for old, new in replacements:
        assert old in text, old
        text = text.replace(old, new)
    path = folder / "edited.yaml"
    path.write_text(text.partition("\ntests:")[0] + "\n", encoding="utf-8")  # its own tests would not pass
    return path


def document(*args: str | Path) -> dict[str, Any]:
    """What a command prints with --json."""
    result = run(*args, "--json")
    assert result.exit_code in (0, 1, 4), result.output
    said: dict[str, Any] = json.loads(result.stdout)
    return said


def changes(said: dict[str, Any]) -> set[tuple[str, str, str | None, str | None, int]]:
    """The rows: before and after, rule, provider, and how many flows."""
    return {
        (key["was"], key["would_be"], key["rule"], key["provider"], row["count"]["flows"])
        for row in said["rows"]
        for key in (row["key"],)
    }


def decisions(path: Path = DEMO) -> list[Decision]:
    return [msgspec.json.decode(line, type=Decision) for line in path.read_bytes().splitlines()]


def written(path: Path, found: list[Decision]) -> Path:
    """A file of decisions, as a replay leaves it."""
    path.write_bytes(b"".join(msgspec.json.encode(each) + b"\n" for each in found))
    return path

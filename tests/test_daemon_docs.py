"""The page on the daemon: its table has every key with the default that it has, and its examples hold."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from monitor.config import Config
from monitor.settings import load_settings

ROOT = Path(__file__).parents[1]
SECTION = (ROOT / "docs/60-daemon.md").read_text(encoding="utf-8").partition("\n## Configuration\n")[2]
CONFIGURATION = SECTION.partition("\n## ")[0]
EXAMPLES = re.findall(r"```yaml\n(.*?)```", CONFIGURATION, re.DOTALL)
ROWS = re.findall(r"^\| `([a-z_.]+)` \| (.*?) \| (.*?) ?\|$", CONFIGURATION, re.MULTILINE)


def defaults(kind: type[msgspec.Struct], above: str = "") -> Iterator[tuple[str, str]]:
    """Every key that has no keys below it, dotted, and its default as the page writes it."""
    for field in msgspec.structs.fields(kind):
        for below in (field.type, *get_args(field.type)):
            if isinstance(below, type) and issubclass(below, msgspec.Struct):
                yield from defaults(below, f"{above}{field.name}.")
                break
        else:
            yield f"{above}{field.name}", shown(field.default)


def shown(default: object) -> str:
    if default is msgspec.NODEFAULT:
        return "required"
    if default is None:
        return "none"
    return f"`{'[]' if default == () else str(default).lower()}`"


def test_the_table_has_every_key_and_its_default() -> None:
    assert {key: default for key, default, _ in ROWS} == dict(defaults(Config))
    assert len(ROWS) == len(dict(defaults(Config)))


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_hold(example: str, tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").touch()
    path = tmp_path / "residency.yaml"
    path.write_text(example.replace("/var/lib/residency/datasets", str(tmp_path)), encoding="utf-8")
    assert load_settings(path).warnings == ()


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == 2

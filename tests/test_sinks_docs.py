"""The page on sinks: its tables have the keys and defaults of its sinks, and its examples hold."""

import re
from pathlib import Path

import msgspec
import pytest
import yaml

from monitor.settings import load_settings
from monitor.sink_options import JsonlOptions, SinkOptions, WebhookOptions

PAGE = (Path(__file__).parents[1] / "docs/68-sinks.md").read_text("utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
COMMON = {"type", *SinkOptions.__struct_fields__}


def rows(title: str) -> dict[str, str]:
    """Return the keys and defaults of the tables below a title."""
    section = PAGE.partition(f"\n## {title}")[2].partition("\n## ")[0]
    return dict(re.findall(r"^\| `(\w+)` \| (?:`(.*?)`|required|none) \|", section, re.MULTILINE))


def defaults(kind: type[msgspec.Struct], names: set[str]) -> dict[str, str]:
    found = {}
    for field in msgspec.structs.fields(kind):
        if field.name not in names:
            continue
        plain = field.default in (None, msgspec.NODEFAULT)
        shown = "{}" if isinstance(field.default, msgspec.Struct) else f"{field.default}".removesuffix(".0")
        found[field.name] = "" if plain else shown.lower()
    return found


def test_the_table_of_what_all_have() -> None:
    assert rows("Configuration") == {"type": "", **defaults(WebhookOptions, COMMON)}


@pytest.mark.parametrize(("title", "kind"), [("jsonl", JsonlOptions), ("webhook", WebhookOptions)])
def test_the_table_of_a_sink(title: str, kind: type[SinkOptions]) -> None:
    names = {field.name for field in msgspec.structs.fields(kind)} - COMMON
    assert rows(title) == defaults(kind, names)


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_hold(example: str, tmp_path: Path) -> None:
    """Each is a configuration, or the part of one that has the sinks."""
    value = yaml.safe_load(example)
    head = {"version": 1, "capture": {"interfaces": ["lo"]}, "policy": "policy.yaml"}
    for name in ("policy.yaml", *re.findall(r"\b[\w-]+\.(?:secret|token|pem|key|password)\b", example)):
        (tmp_path / name).touch()
    path = tmp_path / "residency.yaml"
    path.write_text(yaml.safe_dump({**head, **value}), "utf-8")
    assert load_settings(path).warnings == ()

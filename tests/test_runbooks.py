"""The runbooks: a page for each alert, whose commands and queries are real."""

import re
import shlex
import subprocess
from pathlib import Path

import click
import pytest
import yaml

from monitor.cli import group
from tests.grafana_kit import boards
from tests.metrics_kit import PROMTOOL, needs_promtool
from tests.rules_kit import (
    ALERT_NAMES,
    ALERTING,
    ALERTS,
    METRICS,
    RECORDED,
    RUNBOOKS,
    blocks,
    commands,
    rules,
    selectors,
)

SECTIONS = [
    "What it means", "What it does not mean", "First look", "Likely causes", "What to do", "When it ends",
]  # fmt: skip
PAGES = {path.stem: path.read_text("utf-8") for path in sorted(RUNBOOKS.glob("Residency*.md"))}
INDEX = (RUNBOOKS / "README.md").read_text("utf-8")
FORBIDDEN = re.compile(r"complian|GDPR|breach|was sent to|illegal|exfiltrat", re.IGNORECASE)


def test_every_alert_has_a_page_and_every_page_an_alert() -> None:
    assert sorted(PAGES) == ALERT_NAMES
    named = re.findall(r"^\| \[(\w+)\]\((\w+)\.md\) \| (.+?) \|", INDEX, re.MULTILINE)
    assert [name for name, _, _ in named] == list(dict.fromkeys(rule["alert"] for rule in ALERTS))
    for name, page, severity in named:
        assert page == name
        found = [rule["labels"]["severity"] for rule in ALERTS if rule["alert"] == name]
        assert severity == ", ".join(said(each) for each in found)


def said(severity: str) -> str:
    """Return what the index says of a severity: a word, words to choose from, or that the rule says it."""
    if "rule_severity" in severity:
        return "by the rule"
    return " or ".join(reversed(re.findall(r"}}(\w+){{", severity))) or severity


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_its_sections_and_each_says_something(name: str) -> None:
    title, *sections = re.split(r"^## ", PAGES[name], flags=re.MULTILINE)
    assert title.strip() == f"# {name}"
    assert [section.partition("\n")[0] for section in sections] == SECTIONS
    assert all(len(section.partition("\n")[2].split()) >= 5 for section in sections)
    assert blocks(PAGES[name], "sh")
    assert not FORBIDDEN.search(PAGES[name])


@pytest.mark.parametrize("name", [*PAGES, "README"])
def test_links_lead_somewhere(name: str) -> None:
    text = (RUNBOOKS / f"{name}.md").read_text("utf-8")
    links = re.findall(r"\]\(([^)#]+)\)", text)
    assert links
    assert [link for link in links if not (RUNBOOKS / link).is_file()] == []


def test_a_page_ends_with_the_board_that_shows_it() -> None:
    shows = {"sensor": "Sensor health", "evidence": "Alert delivery and ledger"}
    assert set(shows.values()) < {each["title"] for each in boards().values()}
    for file in ALERTING:
        board = shows.get(file.split("-")[1].split(".")[0], "Residency overview")
        for rule in rules(file):
            last = PAGES[rule["alert"]].splitlines()[-1]
            assert last == f"Board: [{board}](../81-dashboards.md). [All runbooks](README.md)"


@pytest.mark.parametrize("name", PAGES)
def test_commands_are_there_with_their_options(name: str) -> None:
    for command in commands(PAGES[name]):
        assert_known(command)


def test_an_unknown_command_would_be_found() -> None:
    assert commands("a `residency findings close ID` and\n```sh\nresidency nothing\n```\n") == [
        "residency nothing",
        "residency findings close ID",
    ]
    for command in ("residency nothing", "residency findings close ID", "residency findings list --most"):
        with pytest.raises(AssertionError):
            assert_known(command)


def assert_known(line: str) -> None:
    """Follow a command's words down the tree of commands, and look up its options."""
    command: click.Command = group
    words = shlex.split(line)[1:]
    context = click.Context(command)
    while isinstance(command, click.Group) and words:
        found = command.get_command(context, words.pop(0))
        assert found is not None, line
        command = found
    options = {
        option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)
    }
    assert {word for word in words if word.startswith("--")} <= options, line


@needs_promtool
def test_queries_are_valid_and_ask_for_what_there_is(tmp_path: Path) -> None:
    queries = [query for page in PAGES.values() for query in blocks(page, "promql")]
    assert len(queries) > len(PAGES)
    for query in queries:
        names = {name for name, _ in selectors(query)}
        assert names, query
        assert names <= METRICS.keys() | RECORDED.keys(), query
    recorded = [
        {"record": f"query:{number}", "expr": query} for number, query in enumerate(dict.fromkeys(queries))
    ]
    file = tmp_path / "queries.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "runbooks", "rules": recorded}]}))
    command = [PROMTOOL, "check", "rules", str(file)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert f"{len(recorded)} rules found" in ran.stdout

"""The page on findings: it names every key, state and bound, and its table is the program's."""

import re
from typing import get_args

import msgspec
import pytest

from monitor.findings import merging, room, transitions
from monitor.findings.acting import MAX_SILENCE_AGE_NS
from monitor.findings.types import Finding
from monitor.policy.findings import DEFAULT_CURE_NS, SilenceLimits
from monitor.policy.findings_section import SilenceAsked
from tests.policy_help import DAY_NS, ROOT

TEXT = (ROOT / "docs/66-findings.md").read_text(encoding="utf-8")
WORDS = set(re.findall(r"[\w-]+", " ".join(re.findall(r"`([^`\n]+)`", TEXT))))
PROSE = " ".join(TEXT.split())


@pytest.mark.parametrize("field", [field.name for field in msgspec.structs.fields(Finding)])
def test_every_key_is_named(field: str) -> None:
    assert field in WORDS


def test_every_state_is_named() -> None:
    assert WORDS.issuperset(transitions.STATES)


def test_the_table_is_the_program_s() -> None:
    (block,) = re.findall(r"```\n( +flow.*?)```", TEXT, re.DOTALL)
    head, *rows = (line.split() for line in block.strip().splitlines())
    assert tuple(head) == get_args(transitions.Happening)
    said = {
        (state, happening): {"=": state, "-": None}.get(cell, cell)
        for state, *cells in rows
        for happening, cell in zip(head, cells, strict=True)
    }
    assert said == transitions.TABLE


def test_what_holds_without_a_section() -> None:
    limits, asked = SilenceLimits(), SilenceAsked()
    assert f"else {DEFAULT_CURE_NS // DAY_NS} days" in PROSE
    assert f"`least: {asked.least}`" in PROSE
    assert limits.least_ns == DAY_NS
    for name in ("covered_percent", "lost_percent", "named_percent"):
        assert f"`{name}: {getattr(limits, name):g}`" in PROSE
    assert MAX_SILENCE_AGE_NS == DAY_NS // 24
    assert "no more than an hour ago" in PROSE


def test_the_bounds_are_said() -> None:
    assert f"At most {room.MAX_FINDINGS:,} findings" in PROSE
    assert room.ROOM * 16 == room.MAX_FINDINGS
    assert "a sixteenth at once" in PROSE
    assert f"up to {merging.MAX_CLIENTS} are told apart" in PROSE


def test_the_policy_s_page_and_this_one_name_each_other() -> None:
    policy = (ROOT / "docs/20-policy.md").read_text(encoding="utf-8")
    assert "(66-findings.md)" in policy
    assert "(20-policy.md)" in TEXT

"""The sizing guide shows what its commands print by the shipped figures."""

import pytest

from tools.sizing_docs import BLOCK, GUIDE, TABLE, printed

TEXT = GUIDE.read_text(encoding="utf-8")
BLOCKS = [(found[2], found[3]) for found in BLOCK.finditer(TEXT)]


def test_there_are_blocks() -> None:
    assert len(BLOCKS) >= 7
    assert max(map(len, TEXT.splitlines())) <= 120


def test_the_guide_shows_the_shipped_figures() -> None:
    found = TABLE.search(TEXT)
    assert found is not None
    assert found[0] == found[1] + printed("--list-figures") + found[2]


@pytest.mark.parametrize(("arguments", "shown"), BLOCKS, ids=[arguments for arguments, _ in BLOCKS])
def test_the_guide_shows_what_its_commands_print(arguments: str, shown: str) -> None:
    assert printed(arguments) == shown, "write it anew: python -m tools.sizing_docs"

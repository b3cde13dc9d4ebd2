"""The sizing guide shows what its commands print by the shipped figures."""

from tools.sizing_docs import BLOCK, GUIDE, TABLE, renewed


def test_the_guide_shows_what_its_commands_print() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    assert len(BLOCK.findall(text)) >= 6
    assert TABLE.search(text)
    assert renewed(text) == text, "write it anew: python -m tools.sizing_docs"
    assert max(map(len, text.splitlines())) <= 120

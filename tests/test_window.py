"""The sliding window: bytes in any chunks, positions that move with it, and a bounded search."""

import itertools
import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensors import window as window_module
from sensors.captured import StreamDamage
from sensors.window import Window

STREAM = bytes(range(256)) * 8


@given(
    st.lists(st.integers(1, 400), max_size=20),
    st.lists(st.integers(1, 300), max_size=30),
    st.integers(1, 500),
)
def test_the_bytes_are_those_of_the_stream(cuts: list[int], needs: list[int], chunk_bytes: int) -> None:
    edges = [0, *(sum(cuts[: index + 1]) for index in range(len(cuts))), len(STREAM)]
    chunks = (STREAM[start:end] for start, end in itertools.pairwise(edges) if STREAM[start:end])
    window, at, offset = Window(iter(chunks), chunk_bytes), 0, 0
    for need in needs:
        at = window.fill(at, need)
        assert window.start + at == offset
        got = window.data[at : at + need]
        assert got == STREAM[offset : offset + need]
        assert len(got) == need or window.ended
        at, offset = at + len(got), offset + len(got)


def test_old_bytes_are_dropped() -> None:
    window = Window((STREAM for _ in range(1_000)), chunk_bytes=len(STREAM))
    at = 0
    for _ in range(900):
        at = window.fill(at, len(STREAM)) + len(STREAM)
        assert len(window.data) <= 2 * len(STREAM)


def test_damage_looks_like_the_end() -> None:
    def chunks() -> Iterator[bytes]:
        yield b"abc"
        raise StreamDamage("truncated", "cut off")

    window = Window(chunks())
    assert window.fill(0, 10) == 0
    assert (window.data, window.ended) == (b"abc", True)
    assert window.damage is not None


@pytest.mark.parametrize("chunk_bytes", [1, 3, 1_000])
def test_a_pattern_is_found_across_chunks(chunk_bytes: int) -> None:
    stream = b"." * 50 + b"XY" + b"." * 50 + b"XYZ!" + b"." * 50
    pieces = (stream[start : start + chunk_bytes] for start in range(0, len(stream), chunk_bytes))
    window = Window(pieces, chunk_bytes)
    found = window.find(0, re.compile(b"XY"), 3, lambda at: window.data[at : at + 3] == b"XYZ")
    assert found is not None
    assert window.start + found == 102
    assert window.find(found + 1, re.compile(b"XY"), 3, lambda _at: True) is None


def test_the_search_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window_module, "MAX_CANDIDATES", 10)
    window = Window(iter([b"X" * 100]))
    asked: list[int] = []

    def refuse(at: int) -> bool:
        asked.append(at)
        return False

    assert window.find(0, re.compile(b"X"), 1, refuse) is None
    assert window.find(0, re.compile(b"X"), 1, refuse) is None
    assert asked == list(range(10))

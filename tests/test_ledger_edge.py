"""The tree's edge: however leaves are cut into batches, the same files come of it, and no stale one stays."""

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.ledger.edge import Edge, widths
from monitor.merkle.tiles import places
from tests.records_kit import leaf, naive_root

SIZES = st.one_of(st.integers(0, 3), st.integers(253, 259), st.integers(509, 515), st.integers(0, 900))


@cache
def leaves_from(start: int, count: int) -> list[bytes]:
    return [leaf(number) for number in range(start, start + count)]


def grown(edge: Edge, files: dict[str, bytes], count: int) -> None:
    """Grow a tree, and do with the files what is said."""
    growth = edge.grow(leaves_from(edge.size, count))
    files.update(growth.files)
    for path in growth.stale:
        del files[path]


def copy(edge: Edge) -> Edge:
    return Edge(edge.size, edge.leaves, edge.rows)


@given(st.lists(SIZES, max_size=5))
def test_batches_make_no_difference(batches: list[int]) -> None:
    edge, files = Edge(), dict[str, bytes]()
    for count in batches:
        grown(edge, files, count)
    at_once, expected = Edge(), dict[str, bytes]()
    grown(at_once, expected, sum(batches))
    assert files == expected
    assert set(files) == {place.path for place in places(edge.size)}
    assert edge.root() == at_once.root() == naive_root(leaves_from(0, edge.size))


@cache
def near_level_two() -> tuple[Edge, dict[str, bytes]]:
    """Return a tree of 65,500 leaves."""
    edge, files = Edge(), dict[str, bytes]()
    grown(edge, files, 65_500)
    return edge, files


@cache
def root_at(size: int) -> bytes:
    return naive_root(leaves_from(0, size))


@given(st.lists(st.sampled_from([1, 35, 36, 37, 256, 292, 293]), min_size=1, max_size=4))
def test_batches_across_a_tile_of_level_two(batches: list[int]) -> None:
    base, files = near_level_two()
    edge, files = copy(base), dict(files)
    for count in batches:
        grown(edge, files, count)
    assert set(files) == {place.path for place in places(edge.size)}
    at_once, expected = copy(base), dict(near_level_two()[1])
    grown(at_once, expected, sum(batches))
    assert files == expected
    assert edge.root() == at_once.root()


@pytest.mark.parametrize("size", [65_535, 65_536, 65_537, 65_793])
def test_roots_around_a_tile_of_level_two(size: int) -> None:
    edge = copy(near_level_two()[0])
    edge.grow(leaves_from(edge.size, size - edge.size))
    assert edge.root() == root_at(size)


@pytest.mark.parametrize(
    ("size", "expected"), [(0, []), (1, [1]), (256, [0, 1]), (65_793, [1, 1, 1]), (65_536, [0, 0, 1])]
)
def test_widths(size: int, expected: list[int]) -> None:
    assert widths(size) == expected


def test_an_edge_of_another_width_is_refused() -> None:
    with pytest.raises(ValueError, match="not the edge of a tree of 2 entries"):
        Edge(2, leaves_from(0, 1), [[bytes(32)]])
    with pytest.raises(ValueError, match="not those of its tile"):
        Edge(1, leaves_from(0, 1), [[bytes(32)]])

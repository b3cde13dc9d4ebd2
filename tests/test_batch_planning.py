"""What is read together, and when a capture is not to be read in parts at all."""

import pytest

from monitor.batch import planning
from monitor.batch.types import Known, Surveyed, Unit
from sensors.partition import Piece

SECOND_NS = 1_000_000_000
DAY_NS = 86_400 * SECOND_NS


def unit(
    name: str, begin_ns: int, last_ns: int, *, size: int = 10, second_ns: int | None = None, **odd: object
) -> Known:
    fields: dict[str, object] = {"steady": True, "hides": False, "overflow": False, "delayed_files": 0, **odd}
    begins = begin_ns, last_ns if second_ns is None else second_ns
    found = Surveyed(name, 2, begins, (begin_ns, last_ns), alive="", pairs="", faults=(), **fields)  # type: ignore[arg-type]
    made = planning.known(Unit((name,), None, size), found)
    assert made is not None
    return made


def names(groups: list[list[Known]]) -> list[list[str]]:
    return [[one.unit.paths[0] for one in group] for group in groups]


def test_files_come_in_order_of_time_and_those_that_overlap_are_one() -> None:
    files = [[unit("d", 50, 60)], [unit("b", 20, 30)], [unit("a", 0, 10)], [unit("c", 30, 40)]]
    groups = planning.together(files)
    assert names(groups) == [["a"], ["b", "c"], ["d"]]
    assert [planning.joined(group) for group in groups] == [None, Unit(("b", "c"), None, 20), None]


def test_a_long_file_swallows_all_that_begin_in_it() -> None:
    files = [[unit("a", 0, 100)], [unit("b", 20, 30)], [unit("c", 99, 110)], [unit("d", 110, 120)]]
    assert names(planning.together(files)) == [["a", "b", "c", "d"]]


def test_pieces_of_a_file_stay_in_its_order() -> None:
    pieces = [unit("a", 5, 9), unit("a", 8, 12)]
    groups = planning.together([[unit("b", 13, 14)], pieces])
    assert names(groups) == [["a", "a"], ["b"]]
    assert planning.joined(groups[0]) is None


@pytest.mark.parametrize(
    ("units", "reason"),
    [
        ([unit("a", 0, 10), unit("b", 20, 30)], ""),
        ([unit("a", 0, 20 * SECOND_NS), unit("b", 10 * SECOND_NS, 30 * SECOND_NS)], ""),
        (
            [unit("a", 0, 21 * SECOND_NS), unit("b", 10 * SECOND_NS, 30 * SECOND_NS)],
            "b: its packets are earlier than those before it",
        ),
        ([unit("a", 0, 1), unit("b", 3 * DAY_NS, 3 * DAY_NS + 1)], ""),
        (
            [unit("a", 0, 1), unit("b", 3 * DAY_NS, 3 * DAY_NS, second_ns=DAY_NS)],
            "b: only one packet says that more than a day went by",
        ),
        ([unit("a", 0, 1, steady=False)], "a: the times of its packets leap by more than a day"),
        ([unit("a", 0, 1, overflow=True)], "a: too many conversations go on at once"),
        ([unit("a", 0, 1, delayed_files=1)], "a: too many files overlap in time"),
    ],
)
def test_what_is_not_read_in_parts(units: list[Known], reason: str) -> None:
    assert planning.inexact(units) == reason


def test_the_clock_never_goes_back() -> None:
    assert planning.clocks([unit("a", 0, 20), unit("b", 15, 18), unit("c", 30, 40)]) == [20, 20, 40]


@pytest.mark.parametrize(
    ("sizes", "ranges"),
    [
        ([], []),
        ([10, 10, 10], [range(2), range(2, 3)]),
        ([10, 20, 5, 5, 30], [range(1), range(1, 2), range(2, 4), range(4, 5)]),
    ],
)
def test_small_files_are_read_together(sizes: list[int], ranges: list[range]) -> None:
    units = [unit(f"{at}", at, at, size=size) for at, size in enumerate(sizes)]
    assert planning.bundles(units, 20) == ranges
    assert [planning.merged([units[at] for at in places]).size_bytes for places in ranges] == [
        sum(sizes[at] for at in places) for places in ranges
    ]


def test_pieces_are_read_one_by_one() -> None:
    parts = [Piece(0, 100), Piece(100, 150, 3, 7, ((0, 24),))]
    first, second = planning.pieces("a", parts)
    assert (first, second) == (Unit(("a",), parts[0], 100), Unit(("a",), parts[1], 50))
    found = unit("b", 0, 1).found
    units = [Known(first, found, 0, 1), Known(second, found, 2, 3), unit("c", 4, 5), unit("d", 6, 7)]
    assert planning.bundles(units, 1_000) == [range(1), range(1, 2), range(2, 4)]

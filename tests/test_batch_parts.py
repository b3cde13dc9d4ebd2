"""Parts come in any order and are put together in theirs; what a file is told by is the hash of its bytes."""

from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import TypeVar

import pytest

from sensors import native, parts
from sensors.partition import Piece
from tests.batch_kit import Both, knowledge, write_cut
from tests.batch_traffic import long_traffic

J = TypeVar("J")
R = TypeVar("R")

pytestmark = pytest.mark.skipif(
    bool(native.MISSING), reason=f"the native engine is not built: {native.MISSING}"
)


class Backwards:
    """Does the last job first, and says how many of each kind it had done when somebody stopped to ask."""

    def __init__(self) -> None:
        self.done = 0

    def each(self, function: Callable[[J], R], jobs: Sequence[J]) -> Generator[tuple[int, R]]:
        for at in reversed(range(len(jobs))):
            self.done += 1
            yield at, function(jobs[at])


def test_in_whatever_order_parts_are_read_the_bytes_are_the_same(tmp_path: Path) -> None:
    write_cut(tmp_path / "in", long_traffic(), [700, 1_500, 2_200])
    both = Both(knowledge(), tmp_path, piece_bytes=25_000)
    backwards = Backwards()
    assert both.in_parts(tmp_path / "in", backwards) == both.in_one(tmp_path / "in")
    assert backwards.done > 2
    assert both.said == []


@pytest.mark.parametrize(
    ("content", "known"),
    [
        # BLAKE3's own test vectors: no bytes, and one that is 0.
        (b"", "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"),
        (bytes([0]), "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213"),
    ],
)
def test_the_hash_of_a_file_is_of_its_bytes(tmp_path: Path, content: bytes, known: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    assert parts.content(path) == known


PIECE = Piece(30, 40, 5, 7, ((0, 24),))


@pytest.mark.parametrize(
    ("changed", "piece", "same"),
    [
        (26, PIECE, True),  # bytes that are read neither before the piece nor in it
        (40, PIECE, True),
        (3, PIECE, False),
        (30, PIECE, False),
        (39, PIECE, False),
        (26, Piece(30, 40, 6, 7, ((0, 24),)), False),  # its place is in its faults
        (26, Piece(30, 40, 5, 8, ((0, 24),)), False),
        (26, Piece(31, 40, 5, 7, ((0, 24),)), False),
        (26, Piece(30, 40, 5, 7), False),
    ],
)
def test_the_hash_of_a_piece_is_of_all_that_is_read_with_it(
    tmp_path: Path, changed: int, piece: Piece, *, same: bool
) -> None:
    path, other = tmp_path / "file", tmp_path / "other"
    content = bytes(50)
    path.write_bytes(content)
    other.write_bytes(content[:changed] + b"x" + content[changed + 1 :])
    assert (parts.content(other, piece) == parts.content(path, PIECE)) is same


def test_a_large_file_is_hashed_in_chunks(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(number % 251 for number in range(102_400)) * 10)
    twice = parts.content(path)
    assert len(twice) == 64
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert parts.content(path) != twice
    with pytest.raises(OSError, match="No such file"):
        parts.content(tmp_path / "none")

"""Parts come in any order and are put together in theirs; what a file is told by is the hash of its bytes."""

from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import TypeVar

import pytest

from sensors import native, parts
from tests.batch_kit import Both, knowledge, write_cut
from tests.batch_traffic import long_traffic

J = TypeVar("J")
R = TypeVar("R")

pytestmark = pytest.mark.skipif(
    bool(native.MISSING), reason=f"the native engine is not built: {native.MISSING}"
)

HEADER = bytes(range(24))


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
    ("content", "piece", "known"),
    [
        # The first two are BLAKE3's own test vectors: no bytes, and one that is 0.
        (b"", None, "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"),
        (bytes([0]), None, "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213"),
        (HEADER, (24, 24), "piece of nothing"),
        (HEADER + b"one" + b"two", (24, 27), "header and one"),
        (HEADER + b"one" + b"two", (27, 30), "header and two"),
        (HEADER + b"two", None, "header and two"),
    ],
)
def test_the_hash_is_of_the_bytes(
    tmp_path: Path, content: bytes, piece: tuple[int, int] | None, known: str
) -> None:
    whole = {"piece of nothing": HEADER, "header and one": HEADER + b"one", "header and two": HEADER + b"two"}
    path, other = tmp_path / "file", tmp_path / "other"
    path.write_bytes(content)
    if known in whole:
        other.write_bytes(whole[known])
        known = parts.content(other)
    assert parts.content(path, piece) == known


def test_a_large_file_is_hashed_in_chunks(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(number % 251 for number in range(102_400)) * 10)
    twice = parts.content(path)
    assert len(twice) == 64
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert parts.content(path) != twice
    with pytest.raises(OSError, match="No such file"):
        parts.content(tmp_path / "none")

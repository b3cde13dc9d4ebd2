"""Reassembly by ranges: order, duplicates and overlaps do not matter, and the first copy of a byte wins."""

import itertools
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from sensors.ranges import MAX_PIECES, RangeBuffer

piece = st.tuples(st.integers(-20, 60), st.binary(min_size=0, max_size=30))


def model(pieces: list[tuple[int, bytes]], start: int, limit: int) -> bytes:
    """The contiguous bytes from ``start``, if every byte's first copy counts."""
    bytes_at: dict[int, int] = {}
    for offset, data in pieces:
        for index, value in enumerate(data):
            if start <= offset + index < start + limit:
                bytes_at.setdefault(offset + index, value)
    out = bytearray()
    while start + len(out) in bytes_at:
        out.append(bytes_at[start + len(out)])
    return bytes(out)


@given(st.lists(piece, max_size=30), st.integers(-10, 10), st.integers(1, 80))
def test_any_pieces_give_what_the_first_copies_say(
    pieces: list[tuple[int, bytes]], start: int, limit: int
) -> None:
    buffer = RangeBuffer(start, limit)
    got = b"".join([buffer.push(offset, data) for offset, data in pieces])
    assert got == model(pieces, start, limit)
    assert buffer.next_offset == start + len(got)
    assert buffer.full == (len(got) == limit)


@given(st.binary(min_size=1, max_size=400), st.randoms(use_true_random=False))
def test_any_order_gives_the_stream(stream: bytes, random: Random) -> None:
    cuts = sorted({0, len(stream), *(random.randrange(len(stream) + 1) for _ in range(20))})
    pieces = [(a, stream[a:b]) for a, b in itertools.pairwise(cuts)]
    random.shuffle(pieces)
    buffer = RangeBuffer(0, len(stream))
    assert b"".join([buffer.push(offset, data) for offset, data in pieces]) == stream
    assert not buffer.waiting
    assert buffer.dropped_bytes == 0


def test_bytes_beyond_the_limit_are_counted() -> None:
    buffer = RangeBuffer(0, 10)
    assert buffer.push(5, b"x" * 10) == b""
    assert buffer.dropped_bytes == 5
    assert buffer.push(0, b"y" * 20) == b"yyyyyxxxxx"
    assert buffer.dropped_bytes == 15
    assert buffer.full


def test_the_number_of_separate_ranges_is_bounded() -> None:
    buffer = RangeBuffer(0, 1_000_000)
    for index in range(MAX_PIECES + 7):
        buffer.push(2 * index + 1, b"x")
    assert len(buffer.pieces()) == MAX_PIECES
    assert buffer.dropped_bytes == 7


def test_waiting_ranges_can_be_looked_at() -> None:
    buffer = RangeBuffer(0, 100)
    buffer.push(10, b"later")
    buffer.push(4, b"soon")
    assert buffer.waiting
    assert buffer.first_piece() == b"soon"
    assert buffer.pieces() == [(4, b"soon"), (10, b"later")]


def test_with_all_pieces_taken_the_next_bytes_in_order_still_go_through() -> None:
    buffer = RangeBuffer(0, 1_000_000)
    for index in range(MAX_PIECES):
        buffer.push(3 * index + 3, b"x")
    assert buffer.push(0, b"ab") == b"ab"
    assert buffer.push(2, b"c") == b"cx"

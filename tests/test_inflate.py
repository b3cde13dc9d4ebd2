"""Decompression: members and frames in a row, cut anywhere, damaged, padded, and bombs in bounded memory."""

import gzip
import io
import itertools
import tracemalloc
from collections.abc import Callable

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from sensors.captured import StreamDamage
from sensors.inflate import stream_chunks
from tests.captures_kit import noise

NOISE = noise(50_000)
Compress = Callable[[bytes], bytes]


def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=True).compress(data)


def plain(data: bytes) -> bytes:
    return data


def chunks(data: bytes, piece_bytes: int = 4_096) -> tuple[bytes, StreamDamage | None]:
    """All bytes of a stream, and how it ended."""
    file = io.BytesIO(data)
    made = []
    try:
        for chunk in stream_chunks(lambda: file.read(piece_bytes)):
            assert chunk
            made.append(chunk)
    except StreamDamage as damage:
        return b"".join(made), damage
    return b"".join(made), None


COMPRESSED = pytest.mark.parametrize("compress", [gzip.compress, zstd])


@pytest.mark.parametrize("compress", [plain, gzip.compress, zstd])
@pytest.mark.parametrize("piece_bytes", [1, 7, 1_024, 1_000_000])
def test_the_bytes_come_back(compress: Compress, piece_bytes: int) -> None:
    assert chunks(compress(NOISE), piece_bytes) == (NOISE, None)
    assert chunks(compress(b"")) == (b"", None)


@COMPRESSED
def test_members_in_a_row(compress: Compress) -> None:
    data = b"".join(compress(NOISE[start : start + 900]) for start in range(0, 50_000, 900)) + compress(b"")
    assert chunks(data) == (NOISE, None)


@COMPRESSED
@pytest.mark.parametrize("padding", [1, 512, 100_000])
def test_zeros_after_the_end_are_padding(compress: Compress, padding: int) -> None:
    assert chunks(compress(NOISE) + bytes(padding)) == (NOISE, None)
    assert chunks(compress(NOISE) + bytes(padding) + compress(NOISE)) == (NOISE * 2, None)


def test_a_skippable_frame_comes_first() -> None:
    assert chunks(b"\x5f\x2a\x4d\x18\x03\0\0\0abc" + zstd(NOISE)) == (NOISE, None)


@COMPRESSED
def test_a_stream_cut_anywhere(compress: Compress) -> None:
    text = b"".join(b"packet %d, " % number for number in range(400))
    for data in (compress(text), compress(text) + compress(text)):
        ends = (len(compress(text)), len(data))
        for cut in range(8, len(data)):
            got, damage = chunks(data[:cut])
            assert (text * 2).startswith(got)
            if cut in ends:
                assert damage is None
            else:
                assert damage is not None
                assert damage.kind == "truncated"


@COMPRESSED
@pytest.mark.parametrize("garbage", [b"\xff" * 40, b"not compressed"])
def test_what_follows_and_is_not_compressed_is_damage(compress: Compress, garbage: bytes) -> None:
    got, damage = chunks(compress(NOISE) + garbage)
    assert got == NOISE
    assert damage is not None
    assert damage.kind == "corrupt"


@COMPRESSED
def test_a_checksum_that_differs_is_damage(compress: Compress) -> None:
    data = bytearray(compress(NOISE))
    data[30_000] ^= 1
    _, damage = chunks(bytes(data))
    assert damage is not None
    assert damage.kind == "corrupt"
    assert damage.problem.endswith("stream is damaged")


@COMPRESSED
def test_a_bomb_passes_in_bounded_memory(compress: Compress) -> None:
    bomb = compress(bytes(50_000_000)) * 4
    file = io.BytesIO(bomb)
    tracemalloc.start()
    total = sum(len(chunk) for chunk in stream_chunks(lambda: file.read(65_536)))
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert total == 200_000_000
    assert peak_bytes < 80_000_000


def test_damage_while_reading_keeps_what_was_read() -> None:
    pieces = [gzip.compress(NOISE)[:20_000]]

    def read() -> bytes:
        if not pieces:
            raise StreamDamage("corrupt", "reading failed")
        return pieces.pop()

    stream = stream_chunks(read)
    got = b"".join(itertools.islice(stream, 15))
    assert len(got) > 14_000
    assert NOISE.startswith(got)
    with pytest.raises(StreamDamage, match="reading failed"):
        list(stream)


@given(
    st.sampled_from((b"\x1f\x8b\x08\0", b"\x28\xb5\x2f\xfd", b"\x50\x2a\x4d\x18", b"")),
    st.binary(max_size=200),
)
@settings(max_examples=300)
def test_any_bytes_end_in_data_or_damage(magic: bytes, rest: bytes) -> None:
    got, damage = chunks(magic + rest)
    assert damage is not None or magic or got == rest

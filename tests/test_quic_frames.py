"""The frames of an Initial packet, written by hand and by aioquic's own writer."""

import pytest
from aioquic.buffer import encode_uint_var
from hypothesis import given
from hypothesis import strategies as st

from sensors.quic_frames import PastEnd, bytes_after_length, crypto_pieces, read_varint
from sensors.wire import Malformed

ACK = bytes((0x02, 10, 0, 1, 3, 2, 1))
ACK_ECN = bytes((0x03, 10, 0, 0, 3, 7, 8, 9))
CLOSE = b"\x1c\x0a\x06\x03bye"


@given(st.integers(0, (1 << 62) - 1), st.binary(max_size=3))
def test_integers_read_as_aioquic_writes_them(value: int, before: bytes) -> None:
    data = before + encode_uint_var(value)
    assert read_varint(data, len(before)) == (value, len(data))
    with pytest.raises(PastEnd):
        read_varint(data[:-1], len(before))


@pytest.mark.parametrize(
    ("data", "value"), [("c2197c5eff14e88c", 151288809941952652), ("9d7f3e7d", 494878333), ("4025", 37)]
)
def test_integers_of_the_rfc(data: str, value: int) -> None:
    raw = bytes.fromhex(data)
    assert read_varint(raw, 0) == (value, len(raw))


@pytest.mark.parametrize(
    ("frames", "pieces"),
    [
        (b"\x06\x00\x02hi", [(0, b"hi")]),
        (b"\x01\x00\x00\x06\x40\x80\x02hi\x00\x01\x01", [(128, b"hi")]),
        (b"\x06\x02\x01x\x06\x00\x02hi", [(2, b"x"), (0, b"hi")]),
        (b"\x06\x05\x00", [(5, b"")]),
        (ACK + b"\x06\x00\x01x" + ACK_ECN + b"\x00", [(0, b"x")]),
        (b"\x06\x00\x01x" + CLOSE + b"\x06\x01\x01y", [(0, b"x"), (1, b"y")]),
        (b"\x01", []),
        (b"\x00" * 1162, []),
    ],
)
def test_crypto_pieces(frames: bytes, pieces: list[tuple[int, bytes]]) -> None:
    assert crypto_pieces(frames) == pieces


@pytest.mark.parametrize(
    ("frames", "reason"),
    [
        (b"", "quic-no-frames"),
        (b"\x06\x00\x03hi", "quic-past-end"),
        (b"\x06", "quic-past-end"),
        (b"\x06\xff\xff\xff\xff\xff\xff\xff\xff\x01x", "quic-crypto-offset"),
        (b"\x08\x00", "quic-frame-type"),  # a STREAM frame
        (b"\x1d\x00\x00", "quic-frame-type"),  # CONNECTION_CLOSE of the application
        (b"\x40\x06\x00\x01x", "quic-frame-type"),  # not the shortest encoding
        (b"\x02\x0a\x00\xff\xff\xff\xff\xff\xff\xff\xff\x00" + b"\x00" * 50, "quic-past-end"),
        (ACK[:-1], "quic-past-end"),
        (ACK_ECN[:-1], "quic-past-end"),
        (CLOSE[:-1], "quic-past-end"),
    ],
)
def test_malformed_frames(frames: bytes, reason: str) -> None:
    with pytest.raises(Malformed) as caught:
        crypto_pieces(frames)
    assert caught.value.reason == reason


@given(st.binary(max_size=200))
def test_any_bytes_give_pieces_of_them_or_malformed(frames: bytes) -> None:
    try:
        pieces = crypto_pieces(frames)
    except Malformed:
        return
    assert all(data in frames for _, data in pieces)


def test_bytes_after_length() -> None:
    assert bytes_after_length(b"\x02ab!", 0) == (1, 3)
    with pytest.raises(PastEnd):
        bytes_after_length(b"\x03ab", 0)

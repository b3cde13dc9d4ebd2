"""Torture of TCP and TLS through both engines: overlaps, wraps, the smallest pieces, the largest hellos."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sensors import native
from sensors.limits import Limits
from tests import hello_bytes
from tests.hellos import client_hello
from tests.torture_kit import ACK, ENDS, SYN, Ends, Said, tcp

pytestmark = pytest.mark.skipif(
    bool(native.MISSING), reason=f"the native engine is not built: {native.MISSING}"
)
NAME = "api.eu.mistral.ai"
HELLO = client_hello(NAME)
FOUND = [(NAME, True)]
in_tmp = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
Part = tuple[int, bytes]  # offset in the stream, bytes


def conversation(parts: Iterable[Part], initial_seq: int = 1_000, *, syn: bool = True) -> list[bytes]:
    """A client's segments, after a handshake."""
    opening = [tcp(initial_seq, flags=SYN), tcp(9_000, flags=SYN | ACK, ends=ENDS.back())]
    return [*(opening if syn else []), *(tcp(initial_seq + 1 + at, data) for at, data in parts)]


def cut(data: bytes, size: int) -> list[Part]:
    return [(at, data[at : at + size]) for at in range(0, len(data), size)]


def forged(data: bytes) -> bytes:
    return bytes(byte ^ 0xFF for byte in data)


def records(message: bytes, size: int) -> bytes:
    """A handshake message in records of a size."""
    return b"".join(hello_bytes.record(message[at : at + size]) for at in range(0, len(message), size))


def long_hello(size: int) -> bytes:
    """A handshake message of ``size`` bytes, the name behind the padding."""
    name = hello_bytes.sni(NAME.encode())
    empty = hello_bytes.message(hello_bytes.hello_body(hello_bytes.extension(hello_bytes.PADDING, b""), name))
    padding = hello_bytes.extension(hello_bytes.PADDING, bytes(size - len(empty)))
    return hello_bytes.message(hello_bytes.hello_body(padding, name))


MESSAGE = HELLO[5:]
ORDERED = cut(HELLO, 100)
CASES = {
    "one segment": [(0, HELLO)],
    "segments of one byte": cut(HELLO, 1),
    "segments of one byte, the last one first": cut(HELLO, 1)[::-1],
    "records of one byte": cut(records(MESSAGE, 1), 1_000),
    "records of one byte, in segments of one byte": cut(records(MESSAGE, 1), 1),
    "every segment twice": [part for part in ORDERED for _ in range(2)],
    "all twice": [*ORDERED, *ORDERED],
    "other bytes later": [*ORDERED[:2], (0, forged(HELLO[:200])), *ORDERED[2:]],
    "other bytes for what waits": [ORDERED[1], (100, forged(HELLO[100:200])), ORDERED[0], *ORDERED[2:]],
    "overlaps that shift": [(max(at - 40, 0), HELLO[max(at - 40, 0) : at + 100]) for at, _ in ORDERED],
    "64 kB in records of one size": cut(records(long_hello(65_535), 16_384), 1_400),
    "64 kB in records of one size, reversed": cut(records(long_hello(65_535), 16_384), 1_400)[::-1],
    "64 kB in small records": cut(records(long_hello(65_000), 100), 1_400),
}


@pytest.mark.parametrize(
    "initial_seq", [1_000, (1 << 32) - 100, (1 << 32) - 1], ids=["", "wraps", "wraps at once"]
)
@pytest.mark.parametrize("parts", CASES.values(), ids=CASES)
def test_the_name_is_found(parts: list[Part], initial_seq: int, tmp_path: Path) -> None:
    said = Said(conversation(parts, initial_seq), tmp_path)
    assert said.hellos == FOUND
    assert said.counters == {}
    assert len(said.flows) == 1


def test_the_first_copy_of_a_byte_wins_even_if_it_is_forged(tmp_path: Path) -> None:
    at = HELLO.index(NAME.encode())
    early = (at, b"bbb")
    said = Said(conversation([early, (0, HELLO)]), tmp_path)
    assert said.hellos == [(NAME.replace("api", "bbb", 1), True)]


def test_a_hello_longer_than_what_is_kept_is_told(tmp_path: Path) -> None:
    said = Said(conversation(cut(HELLO, 50)), tmp_path, Limits(stream_bytes=200))
    assert said.hellos == []
    assert said.counters == {"first-message-too-long": 1}


@pytest.mark.parametrize("data", [b"\xfe" * 16, HELLO], ids=["no hello", "a hello"])
@pytest.mark.parametrize("flags", [SYN, SYN | ACK], ids=["SYN", "SYN-ACK"])
@pytest.mark.parametrize("ends", [ENDS, ENDS.back()], ids=["client", "server"])
def test_a_syn_behind_its_data(data: bytes, flags: int, ends: Ends, tmp_path: Path) -> None:
    said = Said([tcp(1_001, data, ends=ends), tcp(1_000, flags=flags, ends=ends)], tmp_path)
    assert said.hellos == (FOUND if data == HELLO else [])
    assert said.counters == ({} if data == HELLO else {"unknown-protocol": 1})


@in_tmp
@given(st.data())
def test_any_cuts_orders_and_copies(tmp_path: Path, data: st.DataObject) -> None:
    stream = records(MESSAGE, data.draw(st.integers(1, len(MESSAGE))))
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=30))
    starts, pieces = 0, []
    for piece in hello_bytes.pieces(stream, cuts):
        pieces.append((starts, piece))
        starts += len(piece)
    order = data.draw(st.permutations(pieces))
    copies = data.draw(st.lists(st.sampled_from(pieces), max_size=5))
    initial_seq = data.draw(st.sampled_from([0, 1_000, (1 << 32) - 1, (1 << 32) - 300]))
    said = Said(conversation([*order, *copies], initial_seq), tmp_path)
    assert said.hellos == FOUND


@in_tmp
@given(st.data())
def test_overlaps_of_any_bytes_give_the_same_in_both_engines(tmp_path: Path, data: st.DataObject) -> None:
    parts = []
    for _ in range(data.draw(st.integers(1, 12))):
        at = data.draw(st.integers(0, len(HELLO) - 1))
        piece = HELLO[at : at + data.draw(st.integers(1, 300))]
        parts.append((at, forged(piece) if data.draw(st.booleans()) else piece))
    limits = Limits(stream_bytes=data.draw(st.sampled_from([150, 131_072])))
    Said(conversation(parts, data.draw(st.integers(0, 9)), syn=data.draw(st.booleans())), tmp_path, limits)

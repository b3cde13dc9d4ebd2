"""Torture of QUIC through both engines: a hello in fragments of any order, under IDs that change."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sensors import native
from sensors.quic import MAX_FAILED_DATAGRAMS
from tests import hello_bytes
from tests.test_quic import CLIENT_ID, OTHER_ID, V2, crypto, initial, other_packet
from tests.torture_kit import Ends, Said, udp

pytestmark = pytest.mark.skipif(
    bool(native.MISSING), reason=f"the native engine is not built: {native.MISSING}"
)
NAME = "chatgpt.com"
HELLO = hello_bytes.message(
    hello_bytes.hello_body(
        hello_bytes.extension(hello_bytes.PADDING, bytes(900)), hello_bytes.sni(NAME.encode())
    )
)
FOUND = [(NAME, True)]
THIRD_ID = b"third-id"
in_tmp = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


def part(start: int, end: int) -> bytes:
    return crypto(start, HELLO[start:end])


FIRST, SECOND, THIRD = part(0, 400), part(400, 800), part(800, len(HELLO))
CASES = {
    "one Initial": [initial(part(0, len(HELLO)))],
    "three, in order": [initial(FIRST), initial(SECOND), initial(THIRD)],
    "three, reversed": [initial(THIRD), initial(SECOND), initial(FIRST)],
    "each twice": [initial(frames) for frames in (FIRST, FIRST, THIRD, THIRD, SECOND, SECOND)],
    "coalesced": [initial(FIRST) + initial(SECOND) + initial(THIRD)],
    "coalesced with other packets": [initial(FIRST) + initial(THIRD) + other_packet(0xE0), initial(SECOND)],
    "the server's ID from the second on": [
        initial(FIRST),
        initial(SECOND, to=OTHER_ID, key=CLIENT_ID),
        initial(THIRD, to=OTHER_ID, key=CLIENT_ID),
    ],
    "another ID in every datagram": [
        initial(THIRD) + initial(FIRST),
        initial(SECOND, to=OTHER_ID, key=CLIENT_ID),
    ],
    "another connection's beginning before it": [
        initial(part(0, 200), to=OTHER_ID),
        *(initial(frames) for frames in (FIRST, SECOND, THIRD)),
    ],
    "version 2": [initial(frames, version=V2) for frames in (THIRD, FIRST, SECOND)],
    "packets that do not open between": [
        initial(FIRST),
        initial(b"\1", to=OTHER_ID, key=THIRD_ID),
        initial(SECOND) + initial(THIRD),
    ],
    "a byte a frame": [
        initial(b"".join(crypto(at, HELLO[at : at + 1]) for at in range(start, min(start + 300, len(HELLO)))))
        for start in range(0, len(HELLO), 300)
    ],
    "other bytes later": [initial(FIRST), initial(crypto(0, bytes(400))), initial(SECOND), initial(THIRD)],
}


@pytest.mark.parametrize("datagrams", CASES.values(), ids=CASES)
def test_the_name_is_found(datagrams: list[bytes], tmp_path: Path) -> None:
    said = Said(map(udp, datagrams), tmp_path)
    assert said.hellos == FOUND
    assert len(said.flows) == 1


def test_a_spray_of_closed_initials_is_given_up(tmp_path: Path) -> None:
    closed = [udp(initial(b"\1", to=OTHER_ID, key=THIRD_ID)) for _ in range(MAX_FAILED_DATAGRAMS)]
    hello = udp(initial(part(0, len(HELLO))))
    assert Said([*closed[1:], hello], tmp_path).hellos == FOUND
    said = Said([*closed, hello], tmp_path)
    assert said.hellos == []
    assert said.counters == {"quic-undecryptable": MAX_FAILED_DATAGRAMS, "quic-over-limit": 1}


def test_each_flow_has_its_own_stream(tmp_path: Path) -> None:
    flows = [Ends(client_port=50_000 + index) for index in range(20)]
    frames = [udp(initial(frames), ends) for frames in (THIRD, FIRST, SECOND) for ends in flows]
    assert Said(frames, tmp_path).hellos == FOUND * 20


@in_tmp
@given(st.data())
def test_any_fragments(tmp_path: Path, data: st.DataObject) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(HELLO)), max_size=8))
    at, frames = 0, []
    for piece in hello_bytes.pieces(HELLO, cuts):
        frames.append(crypto(at, piece))
        at += len(piece)
    frames += data.draw(st.lists(st.sampled_from(frames), max_size=4))
    datagrams, to = [b""], CLIENT_ID
    for frame in data.draw(st.permutations(frames)):
        datagrams[-1] += initial(frame, to=to, key=CLIENT_ID)
        if data.draw(st.booleans()) or len(datagrams[-1]) > 1_500:
            datagrams.append(b"")
            to = data.draw(st.sampled_from([CLIENT_ID, OTHER_ID, THIRD_ID]))
    said = Said((udp(datagram) for datagram in datagrams if datagram), tmp_path)
    assert said.hellos == FOUND

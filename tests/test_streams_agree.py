"""Both engines say the same of any client's stream: prefaces, damaged and cut anywhere, in any order."""

import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sensors import native
from sensors.captured import Frame
from sensors.connections import Seen
from sensors.engine import open_sensor
from sensors.observations import Accounting
from tests.captures_kit import pcap
from tests.frames_kit import SEQ, ethernet, frame, ipv4, tcp
from tests.hello_bytes import pieces
from tests.test_streams import BEFORE, CUTS, HELLO

pytestmark = pytest.mark.skipif(
    bool(native.MISSING), reason=f"the native engine is not built: {native.MISSING}"
)
MS = 1_000_000
STREAMS = st.lists(st.one_of(st.sampled_from(BEFORE), st.binary(max_size=4)), max_size=4).map(b"".join)


def segment(seq: int, payload: bytes, flags: int = 0x18) -> bytes:
    """A TCP segment from the client; ``seq`` is relative to its SYN."""
    whole = tcp(payload, flags=flags)
    return whole[:4] + struct.pack("!I", SEQ + seq) + whole[8:]


def frames(chunks: list[bytes], *, opened: bool) -> list[Frame]:
    """A client's stream as frames, a millisecond apart."""
    segments = [segment(0, b"", 2)] if opened else []
    seq = 1
    for chunk in chunks:
        segments.append(segment(seq, chunk))
        seq += len(chunk)
    return [frame(ethernet(ipv4(each)), ts_ns=at * MS) for at, each in enumerate(segments)]


def said(path: Path, engine: str) -> tuple[list[Seen], Accounting]:
    sensor = open_sensor([path], engine)
    return [observation for batch in sensor for observation in batch], sensor.accounting()


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_clients_stream(data: st.DataObject, tmp_path: Path) -> None:
    before = data.draw(STREAMS)
    at, damage = data.draw(st.integers(0, 400)), data.draw(st.binary(max_size=2))
    stream = before[:at] + damage + before[at + len(damage) :] + HELLO
    captured = frames(pieces(stream, data.draw(CUTS)), opened=data.draw(st.booleans()))
    path = tmp_path / "stream.pcap"
    path.write_bytes(pcap(data.draw(st.one_of(st.just(captured), st.permutations(captured)))))
    assert said(path, "native") == said(path, "dpkt")


@pytest.mark.parametrize("before", BEFORE)
def test_every_preface_a_byte_a_segment(before: bytes, tmp_path: Path) -> None:
    path = tmp_path / "stream.pcap"
    chunks = [*(bytes((byte,)) for byte in before), HELLO]
    path.write_bytes(pcap(frames(chunks, opened=True)))
    native_said, reference_said = said(path, "native"), said(path, "dpkt")
    assert native_said == reference_said
    assert any(getattr(each, "server_name", None) is not None for each in native_said[0])

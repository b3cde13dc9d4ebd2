"""Both engines say the same of any client's stream: prefaces, damaged and cut anywhere, in any order."""

import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sensors import native
from sensors.captured import Frame
from sensors.connections import Seen
from sensors.engine import Options, open_sensor
from sensors.observations import Accounting, DataSeen, FlowUpdate, HelloSeen
from tests.captures_kit import pcap
from tests.frames_kit import SEQ, ethernet, frame, ipv4, tcp
from tests.hello_bytes import pieces
from tests.stream_bytes import OPENVPN, PROXY_HEADERS
from tests.test_streams import BEFORE, CUTS, FIRST, HELLO

pytestmark = pytest.mark.skipif(
    bool(native.MISSING), reason=f"the native engine is not built: {native.MISSING}"
)
MS = 1_000_000
BEHIND = st.lists(st.sampled_from([b"\x14\x03\x03\0\1\1", b"\x16\x03\x03\0\1\2", b"\x17\x03", b"x"])).map(
    b"".join
)
STREAMS = st.lists(st.one_of(st.sampled_from(FIRST), st.binary(max_size=4)), max_size=4).map(b"".join)


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


def said(path: Path, engine: str, *, eager: bool = True) -> tuple[list[Seen], Accounting]:
    sensor = open_sensor([path], engine, Options(eager=eager))
    return [observation for batch in sensor for observation in batch], sensor.accounting()


def is_ahead(seen: Seen) -> bool:
    """Tell whether only an eager engine says it; no flow here is long enough to report totals on its way."""
    return isinstance(seen, DataSeen) or (isinstance(seen, FlowUpdate) and not seen.final)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_clients_stream(data: st.DataObject, tmp_path: Path) -> None:
    before = data.draw(STREAMS)
    at, damage = data.draw(st.integers(0, 400)), data.draw(st.binary(max_size=2))
    stream = before[:at] + damage + before[at + len(damage) :] + HELLO + data.draw(BEHIND)
    captured = frames(pieces(stream, data.draw(CUTS)), opened=data.draw(st.booleans()))
    path = tmp_path / "stream.pcap"
    path.write_bytes(pcap(data.draw(st.one_of(st.just(captured), st.permutations(captured)))))
    eager, (plain, _) = said(path, "native"), said(path, "native", eager=False)
    assert eager == said(path, "dpkt")
    assert [each for each in eager[0] if not is_ahead(each)] == plain


@pytest.mark.parametrize("before", BEFORE)
def test_every_preface_a_byte_a_segment(before: bytes, tmp_path: Path) -> None:
    path = tmp_path / "stream.pcap"
    chunks = [*(bytes((byte,)) for byte in before), HELLO]
    path.write_bytes(pcap(frames(chunks, opened=True)))
    native_said, reference_said = said(path, "native"), said(path, "dpkt")
    assert native_said == reference_said
    assert any(getattr(each, "server_name", None) is not None for each in native_said[0])


@pytest.mark.parametrize("reset", OPENVPN.values(), ids=OPENVPN)
def test_a_reset_a_byte_a_segment(reset: bytes, tmp_path: Path) -> None:
    path = tmp_path / "stream.pcap"
    path.write_bytes(pcap(frames([bytes((byte,)) for byte in reset + HELLO], opened=True)))
    native_said, reference_said = said(path, "native"), said(path, "dpkt")
    assert native_said == reference_said
    hellos = [each for each in native_said[0] if isinstance(each, HelloSeen)]
    assert [(each.carrier, each.server_name) for each in hellos] == [("openvpn", None)]
    assert native_said[1].counters == {}


def answered(at: int, seq: int, payload: bytes) -> Frame:
    """A segment from the server, as a frame."""
    whole = segment(seq, payload)
    packet = ipv4(whole[2:4] + whole[:2] + whole[4:])
    return frame(ethernet(packet[:12] + packet[16:20] + packet[12:16] + packet[20:]), ts_ns=at * MS)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    before=st.sampled_from([b"", *(data for data, _ in PROXY_HEADERS.values())]),
    cut=st.integers(1, 300),
    order=st.permutations(range(4)),
    opened=st.booleans(),
)
def test_both_ends_speak_as_clients_do(
    before: bytes,
    cut: int,
    order: list[int],
    opened: bool,  # noqa: FBT001
    tmp_path: Path,
) -> None:
    said_twice = before + HELLO
    halves = [
        *(frame(ethernet(ipv4(segment(seq, part))), ts_ns=seq * MS) for seq, part in cuts(said_twice, cut)),
        *(answered(seq, seq, part) for seq, part in cuts(said_twice, cut)),
    ]
    path = tmp_path / "both.pcap"
    opening = frames([], opened=opened)
    path.write_bytes(pcap([*opening, *(halves[at] for at in order)]))
    native_said, reference_said = said(path, "native"), said(path, "dpkt")
    assert native_said == reference_said
    assert len({each.flow for each in native_said[0] if isinstance(each, HelloSeen | FlowUpdate)}) == 1


def cuts(data: bytes, at: int) -> list[tuple[int, bytes]]:
    """Return both parts of some data, with their sequence numbers."""
    return [(1, data[:at]), (1 + at, data[at:])]

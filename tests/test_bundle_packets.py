"""Which packets are a decision's, and that no application data is copied, over every capture in pcaps/."""

import io
from pathlib import Path

import pytest

from monitor.bundle.beginnings import only_handshake
from monitor.bundle.members import Captures
from monitor.bundle.packets import PacketFinder, Wanted
from monitor.bundle.pcap_file import PcapFile
from monitor.types import Decision
from pcaps.golden import cases, traffic
from sensors.capture import CaptureReader
from sensors.captured import Frame
from sensors.engine import Options, open_sensor
from sensors.frames import FrameDecoder, Segment
from sensors.limits import Limits
from sensors.observations import DataSeen, FlowKey, FlowUpdate
from tests.bundle_kit import DEMO, POLICY
from tests.captures_kit import START_NS
from tests.hello_bytes import hello_body, message, record, sni
from tests.ledger_kit import decided
from tests.torture_kit import SYN, tcp

CASES = cases()
HANDSHAKE, INITIAL = 0x16, 0xC0
MAGIC_BYTES = 24


def flows(capture: Path) -> list[FlowUpdate]:
    """Return the end of every flow in a capture."""
    seen = (each for batch in open_sensor([capture], "dpkt") for each in batch)
    return [each for each in seen if isinstance(each, FlowUpdate) and each.final]


def found(ends: list[FlowUpdate], out: io.BytesIO | None, *captures: Path) -> Captures:
    wanted = [Wanted(line, end.first_ns, end.flow) for line, end in enumerate(ends, 1)]
    return PacketFinder(wanted, PcapFile(out) if out is not None else None).read(captures)


def count(packets: Captures, line: int) -> int:
    runs = next((each.runs for each in packets.decisions if each.line == line), ())
    return sum(last - first + 1 for _, first, last in runs)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_flow_has_as_many_packets_as_were_counted(case: Path) -> None:
    ends = flows(traffic(case))
    packets = found(ends, None, traffic(case))
    for line, end in enumerate(ends, 1):
        assert count(packets, line) == end.packets_up + end.packets_down, end.flow
    numbers = [run for each in packets.decisions for run in each.runs]
    assert all(1 <= first <= last <= packets.captures[0].packets for _, first, last in numbers)


def segments(capture: Path) -> list[tuple[Frame, Segment | None]]:
    decoder = FrameDecoder(Limits())
    return [(frame, decoder.decode(frame)) for frame in CaptureReader(capture)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_no_application_data_is_copied(case: Path, tmp_path: Path) -> None:
    """A payload is a piece of a ClientHello, or there is none."""
    out = io.BytesIO()
    ends = flows(traffic(case))
    packets = found(ends, out, traffic(case))
    if not packets.kept:
        return
    copy = tmp_path / "packets.pcap"
    copy.write_bytes(out.getvalue())
    original = {frame for frame, _ in segments(traffic(case))}
    kept = segments(copy)
    assert len(kept) == packets.kept
    assert {frame for frame, _ in kept} <= original
    streams: dict[tuple[bytes, int, bytes, int], dict[int, bytes]] = {}
    for _, segment in kept:
        if segment is None or not segment.payload:
            continue
        ends_ = segment.source, segment.source_port, segment.target, segment.target_port
        if segment.transport == 17:
            assert segment.payload[0] == HANDSHAKE or segment.payload[0] & INITIAL == INITIAL, segment
        else:
            streams.setdefault(ends_, {})[segment.seq] = segment.payload
    for stream in streams.values():
        whole = b"".join(stream[seq] for seq in sorted(stream))
        at = 0
        while at < len(whole):
            assert whole[at] == HANDSHAKE, stream
            at += 5 + int.from_bytes(whole[at + 3 : at + 5])
    eager = open_sensor([copy], "dpkt", Options(eager=True))
    assert not [each for batch in eager for each in batch if isinstance(each, DataSeen)]


HELLO = record(message(hello_body(sni(b"api.openai.com"))))
SECRET = b"what the user said"
DATA = record(SECRET, 23, 0x0303)
END = len(HELLO)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ([(0, HELLO), (END, DATA)], 2),
        ([(0, HELLO + DATA)], 1),
        ([(END, DATA), (0, HELLO)], 1),
        ([(END + 500, DATA), (0, HELLO)], 2),  # early data came first, and a packet of it never
        ([(0, HELLO + record(SECRET))], 1),
        ([(0, HELLO[:50]), (20, SECRET), (50, HELLO[50:])], 3),
        ([(0, HELLO[:50]), (0, HELLO[:50]), (50, HELLO[50:])], 4),
        ([(-len(SECRET), SECRET), (0, HELLO)], 2),  # as a keep-alive
    ],
)
def test_what_is_not_the_hello_is_left_out(tmp_path: Path, sent: list[tuple[int, bytes]], kept: int) -> None:
    packets = [tcp(999, flags=SYN), *(tcp(1_000 + offset, payload) for offset, payload in sent)]
    frames = [Frame(START_NS + at, 1, data, len(data)) for at, data in enumerate(packets)]
    capture, out = tmp_path / "sent.pcap", io.BytesIO()
    with capture.open("wb") as file:
        made = PcapFile(file)
        for frame in frames:
            made.add(frame)
    assert found(flows(capture), out, capture).kept == kept
    assert SECRET not in out.getvalue()


def test_a_dtls_datagram_is_all_handshake_or_left_out() -> None:
    clear = b"\x16\xfe\xfd" + bytes(8) + b"\x00\x03abc"
    assert only_handshake(clear * 2)
    for behind in (b"\x17" + clear[1:], clear[:4] + b"\x01" + clear[5:], clear[:-1]):
        assert not only_handshake(clear + behind)


def test_a_hello_is_copied_whole(tmp_path: Path) -> None:
    """What is copied gives the same names again."""
    decisions = [each for each in decided(DEMO, POLICY) if each.connection.coverage == "sni"]
    out = io.BytesIO()
    wanted = [Wanted(line, each.ts_ns, each.connection.flow) for line, each in enumerate(decisions, 1)]
    PacketFinder(wanted, PcapFile(out)).read([DEMO])
    (tmp_path / "p.pcap").write_bytes(out.getvalue())
    again = {each.ts_ns: each for each in decided(tmp_path / "p.pcap", POLICY)}
    whole = [each for each in decisions if each.ts_ns in again and _name(again[each.ts_ns]) == _name(each)]
    assert len(whole) >= len(decisions) - 3  # what goes through a proxy is left out
    assert out.getvalue()[:4] == b"\x4d\x3c\xb2\xa1"


def _name(decision: Decision) -> str:
    return decision.connection.names[0].value if decision.connection.names else ""


def test_a_pseudonym_fits_any_client() -> None:
    ends = flows(DEMO)[:5]
    hidden = [
        FlowUpdate(
            end.ts_ns,
            FlowKey("client-" + "0" * 32, 0, end.flow.server, end.flow.server_port, end.flow.transport),
            end.first_ns,
            end.packets_up,
            end.packets_down,
            end.bytes_up,
            end.bytes_down,
        )
        for end in ends
    ]
    packets = found(hidden, None, DEMO)
    assert [count(packets, line) for line in range(1, 6)] == [e.packets_up + e.packets_down for e in ends]


def test_a_capture_in_pieces_gives_runs_in_each(tmp_path: Path) -> None:
    frames = list(CaptureReader(DEMO))
    parts = []
    for number, at in enumerate(range(0, len(frames), 400)):
        out = io.BytesIO()
        piece = PcapFile(out)
        for frame in frames[at : at + 400]:
            piece.add(frame)
        parts.append(tmp_path / f"{number}.pcap")
        parts[-1].write_bytes(out.getvalue())
    ends = flows(DEMO)
    whole, pieces = found(ends, None, DEMO), found(ends, None, *parts)
    assert [each.packets for each in pieces.captures] == [400, 400, len(frames) - 800]
    for line in range(1, len(ends) + 1):
        assert count(whole, line) == count(pieces, line)


def test_the_numbers_that_are_listed_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.bundle.packets.MAX_NUMBERS", 3)
    end = max(flows(DEMO), key=lambda each: each.packets_up)
    packets = found([end], None, DEMO).decisions[0]
    assert sum(last - first + 1 for _, first, last in packets.runs) == 3
    assert packets.more == end.packets_up + end.packets_down - 3


def test_another_link_type_or_a_time_that_pcap_cannot_say_is_left_out() -> None:
    out = io.BytesIO()
    file = PcapFile(out)
    for frame in (Frame(1, 1, b"x", 1), Frame(1, 113, b"x", 1), Frame(2**63 - 1, 1, b"x", 1)):
        file.add(frame)
    assert (file.kept, file.left_out) == (1, 2)
    assert len(out.getvalue()) == MAGIC_BYTES + 16 + 1

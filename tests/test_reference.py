"""The engine as a whole: the counters of its parts reach the accounting, and time passes for all of them."""

from pathlib import Path

import pytest

from sensors import cargo, merge
from sensors.engine import Options
from sensors.flows import UDP_IDLE_NS
from sensors.fragments import TIMEOUT_NS
from sensors.merge import MergedCaptures
from sensors.observations import Accounting, Count, FlowUpdate, Gap, NameResolved, Observation
from sensors.reference import ReferenceEngine, ReferenceSensor
from tests.captures_kit import START_NS, pcap
from tests.exchanges_kit import Answer, capture
from tests.frames_kit import SECOND_NS, UDP, ethernet, frame, ipv4, udp, vxlan

DATAGRAM = udp(bytes(64))
PLAIN = ethernet(ipv4(DATAGRAM, UDP))


def fragment(start: int, end: int) -> bytes:
    more = end < len(DATAGRAM)
    return ethernet(ipv4(DATAGRAM[start:end], UDP, flags=more << 13 | start >> 3))


def observe(paths: list[Path]) -> tuple[list[Observation], Accounting]:
    sensor = ReferenceSensor(paths, Options())
    return [each for batch in sensor for each in batch], sensor.accounting()


def written(path: Path, *packets: tuple[float, bytes]) -> Path:
    path.write_bytes(pcap([frame(data, ts_ns=START_NS + int(at * SECOND_NS)) for at, data in packets]))
    return path


def test_nothing_odd_is_no_counter(tmp_path: Path) -> None:
    _, accounting = observe([written(tmp_path / "plain.pcap", (0, PLAIN))])
    assert accounting.counters == {}


def test_datagrams_whose_fragments_overlap(tmp_path: Path) -> None:
    path = written(tmp_path / "overlap.pcap", (0, fragment(0, 40)), (1, fragment(32, 72)))
    _, accounting = observe([path])
    assert accounting.counters == {"overlapping-datagrams": 1}


def test_tunnels_without_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cargo, "MAX_TUNNELS", 1)
    frames = [(vni, ethernet(ipv4(vxlan(PLAIN, vni), UDP))) for vni in (1, 2, 3)]
    _, accounting = observe([written(tmp_path / "tunnels.pcap", *frames)])
    assert accounting.counters == {"unnamed-tunnels": 2}


def test_files_that_came_late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merge, "MAX_OPEN_FILES", 1)
    paths = [written(tmp_path / f"{name}.pcap", (0, PLAIN), (5, PLAIN)) for name in "ab"]
    _, accounting = observe(paths)
    assert accounting.counters == {"delayed-files": 1}


def test_old_fragments_are_given_up_though_no_other_follows(tmp_path: Path) -> None:
    seconds = TIMEOUT_NS // SECOND_NS
    after = [(at, PLAIN) for at in (1, seconds + 2, seconds + 65, seconds + 70)]
    first = fragment(0, 40)
    observations, accounting = observe([written(tmp_path / "old.pcap", (0, first), *after)])
    (gap,) = [each for each in observations if isinstance(each, Gap)]
    assert (gap.reason, gap.packets, gap.bytes) == ("fragment", 1, len(first))
    assert gap.ts_ns == START_NS + (seconds + 65) * SECOND_NS
    assert accounting.undecoded == {"fragment-incomplete": Count(1, len(first))}


def test_what_was_too_deep_to_follow_is_a_gap(tmp_path: Path) -> None:
    data = ipv4(DATAGRAM, UDP)
    for _ in range(cargo.MAX_NESTING + 1):
        data = ipv4(data, 4)
    observations, _ = observe([written(tmp_path / "deep.pcap", (0, ethernet(data)))])
    assert [(each.reason, each.packets) for each in observations if isinstance(each, Gap)] == [("decode", 1)]


def test_silent_flows_end_and_losses_are_told_without_a_packet(tmp_path: Path) -> None:
    path = capture([Answer(0, "10.20.1.5", "www.example.org", ("203.0.113.7",))], tmp_path)
    engine = ReferenceEngine(Options())
    for each in MergedCaptures([path]):
        engine.frame(each)
    (answer,) = engine.take()
    assert isinstance(answer, NameResolved)
    engine.lost(2)
    engine.lost(1)
    late_ns = answer.ts_ns + UDP_IDLE_NS + SECOND_NS
    engine.idle(answer.ts_ns + SECOND_NS)
    engine.idle(late_ns)
    end, gap = engine.take()
    assert isinstance(end, FlowUpdate)
    assert (end.reason, end.ts_ns) == ("idle", answer.ts_ns)
    assert gap == Gap(late_ns, answer.ts_ns, 3, 0, "ring")
    assert engine.accounting().last_ns == answer.ts_ns

"""Physics on captures of lossy connections, read by the real engine: no measured time is ever too short."""

import random
from pathlib import Path

import pytest

from monitor.correlator import Correlator
from monitor.physics import bound_ns
from monitor.types import Connection, Subject
from sensors.connections import ConnectionSeen
from sensors.engine import open_sensor
from tests.packets_world import Way, captured, connection
from tests.world_kit import HOST, NS_PER_MS

SERVER = bytes((20, 79, 107, 4))


def bounds(path: Path) -> list[int | None]:
    """Return the bounds of a capture's connections."""
    correlator = Correlator()
    observations = [each for batch in open_sensor([path], "dpkt") for each in batch]
    found = [correlator.feed(each) for each in observations if not isinstance(each, ConnectionSeen)]
    return [
        bound_ns(
            Connection(seen.ts_ns, seen.flow, Subject(), seen.names, seen.hello, seen.totals, seen.coverage)
        )
        for seen in found
        if seen is not None
    ]


@pytest.mark.parametrize("share", [0.0, 0.02, 0.1, 0.3], ids=lambda share: f"{share:.0%} lost and missed")
@pytest.mark.parametrize("middlebox", [False, True])
def test_no_time_is_too_short(tmp_path: Path, share: float, *, middlebox: bool) -> None:
    path, rng = tmp_path / "traffic.pcap", random.Random(f"{share} {middlebox}")
    cases = used = 0
    while cases < 60:
        near_ms = rng.uniform(0.1, 3) if middlebox else None
        think_ms = rng.choice((0.0, rng.expovariate(0.05)))
        way = Way(rng.uniform(1, rng.choice((20, 300))), near_ms, share, share, think_ms)
        path.write_bytes(captured(connection(way, HOST, rng), way, SERVER, rng))
        for bound in bounds(path):
            cases += 1
            used += bound is not None
            assert bound is None or bound >= way.rtt_ms * NS_PER_MS - 1, way
    assert used > 0
    assert used > 20 or middlebox or share > 0.1


def test_a_quick_answer_after_an_unseen_hello_is_not_used(tmp_path: Path) -> None:
    """A middlebox completed the handshake, and only the hello that was sent again was captured."""
    path, way, rng = tmp_path / "traffic.pcap", Way(260, 1, 0, 0), random.Random(1)
    syn, syn_ack, hello, answer = connection(way, HOST, rng)
    again = hello._replace(at_ms=hello.at_ms + 210)
    path.write_bytes(captured([syn, syn_ack, again, answer], way, SERVER, rng))
    assert bounds(path) == [None]
    path.write_bytes(captured([syn, syn_ack, hello, answer], way, SERVER, rng))
    assert bounds(path) == [None]


def test_a_plain_connection_is_measured(tmp_path: Path) -> None:
    path, way, rng = tmp_path / "traffic.pcap", Way(7, None, 0, 0), random.Random(1)
    path.write_bytes(captured(connection(way, HOST, rng), way, SERVER, rng))
    (bound,) = bounds(path)
    assert bound is not None
    assert 7 <= bound / NS_PER_MS < 30

"""The daemon on interfaces of other kinds, and where its ring is too small: nothing twice, nothing unsaid."""

import os
import signal
import sys
from pathlib import Path

import msgspec

from monitor.types import Decision
from sensors.observations import Count
from tests.captures_kit import read_file
from tests.frames_kit import ethernet
from tests.live_clients import Fetch
from tests.live_daemon import Ask, Daemon, Samples, daemon
from tests.live_floods import syn_flood, write_frames
from tests.live_network import INSIDE
from tests.live_places import wait_for
from tests.live_world import World
from tests.test_live_world import PCAPS, essence

CASE = PCAPS / "openai-global"
TUNNEL = "tun9"
FLOOD, TRICKLE = 30_000, 450
EXPERIMENTAL = 0x88B5  # an EtherType that nobody reads


def golden() -> list[Decision]:
    return [
        msgspec.json.decode(line, type=Decision)
        for line in (CASE / "decisions.jsonl").read_bytes().splitlines()
    ]


def assert_golden(sensor: Daemon) -> None:
    """Hold what ended to what a replay of the case says."""
    assert sensor.program.stop() == 0
    ended = sensor.ended()
    assert [essence(line) for line in ended] == [essence(each) for each in golden()]
    for line, wanted in zip(ended, golden(), strict=True):
        totals, all_of_it = line.connection.totals, wanted.connection.totals
        assert (totals.packets_up, totals.packets_down) == (all_of_it.packets_up, all_of_it.packets_down)
        assert (totals.bytes_up, totals.bytes_down) == (all_of_it.bytes_up, all_of_it.bytes_down)


def test_loopback_shows_each_packet_once(world: World) -> None:
    with daemon(world, "loopback", Ask({"interfaces": ["lo"]})) as sensor:
        world.inject(CASE / "traffic.pcap", place=world.egress, interface="lo")
        sensor.wait_for(lambda samples: samples.total("verdicts_total") > 0, "a verdict")
        assert_golden(sensor)


def test_a_tunnel_has_packets_without_ethernet(world: World) -> None:
    world.egress.ip(f"tuntap add {TUNNEL} mode tun\nlink set {TUNNEL} up")
    packets = len(read_file(CASE / "traffic.pcap")[0])
    with daemon(world, "tunnel", Ask({"interfaces": [TUNNEL]})) as sensor:
        said = world.egress.run(sys.executable, "-m", "tests.live_tunnel", TUNNEL, CASE / "traffic.pcap")
        assert int(said) == packets
        sensor.wait_for(lambda samples: samples.total("packets_total") >= packets, "all packets")
        assert_golden(sensor)
    world.egress.ip(f"link delete {TUNNEL}")


def handled(samples: Samples) -> int:
    """Return how many packets were read, or lost."""
    return int(samples.total("packets_total")) + int(samples.total("lost_packets_total", reason="ring"))


def passing(world: World) -> int:
    """Return how many packets passed the interface, both ways, as the kernel counts them."""
    folder = Path("/sys/class/net") / INSIDE / "statistics"
    return sum(map(int, world.egress.run("cat", folder / "rx_packets", folder / "tx_packets").split()))


def missed(world: World, sensor: Daemon, marker: Path) -> int:
    """Return how many packets had passed that the daemon neither read nor called lost."""
    world.settle()
    seen = sensor.scrape().total("undecoded_packets_total")
    assert world.inject(marker) == 1
    samples = sensor.wait_for(
        lambda samples: samples.total("undecoded_packets_total") > seen, "the marker to be read"
    )
    return passing(world) - handled(samples)


def test_the_usual_ring_outlives_a_busy_processor(world: World, tmp_path: Path) -> None:
    trickle = syn_flood(tmp_path / "trickle.pcap", TRICKLE)
    with daemon(world, "stalled") as sensor:
        os.kill(sensor.program.pid, signal.SIGSTOP)
        try:
            world.inject(trickle, f"--pps={TRICKLE}")  # so slow that each packet fills a block by itself
        finally:
            os.kill(sensor.program.pid, signal.SIGCONT)
        samples = sensor.wait_for(lambda samples: handled(samples) >= TRICKLE, "all packets")
        assert samples.total("lost_packets_total") == 0


def test_what_a_full_ring_lost_is_said_to_the_packet(world: World, tmp_path: Path) -> None:
    flood = syn_flood(tmp_path / "flood.pcap", FLOOD)
    marker = write_frames(tmp_path / "marker.pcap", [ethernet(bytes(46), EXPERIMENTAL)])
    with daemon(world, "small", Ask({"ring_bytes": "1MiB"})) as sensor:
        before = missed(world, sensor, marker)
        os.kill(sensor.program.pid, signal.SIGSTOP)
        try:
            assert world.inject(flood, "--pps=40000") == FLOOD
        finally:
            os.kill(sensor.program.pid, signal.SIGCONT)
        sensor.wait_for(lambda samples: samples.total("lost_packets_total") > 0, "losses to be said")
        world.ask(Fetch(host="api.openai.com", client="10.20.6.1"))
        wait_for(lambda: missed(world, sensor, marker) == before, "every packet to be read, or lost")
        lost = int(sensor.scrape().total("lost_packets_total", reason="ring"))
        assert 0 < lost < FLOOD
        assert sensor.program.stop() == 0
        (window,) = sensor.windows()
        assert window.lost == {"ring": Count(lost, 0)}
        assert f"packets lost: {lost} (ring)" in window.says
        assert sum(line["packets"] for line in sensor.log("packets lost")) == lost
        assert "10.20.6.1" in {line.client for line in sensor.ended()}

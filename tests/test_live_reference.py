"""The reference engine on interfaces says what it says of a capture, and loses nothing without saying so."""

import fcntl
import socket
import struct
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from monitor import app
from monitor.pipeline import Pipeline
from pcaps import golden
from sensors.capture import CaptureReader
from sensors.captured import Frame
from sensors.connections import Seen
from sensors.engine import open_sensor
from sensors.interest import Interest
from sensors.live import CaptureError, Manner, Rings
from sensors.live_reference import ReferenceLive
from sensors.observations import FlowUpdate, Gap
from tests.captures_kit import START_NS, pcap
from tests.frames_kit import IPV4, UDP, ethernet, ipv4, udp
from tests.network_kit import cable, in_network, needs, replay, sh

pytestmark = pytest.mark.enable_socket
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
MANNER = Manner(Interest())
DEMO = golden.traffic(golden.PCAPS / "demo")


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sensors.live_reference.LOOK_SECONDS", 0.1)


def watched(*interfaces: str, **options: int) -> ReferenceLive:
    """Return a sensor that has begun to receive."""
    sensor = ReferenceLive(Rings(interfaces, **options), MANNER)  # type: ignore[arg-type]
    sensor.start()
    return sensor


def rest(sensor: ReferenceLive) -> list[Seen]:
    """Stop a sensor, when what was sent has come; return what it had left."""
    time.sleep(0.1)
    sensor.stop()
    batches = iter(lambda: sensor.next_batch(0), None)
    return [seen for batch in batches for seen in batch]


def until(sensor: ReferenceLive, reached: Callable[[], bool]) -> list[Seen]:
    """Take batches until something is so, for ten seconds at most."""
    seen: list[Seen] = []
    end = time.monotonic() + 10
    while not reached():
        assert time.monotonic() < end, sensor.status()
        seen += sensor.next_batch(0.05) or ()
    return seen


def packets(sensor: ReferenceLive) -> int:
    """How many packets were read."""
    return sum(source.accounting.read.packets for source in sensor.status().sources)


def state(sensor: ReferenceLive) -> str:
    """How the one interface is."""
    return sensor.status().sources[0].state


def decided(seen: list[Seen]) -> list[bytes]:
    """Return what is decided on connections that ended, beside times."""
    knowledge = app.load_knowledge(golden.POLICY)
    said = []
    for decision in Pipeline(knowledge.catalog, knowledge.policy, knowledge.aids()).feed(seen):
        if not decision.is_open:
            totals = replace(decision.connection.totals, duration_ns=0, handshake_rtt_ns=0, first_byte_ns=0)
            connection = replace(decision.connection, ts_ns=0, totals=totals)
            said.append(msgspec.json.encode(replace(decision, ts_ns=0, connection=connection)))
    return sorted(said)


@needs("tcpreplay")
@in_network
def test_decisions_are_those_of_a_replay(tmp_path: Path) -> None:
    cable()
    sensor = watched("vb")
    sent = replay(DEMO)
    seen = until(sensor, lambda: packets(sensor) == sent) + rest(sensor)
    today = tmp_path / "today.pcap"  # a policy's exceptions end, so the replay's packets are of today too
    frames = enumerate(CaptureReader(DEMO))
    now_ns = time.time_ns()
    today.write_bytes(pcap(frame._replace(ts_ns=now_ns + 1_000 * number) for number, frame in frames))
    replayed = [one for batch in open_sensor([today], "dpkt") for one in batch]
    assert decided(seen) == decided(replayed)
    assert len(decided(seen)) == 32


@needs("tcpreplay")
@in_network
def test_tags_of_vlans_are_kept(tmp_path: Path) -> None:
    cable()
    tagged = tmp_path / "tagged.pcap"
    packet = ipv4(udp(b"x" * 40), UDP)
    tags = ((0x8100, 42),), ((0x88A8, 7), (0x8100, 8)), ()
    frames = [ethernet(packet, IPV4, *outermost_first) for outermost_first in tags]
    tagged.write_bytes(pcap(Frame(START_NS, 1, frame, len(frame)) for frame in frames))
    sensor = watched("vb")
    replay(tagged)
    seen = until(sensor, lambda: packets(sensor) == 3) + rest(sensor)
    ends = [one for one in seen if isinstance(one, FlowUpdate) and one.final]
    assert [end.flow.vlan for end in ends] == [42, 7, None]
    read = sensor.status().sources[0].accounting.read
    assert read.bytes == sum(map(len, frames))


@needs("tcpreplay")
@in_network
def test_an_interface_goes_down_and_up_and_is_made_anew() -> None:
    cable()
    sensor = watched("vb", promiscuous=True)
    assert state(sensor) == "up"
    sent = 0
    for off, on in (
        ("ip link set vb down", ["ip link set vb up"]),
        ("ip link del vb", ["ip link add va mtu 9000 type veth peer name vb mtu 9000", "ip link set va up"]),
    ):
        sent += replay(DEMO)
        until(sensor, lambda: packets(sensor) == sent)  # noqa: B023  it is asked at once
        sh(off)
        gone = "gone" if "del" in off else "down"
        until(sensor, lambda: state(sensor) == gone)  # noqa: B023
        for command in on:
            sh(command)
        sh("ip link set vb up")
        until(sensor, lambda: state(sensor) == "up")
    sent += replay(DEMO)
    until(sensor, lambda: packets(sensor) == sent)
    rest(sensor)
    assert sensor.next_batch(0) is None
    (source,) = sensor.status().sources
    assert (source.packets, source.dropped) == (sent, 0)


@needs("tcpreplay")
@in_network
def test_an_interface_of_another_name_is_not_listened_to() -> None:
    cable()
    sensor = watched("vb")
    for command in ("ip link set vb down", "ip link set vb name vc", "ip link set vc up"):
        sh(command)
    until(sensor, lambda: state(sensor) == "gone")
    replay(DEMO)
    for command in ("ip link set vc down", "ip link set vc name vb", "ip link set vb up"):
        sh(command)
    until(sensor, lambda: state(sensor) == "up")
    assert packets(sensor) == 0
    sent = replay(DEMO)
    rest(sensor)
    assert packets(sensor) == sent


@needs("tcpreplay")
@in_network
def test_what_is_not_copied_counts_too() -> None:
    cable()
    sensors = [watched("vb"), watched("vb", snap_bytes=100)]
    sent = replay(DEMO)
    for sensor in sensors:
        until(sensor, lambda: packets(sensor) == sent)  # noqa: B023  it is asked at once
        rest(sensor)
    whole, cut = (sensor.status().sources[0].accounting for sensor in sensors)
    assert cut.read == whole.read
    assert cut.counters != whole.counters


@needs("tcpreplay")
@in_network
def test_what_finds_no_room_is_counted() -> None:
    cable()
    sensor = watched("vb", ring_bytes=16_384)
    sent = replay(DEMO, "--loop=5")
    seen = rest(sensor)
    (source,) = sensor.status().sources
    read = source.accounting.read.packets
    assert source.dropped > 0
    assert read > 0
    assert read + source.dropped == sent == source.packets
    (gap,) = [one for one in seen if isinstance(one, Gap) and one.reason == "ring"]
    assert gap.packets == source.dropped


@needs("tcpreplay")
@in_network
def test_several_interfaces() -> None:
    cable()
    sh("ip link set lo up")
    sensor = watched("va", "vb", "lo")
    sent = replay(DEMO)
    until(sensor, lambda: packets(sensor) == 2 * sent)
    rest(sensor)
    sources = sensor.status().sources
    assert [(source.name, source.accounting.read.packets) for source in sources] == [
        ("va", sent),
        ("vb", sent),
        ("lo", 0),
    ]


@needs()
@in_network
def test_each_packet_of_the_loopback_counts_once() -> None:
    sh("ip link set lo up")
    sensor = watched("lo")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind(("127.0.0.1", 0))
        for _ in range(5):
            sender.sendto(b"x", sender.getsockname())
    seen = rest(sensor)
    (end,) = [one for one in seen if isinstance(one, FlowUpdate)]
    assert (end.packets_up, end.packets_down) == (5, 0)


@needs()
@in_network
def test_a_tunnel_without_headers() -> None:
    with Path("/dev/net/tun").open("r+b", buffering=0) as tun:
        fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", b"t0", IFF_TUN | IFF_NO_PI))
        sh("ip addr add 10.9.0.1/24 dev t0")
        sh("ip link set t0 up")
        sensor = watched("t0")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"x" * 30, ("10.9.0.2", 53))
        seen = rest(sensor)
    (end,) = [one for one in seen if isinstance(one, FlowUpdate)]
    assert (end.flow.server, end.bytes_up) == ("10.9.0.2", 58)


@needs("tcpreplay")
@in_network
def test_time_passes_on_a_quiet_link(monkeypatch: pytest.MonkeyPatch) -> None:
    cable()
    sensor = watched("vb")
    sent = replay(DEMO)
    until(sensor, lambda: packets(sensor) == sent)
    real_ns = time.time_ns
    monkeypatch.setattr("time.time_ns", lambda: real_ns() + 400 * 10**9)
    assert sensor.status().sources[0].flows > 0
    seen = until(sensor, lambda: sensor.status().sources[0].flows == 0)
    assert any(isinstance(one, FlowUpdate) and one.reason == "idle" for one in seen)
    rest(sensor)


@needs()
@in_network
def test_what_cannot_be_watched() -> None:
    cable()
    for name in ("eth77", "", "a name that is far too long", "nul\0", "\udcff"):
        with pytest.raises(CaptureError, match="there is no such interface; `ip link` lists those that are"):
            watched("va", name)


def test_what_is_not_permitted(monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.socket

    def refuse(family: int, *rest_: int) -> socket.socket:
        if family == getattr(socket, "AF_PACKET", -1):
            raise PermissionError(1, "Operation not permitted")
        return real(family, *rest_)

    monkeypatch.setattr(socket, "socket", refuse)
    with pytest.raises(CaptureError, match=r"^interface lo: .* start as root, or with CAP_NET_RAW$"):
        watched("lo")
    monkeypatch.delattr(socket, "AF_PACKET")
    with pytest.raises(CaptureError, match=r"^interface lo: this system has no packet sockets; "):
        watched("lo")

"""What tells flows apart: five-tuple, VLAN and tunnel; and how they are ordered when the input ends."""

from pathlib import Path

import pytest

from sensors.engine import Options
from sensors.observations import FlowUpdate
from sensors.reference import ReferenceSensor
from tests.captures_kit import pcap
from tests.frames_kit import UDP, ethernet, frame, ipv4, tcp, udp, vxlan
from tests.hellos import client_hello
from tests.segments import ACK, Run, handshake, up

HELLO = client_hello("api.eu.mistral.ai")
PLACES: list[tuple[int | None, str | None]] = [
    (None, None),
    (1, None),
    (2, None),
    (None, "vxlan:1"),
    (None, "vxlan:2"),
    (2, "vxlan:2"),
    (None, "vxlan:2/gre"),
]


@pytest.mark.parametrize("transport", [6, 17])
def test_the_same_five_tuple_in_different_places(transport: int) -> None:
    segments = [
        up(at_ms, payload=b"x", transport=transport, vlan=vlan, tunnel=tunnel)
        for at_ms in (0, 5)
        for vlan, tunnel in PLACES
    ]
    run = Run(segments)
    assert {(flow.flow.vlan, flow.flow.tunnel): flow.packets_up for flow in run.flows} == dict.fromkeys(
        PLACES, 2
    )
    assert len(run.flows) == len(PLACES)


def test_flows_that_began_together_end_in_the_order_of_their_places() -> None:
    backwards = [up(0, payload=b"x", vlan=vlan, tunnel=tunnel) for vlan, tunnel in reversed(PLACES)]
    ended = [(flow.flow.vlan, flow.flow.tunnel) for flow in Run(backwards).flows]
    assert ended == sorted(PLACES, key=lambda place: (place[0] or -1, place[1] or ""))


@pytest.mark.parametrize("vlan", [53, 443, 50_000])
def test_a_vlan_is_no_port(vlan: int) -> None:
    run = Run([*handshake(vlan=vlan), up(25, ACK, 1, HELLO, vlan=vlan)])
    assert run.names == ["api.eu.mistral.ai"]
    assert run.counters == {}


def test_two_networks_with_the_same_addresses(tmp_path: Path) -> None:
    """The packets of a cloud's mirror: the same inner five-tuple in two VXLAN networks."""
    hello = ethernet(ipv4(tcp(HELLO)))
    captured = [frame(ethernet(ipv4(vxlan(hello, vni), UDP)), ts_ns=vni * 1_000) for vni in (1, 2, 1)]
    captured.append(frame(ethernet(ipv4(udp(b"x"), UDP)), ts_ns=9_000))
    path = tmp_path / "mirror.pcap"
    path.write_bytes(pcap(captured))
    sensor = ReferenceSensor([path], Options())
    flows = [each for batch in sensor for each in batch if isinstance(each, FlowUpdate)]
    assert [(flow.flow.tunnel, flow.packets_up, flow.bytes_up) for flow in flows] == [
        ("vxlan:1", 2, 2 * (len(hello) - 14)),
        ("vxlan:2", 1, len(hello) - 14),
        (None, 1, 29),
    ]
    accounting = sensor.accounting()
    assert {name: count.packets for name, count in accounting.decoded.items()} == {"tcp": 3, "udp": 1}
    assert accounting.read.bytes == sum(count.bytes for count in accounting.decoded.values())

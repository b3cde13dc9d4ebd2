"""What tunnels share: names that are bounded in number, frames that a mirror cut, fragments inside."""

import struct

import pytest

from sensors import cargo
from sensors.cargo import OTHER, TunnelNames
from sensors.observations import Count
from tests.frames_kit import (
    FRAGMENT,
    GRE,
    IPIP,
    IPV4,
    IPV6,
    RAW,
    UDP,
    Decoded,
    ethernet,
    fragment_header,
    frame,
    gre,
    ipv4,
    ipv6,
    segment_of,
    udp,
    vxlan,
)

PAYLOAD = bytes(range(256)) * 4
DATAGRAM = udp(PAYLOAD)


def mirrored(packet: bytes, vni: int = 42, ethertype: int = IPV4) -> bytes:
    """An IP packet as a cloud's mirror sends it."""
    return ethernet(ipv4(vxlan(ethernet(packet, ethertype), vni), UDP))


def halves(datagram: bytes, cut: int) -> tuple[bytes, bytes]:
    """The two IPv4 fragments of a datagram."""
    first = ipv4(datagram[:cut], UDP, flags=0x2000)
    return first, ipv4(datagram[cut:], UDP, flags=cut >> 3)


def halves6(datagram: bytes, cut: int) -> tuple[bytes, bytes]:
    """The two IPv6 fragments of a datagram."""
    first = ipv6(fragment_header(UDP, 0, more=True) + datagram[:cut], FRAGMENT)
    return first, ipv6(fragment_header(UDP, cut, more=False) + datagram[cut:], FRAGMENT)


def test_names_are_kept_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cargo, "MAX_TUNNELS", 2)
    names = TunnelNames()
    first, again = (f"vxlan:{number}" for number in (1, 1))
    assert first is not again
    assert names.intern(first) is names.intern(again)
    assert [names.intern(name) for name in ("gre", "vxlan:2", "gre", "vxlan:3")] == [
        "gre",
        OTHER,
        "gre",
        OTHER,
    ]
    assert names.intern(None) is None
    assert names.unnamed_packets == 2


def test_tunnels_without_a_name_of_their_own_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cargo, "MAX_TUNNELS", 1)
    run = Decoded([frame(mirrored(ipv4(DATAGRAM, UDP), vni)) for vni in (1, 2, 3, 1)])
    assert [segment.tunnel for segment in run.segments] == ["vxlan:1", "other", "other", "vxlan:1"]
    assert run.decoder.unnamed_packets == 2


def test_there_is_room_for_the_networks_of_a_large_cloud() -> None:
    names = TunnelNames()
    assert {names.intern(f"vxlan:{number}") for number in range(20_000)} == {
        *(f"vxlan:{number}" for number in range(cargo.MAX_TUNNELS)),
        OTHER,
    }
    assert names.unnamed_packets == 20_000 - cargo.MAX_TUNNELS


def test_no_tunnel_is_no_name() -> None:
    run = Decoded([frame(ipv4(DATAGRAM, UDP), RAW)])
    assert (run.segments[0].tunnel, run.decoder.unnamed_packets) == (None, 0)


@pytest.mark.parametrize("kept", [28, 30, 500])
def test_a_mirror_may_cut_the_frames_that_it_wraps(kept: int) -> None:
    for packet, ethertype, header in (
        (ipv4(DATAGRAM, UDP), IPV4, 20),
        (ipv6(DATAGRAM, UDP), IPV6, 40),
    ):
        segment = segment_of(mirrored(packet[: header + kept - 20], ethertype=ethertype))
        captured = kept - 28
        assert (segment.payload, segment.ip_bytes) == (PAYLOAD[:captured], len(packet))
        assert segment.missing_bytes == len(PAYLOAD) - captured


@pytest.mark.parametrize(
    ("kept", "account"),
    [(3, "malformed-ipv4"), (4, "truncated-ipv4"), (19, "truncated-ipv4"), (20, "truncated-udp")],
)
def test_headers_that_a_mirror_cut(kept: int, account: str) -> None:
    data = mirrored(ipv4(DATAGRAM, UDP)[:kept])
    run = Decoded([frame(data)])
    assert run.decoder.undecoded() == {account: Count(1, len(data))}


@pytest.mark.parametrize(("ethertype", "packet"), [(IPV4, ipv4(DATAGRAM, UDP)), (IPV6, ipv6(DATAGRAM, UDP))])
@pytest.mark.parametrize("snapped", [10, 17])
def test_headers_that_a_mirror_cut_and_then_the_snap_length(
    ethertype: int, packet: bytes, snapped: int
) -> None:
    data = mirrored(packet[:18], ethertype=ethertype)
    account = "truncated-ipv4" if ethertype == IPV4 else "truncated-ipv6"
    for cut in (len(data), len(data) - snapped):
        run = Decoded([frame(data, cut=cut)])
        assert run.packets == {account: 1}


def test_only_mirrors_cut() -> None:
    packet = ipv4(DATAGRAM, UDP)[:500]
    for data in (ipv4(packet, IPIP), ipv4(gre(packet), GRE), packet):
        assert Decoded([frame(data, RAW)]).packets == {"malformed-ipv4": 1}


@pytest.mark.parametrize("ethertype", [IPV4, IPV6])
def test_fragments_inside_a_tunnel(ethertype: int) -> None:
    parts = halves(DATAGRAM, 512) if ethertype == IPV4 else halves6(DATAGRAM, 512)
    data = [mirrored(part, ethertype=ethertype) for part in reversed(parts)]
    run = Decoded([frame(each) for each in data])
    (segment,) = run.segments
    assert (segment.payload, segment.tunnel) == (PAYLOAD, "vxlan:42")
    assert segment.ip_bytes == sum(map(len, parts))
    assert run.decoder.decoded() == {"udp": Count(2, sum(map(len, data)))}


def test_fragments_of_different_networks_are_kept_apart() -> None:
    first, last = halves(DATAGRAM, 512)
    apart = [frame(mirrored(first, 1)), frame(mirrored(last, 2)), frame(last, RAW)]
    assert Decoded(apart).packets == {"fragment-incomplete": 3}
    assert Decoded([*apart, frame(mirrored(last, 1))]).packets == {"fragment-incomplete": 2, "udp": 2}


def test_fragments_of_the_tunnel_and_of_what_is_inside() -> None:
    outside = [piece for part in halves(DATAGRAM, 512) for piece in halves(vxlan(ethernet(part)), 264)]
    run = Decoded([frame(part, RAW, ts_ns=index) for index, part in enumerate(outside)])
    (segment,) = run.segments
    assert (segment.payload, segment.ip_bytes) == (PAYLOAD, len(DATAGRAM) + 40)
    assert run.decoder.decoded() == {"udp": Count(4, sum(map(len, outside)))}


def test_a_tunnel_in_fragments_that_holds_nothing_shares_the_outcome() -> None:
    outside = halves(udp(struct.pack("!II", 0x08000000, 0) + ethernet(bytes(600)), port=4_789), 264)
    run = Decoded([frame(part, RAW) for part in outside])
    assert run.packets == {"malformed-ipv4": 2}


def test_incomplete_fragments_inside_fragments_count_every_packet() -> None:
    first, _ = halves(DATAGRAM, 512)
    run = Decoded([frame(part, RAW) for part in halves(vxlan(ethernet(first)), 264)])
    assert run.packets == {"fragment-incomplete": 2}

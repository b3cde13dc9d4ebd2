"""The committed captures are what ``pcaps/make.py`` builds, and what it builds is well formed."""

import gzip
import io
import struct
from collections.abc import Iterator
from pathlib import Path

import dpkt
import pytest

from pcaps import make
from pcaps.builder.container import Record, gzip_stored, pcap, pcapng
from pcaps.builder.material import client_hello, with_ech
from pcaps.builder.network import START_NS
from pcaps.cases.case import Case
from pcaps.cases.registry import CASES

ROOT = Path(make.__file__).parent
NAMES = [case.name for case in CASES]


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_capture_is_its_rebuild(case: Case) -> None:
    assert case.build() == (ROOT / case.path).read_bytes()


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_readme_says_what_is_shown_how_it_is_made_and_what_is_right(case: Case) -> None:
    text = (ROOT / case.name / "README.md").read_text(encoding="utf-8")
    assert text.startswith(f"# {case.name}\n")
    for heading in ("**Shows.** ", "**Made.** ", "**A right answer.** "):
        assert text.count(heading) == 1


def test_every_folder_with_a_capture_is_a_case_and_in_the_list() -> None:
    folders = {path.parent.name for path in ROOT.glob("*/traffic.*")}
    assert folders == set(NAMES)
    assert len(NAMES) == len(set(NAMES))
    overview = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in NAMES if f"`{name}`" not in overview] == []


def test_captures_are_small() -> None:
    sizes = {case.name: (ROOT / case.path).stat().st_size for case in CASES}
    assert 300_000 <= sizes.pop("demo") <= 600_000
    assert max(sizes.values()) < 25_000


def test_check_is_silent_when_all_is_equal(capsys: pytest.CaptureFixture[str]) -> None:
    assert make.main(["--check", "vlan", "ipv6"]) == 0
    assert capsys.readouterr() == ("", "")


def test_check_names_what_differs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(make, "ROOT", tmp_path)
    assert make.main(["vlan", "ipv6"]) == 0
    damaged = bytearray((tmp_path / "vlan/traffic.pcap").read_bytes())
    damaged[100] ^= 1
    (tmp_path / "vlan/traffic.pcap").write_bytes(damaged)
    (tmp_path / "ipv6/traffic.pcapng").unlink()

    assert make.main(["--check", "vlan", "ipv6"]) == 1

    first, second = capsys.readouterr().err.splitlines()
    assert "vlan/traffic.pcap: differs from its rebuild at offset 100 " in first
    assert "ipv6/traffic.pcapng: missing; " in second


def test_unknown_case_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ending:
        make.main(["no-such-case"])
    assert ending.value.code == 2
    assert "unknown case no-such-case; choose from: " in capsys.readouterr().err


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_frames_rise_in_time_and_their_checksums_hold(case: Case) -> None:
    times = []
    for seconds, packet in _ip_packets(case):
        times.append(seconds)
        if isinstance(packet, dpkt.ip.IP):
            assert _checksum(bytes(packet)[: packet.hl * 4]) == 0
        if isinstance(packet.data, (dpkt.tcp.TCP, dpkt.udp.UDP)) and not _is_cut(packet):
            assert _checksum(_pseudo_header(packet) + bytes(packet.data)) == 0
    assert times == sorted(times)
    assert times[0] >= START_NS / 1e9


def test_containers_hold_the_same_frames() -> None:
    records = [Record(START_NS + 1_500, b"\x01" * 61), Record(START_NS + 2_000_000_500, b"\x02" * 70)]
    frames = [record.frame for record in records]
    for data in (pcap(records), pcap(records, nanosecond=True), pcap(records, big_endian=True)):
        assert [frame for _, frame in dpkt.pcap.Reader(io.BytesIO(data))] == frames
    assert [frame for _, frame in dpkt.pcapng.Reader(io.BytesIO(pcapng(records)))] == frames
    assert struct.unpack_from("<IIII", pcap(records), 24)[:2] == (START_NS // 10**9, 1)
    assert struct.unpack_from("<IIII", pcap(records, nanosecond=True), 24)[:2] == (START_NS // 10**9, 1_500)
    assert struct.unpack_from("<IIII", pcap(records, snap_bytes=64), 24 + 16 + 61)[2:] == (64, 70)


@pytest.mark.parametrize("size", [1, 65_535, 65_536, 200_000])
def test_stored_gzip_is_a_gzip(size: int) -> None:
    data = bytes(range(256)) * (size // 256) + bytes(size % 256)
    assert gzip.decompress(gzip_stored(data)) == data


def test_hellos_differ_by_connection_alone() -> None:
    one, other = client_hello("api.mistral.ai", "a"), client_hello("api.mistral.ai", "b")
    assert one != other
    assert one[:11] + one[43:44] + one[76:] == other[:11] + other[43:44] + other[76:]
    assert one == client_hello("api.mistral.ai", "a")


def test_outer_ech_hello_keeps_its_lengths() -> None:
    hello = client_hello("cloudflare-ech.com", "a")
    outer = with_ech(hello, "a")
    added = len(outer) - len(hello)
    assert int.from_bytes(outer[3:5], "big") == len(outer) - 5
    assert int.from_bytes(outer[6:9], "big") == len(outer) - 9
    parsed = dpkt.ssl.TLSClientHello(outer[9:])
    assert [kind for kind, _ in parsed.extensions][:2] == [0xFE0D, 0]
    assert len(parsed.extensions[0][1]) + 4 == added


def _ip_packets(case: Case) -> Iterator[tuple[float, dpkt.Packet]]:
    data = (ROOT / case.path).read_bytes()
    if case.file_name.endswith(".gz"):
        data = gzip.decompress(data)
    container = dpkt.pcapng if case.file_name.endswith("ng") else dpkt.pcap
    link = dpkt.sll2.SLL2 if case.name == "any-interface" else dpkt.ethernet.Ethernet
    for seconds, frame in container.Reader(io.BytesIO(data)):
        for packet in _through_tunnels(link(frame).data):
            yield float(seconds), packet


def _through_tunnels(packet: dpkt.Packet) -> Iterator[dpkt.Packet]:
    """The packet, and those that it carries."""
    while packet is not None:
        yield packet
        inner = packet.data
        if isinstance(inner, dpkt.udp.UDP) and inner.dport == 4_789:
            packet = dpkt.ethernet.Ethernet(inner.data[8:]).data
        else:
            packet = inner.data if isinstance(inner, (dpkt.gre.GRE, dpkt.ppp.PPP)) else None


def _is_cut(packet: dpkt.Packet) -> bool:
    """Tell a packet that the snap length, fragmentation or the end of the file made shorter."""
    if isinstance(packet, dpkt.ip.IP):
        return bool(packet.mf or packet.offset or len(packet) != packet.len)
    return bool(len(packet.data) != packet.plen)


def _pseudo_header(packet: dpkt.Packet) -> bytes:
    """RFC 9293 section 3.1 and RFC 8200 section 8.1; the sum does not depend on the widths."""
    return bytes(packet.src + packet.dst) + struct.pack("!HH", packet.p, len(bytes(packet.data)))


def _checksum(data: bytes) -> int:
    """RFC 1071, over bytes that include the checksum: zero if they are sound."""
    return int.from_bytes(data + bytes(len(data) % 2), "big") % 0xFFFF

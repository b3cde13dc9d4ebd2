"""What ``benchmarks/make_traffic.py`` writes is what its truth file says, read back by other libraries."""

import struct
from collections import Counter, defaultdict
from collections.abc import Iterator
from ipaddress import ip_address
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import dpkt
import msgspec
import pytest
from aioquic._buffer import Buffer
from aioquic.quic.crypto import CryptoPair
from aioquic.quic.packet import pull_quic_header
from aioquic.tls import pull_client_hello
from scapy.layers.dns import DNS

from benchmarks import make_traffic

PACKETS, FLOWS = 9_000, 500


class Packet(NamedTuple):
    """A packet as its flow sees it."""

    seconds: float
    ip: dpkt.Packet
    segment: dpkt.Packet

    @property
    def flow(self) -> tuple[bytes, int, bytes, int, int]:
        return (self.ip.src, self.segment.sport, self.ip.dst, self.segment.dport, self.ip.p)


class Made(NamedTuple):
    path: Path
    packets: list[Packet]
    names: list[dict[str, Any]]
    totals: dict[str, Any]


@pytest.fixture(scope="module")
def mix(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return _make(tmp_path_factory.mktemp("mix"), "--packets", str(PACKETS), "--flows", str(FLOWS))


def test_totals_are_those_of_the_file(mix: Made) -> None:
    either_way = {min(packet.flow, _reverse(packet.flow)) for packet in mix.packets}
    assert mix.totals["packets"] == len(mix.packets) == PACKETS
    assert mix.totals["flows"] == len(either_way) == FLOWS
    assert mix.totals["file_bytes"] == mix.path.stat().st_size
    assert mix.totals["ip_bytes"] == sum(len(packet.ip) for packet in mix.packets)


def test_mix_has_the_shares_that_it_promises(mix: Made) -> None:
    carriers = Counter(name["carrier"] for name in mix.names)
    assert carriers == {"tls": FLOWS * 30 // 100, "quic": FLOWS * 15 // 100, "http": FLOWS * 2 // 100}
    assert mix.totals["tls_hellos"] == carriers["tls"]
    assert mix.totals["quic_hellos"] == carriers["quic"]
    assert mix.totals["http_hosts"] == carriers["http"]
    assert mix.totals["split_hellos"] == sum(name["packets"] == 2 for name in mix.names)
    assert 0 < mix.totals["reordered_hellos"] == sum(name["reordered"] for name in mix.names)
    assert 0 < mix.totals["llm_names"] == sum(name["llm"] for name in mix.names) < len(mix.names) // 5


def test_dns_exchanges_parse_and_are_counted(mix: Made) -> None:
    answers = [DNS(bytes(packet.segment.data)) for packet in mix.packets if packet.segment.sport == 53]
    queries = [DNS(bytes(packet.segment.data)) for packet in mix.packets if packet.segment.dport == 53]
    assert mix.totals["dns_answers"] == len(answers) == len(queries) == FLOWS // 2
    assert {answer.qd[0].qtype for answer in answers} == {1, 28, 65}
    assert Counter(query.id for query in queries) == Counter(answer.id for answer in answers)
    for answer in answers:
        *aliases, last = answer.an
        owners = [answer.qd[0].qname, *(alias.rdata for alias in aliases)]
        assert [record.rrname for record in answer.an] == owners
        assert last.type == answer.qd[0].qtype
        if last.type == 65:
            assert [parameter.key for parameter in last.svc_params] in ([1, 4], [1, 6])


def test_times_rise_over_the_ten_minutes(mix: Made) -> None:
    times = [packet.seconds for packet in mix.packets]
    assert times == sorted(times)
    assert 560 < times[-1] - times[0] < 720


def test_checksums_hold(mix: Made) -> None:
    for packet in mix.packets:
        ip, segment = packet.ip, bytes(packet.segment)
        if isinstance(ip, dpkt.ip.IP):
            assert _word_sum(bytes(ip)[:20]) == 0
        assert _word_sum(ip.src + ip.dst + struct.pack("!HH", ip.p, len(segment)) + segment) == 0


def test_tcp_streams_have_no_holes_and_acknowledge_what_was_sent(mix: Made) -> None:
    ends: dict[Any, int] = {}
    for flow, packets in _tcp_flows(mix).items():
        covered = sorted({_span(packet.segment) for packet in packets})
        gaps = [later[0] - earlier[1] for earlier, later in pairwise(covered)]
        assert all(gap <= 0 for gap in gaps)
        ends[flow] = max(end for _, end in covered)
    for flow, packets in _tcp_flows(mix).items():
        acks = [packet.segment.ack for packet in packets if packet.segment.flags & dpkt.tcp.TH_ACK]
        assert not acks or max(acks) <= ends[_reverse(flow)]


def test_tls_hellos_name_what_the_truth_says(mix: Made) -> None:
    flows = _tcp_flows(mix)
    for name in (name for name in mix.names if name["carrier"] == "tls"):
        packets = flows[_flow(name)]
        start = packets[0].segment.seq + 1
        carrying = [packet for packet in packets if packet.segment.data][: 2 * name["packets"]]
        stream = b""
        for packet in sorted(carrying, key=lambda packet: packet.segment.seq):
            if packet.segment.seq - start == len(stream):
                stream += packet.segment.data
        size = 5 + int.from_bytes(stream[3:5], "big")
        assert _server_name(stream[5:size]) == name["name"]
        assert name["packets"] == (2 if size > 1_440 else 1)
        assert name["reordered"] == (carrying[0].segment.seq != start)


def test_quic_initials_open_and_name_what_the_truth_says(mix: Made) -> None:
    initials = defaultdict(list)
    versions: Counter[str] = Counter()
    for packet in mix.packets:
        if (
            packet.ip.p == 17
            and packet.segment.dport == 443
            and packet.segment.data[0] & 0xF0 in {0xC0, 0xD0}
        ):
            initials[packet.flow].append(bytes(packet.segment.data))
    for name in (name for name in mix.names if name["carrier"] == "quic"):
        datagrams = initials[_flow(name)]
        assert len(datagrams) == name["packets"]
        pieces: dict[int, bytes] = {}
        numbers = []
        for datagram in datagrams:
            number, plain = _open_initial(datagram)
            numbers.append(number)
            pieces |= _crypto_pieces(plain)
        versions[datagrams[0][1:5].hex()] += 1
        assert name["reordered"] == (numbers != sorted(numbers))
        assert _server_name(b"".join(pieces[offset] for offset in sorted(pieces))) == name["name"]
    assert set(versions) == {"00000001", "6b3343cf"}


def test_http_hosts_are_what_the_truth_says(mix: Made) -> None:
    flows = _tcp_flows(mix)
    for name in (name for name in mix.names if name["carrier"] == "http"):
        request = next(packet.segment.data for packet in flows[_flow(name)] if packet.segment.data)
        assert dpkt.http.Request(request).headers["host"] == name["name"]


def test_same_seed_gives_the_same_file(tmp_path: Path, mix: Made) -> None:
    again, other = tmp_path / "again.pcap", tmp_path / "other.pcap"
    arguments = ["--packets", str(PACKETS), "--flows", str(FLOWS), "--out"]
    assert make_traffic.main([*arguments, str(again)]) == 0
    assert make_traffic.main([*arguments, str(other), "--seed", "2"]) == 0
    assert again.read_bytes() == mix.path.read_bytes()
    assert _truth_path(again).read_bytes() == _truth_path(mix.path).read_bytes()
    assert other.read_bytes() != mix.path.read_bytes()


@pytest.mark.parametrize(("packets", "flows"), [(60, 8), (2_000, 37), (20_000, 10)])
def test_packets_and_flows_come_out_exactly(tmp_path: Path, packets: int, flows: int) -> None:
    made = _make(tmp_path, "--packets", str(packets), "--flows", str(flows))
    assert (made.totals["packets"], len(made.packets), made.totals["flows"]) == (packets, packets, flows)


@pytest.mark.parametrize(
    ("packets", "flows", "problem"),
    [(100, 100, "100 flows need at least "), (100, 2, "2 flows are too few for a mix")],
)
def test_numbers_that_do_not_fit_are_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], packets: int, flows: int, problem: str
) -> None:
    arguments = ["--packets", str(packets), "--flows", str(flows), "--out", str(tmp_path / "t.pcap")]
    assert make_traffic.main(arguments) == 2
    assert problem in capsys.readouterr().err


def test_syn_flood_is_syns_alone(tmp_path: Path) -> None:
    made = _make(tmp_path, "--syn-flood", "3000")
    assert (
        made.totals["packets"]
        == made.totals["flows"]
        == len({packet.flow for packet in made.packets})
        == 3_000
    )
    assert {packet.segment.flags for packet in made.packets} == {dpkt.tcp.TH_SYN}
    assert made.names == []


def test_concurrent_flows_are_all_open_before_the_first_hello(tmp_path: Path) -> None:
    made = _make(tmp_path, "--concurrent", "3000")
    opening, speaking = made.packets[:3_000], made.packets[3_000:]
    assert {packet.segment.flags for packet in opening} == {dpkt.tcp.TH_SYN}
    assert [packet.flow for packet in opening] == [packet.flow for packet in speaking]
    assert len({packet.flow for packet in opening}) == len(made.names) == 3_000
    assert [_server_name(packet.segment.data[5:]) for packet in speaking] == [
        name["name"] for name in made.names
    ]
    assert all(a.segment.seq + 1 == b.segment.seq for a, b in zip(opening, speaking, strict=True))


def _make(folder: Path, *arguments: str) -> Made:
    path = folder / "traffic.pcap"
    assert make_traffic.main([*arguments, "--out", str(path)]) == 0
    lines = [msgspec.json.decode(line) for line in _truth_path(path).read_bytes().splitlines()]
    return Made(path, list(_read(path)), lines[:-1], lines[-1])


def _truth_path(path: Path) -> Path:
    return path.with_name(path.name + ".truth.jsonl")


def _read(path: Path) -> Iterator[Packet]:
    with path.open("rb") as file:
        for seconds, frame in dpkt.pcap.Reader(file):
            ip = dpkt.ethernet.Ethernet(frame).data
            yield Packet(float(seconds), ip, ip.data)


def _tcp_flows(made: Made) -> dict[Any, list[Packet]]:
    """Return the packets of each direction of each TCP connection."""
    flows = defaultdict(list)
    for packet in made.packets:
        if packet.ip.p == 6:
            flows[packet.flow].append(packet)
    return flows


def _flow(name: dict[str, Any]) -> tuple[bytes, int, bytes, int, int]:
    client, server = ip_address(name["client"]).packed, ip_address(name["server"]).packed
    return (client, name["client_port"], server, name["server_port"], 6 if name["transport"] == "tcp" else 17)


def _reverse(flow: tuple[bytes, int, bytes, int, int]) -> tuple[bytes, int, bytes, int, int]:
    return (*flow[2:4], *flow[:2], flow[4])


def _span(segment: dpkt.tcp.TCP) -> tuple[int, int]:
    """Return the sequence numbers that a segment covers. None of the seeds used here makes them wrap."""
    flags = bool(segment.flags & dpkt.tcp.TH_SYN) + bool(segment.flags & dpkt.tcp.TH_FIN)
    return segment.seq, segment.seq + len(segment.data) + flags


def _server_name(message: bytes) -> str | None:
    return pull_client_hello(Buffer(data=message)).server_name


def _open_initial(datagram: bytes) -> tuple[int, bytes]:
    """Open a client's Initial with aioquic; return the packet number and the frames."""
    buffer = Buffer(data=datagram)
    header = pull_quic_header(buffer, host_cid_length=8)
    assert header.version is not None
    pair = CryptoPair()
    pair.setup_initial(cid=header.destination_cid, is_client=False, version=header.version)
    _, plain, number = pair.decrypt_packet(datagram[: header.packet_length], buffer.tell(), 0)
    return number, plain


def _crypto_pieces(frames: bytes) -> dict[int, bytes]:
    pieces = {}
    buffer = Buffer(data=frames)
    while not buffer.eof():
        kind = buffer.pull_uint_var()
        assert kind in {0, 6}
        if kind == 6:
            offset = buffer.pull_uint_var()
            pieces[offset] = buffer.pull_bytes(buffer.pull_uint_var())
    return pieces


def _word_sum(data: bytes) -> int:
    """RFC 1071, over bytes that include the checksum: zero if they are sound."""
    return int.from_bytes(data + bytes(len(data) % 2), "big") % 0xFFFF


def test_sprays_are_of_flows_that_do_not_end(tmp_path: Path) -> None:
    initials = _make(tmp_path, "--quic-spray", "40")
    assert len({packet.flow for packet in initials.packets}) == len(initials.packets) == 40
    assert {packet.segment.data[0] & 0xF0 for packet in initials.packets} <= {0xC0, 0xD0}
    lookups = _make(tmp_path, "--dns-flood", "40")
    names = [DNS(bytes(packet.segment.data)) for packet in lookups.packets]
    assert len({(name.qd[0].qname, name.id) for name in names}) == 40
    assert [name.qr for name in names] == [0, 1] * 40
    assert lookups.totals["flows"] == 40


def test_a_background_names_no_llm(tmp_path: Path) -> None:
    made = _make(tmp_path, "--packets", "4000", "--flows", "200", "--llm-share", "0")
    assert made.totals["llm_names"] == 0
    assert not any(name["name"].endswith("cloudflare.com") for name in made.names)

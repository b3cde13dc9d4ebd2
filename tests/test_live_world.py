"""What is captured between real clients and servers, and what `residency replay` says of it."""

import signal
from collections import Counter
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from monitor.types import Decision
from sensors.frames import Segment
from sensors.observations import Accounting, Count
from tests import live_floods
from tests.captures_kit import read_file
from tests.frames_kit import Decoded
from tests.live_clients import Answer, Fetch, FetchQuic, Load, Lookup, Request
from tests.live_network import OUTSIDE, inside_down, small_segments
from tests.live_places import Program, run
from tests.live_world import Replayed, World, live_world

PCAPS = Path(__file__).parents[1] / "pcaps"
INJECTED = ("vlan", "pppoe", "vxlan-mirror", "mlkem-split-hello", "quic-two-initials")
ETHERNET_BYTES = 14 + 1_500
ANTHROPIC6, CHATGPT6 = "2607:6bc0::10", "2606:4700:4400::6812:202f"
SPLIT, BROWSER, GUEST = "10.20.1.30", "10.20.1.31", "10.99.3.4"
SPLIT_BYTES = 150


class Kind(NamedTuple):
    """What a client does, and what is decided of it."""

    requests: tuple[Request, ...]
    name: str | None
    outcome: str
    coverage: str = "sni"
    carrier: str = "tls"


def kind_of(request: Request, outcome: str, coverage: str = "sni", carrier: str = "tls") -> Kind:
    assert isinstance(request, Fetch | FetchQuic)
    return Kind((request,), request.host, outcome, coverage, carrier)


KINDS = {
    "TLS 1.3": kind_of(Fetch(host="api.openai.com", client="10.20.1.10"), "violation"),
    "TLS 1.2": kind_of(Fetch(host="api.anthropic.com", client="10.20.1.11", newest="1.2"), "violation"),
    "a connection that is kept": kind_of(
        Fetch(host="api.mistral.ai", client="10.30.2.8", times=3, upload=50_000), "violation"
    ),
    "large segments": kind_of(Fetch(host="chatgpt.com", client="10.40.7.21", size=3_000_000), "allow"),
    "TLS over IPv6": kind_of(
        Fetch(host="api.anthropic.com", client="fd00:10:20::5", address=ANTHROPIC6), "violation"
    ),
    "HTTP in the clear": kind_of(
        Fetch(host="api.deepseek.com", client="10.20.1.12", newest="none"), "violation", carrier="http"
    ),
    "QUIC": kind_of(FetchQuic(host="chatgpt.com", client="10.40.7.22"), "allow", carrier="quic"),
    "QUIC over IPv6": kind_of(
        FetchQuic(host="chatgpt.com", client="fd00:10:20::6", address=CHATGPT6),
        "indeterminate",
        carrier="quic",
    ),
    "CONNECT": kind_of(Fetch(host="openrouter.ai", client="10.20.1.13", by_proxy=True), "violation"),
    "a name from the resolver only": Kind(
        (
            Lookup(name="api.eu.mistral.ai", client="10.20.1.14"),
            Fetch(host="api.eu.mistral.ai", client="10.20.1.14", named=False),
        ),
        "api.eu.mistral.ai",
        "indeterminate",
        "dns",
    ),
    "an address only": Kind(
        (Fetch(host="api.anthropic.com", client="10.20.1.15", named=False),), None, "violation", "address"
    ),
    "an alias": Kind(
        (
            Lookup(name="contoso-crm.openai.azure.com", client="10.20.1.16"),
            Fetch(host="contoso-crm.openai.azure.com", client="10.20.1.16"),
        ),
        "contoso-crm.openai.azure.com",
        "indeterminate",
    ),
    "a guest": kind_of(Fetch(host="api.deepseek.com", client=GUEST), "unassigned"),
}
OTHERS = (
    Fetch(host="www.heise.de", client="10.20.1.10"),
    Fetch(host="cloudflare-dns.com", client="10.20.1.10"),
    FetchQuic(host="www.heise.de", client="10.20.1.11"),
    Lookup(name="pypi.org", client="10.20.1.12"),
    Lookup(name="www.wikipedia.org", client="10.20.1.12", kind="AAAA"),
)


class Seen(NamedTuple):
    """A capture, and what replaying it said."""

    path: Path
    replayed: Replayed

    def decision(self, client: str) -> Decision:
        (decision,) = self.replayed.of(client)
        return decision


@pytest.fixture(scope="module")
def seen(world: World) -> Seen:
    """Return one capture with every kind of client in it."""
    with world.capture("kinds") as path:
        asked = [each for kind in KINDS.values() for each in kind.requests]
        answers = world.ask(*asked, *OTHERS)
        assert all(answer.done and not answer.failed for answer in answers)
        assert world.curl(BROWSER, "https://bedrock-runtime.us-east-1.amazonaws.com/700") == "\0" * 700
        with small_segments(world.network, SPLIT_BYTES):
            world.ask(Fetch(host="api.mistral.ai", client=SPLIT))
    return Seen(path, world.replay(path))


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_each_kind_of_client_is_decided(seen: Seen, kind: Kind) -> None:
    decision = seen.decision(kind.requests[-1].client)  # type: ignore[union-attr]
    connection = decision.connection
    assert connection.hello is not None
    assert connection.hello.carrier == kind.carrier
    assert connection.hello.complete
    assert connection.coverage == kind.coverage
    assert {name.value for name in connection.names} == ({kind.name} if kind.name else set())
    assert decision.outcome == kind.outcome
    assert connection.totals.bytes_up > 0
    assert connection.totals.bytes_down > 1_000


def test_what_no_policy_cares_about_is_counted_only(seen: Seen) -> None:
    others = [each for each in OTHERS if not isinstance(each, Lookup)]
    decided = len(KINDS) + len((SPLIT, BROWSER))
    assert len(seen.replayed.decisions) == decided
    summary = seen.replayed.summary
    assert summary.connections.flows == decided + len(others)
    assert summary.coverage["dns"].flows == 1
    assert summary.coverage["address"].flows == 1
    assert summary.coverage["concealing"].flows == 1
    assert summary.coverage["sni"].flows == summary.connections.flows - 3
    asked = [each for kind in KINDS.values() for each in kind.requests]
    lookups = sum(isinstance(each, Lookup) for each in (*asked, *OTHERS))
    assert summary.lookups.flows >= lookups + 1  # curl and the proxy ask for themselves


def test_an_alias_tells_the_region(seen: Seen) -> None:
    decision = seen.decision("10.20.1.16")
    assert [name.cnames for name in decision.connection.names] == [
        ("westeurope.api.cognitive.microsoft.com",)
    ]
    assert decision.attribution.region == "westeurope"


def test_a_hello_in_many_small_frames_is_read(seen: Seen) -> None:
    frames = [
        each for each in segments(seen.path) if each.source == ip_address(SPLIT).packed and each.payload
    ]
    assert max(len(each.payload) for each in frames) == SPLIT_BYTES
    assert frames[0].payload[:1] == b"\x16"  # TLS handshake
    assert int.from_bytes(frames[0].payload[3:5]) > 3 * SPLIT_BYTES
    decision = seen.decision(SPLIT)
    assert decision.connection.names[0].value == "api.mistral.ai"
    assert decision.connection.names[0].source == "sni"
    assert decision.outcome == "violation"


def test_frames_larger_than_the_link_allows_are_decoded(seen: Seen) -> None:
    frames, faults = read_file(seen.path)
    assert not faults
    assert (
        max(len(each.data) for each in frames) > 2 * ETHERNET_BYTES
    )  # segmentation is left to the interface
    assert all(len(each.data) == each.wire_bytes for each in frames)
    accounting = seen.replayed.summary.accounting
    assert accounting.undecoded == {}
    assert_closed(accounting)
    assert accounting.read.packets == len(frames)


def test_the_engines_agree_on_real_traffic(world: World, seen: Seen) -> None:
    assert world.replay(seen.path, "--engine", "dpkt") == seen.replayed


def test_the_bytes_are_those_of_the_body(seen: Seen) -> None:
    totals = seen.decision("10.40.7.21").connection.totals
    assert 3_000_000 < totals.bytes_down < 3_300_000
    assert totals.reason == "fin"
    totals = seen.decision("10.30.2.8").connection.totals
    assert 150_000 < totals.bytes_up < 170_000


def test_injected_frames_are_what_the_files_are(world: World) -> None:
    with world.capture("injected") as path:
        for name in INJECTED:
            file = PCAPS / name / "traffic.pcap"
            assert world.inject(file) == len(read_file(file)[0])
    replayed = world.replay(path)
    golden = [
        msgspec.json.decode(line, type=Decision)
        for name in INJECTED
        for line in (PCAPS / name / "decisions.jsonl").read_bytes().splitlines()
    ]
    assert Counter(map(essence, replayed.decisions)) == Counter(map(essence, golden))
    assert replayed.summary.accounting.undecoded == {}


def test_floods_arrive_whole(world: World, tmp_path: Path) -> None:
    makers = {live_floods.syn_flood: 20_000, live_floods.quic_spray: 1_000, live_floods.dns_flood: 2_000}
    with world.capture("floods") as path:
        for maker, count in makers.items():
            file = maker(tmp_path / "flood.pcap", count)
            assert world.inject(file, "--pps=40000") == count * (2 if maker is live_floods.dns_flood else 1)
    replayed = world.replay(path)
    assert replayed.decisions == ()
    accounting = replayed.summary.accounting
    assert_closed(accounting)
    assert accounting.decoded["tcp"].packets == 20_000
    assert accounting.decoded["udp"].packets == 1_000 + 2 * 2_000
    assert replayed.summary.lookups.flows == 2_000


def test_a_load_is_carried_and_counted(world: World) -> None:
    clients = tuple(f"10.20.9.{number}" for number in range(1, 21))
    wanted = Load(rate=40, seconds=2, clients=clients, hosts=("api.openai.com", "www.heise.de"))
    with world.capture("load") as path:
        (answer,) = world.ask(wanted)
    assert (answer.done, answer.failed) == (80, 0)
    replayed = world.replay(path)
    assert len(replayed.decisions) == 40
    assert replayed.summary.connections.flows == replayed.summary.coverage["sni"].flows == 80


def test_the_egress_host_has_clients_of_its_own(world: World) -> None:
    own = Fetch(host="api.openai.com", client="10.20.0.1")
    with world.capture("own", OUTSIDE) as path:
        world.ask(own, place=world.egress)
        world.ask(Fetch(host="api.openai.com", client="10.20.1.10"))
    decisions = world.replay(path).decisions
    assert [each.connection.flow.client for each in decisions] == ["10.20.0.1", "10.20.1.10"]


def test_an_interface_goes_down_while_a_connection_is_open(world: World) -> None:
    waiting = Fetch(host="api.openai.com", client="10.20.1.10", times=20, pause_seconds=0.1)
    client = world.begin("waiting", waiting)
    client.wait_for(
        lambda: "10.20.1.10" in world.clients.run("ss", "-Htn", "state", "established"), "a connection"
    )
    with inside_down(world.network):
        pass
    client.wait_for(lambda: client.status == 0, "all requests to be answered")
    assert msgspec.json.decode(client.said(), type=list[Answer])[0].done == 20
    overv6 = Fetch(host="api.anthropic.com", client="fd00:10:20::5", address=ANTHROPIC6)
    assert world.ask(overv6)[0].done == 1


def test_nothing_is_left_after_a_failure(world: World, tmp_path: Path) -> None:
    failed: list[tuple[World, Program]] = []

    def fail() -> None:
        with live_world(tmp_path) as other:
            failed.append((other, other.start(other.clients, "sleeper", "sleep", "60")))
            assert {place.name for place in (*world.network, *other.network)} <= namespaces()
            raise InterruptedError

    with pytest.raises(InterruptedError):
        fail()
    ((other, program),) = failed
    assert program.status == -signal.SIGTERM
    assert {place.name for place in world.network} <= namespaces()
    assert not any(place.name in namespaces() for place in other.network)
    assert not any((Path("/etc/netns") / place.name).exists() for place in other.network)


def essence(decision: Decision) -> tuple[object, ...]:
    """All of a decision but times and latencies."""
    connection = decision.connection
    names = tuple((name.value, name.source) for name in connection.names)
    return connection.flow, names, connection.coverage, decision.attribution.provider, decision.outcome


def segments(path: Path) -> list[Segment]:
    return Decoded(read_file(path)[0]).segments


def assert_closed(accounting: Accounting) -> None:
    settled: list[Count] = [*accounting.decoded.values(), *accounting.undecoded.values()]
    assert sum(count.packets for count in settled) == accounting.read.packets
    assert sum(count.bytes for count in settled) == accounting.read.bytes


def namespaces() -> set[str]:
    return {line.split()[0] for line in run("ip", "netns", "list").splitlines()}

"""The daemon and real traffic: verdicts while connections live, and what a replay of the packets says."""

import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from monitor.types import Decision
from monitor.windows import Window
from tests.live_clients import Fetch, FetchQuic, Request, Together
from tests.live_daemon import Ask, Daemon, Samples, Written, daemon
from tests.live_network import OUTSIDE, small_segments
from tests.live_world import Replayed, World
from tests.test_live_world import BROWSER, INJECTED, KINDS, OTHERS, PCAPS, SPLIT, SPLIT_BYTES, Kind, kind_of

QUIC_CLIENT, GATEWAY = "10.30.2.9", "10.20.0.1"
HELD = KINDS | {
    "QUIC outside policy": kind_of(
        FetchQuic(host="api.anthropic.com", client=QUIC_CLIENT), "violation", carrier="quic"
    )
}
RULES = {  # of the violations among them, by client: the rule, its severity and the source group
    "10.20.1.10": ("RES-030", "high", "crm-backend"),
    "10.20.1.11": ("RES-030", "high", "crm-backend"),
    "10.30.2.8": ("RES-040", "medium", "data-platform"),
    "fd00:10:20::5": ("RES-030", "high", "crm-backend"),
    "10.20.1.12": ("RES-001", "critical", "crm-backend"),
    "10.20.1.13": ("RES-010", "high", "crm-backend"),
    "10.20.1.15": ("RES-030", "high", "crm-backend"),
    QUIC_CLIENT: ("RES-040", "medium", "data-platform"),
}
_OWN_TRIES = 20
BULK = (
    Fetch(host="api.openai.com", client="10.20.3.1", size=5_000_000),
    Fetch(host="api.openai.com", client="10.20.3.2", upload=4_000_000, newest="1.2"),
    Fetch(host="api.openai.com", client="10.20.3.3", size=2_000_000, upload=2_000_000, times=2),
    FetchQuic(host="api.anthropic.com", client="10.20.3.4", size=2_000_000),
    Fetch(host="www.heise.de", client="10.20.3.5", size=4_000_000, upload=1_000_000),
)
INSIDE_DAEMONS = {
    "plain": Ask(),
    "fanout": Ask({"threads": 2, "snaplen": "full"}),
    "hidden": Ask({}, {"privacy": {"pseudonyms": {"enabled": True, "keys": "keys"}}}),
}
GATEWAY_DAEMON = Ask({"interfaces": [OUTSIDE]}, {"processes": True})


class Last(NamedTuple):
    """What a daemon left: the last metrics before it was asked to end, and all that it wrote."""

    samples: Samples
    lines: list[Written]
    windows: list[Window]

    def ended(self) -> list[Written]:
        return [line for line in self.lines if not line.is_open]

    def opened(self, client: str) -> list[Written]:
        return [line for line in self.lines if line.is_open and line.client == client]


class Moment(NamedTuple):
    """What the plain daemon said at one time."""

    samples: Samples
    lines: list[Written]


class Watched(NamedTuple):
    """What several daemons said of the same traffic, and what a replay of its capture says."""

    before: Moment  # no client had sent its request yet
    over: Moment  # connections over TCP had ended
    last: dict[str, Last]
    replayed: Replayed


@pytest.fixture(scope="module")
def watched(world: World) -> Iterator[Watched]:
    """Return what daemons of several configurations say of every kind of client."""
    asks = INSIDE_DAEMONS | {"gateway": GATEWAY_DAEMON}
    with ExitStack() as stack:
        with world.capture("watched") as path:
            daemons = {
                name: stack.enter_context(daemon(world, name, ask, 9_500 + number))
                for number, (name, ask) in enumerate(asks.items())
            }
            before = _held(world, daemons["plain"], path.with_suffix(".go"))
            _others(world)
            _own(world, daemons["gateway"])
        over = _is_over(daemons["plain"])
        last = {name: _last(each) for name, each in daemons.items()}
        yield Watched(before, over, last, world.replay(path))


def _held(world: World, plain: Daemon, go: Path) -> Moment:
    """Have all kinds of clients connect, and send nothing before their verdicts were looked at."""
    requests = [_waiting(kind.requests[-1], go) for kind in HELD.values()]
    lookups = [each for kind in HELD.values() for each in kind.requests[:-1]]
    clients = world.begin("held", *lookups, Together(requests=tuple(requests)))

    def judged(samples: Samples) -> bool:
        seen = {line.client for line in plain.lines()}
        return seen == {each.client for each in requests} and samples.total("violations_open") == len(RULES)

    try:
        samples = plain.wait_for(judged, "verdicts on all connections")
        return Moment(samples, plain.lines())
    finally:
        go.touch()
        clients.wait_for(lambda: clients.status == 0, "clients to end")


def _waiting(request: Request, go: Path) -> Fetch | FetchQuic:
    """Return the request as one that waits for a file; in plain HTTP the first request is the hello."""
    assert isinstance(request, Fetch | FetchQuic)
    if isinstance(request, Fetch) and request.newest == "none":
        request = msgspec.structs.replace(request, times=2)
    return msgspec.structs.replace(request, waits_for=str(go))


def _others(world: World) -> None:
    """Have clients do what is not held."""
    assert all(answer.done and not answer.failed for answer in world.ask(*OTHERS, *BULK))
    world.curl(BROWSER, "https://bedrock-runtime.us-east-1.amazonaws.com/700")
    with small_segments(world.network, SPLIT_BYTES):
        world.ask(Fetch(host="api.mistral.ai", client=SPLIT))
    for name in INJECTED:
        world.inject(PCAPS / name / "traffic.pcap")


def _own(world: World, gateway: Daemon) -> None:
    """Have the egress host itself connect until a process was found: a busy one may answer too late."""
    own = Fetch(host="api.openai.com", client=GATEWAY, pause_seconds=0.1)
    for _ in range(_OWN_TRIES):
        world.ask(own, place=world.egress)
        if any(line.owner is not None and line.owner.process for line in gateway.lines()):
            return
    pytest.fail(f"no process was found: {gateway.scrape().by('owner_lookups_total', 'reason')}")


def _is_over(plain: Daemon) -> Moment:
    """Wait until connections over TCP have ended."""

    def over(samples: Samples) -> bool:
        violations = plain.lines("violation")
        ended = {(line.ts_ns, line.connection.flow) for line in violations if not line.is_open}
        alive = {(line.ts_ns, line.connection.flow) for line in violations} - ended
        return samples.total("violations_open") == len(alive) and {flow.transport for _, flow in alive} == {
            "udp"
        }

    samples = plain.wait_for(over, "violations over TCP to end")
    return Moment(samples, plain.lines())


def _last(each: Daemon) -> Last:
    samples = each.scrape()
    assert each.program.stop(signal.SIGTERM) == 0, each.program.said()
    return Last(samples, each.lines(), each.windows())


@pytest.mark.parametrize("kind", HELD.values(), ids=HELD)
def test_a_verdict_is_written_while_the_client_has_sent_nothing(watched: Watched, kind: Kind) -> None:
    client = kind.requests[-1].client  # type: ignore[union-attr]
    lines = [line for line in watched.before.lines if line.client == client]
    assert lines
    assert all(line.is_open for line in lines)
    assert lines[-1].outcome == kind.outcome
    assert lines[-1].sensor == "edge"
    assert {name.value for name in lines[-1].connection.names} == ({kind.name} if kind.name else set())


def test_violations_are_open_before_any_data_by_rule(watched: Watched) -> None:
    samples = watched.before.samples
    for (rule, severity, group), count in Counter(RULES.values()).items():
        labels = {"policy": rule, "severity": severity, "source_group": group, "tenant": "acme"}
        assert samples.total("violations_open", **labels) == count
        assert samples.total("verdicts_total", outcome="violation", **labels) == count
    assert samples.total("decisions_total") == 0
    lines = {
        line.client: (line.rule, line.severity, line.connection.subject.source_group)
        for line in watched.before.lines
        if line.outcome == "violation"
    }
    assert lines == RULES


def test_violations_are_counted_once_more_when_they_ended(watched: Watched) -> None:
    for client, (rule, *_) in RULES.items():
        of_client = [line for line in watched.over.lines if line.client == client and line.rule == rule]
        ended = [line for line in of_client if not line.is_open]
        if client == QUIC_CLIENT:
            assert ended == []
            continue
        assert [line.connection.totals.reason for line in ended] == ["fin"] * len(ended)
        first = of_client[0].connection.totals
        assert ended[0].ts_ns == of_client[0].ts_ns
        assert ended[0].connection.totals.bytes_down > max(1_000, first.bytes_down)
        assert ended[0].connection.totals.bytes_up > first.bytes_up


def essence(decision: Decision) -> tuple[object, ...]:
    """All of a decision but times, and what times tell."""
    connection = decision.connection
    names = tuple((name.value, name.source, name.cnames) for name in connection.names)
    totals = connection.totals
    sums = totals.packets_up, totals.packets_down, totals.bytes_up, totals.bytes_down, totals.reason
    hello = connection.hello
    said = (hello.carrier, hello.ja4, hello.alpn, hello.complete) if hello is not None else None
    verdict = decision.outcome, decision.rule, decision.severity
    return connection.flow, names, said, sums, connection.coverage, decision.attribution.provider, verdict


@pytest.mark.parametrize("name", ["plain", "fanout"])
def test_decisions_are_those_of_a_replay(watched: Watched, name: str) -> None:
    live, replayed = watched.last[name].ended(), watched.replayed.decisions
    if name == "fanout":  # the kernel deals by outer ports, which differ by direction
        live, replayed = list(filter(is_whole, live)), tuple(filter(is_whole, replayed))
    live_ones, replayed_ones = Counter(map(essence, live)), Counter(map(essence, replayed))
    assert live_ones - replayed_ones == replayed_ones - live_ones == Counter()


def is_whole(decision: Decision) -> bool:
    return not (decision.connection.flow.tunnel or "").startswith("vxlan")


@pytest.mark.parametrize("name", INSIDE_DAEMONS)
def test_every_packet_is_counted(watched: Watched, name: str) -> None:
    samples, decoded = watched.last[name].samples, watched.replayed.summary.accounting.decoded
    for protocol in ("tcp", "udp"):
        assert samples.total("decoded_packets_total", reason=protocol) == decoded[protocol].packets
    assert sum(samples.by("decoded_packets_total", "reason").values()) == samples.total("packets_total")
    assert samples.by("undecoded_packets_total", "reason") == {}
    assert samples.total("lost_packets_total") == 0


@pytest.mark.parametrize("name", ["plain", "hidden"])
def test_every_connection_is_in_a_statement(watched: Watched, name: str) -> None:
    last, summary = watched.last[name], watched.replayed.summary
    (window,) = last.windows
    assert window.coverage == {name: count.flows for name, count in summary.coverage.items() if count.flows}
    assert window.bytes == summary.connections.bytes()
    assert window.connections == summary.connections.flows
    assert window.packets >= last.samples.total("packets_total")
    assert window.lost == {}
    assert window.says.endswith("nothing was lost")


def test_a_statement_and_the_metrics_say_the_same(watched: Watched) -> None:
    last, lookups = watched.last["plain"], watched.replayed.summary.lookups.flows
    (window,), samples = last.windows, last.samples
    ended = samples.by("connections_total", "reason")
    assert ended.keys() <= window.coverage.keys()
    assert all(count >= ended.get(name, 0) for name, count in window.coverage.items())
    alive = samples.total("flow_table_flows")
    counted = sum(ended.values()) + samples.total("lookup_flows_total")
    assert counted + alive == window.connections + lookups


def test_bulk_data_is_counted_to_the_byte(watched: Watched) -> None:
    ended = {line.client: line.connection.totals for line in watched.last["plain"].ended()}
    for fetch in BULK[:-1]:
        upload = fetch.upload if isinstance(fetch, Fetch) else 0
        assert ended[fetch.client].bytes_down > fetch.size
        assert ended[fetch.client].bytes_up > upload


def test_a_vlan_is_in_the_decision(watched: Watched) -> None:
    assert {line.connection.flow.vlan for line in watched.last["plain"].ended()} == {None, 7, 120}


def test_clients_are_pseudonyms_and_all_else_is_the_same(watched: Watched) -> None:
    hidden, plain = watched.last["hidden"].lines, watched.last["plain"].lines
    pseudonyms = {line.client for line in hidden}
    assert all(client.startswith("client-") for client in pseudonyms)
    assert len(pseudonyms) == len({(line.client, line.connection.subject.tenant) for line in plain})
    assert {line.connection.flow.client_port for line in hidden} == {0}
    assert Counter(map(nameless, hidden)) == Counter(map(nameless, plain))
    ends = {(line.client, line.ts_ns) for line in hidden if not line.is_open}
    assert {(line.client, line.ts_ns) for line in hidden if line.is_open} <= ends
    written = msgspec.json.encode(hidden)
    assert not any(f'"{line.client}"'.encode() in written for line in plain)


def nameless(line: Written) -> tuple[object, ...]:
    """All of a decision but its client and times."""
    _flow, *rest = essence(line)
    return line.connection.flow.server, line.connection.flow.tunnel, *rest


def test_processes_of_this_host_are_known_and_no_others(watched: Watched) -> None:
    last = watched.last["gateway"]
    owners = {line.owner for line in last.lines if line.owner is not None and line.owner.process}
    (owner,) = owners
    assert owner.uid == 0
    assert (owner.process or "").startswith("python")
    assert {line.client for line in last.ended() if line.owner == owner} == {GATEWAY}
    others = [line for line in last.lines if line.client != GATEWAY]
    assert len(others) > len(HELD)
    assert {line.owner for line in others} == {None}
    looks = last.samples.by("owner_lookups_total", "reason")
    assert looks["attributed"] >= 1
    assert {line.owner for line in watched.last["plain"].lines} == {None}

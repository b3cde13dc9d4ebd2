"""The plan: every flow with its kind, times, names and packets, so that the sums come out exactly."""

from typing import NamedTuple

import numpy as np

from benchmarks.traffic.hosts import Host
from benchmarks.traffic.model import (
    BODY_KINDS,
    FLOW,
    MS_NS,
    SECOND_NS,
    START_NS,
    TCP_KINDS,
    Array,
    Close,
    Endpoints,
    Kind,
    is_kind,
)
from benchmarks.traffic.script import HEAD_LENGTHS, TAIL_LENGTHS

DURATION_SECONDS = 600
RESOLVER = 0  # the first row of the servers; host number n is row n + 1
_SHARES = {  # of all flows; what rounding leaves is DNS
    Kind.TLS: 0.15,
    Kind.TLS_SPLIT: 0.15,
    Kind.QUIC: 0.09,
    Kind.QUIC_SPLIT: 0.06,
    Kind.HTTP: 0.02,
    Kind.UDP: 0.03,
}
_PORTS = {Kind.HTTP: 80, Kind.DNS: 53, Kind.UDP: 123}
LLM_SHARE = 0.05
_V6_SHARE, _UPLOAD_SHARE = 0.1, 0.15
_REORDERED_SHARE, _RETRANSMITTED_SHARE = 0.1, 0.02
_CLOSES = {Close.FIN: 0.87, Close.RST: 0.08, Close.OPEN: 0.05}
_ASKED_BEFORE_SHARE = 0.8  # connections that directly follow a DNS answer; the others had it cached
_LONGEST_BODY_NS = 40 * SECOND_NS
_FIRST_PORT = 32_768


class Size(NamedTuple):
    """How much traffic is wanted."""

    packets: int
    flows: int
    llm_share: float = LLM_SHARE


class UnfitSizeError(ValueError):
    """So many flows and so many packets do not go together."""


def plan(size: Size, hosts: list[Host], rng: np.random.Generator) -> Array:
    """Return the flows in the order of their starts. Raises UnfitSizeError."""
    connections = _connections(size, hosts, rng)
    lookups = _lookups(size, connections, hosts, rng)
    flows = np.concatenate([connections, lookups])
    flows = flows[np.argsort(flows["start_ns"], kind="stable")]
    fill_common(flows, rng)
    _fill_bodies(flows, size.packets, rng)
    return flows


def openings(count: int, hosts: list[Host], rng: np.random.Generator, kind: Kind = Kind.TLS) -> Array:
    """Return flows that all open and never end, for floods and full flow tables."""
    flows = np.zeros(count, FLOW)
    flows["kind"] = kind
    flows["start_ns"] = START_NS
    flows["client"] = np.arange(count) % client_count(count)
    flows["host"] = choose_hosts(count, hosts, rng)
    if kind == Kind.DNS:
        flows["host"] = np.arange(count) % len(hosts)  # a name of its own for each, where there are so many
    flows["server"] = RESOLVER if kind == Kind.DNS else flows["host"] + 1
    fill_common(flows, rng)
    return flows


def packets_of(flows: Array) -> Array:
    """Return the number of packets of each flow."""
    closes = np.where(is_kind(flows, TCP_KINDS), TAIL_LENGTHS[flows["close"]], 0)
    counts: Array = HEAD_LENGTHS[flows["kind"]] + flows["body"] + closes + flows["retransmitted"]
    return counts


def endpoints(hosts: list[Host], clients: int) -> Endpoints:
    """Return the addresses of the machines: three networks of clients, the resolver and the hosts."""
    numbers = np.arange(clients, dtype=np.uint32)
    clients_v4 = ((10 << 24) | ((20 + 10 * (numbers % 3)) << 16)) + numbers // 3 + 1
    v4 = clients_v4.astype(">u4").view("u1").reshape(-1, 4)
    v6 = np.zeros((clients, 16), "u1")
    v6[:, :4], v6[:, 12:] = (0xFD, 0x00, 0x00, 0x10), v4
    v6[:, 5] = (2 + numbers % 3) << 4  # fd00:10:20::/48 and so on, as in the captures of pcaps/
    servers_v4 = b"\x0a\x00\x00\x35" + b"".join(host.v4 for host in hosts)
    servers_v6 = bytes.fromhex("fd000010000000000000000000000053") + b"".join(host.v6 for host in hosts)
    return Endpoints(
        v4,
        v6,
        np.frombuffer(servers_v4, "u1").reshape(-1, 4),
        np.frombuffer(servers_v6, "u1").reshape(-1, 16),
    )


def client_count(flows: int) -> int:
    """Return how many clients share the flows: about 40 each, within the three networks."""
    return min(max(flows // 40, 48), 190_000)


def fill_common(flows: Array, rng: np.random.Generator) -> None:
    """Fill in what all kinds share: sequence numbers, and ports that make every five-tuple unique."""
    count = len(flows)
    flows["seq_up"] = rng.integers(0, 1 << 32, count, dtype=np.uint32)
    flows["seq_down"] = rng.integers(0, 1 << 32, count, dtype=np.uint32)
    flows["server_port"] = 443
    for kind, port in _PORTS.items():
        flows["server_port"][flows["kind"] == kind] = port
    order = np.argsort(flows["client"], kind="stable")
    of_client = flows["client"][order]
    first = np.searchsorted(of_client, of_client, side="left")
    flows["client_port"][order] = _FIRST_PORT + np.arange(count) - first


def choose_hosts(
    count: int, hosts: list[Host], rng: np.random.Generator, llm_share: float = LLM_SHARE
) -> Array:
    """Return rows of hosts: a few LLM endpoints among ordinary names, popular ones more often."""
    llm = sum(host.llm for host in hosts)
    some = rng.choice(llm, count, p=_popularity(llm))
    other = llm + rng.choice(len(hosts) - llm, count, p=_popularity(len(hosts) - llm))
    return np.where(rng.random(count) < llm_share, some, other)


def _popularity(count: int) -> Array:
    weights = 1.0 / np.arange(1, count + 1) ** 0.9
    shares: Array = weights / weights.sum()
    return shares


def _connections(size: Size, hosts: list[Host], rng: np.random.Generator) -> Array:
    kinds = [np.full(int(size.flows * share), kind, "u1") for kind, share in _SHARES.items()]
    flows = np.zeros(sum(map(len, kinds)), FLOW)
    count = len(flows)
    flows["kind"] = rng.permutation(np.concatenate(kinds))
    flows["start_ns"] = START_NS + (rng.random(count) * (DURATION_SECONDS - 5) + 1) * SECOND_NS
    flows["rtt_ns"] = np.clip(rng.lognormal(2.2, 0.9, count), 0.5, 300) * MS_NS
    flows["gap_ns"] = np.clip(rng.lognormal(0.2, 1.2, count), 0.02, 200) * MS_NS
    flows["client"] = rng.integers(0, client_count(size.flows), count)
    flows["host"] = choose_hosts(count, hosts, rng, size.llm_share)
    flows["server"] = flows["host"] + 1
    flows["v6"] = rng.random(count) < _V6_SHARE
    flows["upload"] = rng.random(count) < _UPLOAD_SHARE
    flows["close"] = rng.choice(list(_CLOSES), count, p=list(_CLOSES.values()))
    split = is_kind(flows, (Kind.TLS_SPLIT, Kind.QUIC_SPLIT))
    flows["reordered"] = split & (rng.random(count) < _REORDERED_SHARE)
    tls = is_kind(flows, (Kind.TLS, Kind.TLS_SPLIT))
    flows["retransmitted"] = tls & (rng.random(count) < _RETRANSMITTED_SHARE)
    return flows


def _lookups(size: Size, connections: Array, hosts: list[Host], rng: np.random.Generator) -> Array:
    """Return DNS exchanges: most just before the connection that they lead to, the rest on their own."""
    count = size.flows - len(connections)
    flows = np.zeros(count, FLOW)
    flows["kind"] = Kind.DNS
    flows["server"] = RESOLVER
    flows["rtt_ns"] = np.clip(rng.lognormal(0.5, 0.6, count), 0.2, 40) * MS_NS
    flows["start_ns"] = START_NS + (rng.random(count) * (DURATION_SECONDS - 5) + 0.5) * SECOND_NS
    flows["client"] = rng.integers(0, client_count(size.flows), count)
    flows["host"] = choose_hosts(count, hosts, rng, size.llm_share)
    flows["v6"] = rng.random(count) < _V6_SHARE
    named = connections[connections["kind"] != Kind.UDP]
    followed = rng.permutation(named)[: min(int(len(named) * _ASKED_BEFORE_SHARE), count)]
    first = flows[: len(followed)]
    for column in ("client", "host", "v6"):
        first[column] = followed[column]
    first["start_ns"] = followed["start_ns"] - first["rtt_ns"] - 2 * MS_NS
    return flows


def _fill_bodies(flows: Array, packets: int, rng: np.random.Generator) -> None:
    """Share out the packets that the heads and tails leave, a few flows getting most of them."""
    left = packets - int(packets_of(flows).sum())
    able = np.flatnonzero(is_kind(flows, BODY_KINDS))
    if left < 0:
        raise UnfitSizeError(f"{len(flows)} flows need at least {packets - left} packets")
    if not len(able):
        raise UnfitSizeError(f"{len(flows)} flows are too few for a mix")
    weights = rng.lognormal(0, 1.8, len(able))
    ends = np.floor(np.cumsum(weights) / weights.sum() * left + 0.5)
    flows["body"][able] = np.diff(ends, prepend=0)
    longest_gap = _LONGEST_BODY_NS // np.maximum(flows["body"], 1).astype(np.int64)
    flows["gap_ns"] = np.minimum(flows["gap_ns"], longest_gap)

"""Builds the segments of conversations, and runs them through the trackers without frames or files."""

from collections.abc import Iterable
from ipaddress import ip_address
from typing import TypedDict, Unpack

from sensors.budget import ReadingBudget
from sensors.flows import FlowTable
from sensors.frames import Segment
from sensors.gaps import GapLog
from sensors.observations import FlowUpdate, HelloSeen, NameResolved, Observation
from sensors.recorder import Recorder
from sensors.tcp import ACK, FIN, RST, SYN, TcpTracker
from sensors.udp import UdpTracker

MS = 1_000_000
START_NS = 1_773_133_200 * 1_000 * MS
CLIENT, SERVER = "10.20.1.5", "203.0.113.7"
CLIENT_SEQ, SERVER_SEQ = 1_000, 900_000
MASK = (1 << 32) - 1


class Ports(TypedDict, total=False):
    """What a segment may have beside the usual."""

    client_port: int
    server_port: int
    transport: int
    missing: int
    vlan: int | None
    tunnel: str | None


def up(at_ms: int, flags: int = ACK, seq: int = 1, payload: bytes = b"", **other: Unpack[Ports]) -> Segment:
    """Return a client's segment; ``seq`` is relative to its initial sequence number."""
    return segment(at_ms, True, flags, CLIENT_SEQ + seq, payload, **other)


def down(at_ms: int, flags: int = ACK, seq: int = 1, payload: bytes = b"", **other: Unpack[Ports]) -> Segment:
    """Return a server's segment; ``seq`` is relative to its initial sequence number."""
    return segment(at_ms, False, flags, SERVER_SEQ + seq, payload, **other)


def segment(
    at_ms: int,
    from_client: bool,  # noqa: FBT001
    flags: int,
    seq: int,
    payload: bytes = b"",
    *,
    client_port: int = 50_000,
    server_port: int = 443,
    transport: int = 6,
    missing: int = 0,
    vlan: int | None = None,
    tunnel: str | None = None,
) -> Segment:
    """Return one segment between the two hosts of the tests."""
    client, server = ip_address(CLIENT).packed, ip_address(SERVER).packed
    ends = (
        (client, client_port, server, server_port)
        if from_client
        else (server, server_port, client, client_port)
    )
    return Segment(
        START_NS + at_ms * MS,
        40 + len(payload) + missing,
        transport,
        *ends,
        vlan,
        flags,
        seq & MASK,
        payload,
        missing,
        tunnel,
    )


def handshake(at_ms: int = 0, **other: Unpack[Ports]) -> list[Segment]:
    """Return SYN, SYN-ACK (after 20 ms) and ACK."""
    return [
        up(at_ms, SYN, 0, **other),
        down(at_ms + 20, SYN | ACK, 0, **other),
        up(at_ms + 21, ACK, 1, **other),
    ]


def closing(at_ms: int, up_seq: int, down_seq: int, **other: Unpack[Ports]) -> list[Segment]:
    """Return FIN, FIN, ACK."""
    return [
        up(at_ms, FIN | ACK, up_seq, **other),
        down(at_ms + 20, FIN | ACK, down_seq, **other),
        up(at_ms + 21, ACK, up_seq + 1, **other),
    ]


class Run:
    """The observations and counters that segments led to."""

    def __init__(
        self,
        segments: Iterable[Segment],
        flows: int = 1_000,
        budget: int = 1_000_000,
        *,
        eager: bool = False,
    ) -> None:
        self.recorder = Recorder(eager=eager)
        self.table = FlowTable(flows, self.recorder.flow_end)
        self.gaps = GapLog()
        self.budget = ReadingBudget(budget)
        tcp = TcpTracker(self.table, self.recorder, self.budget, 131_072)
        udp = UdpTracker(self.table, self.recorder, self.budget)
        for each in segments:
            self.table.now_ns = max(self.table.now_ns, each.ts_ns)
            self.table.expire()
            (tcp if each.transport == 6 else udp).add(each)
        self.table.end_all()
        self.all: list[Observation] = self.recorder.take()
        self.counters = self.recorder.counters

    @property
    def hellos(self) -> list[HelloSeen]:
        return [each for each in self.all if isinstance(each, HelloSeen)]

    @property
    def flows(self) -> list[FlowUpdate]:
        return [each for each in self.all if isinstance(each, FlowUpdate)]

    @property
    def answers(self) -> list[NameResolved]:
        return [each for each in self.all if isinstance(each, NameResolved)]

    @property
    def names(self) -> list[str | None]:
        return [hello.server_name for hello in self.hellos]


__all__ = [
    "ACK",
    "CLIENT",
    "FIN",
    "RST",
    "SERVER",
    "SYN",
    "Run",
    "closing",
    "down",
    "handshake",
    "segment",
    "up",
]

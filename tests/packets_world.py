"""Packets of one TLS connection over a lossy way, with times in milliseconds, as a lossy capture has them.

The sensor stands beside the client. A middlebox may stand beside it and complete the TCP handshake by itself.
Both ends send again what is not acknowledged in time, and every packet may be lost on the way, or be missed
by the capture alone.
"""

import math
import random
from collections.abc import Sequence
from typing import NamedTuple

import dpkt

from pcaps.builder.container import Record, pcap
from tests.hello_bytes import hello_body, message, sni, versions
from tests.hello_bytes import record as tls_record
from tests.world_kit import NS_PER_MS

CLIENT, PORT = bytes((10, 20, 1, 5)), 50_000
CLIENT_SEQ, SERVER_SEQ = 1_000, 900_000
START_NS = 1_773_133_200_000 * NS_PER_MS
SYN_AGAIN_MS = (0, 1_000, 3_000, 7_000)
ANSWER = bytes.fromhex("160303007a") + bytes(595)  # a ServerHello and what follows it


class Way(NamedTuple):
    """How far the server is, what adds to it, and how much is lost: shares from 0 to 1."""

    rtt_ms: float
    near_ms: float | None  # to the middlebox and back; None: there is none
    lost: float
    missed: float
    think_ms: float = 0.0


class Event(NamedTuple):
    """A packet as it passes the sensor."""

    at_ms: float
    up: bool
    flags: int
    seq: int
    payload: bytes = b""


def connection(way: Way, name: str, rng: random.Random) -> list[Event]:
    """Return what passes the sensor; the connection may fail half way."""
    near_ms = way.rtt_ms if way.near_ms is None else way.near_ms
    sent, answers = _exchange(way, 0.0, (near_ms, near_ms), SYN_AGAIN_MS, rng)
    events = [Event(at, True, dpkt.tcp.TH_SYN, CLIENT_SEQ) for at in sent]
    events += [Event(at, False, dpkt.tcp.TH_SYN | dpkt.tcp.TH_ACK, SERVER_SEQ) for at in answers]
    if answers:
        start = min(answers) + rng.uniform(0.01, 1)
        far_ms = way.rtt_ms + way.think_ms + (way.near_ms or 0.0)
        sent, answers = _exchange(way, start, (near_ms, far_ms), _data_again(near_ms), rng)
        events += [Event(at, True, dpkt.tcp.TH_ACK, CLIENT_SEQ + 1, record(name)) for at in sent]
        events += [Event(at, False, dpkt.tcp.TH_ACK, SERVER_SEQ + 1, ANSWER) for at in answers[:1]]
    return sorted(events)


def _data_again(rtt_ms: float) -> list[float]:
    """Return when data is sent again: the time-out is 200 ms at least, and three round trips (RFC 6298)."""
    timeout_ms = max(200.0, 3 * rtt_ms)
    return [0.0, timeout_ms, 3 * timeout_ms, 7 * timeout_ms]


def _exchange(
    way: Way, start: float, times_ms: tuple[float, float], again: Sequence[float], rng: random.Random
) -> tuple[list[float], list[float]]:
    """Return when something was sent until it was acknowledged, and when answers came.

    ``times_ms`` are those to the acknowledgement, and to the answer.
    """
    acknowledged_ms, answered_ms = times_ms
    sent: list[float] = []
    answers: list[float] = []
    heard = math.inf
    for step in again:
        at = start + step
        if heard <= at:
            break
        sent.append(at)
        if rng.random() < way.lost:
            continue
        lost = rng.random() < way.lost  # then it is sent again, after a time-out of the other end
        answers.append(at + answered_ms + rng.expovariate(0.2) + lost * rng.uniform(200, 1_000))
        if rng.random() >= way.lost:
            heard = min(heard, at + acknowledged_ms + rng.expovariate(1))
        heard = min(heard, *answers)
    return sent, sorted(answers)


def captured(events: list[Event], way: Way, server: bytes, rng: random.Random) -> bytes:
    """Return a capture of those that it did not miss."""
    kept = [event for event in events if rng.random() >= way.missed]
    records = [Record(START_NS + int(event.at_ms * NS_PER_MS), _frame(event, server)) for event in kept]
    return pcap(records, nanosecond=True)


def record(name: str) -> bytes:
    """Return a ClientHello's record."""
    return tls_record(message(hello_body(sni(name.encode()), versions(0x0304))))


def _frame(event: Event, server: bytes) -> bytes:
    ports = (PORT, 443) if event.up else (443, PORT)
    segment = dpkt.tcp.TCP(
        sport=ports[0], dport=ports[1], seq=event.seq, flags=event.flags, data=event.payload
    )
    ends = (CLIENT, server) if event.up else (server, CLIENT)
    packet = dpkt.ip.IP(src=ends[0], dst=ends[1], p=dpkt.ip.IP_PROTO_TCP, data=segment)
    packet.len = len(packet)
    return bytes(dpkt.ethernet.Ethernet(src=bytes(6), dst=bytes(6), data=packet))

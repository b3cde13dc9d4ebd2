"""The traffic of captures, again and again without an end, at other times and from other client ports. Pure.

A lap begins every so many seconds, whether those before it have ended or not. The first one is as it was
captured; of each later one some conversations are left out, so that no two look alike.
"""

import heapq
import zlib
from collections.abc import Iterable, Iterator, Sequence

import dpkt

from pcaps.builder.container import Record

FIRST_CLIENT_PORT = 49_152  # RFC 6335 section 6: dynamic ports
CLIENT_PORTS = 16_384
PORT_STEP = 1_009  # odd, so that it takes all ports before one comes again
LEFT_OUT = 5  # one conversation of so many


def joined(captures: Iterable[Sequence[Record]]) -> list[Record]:
    """Return the frames of captures as if all had begun at once; times are nanoseconds since then."""
    moved = [Record(each.ts_ns - frames[0].ts_ns, each.frame) for frames in captures for each in frames]
    return sorted(moved, key=lambda each: each.ts_ns)


def laps(frames: Sequence[Record], begin_ns: int, every_ns: int) -> Iterator[Record]:
    """Yield the frames of lap after lap, in the order of their times. The first of ``frames`` is at 0."""
    ahead = [(begin_ns, 0, 0)]
    while True:
        ts_ns, lap, place = heapq.heappop(ahead)
        if place == 0:
            heapq.heappush(ahead, (ts_ns + every_ns, lap + 1, 0))
        if place + 1 < len(frames):
            heapq.heappush(ahead, (begin_ns + lap * every_ns + frames[place + 1].ts_ns, lap, place + 1))
        frame = varied(frames[place].frame, lap)
        if frame is not None:
            yield Record(ts_ns, frame)


def varied(frame: bytes, lap: int) -> bytes | None:
    """Return an Ethernet frame as it is in a lap; None where its conversation is left out of that."""
    ethernet = dpkt.ethernet.Ethernet(frame)
    packet = ethernet.data
    segment = getattr(packet, "data", None)
    if lap == 0 or not isinstance(segment, dpkt.tcp.TCP | dpkt.udp.UDP):
        return frame
    client_port = max(segment.sport, segment.dport)
    if client_port < FIRST_CLIENT_PORT:
        return frame
    if zlib.crc32(f"{lap}/{client_port}".encode()) % LEFT_OUT == 0:
        return None
    moved = FIRST_CLIENT_PORT + (client_port - FIRST_CLIENT_PORT + lap * PORT_STEP) % CLIENT_PORTS
    if segment.sport == client_port:
        segment.sport = moved
    else:
        segment.dport = moved
    segment.sum = 0  # dpkt then works it out anew
    return bytes(ethernet)

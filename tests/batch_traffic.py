"""Makes traffic that goes on where files end: recorded exchanges at any time, and segments as they like.

Ends are few, so that the same five-tuple is used again, by flows that were closed, reset or only fell silent.
"""

import random
import struct
from functools import cache
from ipaddress import ip_address

from sensors.captured import Frame
from tests.batch_kit import ROOT, frames_of
from tests.frames_kit import IPV4, ethernet

START_NS = 1_773_133_200_000_000_000
SECOND_NS = 1_000_000_000
LENGTH_SECONDS = 2_400
_FIN, _SYN, _RST, _ACK = 1, 2, 4, 16
_FLAGS = (_SYN, _SYN | _ACK, _ACK, _ACK, _ACK, _FIN | _ACK, _FIN | _ACK, _RST)
_PAUSES = (0.0, 0.001, 0.4, 1.0, 3.0, 9.9, 10.0, 10.1, 11.0, 60.0, 119.0, 120.5, 299.9, 300.0, 301.0, 330.0)
_CLIENTS, _SERVERS = ("10.20.1.5", "10.20.1.6"), ("203.0.113.7", "198.51.100.9")
_TCP, _UDP, _IPIP = 6, 17, 4


@cache
def recorded() -> list[list[Frame]]:
    """The exchanges of all captures of Ethernet that tests have."""
    captures = [frames_of(path) for path in sorted((ROOT / "pcaps").glob("*/traffic.pcap"))]
    return [frames for frames in captures if frames and {frame.linktype for frame in frames} == {1}]


def traffic(seed: int, exchanges: list[list[Frame]]) -> list[Frame]:
    """Return frames in about the order of time: some are a little late."""
    rng = random.Random(seed)
    frames: list[Frame] = []
    for _ in range(rng.randrange(8)):
        frames += _moved(rng.choice(exchanges), rng)
    for _ in range(rng.randrange(10)):
        frames += _segments(rng)
    if rng.random() < 0.4:
        frames += _fragments(rng)
    frames += [_frame(START_NS, _TCP, ("10.0.0.1", "10.0.0.2"), _tcp(1, 2, _ACK, b""))]
    frames.sort(key=lambda frame: frame.ts_ns)
    if rng.random() < 0.3:
        for at in range(0, len(frames) - 1, 5):
            frames[at : at + 2] = frames[at + 1 : at + 2] + frames[at : at + 1]
    return frames


def long_traffic() -> list[Frame]:
    """Return a day of flows of a minute, one every two minutes; a tenth of them only fall silent."""
    frames = []
    for number in range(720):
        ends, ports = (_CLIENTS[number % 2], _SERVERS[0]), (40_000 + number, 443)
        begin_ns = START_NS + number * 120 * SECOND_NS
        flags = _SYN, _ACK, _FIN | _ACK, _ACK if number % 10 == 0 else _RST
        for at, flag in enumerate(flags):
            body = _tcp(*ports, flag, b"")
            frames.append(_frame(begin_ns + at * 20 * SECOND_NS, _TCP, ends, body))
    return frames


def _moved(exchange: list[Frame], rng: random.Random) -> list[Frame]:
    begin_ns = START_NS + int(rng.uniform(0, LENGTH_SECONDS) * SECOND_NS)
    pace = rng.choice([1, 1, 20, 400])  # slower, so that it lasts beyond a file's end
    first_ns = exchange[0].ts_ns
    return [
        Frame(begin_ns + max(0, frame.ts_ns - first_ns) * pace, 1, frame.data, frame.wire_bytes)
        for frame in exchange
    ]


def _segments(rng: random.Random) -> list[Frame]:
    """Segments of one five-tuple, with the pauses at which flows may end."""
    ends = rng.choice(_CLIENTS), rng.choice(_SERVERS)
    port = rng.choice([50_000, 50_001])
    transport = rng.choice([_TCP, _TCP, _UDP])
    now = rng.uniform(0, LENGTH_SECONDS / 2)
    frames = []
    for _ in range(rng.randrange(1, 12)):
        up = rng.random() < 0.5
        ports = (port, 443) if up else (443, port)
        payload = bytes(rng.randrange(3))
        if transport == _TCP:
            body = _tcp(*ports, rng.choice(_FLAGS), payload, rng.choice([1, 7_000_000]))
        else:
            body = struct.pack("!HHHH", *ports, 8 + len(payload), 0) + payload
        ts_ns = START_NS + int(now * SECOND_NS)
        frames.append(_frame(ts_ns, transport, ends if up else ends[::-1], body))
        now += rng.choice(_PAUSES)
    return frames


def _fragments(rng: random.Random) -> list[Frame]:
    """A datagram in two fragments, of a flow that others may have packets of too; or a tunnel's."""
    ends = rng.choice(_CLIENTS), rng.choice(_SERVERS)
    inner = _tcp(50_000, 443, _ACK, bytes(200))
    if rng.random() < 0.5:
        protocol, body = _TCP, inner
    else:
        protocol, body = _IPIP, _ip(_TCP, ends, inner, 0)
    second = rng.uniform(0, LENGTH_SECONDS)
    pause = rng.choice([0.001, 5.0, 29.0, 31.0])
    parts = []
    for number, (offset, data) in enumerate([(0, body[:64]), (64, body[64:])]):
        field = offset // 8 | (0x2000 if offset == 0 else 0)
        ts_ns = START_NS + int((second + number * pause) * SECOND_NS)
        packet = ethernet(_ip(protocol, ends, data, field), IPV4)
        parts.append(Frame(ts_ns, 1, packet, len(packet)))
    return parts[: rng.choice([1, 2, 2, 2])]


def _tcp(source: int, target: int, flags: int, payload: bytes, seq: int = 1) -> bytes:
    return struct.pack("!HHIIBBHHH", source, target, seq, 0, 0x50, flags, 0, 0, 0) + payload


def _ip(protocol: int, ends: tuple[str, str], body: bytes, fragment: int) -> bytes:
    addresses = b"".join(ip_address(end).packed for end in ends)
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 9, fragment, 64, protocol, 0)
    return head + addresses + body


def _frame(ts_ns: int, protocol: int, ends: tuple[str, str], body: bytes) -> Frame:
    data = ethernet(_ip(protocol, ends, body, 0), IPV4)
    return Frame(ts_ns, 1, data, len(data))

"""Captures of hostile traffic, made to be injected: no flow of them is ever answered."""

import itertools
from collections.abc import Iterable
from pathlib import Path

from sensors.capture import Frame
from tests import hello_bytes
from tests.captures_kit import START_NS, pcap
from tests.frames_kit import ethernet
from tests.test_dns import wire
from tests.test_quic import crypto, initial
from tests.torture_kit import CLIENT, RESOLVER, SERVER, SYN, Ends, tcp, udp

LAST_FRAME = ethernet(b"the last frame of a capture".ljust(46, b"."), 0x0806)  # counts as ARP
_FIRST_PORT, _PORTS = 1_024, 64_000


def write_frames(path: Path, frames: Iterable[bytes]) -> Path:
    """Write frames a microsecond apart, and return the path."""
    path.write_bytes(pcap(Frame(START_NS + at * 1_000, 1, data, len(data)) for at, data in enumerate(frames)))
    return path


def syn_flood(path: Path, count: int) -> Path:
    """So many connections that only ever begin, each from a port or an address of its own."""
    return write_frames(path, (tcp(7, flags=SYN, ends=_ends(at)) for at in range(count)))


def quic_spray(path: Path, count: int) -> Path:
    """So many QUIC connections that send half a hello, which has no name yet; each has its own ID."""
    padding, name = hello_bytes.extension(hello_bytes.PADDING, bytes(900)), hello_bytes.sni(b"chatgpt.com")
    hello = hello_bytes.message(hello_bytes.hello_body(padding, name))
    half = crypto(0, hello[: len(hello) // 2]).ljust(1_150, b"\0")
    sealed = ((initial(half, to=at.to_bytes(8)), _ends(at)) for at in range(count))
    return write_frames(path, itertools.starmap(udp, sealed))


def dns_flood(path: Path, count: int) -> Path:
    """So many questions and answers, each for a name that nobody asked for before."""
    return write_frames(path, itertools.chain.from_iterable(_exchange(at) for at in range(count)))


def _ends(at: int) -> Ends:
    client = (int.from_bytes(CLIENT) + at // _PORTS).to_bytes(4)
    return Ends(client, _FIRST_PORT + at % _PORTS, SERVER, 443)


def _exchange(at: int) -> list[bytes]:
    name = wire(f"host-{at}.example")
    ends = Ends(_ends(at).client, _FIRST_PORT + at % _PORTS, RESOLVER, 53)
    identifier, counts = (at & 0xFFFF).to_bytes(2), b"\0\1\0%c\0\0\0\0"
    question = name + b"\0\1\0\1"
    record = b"\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4" + (0x2D000000 + at).to_bytes(4)
    asked = identifier + b"\x01\0" + counts % 0 + question
    return [udp(asked, ends), udp(identifier + b"\x81\x80" + counts % 1 + question + record, ends.back())]

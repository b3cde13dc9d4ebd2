"""Builds conversations as capture files, and has both engines say what they are."""

import struct
from collections.abc import Iterable
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from sensors.capture import Frame
from sensors.connections import Seen
from sensors.limits import Limits
from sensors.observations import Accounting, Count, FlowUpdate, HelloSeen, NameResolved
from tests.captures_kit import START_NS, pcap
from tests.frames_kit import ethernet
from tests.test_engines_agree import both

FIN, SYN, RST, ACK = 1, 2, 4, 16
CLIENT, SERVER, RESOLVER = (ip_address(text).packed for text in ("10.20.1.5", "203.0.113.7", "10.0.0.53"))
MASK = (1 << 32) - 1
MS = 1_000_000


class Ends(NamedTuple):
    """Who talks to whom, seen from who opened the flow."""

    client: bytes = CLIENT
    client_port: int = 50_000
    server: bytes = SERVER
    server_port: int = 443

    def back(self) -> "Ends":
        """The same ends, seen from the other."""
        return Ends(self.server, self.server_port, self.client, self.client_port)


ENDS = Ends()


def ipv4(ends: Ends, protocol: int, payload: bytes) -> bytes:
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, 0)
    return ethernet(head + ends.client + ends.server + payload)


def tcp(seq: int, payload: bytes = b"", flags: int = ACK, ends: Ends = ENDS) -> bytes:
    """A frame of the end that stands first in ``ends``."""
    ports = struct.pack("!HHII", ends.client_port, ends.server_port, seq & MASK, 0)
    return ipv4(ends, 6, ports + struct.pack("!BBHHH", 0x50, flags, 8_192, 0, 0) + payload)


def udp(payload: bytes, ends: Ends = ENDS) -> bytes:
    """A frame of the end that stands first in ``ends``."""
    ports = struct.pack("!HHHH", ends.client_port, ends.server_port, 8 + len(payload), 0)
    return ipv4(ends, 17, ports + payload)


class Said:
    """What both engines said of frames ``apart_ns`` apart: the same, with the accounts closed."""

    def __init__(
        self, frames: Iterable[bytes], folder: Path, limits: Limits | None = None, apart_ns: int = MS
    ) -> None:
        made = [Frame(START_NS + at * apart_ns, 1, data, len(data)) for at, data in enumerate(frames)]
        path = folder / "torture.pcap"
        path.write_bytes(pcap(made))
        reference, native = both([path], limits)
        assert native == reference
        self.all: list[Seen]
        self.accounting: Accounting
        self.all, self.accounting = native
        settled: list[Count] = [*self.accounting.decoded.values(), *self.accounting.undecoded.values()]
        assert sum(count.packets for count in settled) == self.accounting.read.packets == len(made)
        assert sum(count.bytes for count in settled) == self.accounting.read.bytes
        final = [update for update in self.flows if update.final]
        packets = sum(update.packets_up + update.packets_down for update in final)
        assert packets == sum(self.packets(name) for name in ("tcp", "udp"))

    def packets(self, name: str) -> int:
        """How many were decoded as something."""
        return self.accounting.decoded.get(name, Count()).packets

    @property
    def counters(self) -> dict[str, int]:
        return self.accounting.counters

    @property
    def flows(self) -> list[FlowUpdate]:
        return [each for each in self.all if isinstance(each, FlowUpdate)]

    @property
    def hellos(self) -> list[tuple[str | None, bool]]:
        """Names, and whether their hellos were whole."""
        hellos = [each for each in self.all if isinstance(each, HelloSeen)]
        return [(hello.server_name, hello.complete) for hello in hellos]

    @property
    def answers(self) -> list[NameResolved]:
        return [each for each in self.all if isinstance(each, NameResolved)]

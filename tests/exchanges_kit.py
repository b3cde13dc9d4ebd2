"""Builds captures of DNS answers and short flows among few machines, so that everything meets."""

import struct
from collections.abc import Iterable
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from hypothesis import strategies as st

from sensors.capture import Frame
from sensors.tcp import ACK, FIN, RST, SYN
from tests.captures_kit import pcap
from tests.frames_kit import IPV4, IPV6, ethernet
from tests.hello_bytes import alpn, ech, hello_body, message, record, sni
from tests.observed import at
from tests.test_dns import AAAA, CNAME, HTTPS, RR, A, https, response
from tests.test_svcb import ech_config, parameter, vector

TCP, UDP = 6, 17
CLIENTS = "10.20.1.5", "10.20.1.5", "10.20.1.6", "2001:db8::5"
SERVERS = "203.0.113.7", "203.0.113.8", "198.51.100.9", "2001:db8:1::7"
NAMES = (
    "api.llm.test", "eu.llm.test", "x.openai.test", "cloudflare-ech.com", "mixed.test", "www.example.org",
    "mail.example.org", "198.51.100.9", "203.0.113.99",
)  # fmt: skip
ALIASES = "edge.llm.test", "y.openai.test", "cdn.example.net", "a.cdn.example.net"


class Answer(NamedTuple):
    """A DNS answer: these aliases lead from the name to these addresses."""

    second: int
    client: str
    name: str
    addresses: tuple[str, ...]
    cnames: tuple[str, ...] = ()
    ttl: int = 60
    outer: str | None = None  # an HTTPS record instead, whose ECH configuration has this public name

    def frames(self) -> list[Frame]:
        """The question, and what it leads to."""
        chain = (self.name, *self.cnames)
        records = [RR(chain[i], CNAME, chain[i + 1], self.ttl) for i in range(len(self.cnames))]
        if self.outer is None:
            records += [RR(chain[-1], AAAA if ":" in each else A, each, self.ttl) for each in self.addresses]
            message = response(self.name, records)
        else:
            addresses = [ip_address(each).packed for each in self.addresses if ":" not in each]
            hints = parameter(4, b"".join(addresses))
            config = parameter(5, vector(2, ech_config(self.outer.encode())))
            service = https(1, "", (hints if addresses else b"") + config)
            message = response(self.name, [*records, RR(chain[-1], HTTPS, service, self.ttl)], qtype=HTTPS)
        question = response(self.name, qtype=A if self.outer is None else HTTPS, flags=0x0100)
        return [self._datagram(question), self._datagram(message, down=True)]

    def _datagram(self, message: bytes, *, down: bool = False) -> Frame:
        resolver = "2001:db8::53" if ":" in self.client else "10.0.0.53"
        ports, ends = (
            ((53, 40_000), (resolver, self.client)) if down else ((40_000, 53), (self.client, resolver))
        )
        datagram = struct.pack("!HHHH", *ports, 8 + len(message), 0) + message
        return _frame(at(self.second), *ends, UDP, datagram)


class Flow(NamedTuple):
    """A TCP flow: what the client says in it, and how it ends."""

    second: int
    client: str
    server: str
    port: int = 443
    target: str | None = None  # of an HTTP request, or a CONNECT before the hello
    name: str | None = None  # in a hello
    ech: bool = False
    protocol: str = "h2"
    seconds: int = 1
    end: int = FIN

    def frames(self) -> list[Frame]:
        """SYN, what is said, and the end; of the server only what closes the flow."""
        up = self._up()
        said = [(0, SYN, 0, b""), (1, ACK, 1, up)] if up else [(0, SYN, 0, b"")]
        made = [self._segment(ms / 1_000, flags, seq, data) for ms, flags, seq, data in said]
        made.append(self._segment(self.seconds, self.end | ACK, 1 + len(up)))
        if self.end == FIN:
            made.append(self._segment(self.seconds, FIN | ACK, 1, down=True))
        return made

    def _up(self) -> bytes:
        secure = b""
        if self.name is not None:
            more = [ech()] if self.ech else []
            secure = record(message(hello_body(sni(self.name.encode()), alpn(self.protocol.encode()), *more)))
        if self.target is None:
            return secure
        if secure:
            return f"CONNECT {self.target}:443 HTTP/1.1\r\nHost: {self.target}\r\n\r\n".encode() + secure
        return f"GET / HTTP/1.1\r\nHost: {self.target}\r\n\r\n".encode()

    def _segment(self, after: float, flags: int, seq: int, data: bytes = b"", *, down: bool = False) -> Frame:
        ports = (self.port, 50_000) if down else (50_000, self.port)
        head = struct.pack("!HHIIBBHHH", *ports, 1_000 + seq, 0, 5 << 4, flags, 8_192, 0, 0)
        ends = (self.server, self.client) if down else (self.client, self.server)
        return _frame(at(self.second + after), *ends, TCP, head + data)


class Call(NamedTuple):
    """Media: the client's requests of STUN to a server, and what follows without a name."""

    second: int
    client: str
    server: str
    port: int = 3_478

    def frames(self) -> list[Frame]:
        """Two requests, and something that is none."""
        request = struct.pack("!HHI", 1, 0, 0x2112A442) + bytes(12)
        return [self._datagram(0, request), self._datagram(1, request), self._datagram(2, b"\x80media")]

    def _datagram(self, after: float, payload: bytes) -> Frame:
        datagram = struct.pack("!HHHH", 50_000, self.port, 8 + len(payload), 0) + payload
        return _frame(at(self.second + after), self.client, self.server, UDP, datagram)


def _frame(ts_ns: int, source: str, target: str, protocol: int, payload: bytes) -> Frame:
    ends = ip_address(source).packed + ip_address(target).packed
    if ":" in source:
        packet = struct.pack("!IHBB", 0x60000000, len(payload), protocol, 64) + ends + payload
        data = ethernet(packet, IPV6)
    else:
        fields = 0x45, 0, 20 + len(payload), 7, 0x4000, 64, protocol, 0
        data = ethernet(struct.pack("!BBHHHBBH", *fields) + ends + payload, IPV4)
    return Frame(ts_ns, 1, data, len(data))


def capture(exchanges: Iterable[Answer | Flow | Call], folder: Path) -> Path:
    """Write the exchanges into a capture, in the order of time."""
    frames = sorted((frame for each in exchanges for frame in each.frames()), key=lambda frame: frame.ts_ns)
    path = folder / "traffic.pcap"
    path.write_bytes(pcap(frames))
    return path


@st.composite
def answers(draw: st.DrawFn) -> Answer:
    """An answer with addresses of either family, whatever the client's is."""
    addresses = st.lists(st.sampled_from(SERVERS), min_size=1, max_size=2, unique=True)
    return Answer(
        second=draw(st.sampled_from(range(0, 200, 7))),
        client=draw(st.sampled_from(CLIENTS)),
        name=draw(st.sampled_from([*NAMES[:3]] * 2 + [*NAMES[3:7]])),
        addresses=tuple(draw(addresses)),
        cnames=tuple(draw(st.lists(st.sampled_from(ALIASES), max_size=2, unique=True))),
        ttl=draw(st.sampled_from([0, 5, 60, 10_000_000])),
        outer=draw(st.sampled_from([None, None, *NAMES[3:5]])),
    )


@st.composite
def flows(draw: st.DrawFn) -> Flow:
    """A flow; few five-tuples, so that some are used again before they end."""
    client = draw(st.sampled_from(CLIENTS))
    return Flow(
        second=draw(st.sampled_from(range(0, 300, 7))),
        client=client,
        server=SERVERS[3] if ":" in client else draw(st.sampled_from(SERVERS[:3])),
        port=draw(st.sampled_from([443, 443, 443, 53, 853])),
        target=draw(st.sampled_from([None] * 30 + [*NAMES])),
        name=draw(st.sampled_from([None] * 20 + [*NAMES[:3]] * 4 + [*NAMES])),
        ech=draw(st.booleans()),
        protocol=draw(st.sampled_from(["h2", "dot"])),
        seconds=draw(st.sampled_from([1, 30])),
        end=draw(st.sampled_from([FIN, FIN, RST, 0])),
    )


@st.composite
def calls(draw: st.DrawFn) -> Call:
    """A call, maybe soon after a flow that could have arranged it."""
    client = draw(st.sampled_from(CLIENTS))
    server = SERVERS[3] if ":" in client else draw(st.sampled_from(SERVERS[:3]))
    return Call(draw(st.sampled_from(range(0, 700, 7))), client, server)


def exchanges() -> st.SearchStrategy[list[Answer | Flow | Call]]:
    """More answers than flows, so that many of these have names by them."""
    many, some = st.lists(answers(), min_size=5, max_size=30), st.lists(flows(), min_size=1, max_size=12)
    return st.builds(lambda *made: [*made[0], *made[1], *made[2]], many, some, st.lists(calls(), max_size=3))

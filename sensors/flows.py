"""The flow table: packets become flows with a client, a server, totals, and a reason for their end.

Bounded and deterministic: time is that of the packets, the longest-silent flow goes first when the table is
full, and every end is handed to the owner. What flows carry is read elsewhere (direction.py, datagrams.py).
"""

from collections import OrderedDict
from collections.abc import Callable

from sensors.datagrams import DatagramClient
from sensors.direction import Direction
from sensors.observations import Carrier, EndReason, FlowKey, FlowUpdate, Transport
from sensors.proxy_header import ProxiedEnds, proxy_tunnel
from sensors.streams import Greeting
from sensors.wire import address_text

TCP, UDP = 6, 17
SECOND_NS = 1_000_000_000
TCP_IDLE_NS = 300 * SECOND_NS
UDP_IDLE_NS = 120 * SECOND_NS
LINGER_NS = 10 * SECOND_NS  # after FIN or RST: late segments still belong to the flow
ACTIVE_NS = 1_800 * SECOND_NS  # a flow that lives longer reports its totals now and then
SERVER_PORTS = frozenset({53, 80, 443, 853, 3128, 8080, 8443})  # who is the server when no start was seen

# Both endpoints (address, port), the lower first; VLAN and tunnel.
Key = tuple[bytes, int, bytes, int, int | None, str | None]


class Flow:
    """One flow in the table. "low" and "high" are its endpoints in the order of ``key``."""

    __slots__ = (
        "_read", "active_ns", "awaits", "bytes_high", "bytes_low", "client_low", "data_seq",
        "datagrams", "datagrams_again", "datagrams_name", "ended", "fins", "first_byte_ns", "first_ns",
        "first_seq_high", "first_seq_low", "high", "initial_seq", "key", "last_ns", "low",
        "packets_high", "packets_low", "proxied", "reported_ns", "request_ns", "rtt_ns",
        "seen_handshake", "seen_stun", "sure", "syn_ns", "transport",
    )  # fmt: skip

    def __init__(self, key: Key, transport: int, ts_ns: int, *, client_low: bool) -> None:
        self.key = key
        self.transport = transport
        self.client_low = client_low
        self.sure = False  # the client is known (SYN, ClientHello), not guessed
        self.first_ns = self.last_ns = self.reported_ns = ts_ns
        self.active_ns = ts_ns  # the table's clock at the last packet
        self.packets_low = self.packets_high = self.bytes_low = self.bytes_high = 0
        self.syn_ns: int | None = None
        self.rtt_ns: int | None = None
        self.request_ns: int | None = None
        self.first_byte_ns: int | None = None
        self.fins = 0  # bit 0: low sent FIN, bit 1: high did
        self.ended: EndReason | None = None
        self.initial_seq = 0  # of the client's SYN, where syn_ns is set
        self.first_seq_low: int | None = None  # of the first bytes seen from that side, if they were read
        self.first_seq_high: int | None = None
        self.proxied: ProxiedEnds | None = None  # the connection that a proxy passes on in this one
        self._read = 0  # bit 0: nothing more is to be learnt from low's bytes, bit 1: from high's
        self.low: Direction | None = None
        self.high: Direction | None = None
        self.datagrams: DatagramClient | None = None
        self.seen_handshake = False  # the client began one in datagrams: of QUIC, of DTLS
        self.seen_stun = False  # the client began with a request of STUN
        self.datagrams_name: str | None = None  # the name in its hello
        self.datagrams_again: DatagramClient | None = None  # reads handshakes that come after it
        self.awaits: Carrier | None = None  # of its last hello, until the data behind that is seen
        self.data_seq = 0  # where data can begin in the client's stream, where that is awaited

    def has_port(self, port: int) -> bool:
        """Tell whether one of the two endpoints is at a port."""
        return self.key[1] == port or self.key[3] == port

    def heard_client(self) -> bool:
        """Tell whether the client sent anything: nobody believes an answer to what was not asked."""
        return (self.packets_low if self.client_low else self.packets_high) > 0

    def is_read(self, *, low: bool) -> bool:
        """Tell whether nothing more is to be learnt from one endpoint's bytes."""
        return bool(self._read & (1 if low else 2))

    def mark_read(self, *, low: bool) -> None:
        """Stop reading one endpoint's bytes, and free what was kept for it."""
        self._read |= 1 if low else 2
        self.datagrams = self.datagrams_again = None
        if low:
            self.low = None
        else:
            self.high = None

    def held_bytes(self) -> int:
        """How much is kept of first messages that are not whole."""
        held = 0
        for datagrams in (self.datagrams, self.datagrams_again):
            held += datagrams.held_bytes if datagrams is not None else 0
        for direction in (self.low, self.high):
            held += direction.held_bytes if direction is not None else 0
        return held

    def partial_greeting(self) -> Greeting | None:
        """What can be said of a client's first message that never became whole."""
        client = self.low if self.client_low else self.high
        for direction in (client, self.high if self.client_low else self.low):
            greeting = direction.partial() if direction is not None else None
            if greeting is not None:
                return greeting
        return self.datagrams.partial() if self.datagrams is not None else None

    def ends(self) -> ProxiedEnds:
        """The two ends on the wire, from the client's side."""
        low, low_port, high, high_port, _, _ = self.key
        if self.client_low:
            return ProxiedEnds(low, low_port, high, high_port)
        return ProxiedEnds(high, high_port, low, low_port)

    def flow_key(self) -> FlowKey:
        """The five-tuple from the client's side; of the connection that a proxy passes on, where one does."""
        ends, tunnel = self.proxied or self.ends(), self.key[5]
        if self.proxied is not None:
            proxy = proxy_tunnel(self.ends())
            tunnel = proxy if tunnel is None else f"{tunnel}/{proxy}"
        transport: Transport = "tcp" if self.transport == TCP else "udp"
        return FlowKey(
            address_text(ends.client),
            ends.client_port,
            address_text(ends.server),
            ends.server_port,
            transport,
            self.key[4],
            tunnel,
        )

    def bytes_up(self) -> int:
        """How much the client sent so far."""
        return self.bytes_low if self.client_low else self.bytes_high

    def update(self, ts_ns: int, reason: EndReason) -> FlowUpdate:
        """The flow's totals; every reason but "active" is final."""
        up, down = (self.packets_low, self.bytes_low), (self.packets_high, self.bytes_high)
        if not self.client_low:
            up, down = down, up
        return FlowUpdate(
            ts_ns=ts_ns,
            flow=self.flow_key(),
            first_ns=self.first_ns,
            packets_up=up[0],
            packets_down=down[0],
            bytes_up=up[1],
            bytes_down=down[1],
            handshake_rtt_ns=self.rtt_ns,
            first_byte_ns=self.first_byte_ns,
            midstream=self.transport == TCP and self.syn_ns is None,
            final=reason != "active",
            reason=reason,
        )

    def mark_request(self, ts_ns: int) -> None:
        """Note the client's first payload byte."""
        if self.request_ns is None:
            self.request_ns = ts_ns

    def mark_answer(self, ts_ns: int) -> None:
        """Note the server's first payload byte."""
        if self.first_byte_ns is None and self.request_ns is not None:
            self.first_byte_ns = max(ts_ns - self.request_ns, 0)


class FlowTable:
    """All flows, in the order of their last packets. ``on_end`` gets every flow that ends.

    ``now_ns`` is the latest time of any packet so far, set by the owner: a packet out of order makes no
    flow older, and none live longer. When the table is full, the flow that was silent longest goes; among
    equals first those that are closing, then UDP, then TCP, each in the order of their last packets.
    """

    def __init__(self, limit: int, on_end: Callable[[Flow, int, EndReason], None]) -> None:
        self.now_ns = 0
        self._limit = limit
        self._on_end = on_end
        self._tcp: OrderedDict[Key, Flow] = OrderedDict()
        self._udp: OrderedDict[Key, Flow] = OrderedDict()
        self._closing: OrderedDict[Key, Flow] = OrderedDict()  # TCP after FIN or RST
        self._tables = ((self._closing, LINGER_NS), (self._udp, UDP_IDLE_NS), (self._tcp, TCP_IDLE_NS))

    def __len__(self) -> int:
        return len(self._tcp) + len(self._udp) + len(self._closing)

    def find_tcp(self, key: Key, ts_ns: int) -> Flow | None:
        """Return the live flow and note that it is so; one that was silent too long ends here."""
        flow = self._tcp.get(key)
        if flow is not None:
            return self._touch(self._tcp, flow, ts_ns, TCP_IDLE_NS)
        flow = self._closing.get(key)
        return None if flow is None else self._touch(self._closing, flow, ts_ns, LINGER_NS)

    def find_udp(self, key: Key, ts_ns: int) -> Flow | None:
        """Return the live flow and note that it is so; one that was silent too long ends here."""
        flow = self._udp.get(key)
        return None if flow is None else self._touch(self._udp, flow, ts_ns, UDP_IDLE_NS)

    def add(self, flow: Flow) -> None:
        """Add a new flow; a full table gives up the one that was silent longest."""
        if len(self) >= self._limit:
            heads = [next(iter(flows.values())) for flows, _ in self._tables if flows]
            self.end(min(heads, key=lambda head: head.active_ns), self.now_ns, "evicted")
        flow.active_ns = self.now_ns
        (self._tcp if flow.transport == TCP else self._udp)[flow.key] = flow

    def close(self, flow: Flow, reason: EndReason) -> None:
        """Note that a TCP flow is over; late segments are still counted for a while."""
        if flow.ended is None:
            flow.ended = reason
            del self._tcp[flow.key]
            self._closing[flow.key] = flow

    def end(self, flow: Flow, ts_ns: int, reason: EndReason) -> None:
        """Take a flow out of the table and report it; FIN or RST outweigh the other reasons."""
        flows = self._udp if flow.transport != TCP else self._tcp if flow.ended is None else self._closing
        del flows[flow.key]
        self._on_end(flow, ts_ns, flow.ended or reason)

    def expire(self) -> None:
        """End the flows that were silent for longer than their time-out, the longest first.

        A clock that is set anew, forward or back, ends all that were before.
        """
        for flows, timeout_ns in self._tables:
            while flows:
                flow = next(iter(flows.values()))
                if abs(self.now_ns - flow.active_ns) <= timeout_ns:
                    break
                self.end(flow, flow.last_ns, "idle")

    def end_all(self) -> None:
        """End every flow because the input ended, in the order of their first packets."""
        for flow in sorted((flow for flows, _ in self._tables for flow in flows.values()), key=_first_seen):
            self.end(flow, flow.last_ns, "end")

    def _touch(self, flows: OrderedDict[Key, Flow], flow: Flow, ts_ns: int, timeout_ns: int) -> Flow | None:
        if self.now_ns - flow.active_ns > timeout_ns:
            self.end(flow, flow.last_ns, "idle")
            return None
        flows.move_to_end(flow.key)
        flow.active_ns = self.now_ns
        flow.last_ns = max(flow.last_ns, ts_ns)
        return flow


def _first_seen(flow: Flow) -> tuple[int, int, tuple[bytes, int, bytes, int], int, str]:
    low, low_port, high, high_port, vlan, tunnel = flow.key
    ends = low, low_port, high, high_port
    return flow.first_ns, flow.transport, ends, -1 if vlan is None else vlan, tunnel or ""


def client_is_source(source_port: int, target_port: int) -> bool:
    """Guess from the ports alone who is the client: the side whose port is not a service's."""
    if (source_port in SERVER_PORTS) != (target_port in SERVER_PORTS):
        return target_port in SERVER_PORTS
    if (source_port < 1024) != (target_port < 1024):
        return target_port < 1024
    return True

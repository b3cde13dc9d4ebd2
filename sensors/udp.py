"""UDP: from datagrams to flows, DNS answers, the names in handshakes, and tunnels that conceal.

Whoever sends first is the client, unless the ports say otherwise. Only a flow's first datagrams are tried
as the beginning of QUIC, DTLS or a tunnel.
"""

from collections.abc import Callable

from sensors import dtls, quic
from sensors.budget import ReadingBudget
from sensors.concealing import concealing_carrier
from sensors.datagrams import DatagramClient, reader_for
from sensors.dtls import is_dtls_handshake
from sensors.flows import ACTIVE_NS, UDP, Flow, FlowTable, client_is_source
from sensors.frames import Segment
from sensors.observations import Carrier
from sensors.quic import is_long_header
from sensors.recorder import DNS_PORT, Recorder
from sensors.streams import Greeting
from sensors.stun import is_stun_request
from sensors.wire import Malformed

TRIES = 8  # a flow's datagrams of which the client's are looked at for a beginning

_HOLDS_DATA: dict[Carrier, Callable[[bytes], bool]] = {
    "quic": quic.may_hold_data,
    "dtls": dtls.may_hold_data,
}


class UdpTracker:
    """Feeds datagrams into the flow table, and what they carry into the recorder."""

    def __init__(self, flows: FlowTable, recorder: Recorder, budget: ReadingBudget) -> None:
        self._flows = flows
        self._budget = budget
        self._recorder = recorder

    def add(self, datagram: Segment) -> None:
        """Take one datagram."""
        ts_ns, ip_bytes, _, source, source_port, target, target_port, vlan, _, _, payload, _, tunnel = (
            datagram
        )
        low = (source, source_port) < (target, target_port)
        key = (
            (source, source_port, target, target_port, vlan, tunnel)
            if low
            else (target, target_port, source, source_port, vlan, tunnel)
        )
        flow = self._flows.find_udp(key, ts_ns)
        greeting = None
        if flow is not None and flow.seen_handshake and low is flow.client_low and flow.is_read(low=low):
            greeting = self._another_connection(flow, datagram)
            if greeting is not None:
                self._flows.end(flow, ts_ns, "end")
                flow = None
        if flow is None:
            flow = Flow(key, UDP, ts_ns, client_low=client_is_source(source_port, target_port) is low)
            self._flows.add(flow)
        if low:
            flow.packets_low += 1
            flow.bytes_low += ip_bytes
        else:
            flow.packets_high += 1
            flow.bytes_high += ip_bytes
        if greeting is not None:
            self._begin(flow, datagram, greeting)
        elif payload:
            if low is flow.client_low:
                self._from_client(flow, datagram, low=low)
            else:
                self._from_server(flow, datagram)
        if flow.awaits is not None and low is flow.client_low and _HOLDS_DATA[flow.awaits](payload):
            self._recorder.data(flow, datagram)
        if ts_ns - flow.reported_ns > ACTIVE_NS:
            self._recorder.active(flow, ts_ns)

    def _from_client(self, flow: Flow, datagram: Segment, *, low: bool) -> None:
        flow.mark_request(datagram.ts_ns)
        if flow.is_read(low=low):
            return
        if flow.datagrams is None:
            flow.datagrams = reader_for(datagram.payload)
            if flow.datagrams is None:
                self._try_concealing(flow, datagram, low=low)
                return
            flow.seen_handshake = True
        greeting = self._feed(flow.datagrams, datagram)
        if greeting is not None:
            flow.datagrams_name = greeting.server_name
            self._recorder.hello(flow, datagram.ts_ns, greeting)
        if flow.datagrams.done:
            flow.mark_read(low=low)
        self._budget.note(flow)

    def _try_concealing(self, flow: Flow, datagram: Segment, *, low: bool) -> None:
        wire_bytes = len(datagram.payload) + datagram.missing_bytes
        carrier = concealing_carrier(datagram.payload, wire_bytes, datagram.target_port)
        if carrier is not None:
            self._recorder.hello(flow, datagram.ts_ns, Greeting(carrier, None))
        elif not flow.seen_stun and is_stun_request(datagram.payload, wire_bytes):
            flow.seen_stun = True  # and reading goes on: DTLS may follow
            self._recorder.hello(flow, datagram.ts_ns, Greeting("stun", None))
        if carrier is not None or flow.packets_low + flow.packets_high >= TRIES:
            flow.mark_read(low=low)

    def _feed(self, client: DatagramClient, datagram: Segment) -> Greeting | None:
        try:
            greeting = client.feed(datagram.payload, complete=datagram.missing_bytes == 0)
        except Malformed as malformed:
            self._recorder.count(f"malformed-{malformed.reason}")
            return None
        if client.oddity is not None:
            self._recorder.count(client.oddity)
        return greeting

    def _another_connection(self, flow: Flow, datagram: Segment) -> Greeting | None:
        """Return the hello of another connection on the same ports: clients may use one socket for all.

        A hello for the same name is a Retry's, or changes nothing that we say.
        """
        reader = reader_for(datagram.payload)
        if reader is None:
            return None
        if flow.datagrams_again is None:
            flow.datagrams_again = reader
        if flow.datagrams_again.done:
            return None
        greeting = self._feed(flow.datagrams_again, datagram)
        if greeting is not None:
            flow.datagrams_again = None
        self._budget.note(flow)
        return greeting if greeting is not None and greeting.server_name != flow.datagrams_name else None

    def _begin(self, flow: Flow, datagram: Segment, greeting: Greeting) -> None:
        flow.client_low = (datagram.source, datagram.source_port) == flow.key[:2]
        flow.seen_handshake = True
        flow.mark_request(datagram.ts_ns)
        flow.datagrams_name = greeting.server_name
        self._recorder.hello(flow, datagram.ts_ns, greeting)
        flow.mark_read(low=flow.client_low)

    def _from_server(self, flow: Flow, datagram: Segment) -> None:
        flow.mark_answer(datagram.ts_ns)
        if flow.seen_handshake and flow.rtt_ns is None and _is_handshake(datagram.payload):
            flow.rtt_ns = flow.first_byte_ns
        if datagram.source_port == DNS_PORT and not flow.heard_client():
            self._recorder.count("dns-unsolicited")
        elif datagram.source_port == DNS_PORT:
            complete = datagram.missing_bytes == 0
            self._recorder.dns_message(flow, datagram.ts_ns, datagram.payload, complete=complete)


def _is_handshake(payload: bytes) -> bool:
    """Tell whether a server's datagram belongs to a handshake, of QUIC or of DTLS."""
    return is_long_header(payload) or is_dtls_handshake(payload)

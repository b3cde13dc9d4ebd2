"""UDP: from datagrams to flows, DNS answers, and the names in QUIC Initials.

Whoever sends first is the client, unless the ports say otherwise. Only a flow's first datagrams are tried
as QUIC.
"""

from sensors.budget import ReadingBudget
from sensors.flows import ACTIVE_NS, UDP, Flow, FlowTable, client_is_source
from sensors.frames import Segment
from sensors.quic import is_client_initial_candidate, is_long_header
from sensors.quic_client import QuicClient
from sensors.recorder import DNS_PORT, Recorder
from sensors.streams import Greeting
from sensors.wire import Malformed

QUIC_TRIES = 8  # a client's datagrams that are looked at for the first Initial


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
        if flow is not None and flow.seen_quic and low is flow.client_low and flow.is_read(low=low):
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
            self._begin_quic(flow, datagram, greeting)
        elif payload:
            if low is flow.client_low:
                self._from_client(flow, datagram, low=low)
            else:
                self._from_server(flow, datagram)
        if ts_ns - flow.reported_ns > ACTIVE_NS:
            self._recorder.active(flow, ts_ns)

    def _from_client(self, flow: Flow, datagram: Segment, *, low: bool) -> None:
        flow.mark_request(datagram.ts_ns)
        if flow.is_read(low=low):
            return
        if flow.quic is None:
            if not is_client_initial_candidate(datagram.payload):
                if flow.packets_low + flow.packets_high >= QUIC_TRIES:
                    flow.mark_read(low=low)
                return
            flow.quic = QuicClient()
            flow.seen_quic = True
        self._read_quic(flow, flow.quic, datagram)
        if flow.quic.done:
            flow.mark_read(low=low)
        self._budget.note(flow)

    def _read_quic(self, flow: Flow, quic: QuicClient, datagram: Segment) -> None:
        greeting = self._feed(quic, datagram)
        if greeting is not None:
            flow.quic_name = greeting.server_name
            self._recorder.hello(flow, datagram.ts_ns, greeting)

    def _feed(self, quic: QuicClient, datagram: Segment) -> Greeting | None:
        try:
            greeting = quic.feed(datagram.payload, complete=datagram.missing_bytes == 0)
        except Malformed as malformed:
            self._recorder.count(f"malformed-{malformed.reason}")
            return None
        if quic.outcome not in ("initial", "no-initial"):
            self._recorder.count(f"quic-{quic.outcome}")
        return greeting

    def _another_connection(self, flow: Flow, datagram: Segment) -> Greeting | None:
        """Return the hello of another connection on the same ports: clients may use one socket for all.

        A hello for the same name is a Retry's, or changes nothing that we say.
        """
        if not is_client_initial_candidate(datagram.payload):
            return None
        if flow.quic_again is None:
            flow.quic_again = QuicClient()
        if flow.quic_again.done:
            return None
        greeting = self._feed(flow.quic_again, datagram)
        if greeting is None:
            self._budget.note(flow)
            return None
        flow.quic_again = None
        return greeting if greeting.server_name != flow.quic_name else None

    def _begin_quic(self, flow: Flow, datagram: Segment, greeting: Greeting) -> None:
        flow.client_low = (datagram.source, datagram.source_port) == flow.key[:2]
        flow.seen_quic = True
        flow.mark_request(datagram.ts_ns)
        flow.quic_name = greeting.server_name
        self._recorder.hello(flow, datagram.ts_ns, greeting)
        flow.mark_read(low=flow.client_low)

    def _from_server(self, flow: Flow, datagram: Segment) -> None:
        flow.mark_answer(datagram.ts_ns)
        if flow.seen_quic and flow.rtt_ns is None and is_long_header(datagram.payload):
            flow.rtt_ns = flow.first_byte_ns
        if datagram.source_port == DNS_PORT and not flow.heard_client():
            self._recorder.count("dns-unsolicited")
        elif datagram.source_port == DNS_PORT:
            complete = datagram.missing_bytes == 0
            self._recorder.dns_message(flow, datagram.ts_ns, datagram.payload, complete=complete)

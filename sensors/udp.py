"""UDP: from datagrams to flows, DNS answers, and the names in QUIC Initials.

Whoever sends first is the client, unless the ports say otherwise. Only a flow's first datagrams are tried
as QUIC.
"""

from sensors.flows import ACTIVE_NS, UDP, Flow, FlowTable, client_is_source
from sensors.frames import Segment
from sensors.quic import is_client_initial_candidate, is_long_header
from sensors.quic_client import QuicClient
from sensors.recorder import DNS_PORT, Recorder
from sensors.wire import Malformed

QUIC_TRIES = 8  # a client's datagrams that are looked at for the first Initial


class UdpTracker:
    """Feeds datagrams into the flow table, and what they carry into the recorder."""

    def __init__(self, flows: FlowTable, recorder: Recorder) -> None:
        self._flows = flows
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
        if flow is None:
            flow = Flow(key, UDP, ts_ns, client_low=client_is_source(source_port, target_port) is low)
            self._flows.add(flow)
        if low:
            flow.packets_low += 1
            flow.bytes_low += ip_bytes
        else:
            flow.packets_high += 1
            flow.bytes_high += ip_bytes
        if payload:
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
        if flow.has_port(DNS_PORT):
            flow.mark_read(low=low)
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

    def _read_quic(self, flow: Flow, quic: QuicClient, datagram: Segment) -> None:
        try:
            greeting = quic.feed(datagram.payload, complete=datagram.missing_bytes == 0)
        except Malformed as malformed:
            self._recorder.count(f"malformed-{malformed.reason}")
            return
        if quic.outcome not in ("initial", "no-initial"):
            self._recorder.count(f"quic-{quic.outcome}")
        if greeting is not None:
            self._recorder.hello(flow, datagram.ts_ns, greeting)

    def _from_server(self, flow: Flow, datagram: Segment) -> None:
        flow.mark_answer(datagram.ts_ns)
        if flow.seen_quic and flow.rtt_ns is None and is_long_header(datagram.payload):
            flow.rtt_ns = flow.first_byte_ns
        if datagram.source_port == DNS_PORT:
            complete = datagram.missing_bytes == 0
            self._recorder.dns_message(flow, datagram.ts_ns, datagram.payload, complete=complete)

"""TCP: from segments to a connection's two sides, its handshake time, its end, and the client's first words.

The SYN says who the client is and where its stream begins; without one both are guessed, and corrected by
the side that first sends a ClientHello. Only a client's first bytes are read, and DNS answers.
"""

from sensors.budget import ReadingBudget
from sensors.direction import Direction, Event, may_follow, seq_distance
from sensors.flows import ACTIVE_NS, TCP, Flow, FlowTable, client_is_source
from sensors.frames import Segment
from sensors.proxy_header import ProxiedEnds
from sensors.recorder import DNS_PORT, Recorder
from sensors.streams import ClientReader, DnsReader
from sensors.tls import may_hold_data

FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10


class TcpTracker:
    """Feeds TCP segments into the flow table, and what they carry into the recorder."""

    def __init__(
        self, flows: FlowTable, recorder: Recorder, budget: ReadingBudget, stream_bytes: int
    ) -> None:
        self._flows = flows
        self._budget = budget
        self._recorder = recorder
        self._stream_bytes = stream_bytes

    def add(self, segment: Segment) -> None:
        """Take one segment."""
        ts_ns, ip_bytes, _, source, source_port, target, target_port, vlan, flags, seq, payload, _, tunnel = (
            segment
        )
        low = (source, source_port) < (target, target_port)
        key = (
            (source, source_port, target, target_port, vlan, tunnel)
            if low
            else (target, target_port, source, source_port, vlan, tunnel)
        )
        flow = self._flows.find_tcp(key, ts_ns)
        if flow is not None and flags & SYN and _begins_anew(flow, flags, seq, low=low):
            self._flows.end(flow, ts_ns, "end")
            flow = None
        if flow is None:
            flow = Flow(key, TCP, ts_ns, client_low=client_is_source(source_port, target_port) is low)
            self._flows.add(flow)
        if low:
            flow.packets_low += 1
            flow.bytes_low += ip_bytes
        else:
            flow.packets_high += 1
            flow.bytes_high += ip_bytes
        if flags & SYN:
            self._syn(flow, segment, low=low)
            seq += 1
        if payload:
            self._payload(flow, segment, seq, low=low)
        if flags & SYN:
            self._budget.note(flow)  # what came before it may be read by now
        if flags & (FIN | RST):
            self._end(flow, flags, low=low)
        if ts_ns - flow.reported_ns > ACTIVE_NS:
            self._recorder.active(flow, ts_ns)

    def _syn(self, flow: Flow, segment: Segment, *, low: bool) -> None:
        ts_ns, opens = segment.ts_ns, not segment.flags & ACK
        if not flow.sure:
            flow.client_low = low is opens
            flow.sure = True
        if opens and flow.syn_ns is None:
            flow.syn_ns = ts_ns
            flow.initial_seq = segment.seq
        elif not opens and flow.rtt_ns is None and flow.syn_ns is not None:
            flow.rtt_ns = max(ts_ns - flow.syn_ns, 0)
        direction = self._listen(flow, segment.seq + 1, low=low)
        if direction is not None:
            self._note(flow, segment, direction.start(segment.seq), low=low)

    def _payload(self, flow: Flow, segment: Segment, seq: int, *, low: bool) -> None:
        if low is flow.client_low:
            flow.mark_request(segment.ts_ns)
        else:
            flow.mark_answer(segment.ts_ns)
        direction = self._listen(flow, seq, low=low)
        if direction is not None:
            self._note(flow, segment, direction.add(seq, segment.payload), low=low)
            self._budget.note(flow)
        elif low is flow.client_low and _brings_data(flow, seq, segment.payload):
            self._recorder.data(flow, segment)

    def _listen(self, flow: Flow, seq: int, *, low: bool) -> Direction | None:
        """Return the direction to read, or None where nothing (more) is to be learnt from it."""
        if flow.is_read(low=low):
            return None
        direction = flow.low if low else flow.high
        if direction is None:
            reader = _reader_for(flow, low=low)
            if reader is None:
                flow.mark_read(low=low)
                return None
            direction = Direction(reader, seq, self._stream_bytes)
            if low:
                flow.low, flow.first_seq_low = direction, seq
            else:
                flow.high, flow.first_seq_high = direction, seq
        return direction

    def _note(self, flow: Flow, segment: Segment, events: list[Event], *, low: bool) -> None:
        for event in events:
            if isinstance(event, bytes):
                self._recorder.dns_message(flow, segment.ts_ns, event)
                continue
            if flow.sure and low is not flow.client_low:
                continue  # the other side said first that it is the client: one flow has one
            flow.client_low = low
            flow.sure = True
            if isinstance(event, ProxiedEnds):
                flow.proxied = event
            else:
                self._recorder.hello(flow, segment.ts_ns, event)
        direction = flow.low if low else flow.high
        if direction is not None and flow.awaits is not None and low is flow.client_low:
            flow.data_seq = direction.next_seq
            if direction.done and direction.data_behind:
                self._recorder.data(flow, segment)
        if direction is not None and direction.done:
            # DNS is not what clients are read for: no wonder that it is nothing else
            if direction.reader.outcome is not None and not flow.has_port(DNS_PORT):
                self._recorder.count(direction.reader.outcome)
            flow.mark_read(low=low)

    def _end(self, flow: Flow, flags: int, *, low: bool) -> None:
        if flags & RST:
            self._flows.close(flow, "rst")
            return
        flow.fins |= 1 if low else 2
        if flow.fins == 3:
            self._flows.close(flow, "fin")


def _reader_for(flow: Flow, *, low: bool) -> ClientReader | DnsReader | None:
    """Choose what to read in one direction: the client's first words; DNS answers; both while unsure."""
    if low is flow.client_low or not flow.sure:
        return ClientReader()
    return DnsReader() if flow.has_port(DNS_PORT) else None


def _brings_data(flow: Flow, seq: int, payload: bytes) -> bool:
    """Tell whether a client's segment may hold the data behind its hello; what was read before is none."""
    if flow.awaits is None:
        return False
    new = payload[max(seq_distance(flow.data_seq, seq), 0) :]
    return bool(new) if flow.awaits == "http" else may_hold_data(new)


def _begins_anew(flow: Flow, flags: int, seq: int, *, low: bool) -> bool:
    """Tell whether a SYN opens another connection on a five-tuple that is in the table."""
    if flags & ACK:
        return False
    if flow.ended is not None:
        return True
    if flow.syn_ns is not None:
        return seq != flow.initial_seq
    first_seq = flow.first_seq_low if low else flow.first_seq_high
    return first_seq is not None and not may_follow(first_seq, seq)

"""Flows of what tshark found: the reference engine's table, with the names that tshark read.

The trackers get segments without payload, so that they keep who the client is, the totals and the end, and
read nothing themselves.
"""

from collections.abc import Mapping

from sensors.budget import ReadingBudget
from sensors.flows import Flow, FlowTable
from sensors.frames import Segment
from sensors.gaps import GapLog
from sensors.limits import Limits
from sensors.observations import Count, EndReason, HelloSeen, NameResolved
from sensors.proxy_header import ProxiedEnds
from sensors.recorder import DNS_PORT, Recorder
from sensors.tcp import TcpTracker
from sensors.tshark_dns import answers
from sensors.tshark_facts import Facts, first, number
from sensors.tshark_hello import Greeting, greetings, proxied_ends
from sensors.tshark_place import TCP, Place
from sensors.udp import UdpTracker
from sensors.wire import Malformed, address_text

_UDP_HEADER_BYTES = 8
_DTLS_HANDSHAKE = "22"


class TsharkFlows:
    """Takes the packets that tshark found, in order; what they say goes to the recorder."""

    def __init__(self, limits: Limits, recorder: Recorder) -> None:
        self._recorder = recorder
        self._gaps = GapLog()
        self._table = FlowTable(limits.flows, self._ended)
        budget = ReadingBudget(limits.reading_bytes)
        self._tcp = TcpTracker(self._table, recorder, budget, limits.stream_bytes)
        self._udp = UdpTracker(self._table, recorder, budget)

    def set_time(self, now_ns: int, *, expire: bool) -> None:
        """Take the capture's time; with ``expire``, end what was silent too long."""
        self._gaps.due(now_ns)
        self._table.now_ns = now_ns
        if expire:
            self._table.expire()

    def finish(self, undecoded: Mapping[str, Count]) -> None:
        """The input ended."""
        self._table.end_all()
        for gap in self._gaps.flush(self._table.now_ns, undecoded):
            self._recorder.add(gap)

    def add(self, ts_ns: int, place: Place, facts: Facts) -> None:
        """Take one packet."""
        said = greetings(facts, place)
        low = (place.source, place.source_port) < (place.target, place.target_port)
        if place.transport != TCP:
            self._begin_again(ts_ns, place, said, low=low)
        segment = _segment(ts_ns, place, facts)
        tracker = self._tcp if place.transport == TCP else self._udp
        tracker.add(segment)
        flow = self._find(place, ts_ns, low=low)
        if flow is None:
            return
        flow.low = flow.high = None  # nothing is read here
        may_ask = low is flow.client_low or (place.transport == TCP and not flow.sure)
        if segment.missing_bytes:
            if may_ask and flow.request_ns is None:  # only a connection's first bytes can say whose it is
                _pass_on(flow, proxied_ends(facts, place), low=low)
            _mark(flow, ts_ns, facts, low=low)
        if said and may_ask and not flow.is_read(low=low):
            self._greet(flow, ts_ns, said, facts, low=low)
        if "dns" in place.above and low is not flow.client_low and place.source_port == DNS_PORT:
            self._resolve(flow, ts_ns, facts)

    def _begin_again(self, ts_ns: int, place: Place, said: list[Greeting], *, low: bool) -> None:
        """End a flow of QUIC or DTLS on whose ports its client begins one for another name."""
        flow = self._find(place, ts_ns, low=low)
        if (
            flow is not None
            and flow.seen_handshake
            and any(each.server_name != flow.datagrams_name for each in said)
        ):
            self._table.end(flow, ts_ns, "end")

    def _find(self, place: Place, ts_ns: int, *, low: bool) -> Flow | None:
        ends = (place.source, place.source_port, place.target, place.target_port)
        key = (*(ends if low else (ends[2], ends[3], ends[0], ends[1])), place.vlan, place.tunnel)
        find = self._table.find_tcp if place.transport == TCP else self._table.find_udp
        return find(key, ts_ns)

    def _greet(self, flow: Flow, ts_ns: int, said: list[Greeting], facts: Facts, *, low: bool) -> None:
        """Note what the client said first; only a proxy's client says something first again."""
        complete = number(facts.captured_bytes) >= number(facts.wire_bytes)
        if [each.carrier for each in said] == ["stun"]:
            if flow.seen_stun:
                return
            flow.seen_stun = True
        else:
            flow.client_low, flow.sure = low, True
        for greeting in said:
            self._recorder.add(
                HelloSeen(
                    ts_ns=ts_ns,
                    flow=flow.flow_key(),
                    carrier=greeting.carrier,
                    server_name=greeting.server_name,
                    alpn=greeting.alpn,
                    versions=greeting.versions,
                    ech=greeting.ech,
                    complete=complete,
                    rtt_ns=flow.rtt_ns,
                )
            )
            if greeting.carrier in ("quic", "dtls"):
                flow.seen_handshake, flow.datagrams_name = True, greeting.server_name
            if not greeting.opens_tunnel and greeting.carrier != "stun":
                flow.mark_read(low=low)

    def _resolve(self, flow: Flow, ts_ns: int, facts: Facts) -> None:
        if not flow.heard_client():
            self._recorder.count("dns-unsolicited")
            return
        try:
            found = answers(facts)
        except Malformed as malformed:
            self._recorder.count(f"malformed-{malformed.reason}")
            return
        ends = flow.ends()
        for answer in found:
            if answer is None:
                self._recorder.count("dns-not-an-answer")
                continue
            self._recorder.add(
                NameResolved(
                    ts_ns=ts_ns,
                    client=address_text(ends.client),
                    resolver=address_text(ends.server),
                    qname=answer.qname,
                    qtype=answer.qtype,
                    rcode=answer.rcode,
                    cnames=answer.cnames,
                    addresses=answer.addresses,
                    ttl=answer.ttl,
                    ech_public_names=answer.ech_public_names,
                )
            )

    def _ended(self, flow: Flow, ts_ns: int, reason: EndReason) -> None:
        if reason == "evicted":
            self._gaps.evicted(flow.packets_low + flow.packets_high, flow.bytes_low + flow.bytes_high)
        self._recorder.flow_end(flow, ts_ns, reason)


def _segment(ts_ns: int, place: Place, facts: Facts) -> Segment:
    """Return the packet as the trackers take it; its payload, which they shall not read, is "missing"."""
    is_tcp = place.transport == TCP
    payload_bytes = (
        number(facts.tcp_payload_bytes, -1) if is_tcp else number(facts.udp_bytes, -1) - _UDP_HEADER_BYTES
    )
    return Segment(
        ts_ns=ts_ns,
        ip_bytes=place.ip_bytes,
        transport=place.transport,
        source=place.source,
        source_port=place.source_port,
        target=place.target,
        target_port=place.target_port,
        vlan=place.vlan,
        flags=number(facts.tcp_flags, -1) if is_tcp else 0,
        seq=number(facts.tcp_seq, -1) if is_tcp else 0,
        payload=b"",
        missing_bytes=max(payload_bytes, 0),
        tunnel=place.tunnel,
    )


def _pass_on(flow: Flow, ends: ProxiedEnds | None, *, low: bool) -> None:
    """Note whose connection it is that a proxy passes on."""
    if ends is not None:
        flow.client_low, flow.sure, flow.proxied = low, True, ends


def _mark(flow: Flow, ts_ns: int, facts: Facts, *, low: bool) -> None:
    """Note the first bytes of each side, and of QUIC and DTLS the time to the first answer."""
    if low is flow.client_low:
        flow.mark_request(ts_ns)
        return
    flow.mark_answer(ts_ns)
    is_handshake = "1" in facts.quic_long or first(facts.dtls_record) == _DTLS_HANDSHAKE
    if flow.seen_handshake and flow.rtt_ns is None and is_handshake:
        flow.rtt_ns = flow.first_byte_ns

"""Collects what the reference engine says: observations in order, and the counters of everything else."""

from typing import Literal

from sensors.dns import parse_response
from sensors.flows import Flow
from sensors.frames import Segment
from sensors.ja4 import ja4
from sensors.observations import Carrier, DataSeen, EndReason, HelloSeen, NameResolved, Observation
from sensors.streams import Greeting
from sensors.wire import Malformed, address_text

DNS_PORT = 53
_TRANSPORTS: dict[Carrier, Literal["q", "d"]] = {"quic": "q", "dtls": "d"}  # of JA4
_WITHOUT_DATA: frozenset[Carrier] = frozenset({"wireguard", "openvpn", "ike", "stun"})


class Recorder:
    """Observations not yet handed out, and counts since the start.

    An eager one says at each hello what its flow came to so far, and when data follows.
    """

    def __init__(self, *, eager: bool = False) -> None:
        self._eager = eager
        self.counters: dict[str, int] = {}
        self._observations: list[Observation] = []

    def __len__(self) -> int:
        return len(self._observations)

    def take(self) -> list[Observation]:
        """Hand out the observations so far."""
        batch, self._observations = self._observations, []
        return batch

    def add(self, observation: Observation) -> None:
        """Note an observation."""
        self._observations.append(observation)

    def count(self, name: str) -> None:
        """Count one event."""
        self.counters[name] = self.counters.get(name, 0) + 1

    def hello(self, flow: Flow, ts_ns: int, greeting: Greeting) -> None:
        """Note what a client said first on a flow that lives on."""
        self._hello(flow, ts_ns, greeting)
        if self._eager:
            flow.awaits = None if greeting.carrier in _WITHOUT_DATA else greeting.carrier
            self.add(flow.update(ts_ns, "active"))

    def data(self, flow: Flow, packet: Segment) -> None:
        """Note the packet that may hold the data behind a hello."""
        flow.awaits = None
        self.add(DataSeen(packet.ts_ns, flow.flow_key(), flow.bytes_up() - packet.ip_bytes))

    def _hello(self, flow: Flow, ts_ns: int, greeting: Greeting) -> None:
        hello = greeting.hello
        seen = HelloSeen(ts_ns, flow.flow_key(), greeting.carrier, greeting.server_name, rtt_ns=flow.rtt_ns)
        if hello is None:
            self.add(seen)
            return
        self.add(
            HelloSeen(
                ts_ns=ts_ns,
                flow=seen.flow,
                carrier=greeting.carrier,
                server_name=greeting.server_name,
                alpn=hello.alpn,
                versions=hello.versions,
                ech=hello.ech,
                ja4=ja4(hello, _TRANSPORTS.get(greeting.carrier, "t")) if hello.complete else None,
                complete=hello.complete,
                rtt_ns=flow.rtt_ns,
            )
        )

    def dns_message(self, flow: Flow, ts_ns: int, message: bytes, *, complete: bool = True) -> None:
        """Note a DNS response that the flow's server sent to its client."""
        try:
            answer = parse_response(message, complete=complete)
        except Malformed as malformed:
            self.count(f"malformed-{malformed.reason}")
            return
        if answer is None:
            self.count("dns-not-an-answer")
            return
        for name, set_ in (
            ("dns-truncated-answers", answer.truncated),
            ("dns-clipped-answers", answer.clipped),
            ("dns-unrelated-records", answer.unrelated > 0),
            ("malformed-ech-configs", answer.ech_malformed),
        ):
            if set_:
                self.count(name)
        ends = flow.ends()  # on the wire: what a client says it is makes nobody else believe an answer
        self.add(
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

    def active(self, flow: Flow, ts_ns: int) -> None:
        """Note the totals of a flow that lives on."""
        flow.reported_ns = ts_ns
        self.add(flow.update(ts_ns, "active"))

    def flow_end(self, flow: Flow, ts_ns: int, reason: EndReason) -> None:
        """Note the end of a flow, with what can be said of a first message that never became whole."""
        partial = flow.partial_greeting()
        if partial is not None:
            self._hello(flow, ts_ns, partial)
            self.count("incomplete-hellos")
        if reason == "evicted":
            self.count("evicted-flows")
        self.add(flow.update(ts_ns, reason))

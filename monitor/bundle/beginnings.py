"""How a connection began, as packets: up to the ClientHello, and nothing that may hold application data.

Kept are packets without payload, and the client's own that carry its ClientHello: of TLS from the first byte
of the stream on, of QUIC and DTLS the packets of the handshake. All else (a dialogue before STARTTLS, a
request to a proxy, early data, any answer) is left out, and counted. What cannot be told is left out.
"""

from collections.abc import Sequence

from monitor.bundle.pcap_file import PcapFile
from sensors import dtls, quic
from sensors.captured import Frame
from sensors.flows import TCP, Flow
from sensors.frames import Segment
from sensors.observations import DataSeen, HelloSeen, Observation
from sensors.tcp import ACK, SYN

MAX_FRAMES = 64  # of one connection's beginning; more are left out
MAX_BYTES = 262_144  # of their payload
_TLS_HANDSHAKE = b"\x16\x03"  # a record's type and its version's first byte (RFC 8446, section 5.1)
SEQUENCES = 1 << 32
_CARRIERS = ("tls", "quic", "dtls")


class Beginning:
    """The packets of one connection until its hello is whole."""

    def __init__(self) -> None:
        self.left_out = 0
        self._frames: list[tuple[Frame, Segment]] = []
        self._bytes = 0
        self._over = self._hello = False

    def take(self, flow: Flow, frame: Frame, segment: Segment, observed: Sequence[Observation]) -> None:
        """Take a packet of the connection, with what was observed at it."""
        if self._over:
            return
        data = any(isinstance(each, DataSeen) for each in observed)
        hello = next((each for each in observed if isinstance(each, HelloSeen)), None)
        self._over = data or hello is not None
        full = len(self._frames) >= MAX_FRAMES or self._bytes > MAX_BYTES
        if data or full or not _may_be_of_hello(flow, segment):
            self.left_out += 1
        else:
            self._frames.append((frame, segment))
            self._bytes += len(segment.payload)
        self._hello = hello is not None and hello.carrier in _CARRIERS and hello.complete and not data

    def write(self, out: PcapFile) -> None:
        """Write what may be told, once the connection is over."""
        payloads = self._hello and self._begins_with_hello()
        for frame, segment in self._frames:
            if segment.payload and not payloads:
                self.left_out += 1
            else:
                out.add(frame)
        out.left_out += self.left_out

    def _begins_with_hello(self) -> bool:
        """Whether the first bytes of the client's stream are those of a TLS record; datagrams were told."""
        sent = [segment for _, segment in self._frames if segment.payload and segment.transport == TCP]
        begin = next((segment.seq + 1 for _, segment in self._frames if _opens(segment)), None)
        if not sent or begin is None:
            return not sent
        ordered = sorted(sent, key=lambda segment: (segment.seq - begin) % SEQUENCES)
        return ordered[0].seq == begin % SEQUENCES and ordered[0].payload.startswith(_TLS_HANDSHAKE)


def _opens(segment: Segment) -> bool:
    return segment.transport == TCP and segment.flags & (SYN | ACK) == SYN


def _may_be_of_hello(flow: Flow, segment: Segment) -> bool:
    """Whether a packet has no payload, or one that the client's hello may be in, and no more."""
    payload = segment.payload
    if not payload:
        return True
    low = (segment.source, segment.source_port) == flow.key[:2]
    if low is not flow.client_low:
        return False
    if segment.transport == TCP:
        return True
    if dtls.is_dtls_handshake(payload):
        return not dtls.may_hold_data(payload)
    return quic.is_long_header(payload) and not quic.may_hold_data(payload)

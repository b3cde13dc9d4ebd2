"""How a connection began, as packets: up to the ClientHello, and nothing that may hold application data.

Kept are packets without payload, and the client's own that carry its ClientHello: of TLS from the first byte
of the stream to the end of the hello, of QUIC and DTLS the packets of the handshake. All else (a dialogue
before STARTTLS, a request to a proxy, early data, any answer) is left out, and counted. What cannot be told
is left out.
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
_TLS_RECORD_BYTES = 5  # of a record's header
_CLIENT_HELLO = 1
_MESSAGE_BYTES = 4  # of a handshake message's header: its type, and its length (RFC 8446, section 4)
_DTLS_HANDSHAKE, _DTLS_CLEAR = 22, b"\x00\x00"  # a record's type, and the epoch without keys (RFC 9147)
_DTLS_RECORD_BYTES = 13
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
        kept = self._of_hello() if self._hello else set[int]()
        for at, (frame, segment) in enumerate(self._frames):
            if segment.payload and at not in kept:
                self.left_out += 1
            else:
                out.add(frame)
        out.left_out += self.left_out

    def _of_hello(self) -> set[int]:
        """Return which frames have a payload that is the hello's and no more; datagrams were told."""
        begin = next((segment.seq + 1 for _, segment in self._frames if _opens(segment)), 0)
        sent = [(at, segment) for at, (_, segment) in enumerate(self._frames) if segment.payload]
        kept = {at for at, segment in sent if segment.transport != TCP}
        pieces = [(segment.seq - begin) % SEQUENCES for at, segment in sent]
        stream = bytearray()
        for offset, (_, segment) in sorted(zip(pieces, sent, strict=True), key=lambda piece: piece[0]):
            if offset <= len(stream):
                stream += segment.payload[len(stream) - offset :]
        end = hello_end(bytes(stream))
        for offset, (at, segment) in zip(pieces, sent, strict=True):
            piece = segment.payload
            if offset + len(piece) <= end and stream[offset : offset + len(piece)] == piece:
                kept.add(at)
        return kept


def hello_end(stream: bytes) -> int:
    """Return where the records end that hold a ClientHello and no more; 0 where a stream is not of those."""
    at, message = 0, bytearray()
    while stream.startswith(_TLS_HANDSHAKE, at):
        start = at + _TLS_RECORD_BYTES
        at = start + int.from_bytes(stream[start - 2 : start])
        message += stream[start:at]
        whole = _MESSAGE_BYTES + int.from_bytes(message[1:_MESSAGE_BYTES])
        if len(message) >= max(whole, _MESSAGE_BYTES):
            return at if message[0] == _CLIENT_HELLO and len(message) == whole else 0
    return 0


def only_handshake(datagram: bytes) -> bool:
    """Whether all of a datagram is DTLS records of a handshake without keys: early data may follow those."""
    at = 0
    while at < len(datagram):
        if datagram[at] != _DTLS_HANDSHAKE or datagram[at + 3 : at + 5] != _DTLS_CLEAR:
            return False
        at += _DTLS_RECORD_BYTES + int.from_bytes(datagram[at + 11 : at + 13])
    return at == len(datagram)


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
        return only_handshake(payload)
    return quic.is_long_header(payload) and not quic.may_hold_data(payload)

"""One direction of a TCP connection: segments in any order become bytes in order, for a reader.

With the SYN seen, the stream's start is known. Without it (midstream, or the SYN comes late) the lowest
bytes seen so far are tried as a beginning, a few times, before the direction is given up; once they said
something, they are the beginning.
"""

from sensors.ranges import RangeBuffer
from sensors.streams import ClientReader, DnsReader, Found, Greeting

MIDSTREAM_SEGMENTS = 64  # segments with payload that are tried as a beginning when no SYN was seen,
MIDSTREAM_BYTES = 16_384  # and how much of them is kept meanwhile
_LOOKBACK_BYTES = 65_535  # how far before the first segment seen a reordered one may lie
_HALF, _MASK = 1 << 31, (1 << 32) - 1

Event = Found | bytes


def seq_distance(seq: int, base: int) -> int:
    """Return the signed distance between two sequence numbers, which wrap (RFC 9293 section 3.4)."""
    return ((seq - base + _HALF) & _MASK) - _HALF


def may_follow(seq: int, initial_seq: int) -> bool:
    """Tell whether a segment at ``seq`` can be among the first of a stream that began with this SYN."""
    return 0 <= seq_distance(seq, initial_seq + 1) <= _LOOKBACK_BYTES


class Direction:
    """Reassembles one direction until its reader is done. Offsets are relative to the first segment seen."""

    __slots__ = ("_base", "_buffer", "_fed_bytes", "_limit", "_segments", "reader", "started")

    def __init__(self, reader: ClientReader | DnsReader, seq: int, limit_bytes: int) -> None:
        self.reader = reader
        self.started = False  # the SYN was seen: the first byte's place is known
        self._base = seq
        self._limit = limit_bytes
        self._segments = 0
        self._fed_bytes = 0
        self._buffer = RangeBuffer(-_LOOKBACK_BYTES, _LOOKBACK_BYTES + limit_bytes)

    @property
    def done(self) -> bool:
        """Whether nothing more is to be learnt from this direction."""
        return self.reader.done

    @property
    def data_behind(self) -> bool:
        """Whether, when a client is read, there may be application data behind its last greeting."""
        reader = self.reader
        return isinstance(reader, ClientReader) and (reader.outcome is not None or reader.data_behind)

    @property
    def next_seq(self) -> int:
        """The sequence number of the first byte that was not read."""
        return self._base + self._buffer.next_offset & _MASK

    @property
    def held_bytes(self) -> int:
        """How much is kept, at the most: all that was fed to a client's reader, what is unfinished of DNS."""
        held = self._fed_bytes
        if isinstance(self.reader, DnsReader):
            held = self._buffer.waiting_bytes + self.reader.unfinished_bytes
        return held + self._buffer.overhead_bytes

    def start(self, initial_seq: int) -> list[Event]:
        """Take the SYN: its data begins at ``initial_seq + 1`` (RFC 9293 section 3.4)."""
        return [] if self.started else self._begin(seq_distance(initial_seq + 1, self._base))

    def add(self, seq: int, payload: bytes) -> list[Event]:
        """Take one segment's payload; return what the reader made of the bytes that came into order."""
        if isinstance(self.reader, DnsReader):
            self._buffer.extend(self._limit)  # a connection carries any number of answers
        self._fed_bytes += len(payload)
        ready = self._buffer.push(seq_distance(seq, self._base), payload)
        if self.started:
            return self._feed(ready)
        self._segments += 1
        return self._try_as_beginning()

    def partial(self) -> Greeting | None:
        """Return what can be said of a first message whose rest never came."""
        if self.reader.done or isinstance(self.reader, DnsReader):
            return None
        if self.started:
            return self.reader.partial()
        attempt = ClientReader()
        attempt.feed(self._buffer.first_piece())
        return attempt.partial()

    def _begin(self, first: int) -> list[Event]:
        """Read on from the offset at which the stream begins."""
        self.started = True
        waiting = self._buffer.pieces()
        self._buffer = RangeBuffer(first, self._limit)
        events: list[Event] = []
        for offset, piece in waiting:
            events += self._feed(self._buffer.push(offset, piece))
        return events

    def _feed(self, data: bytes) -> list[Event]:
        if not data or self.reader.done:
            return []
        events: list[Event] = [*self.reader.feed(data)]
        if isinstance(self.reader, ClientReader) and self._buffer.full:
            _give_up(self.reader)
        return events

    def _try_as_beginning(self) -> list[Event]:
        if ClientReader().feed(self._buffer.first_piece()):
            self.reader = ClientReader()
            return self._begin(self._buffer.first_offset())
        if self._segments >= MIDSTREAM_SEGMENTS or self._fed_bytes >= MIDSTREAM_BYTES:
            self.reader.done = True
            self.reader.outcome = "midstream"
        return []


def _give_up(reader: ClientReader) -> None:
    """Stop a reader that all the bytes it may have did not satisfy."""
    if not reader.done:
        reader.done = True
        reader.outcome = "first-message-too-long"

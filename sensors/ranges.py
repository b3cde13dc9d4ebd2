"""Reassembly by covered byte ranges, for TCP streams and QUIC CRYPTO frames alike.

Bytes may arrive in any order, twice, or overlapping; the first copy of a byte wins, so that a later forged
copy changes nothing. Memory follows what was received, never what an offset claims.
"""

from bisect import bisect_right

MAX_PIECES = 4_096  # separate ranges waiting for a hole to be filled
_PIECE_BYTES = 128  # memory that a range takes beside its bytes


class RangeBuffer:
    """The bytes of one direction between ``start`` and ``start + limit_bytes``.

    ``dropped_bytes`` counts what lay beyond the limit, or came in more pieces than are kept.
    """

    __slots__ = ("_end", "_pieces", "_starts", "dropped_bytes", "next_offset")

    def __init__(self, start: int, limit_bytes: int) -> None:
        self.next_offset = start  # all bytes before it were handed out
        self.dropped_bytes = 0
        self._end = start + limit_bytes
        self._starts: list[int] = []  # sorted, parallel to _pieces; disjoint, never adjacent
        self._pieces: list[bytes] = []

    @property
    def waiting(self) -> bool:
        """Whether bytes wait behind a hole."""
        return bool(self._pieces)

    @property
    def full(self) -> bool:
        """Whether the limit was reached: nothing more can come out."""
        return self.next_offset >= self._end

    @property
    def waiting_bytes(self) -> int:
        """How many bytes wait behind a hole."""
        return sum(map(len, self._pieces))

    @property
    def overhead_bytes(self) -> int:
        """How much memory the ranges behind a hole take beside their bytes."""
        return _PIECE_BYTES * len(self._pieces)

    def extend(self, limit_bytes: int) -> None:
        """Move the limit on: so many bytes from what was handed out."""
        self._end = self.next_offset + limit_bytes

    def first_piece(self) -> bytes:
        """Return the bytes of the lowest range that waits behind a hole, or nothing."""
        return self._pieces[0] if self._pieces else b""

    def first_offset(self) -> int:
        """Return where that range begins; with none, where the next byte is to come."""
        return self._starts[0] if self._starts else self.next_offset

    def pieces(self) -> list[tuple[int, bytes]]:
        """Return the ranges that wait behind a hole, with their offsets."""
        return list(zip(self._starts, self._pieces, strict=True))

    def push(self, offset: int, data: bytes) -> bytes:
        """Add ``data`` at ``offset``; return the bytes that became contiguous, in order."""
        if offset + len(data) > self._end:
            keep = max(self._end - offset, 0)
            self.dropped_bytes += len(data) - keep
            data = data[:keep]
        if offset < self.next_offset:
            data = data[self.next_offset - offset :]
            offset = self.next_offset
        if not data:
            return b""
        if not self._pieces and offset == self.next_offset:
            self.next_offset += len(data)
            return data
        self._insert(offset, data)
        return self._take()

    def _take(self) -> bytes:
        if not self._starts or self._starts[0] != self.next_offset:
            return b""
        self._starts.pop(0)
        ready = self._pieces.pop(0)
        self.next_offset += len(ready)
        return ready

    def _insert(self, offset: int, data: bytes) -> None:
        """Fill the holes that ``data`` covers, keeping what was there first, and join neighbours."""
        end = offset + len(data)
        first = bisect_right(self._starts, offset)
        if first and self._starts[first - 1] + len(self._pieces[first - 1]) >= offset:
            first -= 1  # the piece before overlaps or touches
        last = first
        parts: list[bytes] = []
        at = offset
        while last < len(self._starts) and self._starts[last] <= end:
            start, piece = self._starts[last], self._pieces[last]
            if start > at:
                parts.append(data[at - offset : start - offset])
            parts.append(piece)
            at = max(at, start + len(piece))
            last += 1
        if at < end:
            parts.append(data[at - offset :])
        if last == first and len(self._pieces) >= MAX_PIECES and offset != self.next_offset:
            self.dropped_bytes += len(data)
            return
        start = min(offset, self._starts[first]) if last > first else offset
        self._starts[first:last] = [start]
        self._pieces[first:last] = [b"".join(parts)]

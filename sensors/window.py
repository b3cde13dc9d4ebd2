"""A window that slides over a byte stream: what the capture formats read from.

It holds about one chunk, whatever the stream's length; a reader says from where on it still needs bytes and
how many. A stream that stops early looks like its end, and ``damage`` says so.
"""

import re
from collections.abc import Callable, Iterator

from sensors.captured import StreamDamage

CHUNK_BYTES = 262_144  # measured: 1 MiB takes half as long again, it leaves the cache; mmap is slower still
MAX_CANDIDATES = 1_048_576  # places of a stream that are looked at for the next record after corrupt ones
MAX_PATTERN_BYTES = 16


class Window:
    """``data`` holds the stream's bytes from offset ``start`` on."""

    __slots__ = ("_candidates", "_chunk_bytes", "_chunks", "damage", "data", "ended", "start")

    def __init__(self, chunks: Iterator[bytes], chunk_bytes: int = CHUNK_BYTES) -> None:
        self.data = b""
        self.start = 0
        self.ended = False  # the stream has no more bytes than those in ``data``
        self.damage: StreamDamage | None = None
        self._chunks = chunks
        self._chunk_bytes = chunk_bytes
        self._candidates = MAX_CANDIDATES

    def fill(self, at: int, need_bytes: int) -> int:
        """Make ``need_bytes`` available from position ``at`` on, if the stream has them.

        What stands before ``at`` may be dropped: returns the position where the byte at ``at`` now stands.
        """
        if self.ended or len(self.data) - at >= need_bytes:
            return at
        parts = [self.data[at:]]
        missing_bytes = max(need_bytes - len(parts[0]), self._chunk_bytes)
        while missing_bytes > 0 and not self.ended:
            chunk = self._next_chunk()
            parts.append(chunk)
            missing_bytes -= len(chunk)
        self.start += at
        self.data = b"".join(parts)
        return 0

    def find(
        self, at: int, pattern: re.Pattern[bytes], lookahead_bytes: int, fits: Callable[[int], bool]
    ) -> int | None:
        """Return the first position from ``at`` on where ``pattern`` matches and ``fits`` agrees.

        ``pattern`` spans at most MAX_PATTERN_BYTES. Where ``fits`` is asked, ``lookahead_bytes`` are there,
        unless the stream ends. None when there is no such position, or too many only looked like one.
        """
        while self._candidates:
            self._candidates -= 1
            match = pattern.search(self.data, at)
            while match is None and not self.ended:
                at = max(at, len(self.data) - MAX_PATTERN_BYTES + 1)
                at = self.fill(at, len(self.data) - at + 1)
                match = pattern.search(self.data, at)
            if match is None:
                return None
            at = self.fill(match.start(), lookahead_bytes)
            if fits(at):
                return at
            at += 1
        return None

    def _next_chunk(self) -> bytes:
        try:
            chunk = next(self._chunks, b"")
        except StreamDamage as damage:
            self.damage = damage
            chunk = b""
        self.ended = not chunk
        return chunk

"""A pool of random bytes that stands for all sealed payload, with what a checksum needs of any slice."""

import numpy as np

from benchmarks.traffic.model import Array

_POOL_BYTES = 1 << 20
OPAQUE_BYTES = 1_340
_LONGEST_BYTES = 1_500


class Noise:
    """Random bytes. Slices start at even offsets."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.data = rng.bytes(_POOL_BYTES)
        words = np.frombuffer(self.data, ">u2")
        self._sums = np.concatenate([[0], np.cumsum(words, dtype=np.int64)])
        self._bytes = np.frombuffer(self.data, "u1")
        first = self._bytes[:-_LONGEST_BYTES:2]
        self._opaque = np.flatnonzero(first & 0xC0 == 0x40) * 2

    def offsets(self, count: int, rng: np.random.Generator) -> Array:
        """Return offsets of slices of at most 1,500 bytes."""
        return rng.integers(0, (_POOL_BYTES - _LONGEST_BYTES) // 2, count) * 2

    def opaque_offsets(self, count: int, rng: np.random.Generator) -> Array:
        """Return offsets where a slice can pass for a QUIC 1-RTT packet (RFC 9000 section 17.3.1)."""
        chosen: Array = self._opaque[rng.integers(0, len(self._opaque), count)]
        return chosen

    def sums(self, offsets: Array, sizes: Array) -> Array:
        """Return the sums of the slices' 16-bit words, an odd last byte padded (RFC 1071)."""
        start, even = offsets >> 1, sizes >> 1
        sums: Array = self._sums[start + even] - self._sums[start]
        last = np.minimum(offsets + sizes - 1, _POOL_BYTES - 1)
        sums += np.where(sizes & 1, self._bytes[last].astype(np.int64) << 8, 0)
        return sums

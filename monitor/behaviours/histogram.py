"""Durations in buckets, sixteen for each power of two: medians in bounded memory, within 3 %."""

_SUB_BITS = 4  # sixteen buckets a power of two


class Histogram:
    """Counts of durations, in whatever order they came."""

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self.measured = 0

    def add(self, duration_ns: int) -> None:
        """Count a duration."""
        bucket = _bucket(max(duration_ns, 0))
        self._counts[bucket] = self._counts.get(bucket, 0) + 1
        self.measured += 1

    def median_ns(self) -> int | None:
        """Return the middle of the median's bucket; of two medians the lower counts."""
        left = (self.measured + 1) // 2
        for bucket in sorted(self._counts):
            left -= self._counts[bucket]
            if left <= 0 < self.measured:
                return _middle(bucket)
        return None


def _bucket(value: int) -> int:
    shift = max(value.bit_length() - _SUB_BITS - 1, 0)
    return (shift << _SUB_BITS) + (value >> shift)


def _middle(bucket: int) -> int:
    shift = max((bucket >> _SUB_BITS) - 1, 0)
    low = (bucket - (shift << _SUB_BITS)) << shift
    return low + (1 << shift) // 2

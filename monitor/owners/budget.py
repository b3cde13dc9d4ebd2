"""What questions may cost: so many a second, and so much of the loop's time. Time is an argument. Pure."""

QUERIES_PER_SECOND = 200
WORK_NS_PER_SECOND = 50_000_000  # a twentieth of the loop's time

_SECOND_NS = 1_000_000_000


class Budget:
    """Fills up with time, to what one second gives and no further."""

    def __init__(self, now_ns: int) -> None:
        self._then_ns = now_ns
        self._queries = float(QUERIES_PER_SECOND)
        self._work_ns = float(WORK_NS_PER_SECOND)

    def admits(self, now_ns: int) -> bool:
        """Take one question, if there is room for it."""
        passed = max(0, now_ns - self._then_ns) / _SECOND_NS
        self._then_ns = now_ns
        self._queries = min(self._queries + passed * QUERIES_PER_SECOND, QUERIES_PER_SECOND)
        self._work_ns = min(self._work_ns + passed * WORK_NS_PER_SECOND, WORK_NS_PER_SECOND)
        if self._queries < 1 or self._work_ns <= 0:
            return False
        self._queries -= 1
        return True

    def spend(self, work_ns: int) -> None:
        """Take what a question cost: more than there was, and the next ones wait for it."""
        self._work_ns -= work_ns

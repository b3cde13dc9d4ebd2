"""The capture's clock: the time of the packets, without the harm that one wrong time stamp would do.

It only goes forward, except that two packets in a row which agree that it is off by more than a day set it
anew: a lone packet from another century moves nothing.
"""

MAX_JUMP_NS = 86_400 * 1_000_000_000


class CaptureClock:
    """``now_ns`` is the clock; ``first_ns`` and ``last_ns`` are the least and the greatest of all times."""

    def __init__(self) -> None:
        self.now_ns = 0
        self.first_ns: int | None = None
        self.last_ns: int | None = None
        self.jumps = 0
        self._strayed = False  # the packet before was off by more than a day

    def see(self, ts_ns: int) -> bool:
        """Take a packet's time; tell whether the clock moved."""
        if self.first_ns is None or self.last_ns is None:
            self.first_ns = self.last_ns = ts_ns
            self.now_ns = max(self.now_ns, ts_ns)
            return True
        if ts_ns > self.last_ns:
            self.last_ns = ts_ns
        elif ts_ns < self.first_ns:
            self.first_ns = ts_ns
        return self.go_to(ts_ns)

    def go_to(self, ts_ns: int) -> bool:
        """Let time pass without a packet; tell whether the clock moved."""
        if self.first_ns is None:
            self.now_ns = max(self.now_ns, ts_ns)
            return True
        ahead_ns = ts_ns - self.now_ns
        if -MAX_JUMP_NS <= ahead_ns <= MAX_JUMP_NS:
            self._strayed = False
            if ahead_ns <= 0:
                return False
        elif not self._strayed:
            self._strayed = True
            return False
        else:
            self._strayed = False
            self.jumps += 1
        self.now_ns = ts_ns
        return True

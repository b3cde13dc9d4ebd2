"""Finds inputs that hold the same connections, which then count twice. Pure: few of each are remembered.

Those are the connections with the least of a number that depends on time and port alone: so two inputs
remember the same ones where they share more than one in a hundred or so. A connection is the same where its
first packet and its flow are.
"""

from sensors.observations import FlowKey

REMEMBERED = 256  # connections of an input
_SPREAD, _MASK = 0x9E3779B97F4A7C15, (1 << 64) - 1  # Knuth's multiplicative hashing, of 64 bits

Key = tuple[int, tuple[str, int, str, int, str, int, str]]


class Overlap:
    """Takes the connections of one input after the other."""

    def __init__(self) -> None:
        self._earlier: dict[Key, int] = {}
        self._least: dict[Key, int] = {}  # of the present input
        self._bound = _MASK

    def add(self, ts_ns: int, flow: FlowKey) -> None:
        """Take a connection of the present input."""
        number = (ts_ns + flow.client_port) * _SPREAD & _MASK
        if number > self._bound:
            return
        self._least[ts_ns, flow.order()] = number
        if len(self._least) >= 2 * REMEMBERED:
            self._shrink()

    def close(self, input_: int) -> int | None:
        """End an input; return the first that holds any of the same connections, None where none does."""
        self._shrink()
        other = min((self._earlier[key] for key in self._least if key in self._earlier), default=None)
        for key in self._least:
            self._earlier.setdefault(key, input_)
        self._least, self._bound = {}, _MASK
        return other

    def _shrink(self) -> None:
        kept = sorted(self._least.items(), key=lambda each: (each[1], each[0]))[:REMEMBERED]
        self._least = dict(kept)
        if len(kept) == REMEMBERED:
            self._bound = kept[-1][1]

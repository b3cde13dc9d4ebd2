"""Which decision on a connection counts: that of its end, or else the last that was recorded. Pure.

A verdict comes while its connection is open, and so do reports on long ones; the end comes later, or never,
where the sensor was killed meanwhile. What waits for its end is bounded.
"""

from collections.abc import Iterator

import msgspec

from monitor.rejudge.types import Recorded
from monitor.types import Decision

WAITING_BYTES = 67_108_864  # of records of connections without an end so far, some 30,000 of them

_Key = tuple[int, tuple[str, int, str, int, str, int, str]]


class Endings:
    """Holds decisions on open connections back until it is known whether their end comes.

    ``superseded`` counts decisions that another one took the place of; ``pushed_out`` those for whose end
    there was no room to wait: should it have come, the connection counts twice.
    """

    def __init__(self, waiting_bytes: int = WAITING_BYTES) -> None:
        self.superseded = 0
        self.pushed_out = 0
        self._room_bytes = waiting_bytes
        self._open: dict[_Key, tuple[Recorded, int]] = {}

    def take(self, recorded: Recorded, size_bytes: int) -> list[Recorded]:
        """Take the next decision, whose record has so many bytes; return those that count."""
        decision = recorded.decision
        if not self._open and not decision.is_open:  # as in all that a replay left
            return [recorded]
        key = decision.ts_ns, decision.connection.flow.order()
        earlier = self._open.pop(key, None)
        if earlier is not None:
            self.superseded += 1
            self._room_bytes += earlier[1]
        if not decision.is_open:
            return [recorded]
        self._open[key] = recorded, size_bytes
        self._room_bytes -= size_bytes
        return list(self._pushed_out())

    def waiting(self) -> tuple[int, ...]:
        """Return the numbers of the records that wait for an end, in order."""
        return tuple(sorted(recorded.index for recorded, _ in self._open.values()))

    def silent(self, since_ns: int) -> list[Recorded]:
        """Return those of whose connections no packet was seen since then: they wait no longer."""
        left = [key for key, (recorded, _) in self._open.items() if latest_ns(recorded.decision) < since_ns]
        found = [self._open.pop(key) for key in left]
        self._room_bytes += sum(size for _, size in found)
        return [_unended(recorded) for recorded, _ in found]

    def rest(self) -> list[Recorded]:
        """Return, in order, those whose end can no longer come: the sensor began anew, or nothing follows."""
        left = [_unended(recorded) for recorded, _ in self._open.values()]
        self._room_bytes += sum(size for _, size in self._open.values())
        self._open.clear()
        return left

    def _pushed_out(self) -> Iterator[Recorded]:
        while self._room_bytes < 0:
            recorded, size = self._open.pop(next(iter(self._open)))
            self._room_bytes += size
            self.pushed_out += 1
            yield _unended(recorded)


def latest_ns(decision: Decision) -> int:
    """Return when a connection's latest packet was, of those that the decision knows."""
    return decision.ts_ns + decision.connection.totals.duration_ns


def _unended(recorded: Recorded) -> Recorded:
    return msgspec.structs.replace(recorded, ended=False)

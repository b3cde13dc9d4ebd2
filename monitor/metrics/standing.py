"""Connections that have a verdict and have not ended: a bounded number, and none for longer than its time.

Their ends can be lost on the way, so whatever was not heard of for long is given up, and so is the one that
was heard of least lately where there are too many. Time is that of packets.
"""

from collections import OrderedDict
from collections.abc import Iterator

from msgspec import Struct

from monitor.metrics.series import Values
from monitor.types import Connection
from sensors.observations import FlowKey

MAX_STANDING = 65_536
SILENT_NS = 2 * 3_600 * 1_000_000_000  # a connection that lives reports every half hour

Key = tuple[FlowKey, int]


class Standing(Struct, frozen=True):
    """The last verdict on a connection, and the series of open violations that it is in, if it is in one."""

    verdict: Values
    violation: Values | None
    last_ns: int


class StandingVerdicts:
    """Keeps them by flow and time of its first packet."""

    def __init__(self, most: int = MAX_STANDING) -> None:
        self._most = most
        self._kept: OrderedDict[Key, Standing] = OrderedDict()
        self._now_ns = 0

    def put(self, connection: Connection, standing: Standing) -> None:
        """Keep what stands of a connection."""
        self._now_ns = max(self._now_ns, standing.last_ns)
        self._kept[_key(connection)] = standing  # behind all others: it was taken out before

    def take(self, connection: Connection) -> Standing | None:
        """Take out what stands of a connection."""
        return self._kept.pop(_key(connection), None)

    def give_up(self, now_ns: int = 0) -> Iterator[Standing]:
        """Take out what has to go; ``now_ns`` is the time of the latest packet, where it is known."""
        self._now_ns = max(self._now_ns, now_ns)
        while self._kept:
            oldest = next(iter(self._kept.values()))
            if len(self._kept) <= self._most and self._now_ns - oldest.last_ns <= SILENT_NS:
                return
            self._kept.popitem(last=False)
            yield oldest


def _key(connection: Connection) -> Key:
    return connection.flow, connection.ts_ns

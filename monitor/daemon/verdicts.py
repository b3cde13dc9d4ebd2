"""When verdicts were given: how long after the name was seen, how long before the first data went up. Pure.

Times are of the packets, and of the clock that stamps them, at the moment of the decision.
"""

from collections import OrderedDict

import msgspec

from monitor.types import Connection, Owner
from sensors.observations import DataSeen, FlowKey

MAX_OPEN = 131_072  # connections whose verdict is remembered until their data, or their end


class Lead(msgspec.Struct, frozen=True):
    """How long before the first application data the verdict was given; negative if it came too late.

    ``bytes_up`` is what the client had sent by then: exact where the verdict came first, the least else.
    """

    lead_ns: int
    bytes_up: int


class Verdict(msgspec.Struct):
    """The first verdict on a connection, and the process of this host whose connection it is, if known."""

    decided_ns: int
    began_ns: int  # the connection did
    owner: Owner | None = None


class Verdicts:
    """Remembers the verdicts on open connections. Bounded: the oldest are forgotten."""

    def __init__(self) -> None:
        self._open: OrderedDict[FlowKey, Verdict] = OrderedDict()

    def find(self, connection: Connection) -> Verdict | None:
        """Return the verdict on an open connection, if there was one."""
        return _of(connection, self._open.get(connection.flow))

    def open(self, connection: Connection, now_ns: int) -> tuple[Verdict, int]:
        """Note the first verdict; return it, and how long after the hello's last byte it came.

        That is 0 where the clock was set back in between: a sum of such times never falls.
        """
        verdict = self._open[connection.flow] = Verdict(now_ns, connection.ts_ns)
        if len(self._open) > MAX_OPEN:
            self._open.popitem(last=False)
        return verdict, max(now_ns - (connection.ts_ns + connection.totals.duration_ns), 0)

    def data(self, seen: DataSeen) -> Lead | None:
        """Return how long before this first data the verdict was given; None without one."""
        verdict = self._open.get(seen.flow)
        return Lead(seen.ts_ns - verdict.decided_ns, seen.bytes_up) if verdict is not None else None

    def end(self, connection: Connection) -> Verdict | None:
        """Forget a connection that ended; return the verdict on it, if there was one."""
        verdict = _of(connection, self._open.get(connection.flow))
        if verdict is not None:
            del self._open[connection.flow]
        return verdict


def _of(connection: Connection, verdict: Verdict | None) -> Verdict | None:
    """Return the verdict where it is this connection's: the end of one before, of the same ends, may be lost.

    So no process is given a connection of another one.
    """
    return verdict if verdict is not None and verdict.began_ns == connection.ts_ns else None

"""Cuts windows: how many connections could be named in that time, and what was lost. Pure.

Who reads that nothing was found has to know how much could be. One line each window, with its gaps.
"""

from msgspec.structs import replace

from monitor.counts import FlowCount
from monitor.tally import Tally
from monitor.types import Coverage
from monitor.windows import OF_CAPTURES, WINDOW_NS, Window, sentence
from sensors.observations import Count


class Windows:
    """Cuts growing totals into windows. What is not ``live`` comes of captures."""

    def __init__(self, sensor: str, now_ns: int, *, live: bool = True) -> None:
        self._sensor = sensor
        self._always = set() if live else {OF_CAPTURES}
        self._blind: set[str] = set()
        self._since_ns = now_ns
        self._before: dict[Coverage, FlowCount] = {}
        self._carried: dict[Coverage, FlowCount] = {}
        self._lost: dict[str, Count] = {}
        self._packets = self._shed = self._unwritten = 0

    def lost(self, reason: str, packets: int, wire_bytes: int) -> None:
        """Note what could not be observed."""
        old = self._lost.get(reason, Count())
        self._lost[reason] = Count(old.packets + packets, old.bytes + wire_bytes)

    def shed(self, connections: int) -> None:
        """Note connections that were only counted, because too much waited."""
        self._shed += connections

    def away(self, source: str) -> None:
        """Note an interface, or the folder, that is not up."""
        self._blind.add(f"{source} was not up")

    def unwritten(self, records: int) -> None:
        """Note records that were given up, because the disk did not take them."""
        self._unwritten += records

    def is_over(self, now_ns: int) -> bool:
        """Tell whether it is time for the next one. A clock that was set back ends one, too."""
        return not 0 <= now_ns - self._since_ns < WINDOW_NS

    def restart(self, tally: Tally) -> None:
        """Take what a tally came to that is no more in use. The next one is counted from its beginning."""
        self._carried = self._grown(tally)
        self._before = {}

    def close(self, tally: Tally, packets: int, now_ns: int, left: int = 0) -> Window:
        """Return the window that ends now; ``packets`` are those read since the start, ``left`` as above."""
        grown = self._grown(tally)
        blind = tuple(sorted(self._blind | self._always))
        window = Window(
            since_ns=self._since_ns,
            until_ns=now_ns,
            sensor=self._sensor,
            says="",
            connections=sum(count.flows for count in grown.values()),
            bytes=sum(count.bytes() for count in grown.values()),
            coverage={name: count.flows for name, count in grown.items()},
            packets=packets - self._packets,
            lost=self._lost,
            shed=self._shed,
            left=left,
            blind=blind,
            unwritten=self._unwritten,
        )
        self._blind = set()
        window = replace(window, says=sentence(window))
        self._before, self._carried, self._lost = tally.coverage, {}, {}
        self._packets, self._since_ns, self._shed, self._unwritten = packets, now_ns, 0, 0
        return window

    def _grown(self, tally: Tally) -> dict[Coverage, FlowCount]:
        """Return what came since the window began, by class."""
        none = FlowCount()
        grown = {
            name: FlowCount(
                count.flows - self._before.get(name, none).flows + self._carried.get(name, none).flows,
                count.bytes_up
                - self._before.get(name, none).bytes_up
                + self._carried.get(name, none).bytes_up,
                count.bytes_down
                - self._before.get(name, none).bytes_down
                + self._carried.get(name, none).bytes_down,
            )
            for name, count in tally.coverage.items()
        }
        return {name: count for name, count in grown.items() if count.flows}

"""How far each ledger took what each run of each sensor led to, so that nothing of it is taken twice. Pure.

What comes again comes in its order: of one run, in one partition, numbers and indices only rise. Bounded: of
a sensor that starts again and again the first runs are forgotten; so late nothing of them comes again.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from monitor.ledger.names import tenant_folder
from monitor.origins import Origin
from monitor.recording.items import Item

MAX_RUNS = 16  # of one sensor, in one partition, for one ledger


class Mark(NamedTuple):
    """The last of a run that a ledger took."""

    ledger: str  # its folder's name
    partition: int
    sensor: str
    run: str
    number: int
    step: int  # the origin's index


Stream = tuple[str, int, str]  # ledger, partition, sensor
Step = tuple[int, int]  # number, index


class Origins:
    """What was taken. ``marks`` are those of an earlier process, runs in the order in which they came."""

    def __init__(self, marks: Iterable[Mark] = ()) -> None:
        self._streams: dict[Stream, dict[str, Step]] = {}
        self._changed: dict[str, set[tuple[Stream, str]]] = {}  # by ledger
        self._gone: dict[str, set[tuple[Stream, str]]] = {}
        for each in marks:
            self._set((each.ledger, each.partition, each.sensor), each.run, (each.number, each.step))

    def has(self, ledger: str, origin: Origin) -> bool:
        """Tell whether a ledger took this."""
        last = self._streams.get((ledger, origin.partition, origin.sensor), {}).get(origin.run)
        return last is not None and (origin.number, origin.index) <= last

    def fresh(self, items: Iterable[Item]) -> list[Item]:
        """Return the items that their tenants' ledgers do not have; of what is there twice, the first."""
        found: list[Item] = []
        last: dict[tuple[Stream, str], Step] = {}
        for item in items:
            origin = item.origin
            if origin is not None:
                ledger = tenant_folder(item.tenant)
                run = (ledger, origin.partition, origin.sensor), origin.run
                step = origin.number, origin.index
                if self.has(ledger, origin) or step <= last.get(run, (-1, 0)):
                    continue
                last[run] = step
            found.append(item)
        return found

    def took(self, ledger: str, origin: Origin) -> None:
        """Note what a ledger took."""
        if self.has(ledger, origin):
            return
        stream = ledger, origin.partition, origin.sensor
        for run in self._set(stream, origin.run, (origin.number, origin.index)):
            self._changed.get(ledger, set()).discard((stream, run))
            self._gone.setdefault(ledger, set()).add((stream, run))
        self._changed.setdefault(ledger, set()).add((stream, origin.run))

    def news(self, ledgers: Iterable[str]) -> Iterator[Mark]:
        """Yield what of these ledgers is not as it was when it was settled; number -1 is forgotten."""
        for ledger in ledgers:
            for (_, partition, sensor), run in self._gone.get(ledger, ()):
                yield Mark(ledger, partition, sensor, run, -1, 0)
            for stream, run in self._changed.get(ledger, ()):
                yield Mark(*stream, run, *self._streams[stream][run])

    def settle(self, ledgers: Iterable[str]) -> None:
        """Note that the news of these ledgers are durable."""
        for ledger in ledgers:
            self._changed.pop(ledger, None)
            self._gone.pop(ledger, None)

    def has_news(self, ledgers: Iterable[str]) -> bool:
        """Tell whether there is any."""
        return any(self._changed.get(each) for each in ledgers)

    def __len__(self) -> int:
        return sum(map(len, self._streams.values()))

    def _set(self, stream: Stream, run: str, step: Step) -> list[str]:
        """Set how far a run was taken; return the runs that are forgotten for it."""
        runs = self._streams.setdefault(stream, {})
        runs[run] = step
        gone = list(runs)[: max(len(runs) - MAX_RUNS, 0)]
        for each in gone:
            del runs[each]
        return gone

"""The accounts of all capture threads as one. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping

from sensors.live import Status
from sensors.observations import Accounting, Count


def accounting(status: Status) -> Accounting:
    """Return what became of every packet that any thread read."""
    parts = [source.accounting for source in status.sources]
    counters: Counter[str] = Counter()
    for part in parts:
        counters.update(part.counters)
    firsts = [part.first_ns for part in parts if part.first_ns is not None]
    lasts = [part.last_ns for part in parts if part.last_ns is not None]
    return Accounting(
        read=_sum(part.read for part in parts),
        decoded=_merged(part.decoded for part in parts),
        undecoded=_merged(part.undecoded for part in parts),
        counters=dict(counters),
        faults=tuple(fault for part in parts for fault in part.faults),
        first_ns=min(firsts, default=None),
        last_ns=max(lasts, default=None),
    )


def _sum(counts: Iterable[Count]) -> Count:
    packets = wire_bytes = 0
    for count in counts:
        packets += count.packets
        wire_bytes += count.bytes
    return Count(packets, wire_bytes)


def _merged(parts: Iterable[Mapping[str, Count]]) -> dict[str, Count]:
    merged: dict[str, Count] = {}
    for part in parts:
        for name, count in part.items():
            merged[name] = _sum((merged.get(name, Count()), count))
    return merged

"""What a capture is like, as a sensor publishes it: how much, in which bursts, and how it compresses."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path

import msgspec
import numpy as np
import zstandard

from benchmarks.model.parcelling import parcels_of_capture
from benchmarks.model.world import Array
from monitor.fleet.parcels import Parcel, encode
from sensors.interest import Interest
from sensors.live import Manner
from sensors.observations import Gap, NameResolved, Observation
from sensors.publishing import LINGER_NS, Cut, Publishing
from sensors.series import NativeSeries
from sensors.slots import SLOTS, slot_of

KEY = b"benchmark" * 4
FINE_NS = 10_000_000
BURST_NS = 50_000_000  # between two observations of a client that are of one burst, at most
ZSTD_LEVEL = 3  # librdkafka's
MAX_COMPRESSED = 20_000  # batches
_NOBODY = ""

_observations = msgspec.msgpack.Decoder(list[Observation]).decode


class Profile(msgspec.Struct, frozen=True):
    """Of a capture. Parcels are those of a sensor that reads it, and those that the model predicts.

    ``busiest_client`` is its share of observations.
    """

    packets: int
    wire_bytes: int
    seconds: float
    observations: int
    clients: int
    busiest_client: float
    burst: float
    observation_bytes: float
    names_share: float
    compression: float
    parcels: int
    predicted_parcels: float


class _Seen(msgspec.Struct):
    """When clients were observed, in time of the packets; an empty name stands for what is no client's."""

    of_clients: dict[str, list[int]]
    names: list[int]
    bytes: int = 0

    @property
    def count(self) -> int:
        """How many observations there are."""
        return len(self.names) + sum(map(len, self.of_clients.values()))


def profile(path: Path, interest: Interest, partitions: int, linger_ns: int = LINGER_NS) -> Profile:
    """Read a capture twice with the native engine: finely, and as a sensor does. Raises ValueError."""
    series, fine = read(path, interest, FINE_NS)
    seen = _seen(fine)
    if not seen.of_clients:
        raise ValueError(f"{path}: no client is observed there; name a capture with connections")
    _, usual = read(path, interest, linger_ns)
    count = series.accounting().read
    seconds = max((fine[-1].clock_ns - fine[0].clock_ns) / 1e9, 1e-9)
    burst = _burst(seen)
    by_slot = _by_slot(seen) / seconds
    parcels = parcels_of_capture(by_slot, linger_ns / 1e9, burst) * seconds
    most = max(map(len, seen.of_clients.values()), default=0)
    return Profile(
        packets=count.packets,
        wire_bytes=count.bytes,
        seconds=seconds,
        observations=seen.count,
        clients=len(seen.of_clients),
        busiest_client=most / seen.count,
        burst=burst,
        observation_bytes=seen.bytes / seen.count,
        names_share=len(seen.names) / seen.count,
        compression=compression(usual, partitions),
        parcels=len(usual),
        predicted_parcels=parcels,
    )


def read(path: Path, interest: Interest, linger_ns: int) -> tuple[NativeSeries, list[Cut]]:
    """Return what the native publisher cuts of a capture, gathered for so long."""
    series = NativeSeries(
        Manner(interest=interest, publishing=Publishing(KEY, judge=False, linger_ns=linger_ns))
    )
    series.add(path)
    cuts: list[Cut] = []
    while series.is_reading:
        series.next_batch()
        cuts += series.published(cut=False).cuts
    series.finish()
    while series.next_batch():
        cuts += series.published(cut=False).cuts
    cuts += series.published(cut=True).cuts
    return series, cuts


def compression(cuts: Sequence[Cut], partitions: int) -> float:
    """Return how much smaller zstd makes parcels, in batches of what goes to one partition at once."""
    compressor = zstandard.ZstdCompressor(level=ZSTD_LEVEL)
    whole = packed = 0
    for batch in islice(_batches(cuts, partitions), MAX_COMPRESSED):
        whole += len(batch)
        packed += min(len(compressor.compress(batch)), len(batch))
    return whole / max(packed, 1)


def _batches(cuts: Sequence[Cut], partitions: int) -> Iterable[bytes]:
    """Yield the parcels of a linger that go to one partition, encoded, together."""
    waiting: dict[int, list[bytes]] = defaultdict(list)
    clock_ns = 0
    for number, cut in enumerate(cuts):
        if cut.clock_ns != clock_ns:
            yield from map(b"".join, waiting.values())
            waiting.clear()
            clock_ns = cut.clock_ns
        parcel = Parcel("sensor-000", "0" * 16, number, cut.clock_ns, "observations", cut.slot, cut.data)
        waiting[(cut.slot or 0) % partitions].append(encode(parcel))
    yield from map(b"".join, waiting.values())


def _seen(cuts: Iterable[Cut]) -> _Seen:
    seen = _Seen(defaultdict(list), [])
    for cut in cuts:
        seen.bytes += len(cut.data)
        if cut.names:
            seen.names += [cut.clock_ns] * cut.count
        else:
            for each in _observations(cut.data):
                seen.of_clients[_client(each)].append(cut.clock_ns)
    return seen


def _client(observation: Observation) -> str:
    if isinstance(observation, Gap):
        return _NOBODY
    return observation.client if isinstance(observation, NameResolved) else observation.flow.client


def _burst(seen: _Seen) -> float:
    """Return how many observations of a client come together, on average."""
    moments = [np.array(each) for each in seen.of_clients.values()]
    bursts = sum(1 + int((np.diff(each) > BURST_NS).sum()) for each in moments)
    return sum(map(len, moments)) / max(bursts, 1)


def _by_slot(seen: _Seen) -> Array:
    """Return observations by what is gathered together: of a slot, names, and what is nobody's."""
    found: Array = np.zeros(SLOTS + 2)
    for client, moments in seen.of_clients.items():
        found[slot_of(client, KEY) if client else SLOTS + 1] += len(moments)
    found[SLOTS] = len(seen.names)
    some: Array = found[found > 0]
    return some

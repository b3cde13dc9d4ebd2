"""How many parcels observations become, and to which partition what goes.

Observations of a client come in bursts, by chance; within a linger all that is of one slot is one parcel. So
of a slot with few bursts each has a parcel of its own, and of one with many a linger has one parcel.
"""

import msgspec
import numpy as np
import numpy.typing as npt

from benchmarks.model.figures import Figures
from benchmarks.model.plan import Plan
from benchmarks.model.world import Array
from monitor.daemon.publishing import ACCOUNT_SECONDS, BEAT_SECONDS
from monitor.fleet.parcels import Parcel, encode
from monitor.fleet.segments import HEAD_BYTES
from sensors.publishing import MAX_OBSERVATIONS

LEVELS = 25  # of load, between which is interpolated
BATCH_BYTES, RECORD_BYTES = 61, 12  # of Kafka's message format 2: around a batch, and a record with its key


def parcels_per_s(observations_per_s: Array, linger_s: float, burst: float) -> Array:
    """Return a live sensor's parcels a second, for each slot; what is gathered is cut by the host's clock."""
    per_linger = observations_per_s * linger_s
    some: Array = -np.expm1(-per_linger / burst)
    return np.maximum(some, per_linger / MAX_OBSERVATIONS) / linger_s


def parcels_of_capture(observations_per_s: Array, linger_s: float, burst: float) -> float:
    """Return the parcels a second of a capture that is read: a linger begins with what comes first in it."""
    bursts = observations_per_s / burst
    total = float(bursts.sum())
    others = (1 - bursts / total) * -np.expm1(-bursts * linger_s)
    return float(1 + others.sum()) / (linger_s + 1 / total)


def folded(by_slot: Array, partitions: int) -> Array:
    """Return what is of slots (the last axis) by partition, as the publisher parts it."""
    slots = by_slot.shape[-1]
    found: Array = np.zeros((*by_slot.shape[:-1], partitions))
    for begin in range(0, slots, partitions):
        piece = by_slot[..., begin : begin + partitions]
        found[..., : piece.shape[-1]] += piece
    return found


def envelope_bytes() -> int:
    """Return what a parcel has beside its observations."""
    return len(
        encode(Parcel("sensor-000.example.net", "0" * 16, 10**6, 1_770_000_000 * 10**9, "observations", 512))
    )


class Rates(msgspec.Struct, frozen=True):
    """Per second. By sensor and partition, but for what goes to all: by sensor.

    ``names`` are parcels and ``told`` the observations in them.
    """

    observations: Array
    parcels: Array
    names: Array
    told: Array


class Parcelling:
    """How sensors' load becomes parcels of partitions. ``rates_per_s`` are observations of each sensor."""

    def __init__(self, plan: Plan, figures: Figures, shares: Array, rates_per_s: Array) -> None:
        self._plan, self._rates = plan, rates_per_s
        self._names_share = figures.names_share.value
        burst = max(figures.observations_per_burst.value, 1.0)
        own = rates_per_s * (1 - self._names_share)
        self._spread = folded(own[:, None] * shares, plan.partitions)
        most = max(plan.burst_factor, 1.0)
        self._levels: Array = most * (np.arange(LEVELS) / (LEVELS - 1)) ** 2
        self._parcels = np.stack([
            folded(parcels_per_s(level * own[:, None] * shares, plan.linger_s, burst), plan.partitions)
            for level in self._levels
        ])  # fmt: skip
        self._sensors = np.arange(len(rates_per_s))

    def at(self, load: Array) -> Rates:
        """Return what sensors publish at so much load each."""
        told = load * self._rates * self._names_share
        names = parcels_per_s(told, self._plan.linger_s, 1.0)
        return Rates(load[:, None] * self._spread, self._between(self._sensors, load), names, told)

    def of_one(self, sensor: int, load: float) -> tuple[Array, Array]:
        """Return what one sensor publishes of its clients: observations and parcels, by partition."""
        parcels = self._between(np.array([sensor]), np.array([load]))
        return load * self._spread[sensor], parcels[0]

    def _between(self, sensors: npt.NDArray[np.int64], load: Array) -> Array:
        """Return sensors' parcels at so much load, between those at two levels."""
        low = np.clip(np.searchsorted(self._levels, load, side="right") - 1, 0, LEVELS - 2)
        part = (load - self._levels[low]) / (self._levels[low + 1] - self._levels[low])
        below, above = self._parcels[low, sensors], self._parcels[low + 1, sensors]
        found: Array = below + part[:, None] * (above - below)
        return found


def signs_per_s() -> float:
    """Return a sensor's beats a second, which go to all partitions."""
    return 1 / BEAT_SECONDS


def accounts_per_s() -> float:
    """Return a sensor's accounts a second, of which each goes to one partition."""
    return 1 / ACCOUNT_SECONDS


class Bytes(msgspec.Struct, frozen=True):
    """How large things are."""

    observation: float
    envelope: float
    compression: float

    def spooled(self, observations: npt.ArrayLike, parcels: npt.ArrayLike) -> Array:
        """Return what parcels take in a spool."""
        return np.asarray(observations) * self.observation + np.asarray(parcels) * (
            self.envelope + HEAD_BYTES
        )

    def sent(self, observations: npt.ArrayLike, parcels: npt.ArrayLike) -> Array:
        """Return what parcels take on brokers' disks, and on the way there: at worst a batch each."""
        count = np.asarray(parcels)
        body = np.asarray(observations) * self.observation + count * (self.envelope + RECORD_BYTES)
        found: Array = body / self.compression + count * BATCH_BYTES
        return found


def sizes_of(figures: Figures) -> Bytes:
    """Return sizes by the figures."""
    return Bytes(figures.observation_bytes.value, envelope_bytes(), max(figures.compression.value, 1.0))

"""What a load costs correlators by partition, publishers and brokers. Arithmetic on figures."""

from benchmarks.model.figures import Figures
from benchmarks.model.parcelling import Bytes, Rates, accounts_per_s, signs_per_s, sizes_of
from benchmarks.model.world import Array

_NS = 1e-9


class Work:
    """How much work rates are. All is per second of time, work in seconds of processor time."""

    def __init__(self, figures: Figures, partitions: int) -> None:
        self.sizes: Bytes = sizes_of(figures)
        self._partitions = partitions
        self._observation_s = figures.correlate_observation_ns.value * _NS
        self._parcel_s = figures.correlate_parcel_ns.value * _NS
        self._message_s = figures.forward_message_ns.value * _NS

    def correlating(self, observations: Array, parcels: Array) -> Array:
        """Return the work of observations and parcels, of whatever shape they are."""
        found: Array = observations * self._observation_s + parcels * self._parcel_s
        return found

    def to_all(self, rates: Rates) -> float:
        """Return what one partition has to do with what goes to all of them, of all sensors."""
        parcels = rates.names.sum() + len(rates.names) * self.signs_per_partition()
        return float(rates.told.sum() * self._observation_s + parcels * self._parcel_s)

    def signs_per_partition(self) -> float:
        """Return the beats of a sensor, and its accounts, that come to one partition a second."""
        return signs_per_s() + accounts_per_s() / self._partitions

    def messages(self, rates: Rates) -> Array:
        """Return what each sensor's publisher has to hand to brokers: messages a second."""
        found: Array = rates.parcels.sum(axis=1) + self._partitions * (
            rates.names + self.signs_per_partition()
        )
        return found

    def publishing(self, rates: Rates) -> Array:
        """Return the work of each sensor's publisher."""
        found: Array = self.messages(rates) * self._message_s
        return found

    def sent_bytes(self, rates: Rates) -> Array:
        """Return what each sensor sends, as brokers keep it."""
        own = self.sizes.sent(rates.observations.sum(axis=1), rates.parcels.sum(axis=1))
        to_all = self.sizes.sent(rates.told, rates.names + self.signs_per_partition())
        found: Array = own + self._partitions * to_all
        return found

    def spooled_bytes(self, rates: Rates) -> Array:
        """Return what each sensor writes to its spool."""
        own = self.sizes.spooled(rates.observations.sum(axis=1), rates.parcels.sum(axis=1))
        to_all = self.sizes.spooled(rates.told, rates.names + signs_per_s() + accounts_per_s())
        found: Array = own + to_all
        return found

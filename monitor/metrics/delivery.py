"""How a publisher stands, and its metrics: plain calls in, a text for the HTTP endpoint out."""

from msgspec import Struct

from monitor.metrics import families_publisher as families
from monitor.metrics.expected import RELOAD_REASONS
from monitor.metrics.exposition import Exposition
from monitor.metrics.families import START
from monitor.metrics.families_kept import RELOAD_FAILED, RELOADS
from monitor.metrics.series import Series

MAX_SERIES = 100  # of which there are a dozen


class Delivery(Struct, frozen=True):
    """What waits and is on its way; messages, failures and damaged bytes are counted since the start.

    ``trouble`` is why brokers take nothing now, or None.
    """

    waiting_bytes: int = 0
    flying: int = 0
    messages: int = 0
    failures: int = 0
    damaged_bytes: int = 0
    trouble: str | None = None


class PublisherMetrics:
    """What is counted. All calls but ``expose`` come from one thread."""

    def __init__(self, sensor: str, now_seconds: float) -> None:
        self._series = Series(families.FAMILIES, MAX_SERIES)
        self._before = Delivery()
        self.expose = Exposition(self._series, sensor).expose
        with self._series.lock:
            self._series.set(START, {}, now_seconds)
            for reason in RELOAD_REASONS:
                self._series.add(RELOADS, {"reason": reason}, 0)

    def delivered(self, delivery: Delivery, now_seconds: float) -> None:
        """Take how it stands."""
        before, self._before = self._before, delivery
        with self._series.lock:
            self._series.set(families.WAITING, {}, delivery.waiting_bytes)
            self._series.set(families.FLYING, {}, delivery.flying)
            self._series.set(families.FAILING, {}, int(delivery.trouble is not None))
            self._series.add(families.DELIVERED, {}, delivery.messages - before.messages)
            self._series.add(families.FAILURES, {}, delivery.failures - before.failures)
            self._series.add(families.DAMAGED, {}, delivery.damaged_bytes - before.damaged_bytes)
            if delivery.messages > before.messages:
                self._series.set(families.LAST, {}, now_seconds)

    def reloaded(self, *, ok: bool) -> None:
        """Count a reload; after one that failed the old configuration is still in use."""
        with self._series.lock:
            self._series.add(RELOADS, {"reason": "ok" if ok else "failed"})
            self._series.set(RELOAD_FAILED, {}, int(not ok))

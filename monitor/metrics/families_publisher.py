"""Metrics of a publisher: from a sensor's spool to the brokers. Pure."""

from monitor.metrics import families_kept as kept
from monitor.metrics.families import FOLDED, SERIES, START
from monitor.metrics.family import Family

WAITING = Family(
    "residency_publisher_waiting_bytes", "gauge", "What waits in the spool and no broker has taken yet."
)
FLYING = Family(
    "residency_publisher_flying_parcels", "gauge", "Parcels that were given to the brokers and not confirmed."
)
DELIVERED = Family(
    "residency_publisher_delivered_total",
    "counter",
    "Messages that all in-sync replicas have; a parcel for all partitions is one for each.",
)
LAST = Family(
    "residency_publisher_last_delivery_timestamp_seconds",
    "gauge",
    "When brokers last took anything, Unix time; 0 before the first.",
)
FAILURES = Family(
    "residency_publisher_failures_total",
    "counter",
    "How often publishing began again where all was delivered: the brokers refused, or were not there.",
)
FAILING = Family(
    "residency_publisher_failing",
    "gauge",
    "1 where brokers do not take parcels now, else 0; the log says why.",
)
DAMAGED = Family(
    "residency_publisher_damaged_bytes_total",
    "counter",
    "Bytes of the spool that were torn off or damaged, and passed over.",
)

OWN = (WAITING, FLYING, DELIVERED, LAST, FAILURES, FAILING, DAMAGED)
FAMILIES = (*OWN, START, SERIES, FOLDED, kept.RELOADS, kept.RELOAD_FAILED)

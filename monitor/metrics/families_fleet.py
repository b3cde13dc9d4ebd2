"""Metrics of a fleet's correlators: parcels of sensors in, decisions out. Pure."""

from monitor.metrics import families_kept as kept
from monitor.metrics.families import DECISIONS, FOLDED, SERIES, START
from monitor.metrics.family import Family

PARCELS = Family(
    "residency_fleet_parcels_total", "counter", "Messages of sensors that were read, those read again too."
)
ODD = Family(
    "residency_fleet_odd_parcels_total",
    "counter",
    "Parcels that came again (duplicate), behind what was judged (late), with a clock ahead of time (ahead),"
    " or did not wait for others any longer (overdue), or for lack of room (pressed).",
    ("reason",),
)
OBSERVATIONS = Family("residency_fleet_observations_total", "counter", "Observations that were correlated.")
REFUSED = Family(
    "residency_fleet_refused_total",
    "counter",
    "Parcels and observations that are none (malformed), or that only newer programs know (unknown).",
    ("reason",),
)
SAID = Family(
    "residency_fleet_said_total",
    "counter",
    "Messages that were published; reason is judged (a decision), covered (how much one sensor could see), or"
    " too-large (a decision that no broker takes: not published).",
    ("reason",),
)
HELD = Family("residency_fleet_held_parcels", "gauge", "Parcels that wait for other sensors' clocks.")
HELD_BYTES = Family("residency_fleet_held_bytes", "gauge", "Bytes of the parcels that wait.")
LAG = Family("residency_fleet_lag_parcels", "gauge", "Messages of this correlator's partitions not yet read.")
PARTITIONS = Family(
    "residency_fleet_partitions",
    "gauge",
    "Partitions of this correlator; reason is following, or rebuilding: reading again what was said before.",
    ("reason",),
)
SILENT = Family(
    "residency_fleet_silent_sensors",
    "gauge",
    "Sensors that were heard of, did not end in order, and are no longer waited for.",
)
REBALANCES = Family(
    "residency_fleet_rebalances_total",
    "counter",
    "Partitions that were assigned, revoked, or lost without being asked for.",
    ("reason",),
)
DELETED = Family(
    "residency_fleet_deleted_parcels_total",
    "counter",
    "Messages that were deleted by the brokers before anybody read them.",
)
TROUBLES = Family(
    "residency_fleet_troubles_total",
    "counter",
    "How often work began again where all was delivered: reason is kafka (reading), said (publishing), or"
    " commit (an offset was not committed; nothing began again).",
    ("reason",),
)
RECORDED = Family(
    "residency_fleet_recorded_total",
    "counter",
    "What the last stage came to: records of ledgers (taken), what they had (again), no message (malformed).",
    ("reason",),
)
WAITING = Family(
    "residency_fleet_waiting_messages", "gauge", "Messages that were read and are not recorded yet."
)
RECORDING = Family(
    "residency_fleet_recorded_partitions",
    "gauge",
    "Partitions that this correlator records; reason is recording, or held-up, and the log says by what.",
    ("reason",),
)

OWN = (
    PARCELS, ODD, OBSERVATIONS, REFUSED, SAID, HELD, HELD_BYTES, LAG, PARTITIONS, SILENT, REBALANCES, DELETED,
    TROUBLES, RECORDED, WAITING, RECORDING,
)  # fmt: skip
SHARED = (
    DECISIONS, START, SERIES, FOLDED, kept.RELOADS, kept.RELOAD_FAILED, kept.LAST_RELOAD, kept.CHANGES,
    kept.BUILD, kept.CATALOGUE, kept.POLICY, kept.EXPIRY, kept.DATASET,
)  # fmt: skip
EVIDENCE = (
    kept.FINDINGS,
    kept.FINDING_CHANGES,
    kept.DEADLINE,
    kept.LEDGER_ENTRIES,
    kept.CHECKPOINT,
    kept.OUTBOX_FOLDED,
    kept.SINK_WAITING,
    kept.SINK_OLDEST,
    kept.SINK_DEAD,
    kept.SINK_FAILING,
)  # fmt: skip  of who records
UNRECORDED = (*OWN, *SHARED)
FAMILIES = (*UNRECORDED, *EVIDENCE)

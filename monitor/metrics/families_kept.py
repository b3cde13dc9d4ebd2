"""Metrics of what is kept and what is in use: findings, ledger, outbox, sinks; what is judged by. Pure."""

from monitor.metrics.family import FOUND, Family

FINDINGS = Family(
    "residency_findings",
    "gauge",
    "Findings; policy is the rule or the behaviour, reason the state: open, acknowledged, curing, ...",
    (*FOUND, "reason"),
)
FINDING_CHANGES = Family(
    "residency_finding_changes_total",
    "counter",
    "Changes of findings that are durable and were queued for the sinks; reason is opened, updated, ...",
    (*FOUND, "reason"),
)
DEADLINE = Family(
    "residency_finding_deadline_timestamp_seconds",
    "gauge",
    "Until when the finding whose turn is next has to be cured, Unix time, by rule and source group.",
    FOUND,
)
LEDGER_ENTRIES = Family(
    "residency_ledger_entries_total",
    "counter",
    "Entries that the ledgers took since the start; reason is the class of what they hold.",
    ("reason",),
)
CHECKPOINT = Family(
    "residency_ledger_checkpoint_timestamp_seconds",
    "gauge",
    "When a ledger's checkpoint was last signed, Unix time; 0 before the first.",
)
OUTBOX_FOLDED = Family(
    "residency_outbox_folded_total",
    "counter",
    "Events that there was no room for, and that were folded into summaries.",
)
SINK_WAITING = Family(
    "residency_sink_waiting_events", "gauge", "Events that a sink has yet to take.", ("sink",)
)
SINK_OLDEST = Family(
    "residency_sink_oldest_seconds",
    "gauge",
    "How long the oldest of the events that wait for a sink has waited.",
    ("sink",),
)
SINK_DEAD = Family(
    "residency_sink_dead_events", "gauge", "Events that a sink never took, put aside for a person.", ("sink",)
)
SINK_FAILING = Family(
    "residency_sink_failing",
    "gauge",
    "1 where a sink did not take what it was given last, else 0.",
    ("sink",),
)
SPOOL = Family(
    "residency_spool_bytes", "gauge", "What waits in the spool to be published; 0 where nothing is published."
)
MOST_SPOOL = Family("residency_spool_limit_bytes", "gauge", "How much the spool can hold.")
PARCELS = Family(
    "residency_parcels_total",
    "counter",
    "Parcels of observations that were cut for the spool since the start.",
)
UNPUBLISHED = Family(
    "residency_unpublished_observations_total",
    "counter",
    "Observations that there was no room for in the spool, or on the way to it: they are lost to the fleet.",
)
RELOADS = Family(
    "residency_reloads_total",
    "counter",
    "Reloads of policy, catalogue and data sets; reason is ok or failed.",
    ("reason",),
)
RELOAD_FAILED = Family(
    "residency_reload_failed",
    "gauge",
    "1 where the last reload failed, so that what was loaded before is still in use.",
)
LAST_RELOAD = Family(
    "residency_last_reload_success_timestamp_seconds",
    "gauge",
    "When policy, catalogue and data sets were last loaded, Unix time.",
)
CHANGES = Family(
    "residency_loaded_changes_total",
    "counter",
    "Reloads that changed what is in use; reason is what changed: policy, catalogue or datasets.",
    ("reason",),
)
BUILD = Family("residency_build_info", "info", "The program; reason is its version.", ("reason",))
CATALOGUE = Family(
    "residency_catalogue_info", "info", "The catalogue in use; reason is its version.", ("reason",)
)
POLICY = Family(
    "residency_policy_info", "info", "The policy in use: here policy is its id, @, and its hash.", ("policy",)
)
EXPIRY = Family(
    "residency_exception_expiry_timestamp_seconds",
    "gauge",
    "End of the last day (UTC) of each exception of the policy, Unix time; policy is the exception's id.",
    ("policy",),
)
DATASET = Family(
    "residency_dataset_timestamp_seconds",
    "gauge",
    "Day of the data set in use, Unix time; reason is its source.",
    ("reason",),
)

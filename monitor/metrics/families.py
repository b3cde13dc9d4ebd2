"""Every metric that there is: its name, type, labels, and what it says. The registry and the guide follow it.

Labels are a closed set. Beside those given here every series has `sensor`. No label ever holds an address, a
host name, or what tells one connection from another.
"""

from typing import Literal

from msgspec import Struct

SENSOR = "sensor"
LABELS = frozenset({
    "tenant", "source_group", "policy", "provider", "dst_region", "outcome", "severity", "certainty", SENSOR,
    "sink", "reason",
})  # fmt: skip
OWNER = ("tenant", "source_group")
RULED = (*OWNER, "policy", "outcome", "severity")
FOUND = (*OWNER, "policy", "severity")
DECIDED = (*OWNER, "policy", "provider", "dst_region", "outcome", "severity", "certainty")

Kind = Literal["counter", "gauge", "info", "histogram"]


class Family(Struct, frozen=True):
    """One metric. ``bounds`` are those of a histogram's buckets, without the last, infinite one."""

    name: str
    kind: Kind
    says: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()


VERDICTS = Family(
    "residency_verdicts_total",
    "counter",
    "Connections by the verdict on them, at first sight; once more where a later verdict differs.",
    RULED,
)
DECISIONS = Family(
    "residency_decisions_total",
    "counter",
    "LLM-related connections that ended, by what was decided.",
    DECIDED,
)
DECISION_BYTES = Family(
    "residency_decision_bytes_total",
    "counter",
    "Bytes on the wire of LLM-related connections that ended; reason is the direction, up or down.",
    (*DECIDED, "reason"),
)
OPEN = Family(
    "residency_violations_open",
    "gauge",
    "Connections outside policy that have not ended.",
    (*OWNER, "policy", "severity"),
)
FORGOTTEN = Family(
    "residency_forgotten_connections_total",
    "counter",
    "Connections with a verdict, given up before their end was seen: it may count the verdict once more.",
)
LATENCY = Family(
    "residency_verdict_latency_seconds",
    "histogram",
    "From the last byte of the ClientHello to the verdict.",
    bounds=(5e-05, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0),
)
LEAD = Family(
    "residency_verdict_lead_seconds",
    "histogram",
    "From the verdict to the client's first application data, where the verdict came first.",
    bounds=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0),
)
LATE = Family(
    "residency_late_verdicts_total",
    "counter",
    "Verdicts that came after the client's first application data.",
)
BYTES_BEFORE = Family(
    "residency_verdict_bytes",
    "histogram",
    "Bytes that the client had sent when its first application data came.",
    bounds=(512.0, 1_024.0, 2_048.0, 4_096.0, 8_192.0, 16_384.0, 65_536.0, 262_144.0),
)
CONNECTIONS = Family(
    "residency_connections_total",
    "counter",
    "All connections that ended, LLM or not; reason is the coverage class: how the server could be named.",
    (*OWNER, "reason"),
)
CONNECTION_BYTES = Family(
    "residency_connection_bytes_total",
    "counter",
    "Bytes on the wire, both ways, of all connections that ended; reason is the coverage class.",
    (*OWNER, "reason"),
)
CONCEALING = Family(
    "residency_concealing_connections_total",
    "counter",
    "Connections that hide others, also counted in class concealing; reason is how: doh, vpn, ...",
    (*OWNER, "reason"),
)
UNNAMED_HOSTED = Family(
    "residency_unnamed_hosted_connections_total",
    "counter",
    "Connections without any name to an address where LLM endpoints are hosted, counted in their class too.",
    OWNER,
)
LOOKUPS = Family(
    "residency_lookup_flows_total",
    "counter",
    "Flows that carried DNS. They are in no coverage class.",
    OWNER,
)
PACKETS = Family("residency_packets_total", "counter", "Packets read.")
BYTES = Family("residency_bytes_total", "counter", "Bytes on the wire of the packets read.")
DECODED = Family(
    "residency_decoded_packets_total",
    "counter",
    "Packets decoded; reason is the innermost protocol. With those undecoded they are all packets read.",
    ("reason",),
)
UNDECODED = Family(
    "residency_undecoded_packets_total",
    "counter",
    "Packets that could not be decoded, by reason.",
    ("reason",),
)
EVENTS = Family(
    "residency_sensor_events_total",
    "counter",
    "Other events that the sensor counts, such as malformed messages and bounds reached, by reason.",
    ("reason",),
)
LOST_PACKETS = Family(
    "residency_lost_packets_total",
    "counter",
    "Packets not wholly observed, by the stage: interface and ring were not read, all others were.",
    ("reason",),
)
LOST_BYTES = Family(
    "residency_lost_bytes_total",
    "counter",
    "Bytes of the packets not wholly observed, as far as known, by the stage.",
    ("reason",),
)
UNWRITTEN = Family(
    "residency_unwritten_decisions_total",
    "counter",
    "Decisions that could not be recorded in the ledger.",
)
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
SHED = Family(
    "residency_shed_total",
    "counter",
    "What was of interest and only counted, because too much waited: reason is opened, ended or data.",
    ("reason",),
)
OWNERS = Family(
    "residency_owner_lookups_total",
    "counter",
    "Looks at which process of this host owns a connection; reason is what came of it.",
    ("reason",),
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
START = Family("residency_start_timestamp_seconds", "gauge", "When the sensor started, Unix time.")
LAST_PACKET = Family(
    "residency_last_packet_timestamp_seconds",
    "gauge",
    "Time of the latest packet, Unix time; 0 before the first.",
)
CAPTURING = Family("residency_capturing", "gauge", "1 while packets are captured, else 0.")
FLOWS = Family("residency_flow_table_flows", "gauge", "Flows that the sensor follows now.")
QUEUED = Family(
    "residency_queue_observations", "gauge", "Observations that wait between the sensor and the judgement."
)
SERIES = Family("residency_series", "gauge", "Series of this table now, each bucket counted.")
FOLDED = Family(
    "residency_folded_series_total",
    "counter",
    "How often something was counted under other, because there were too many series.",
)
BUILD = Family("residency_build_info", "info", "The program; reason is its version.", ("reason",))
CATALOGUE = Family(
    "residency_catalogue_info", "info", "The catalogue in use; reason is its version.", ("reason",)
)
POLICY = Family(
    "residency_policy_info", "info", "The policy in use: here policy is its id, @, and its hash.", ("policy",)
)
DATASET = Family(
    "residency_dataset_timestamp_seconds",
    "gauge",
    "Day of the data set in use, Unix time; reason is its source.",
    ("reason",),
)

FAMILIES = (
    VERDICTS, OPEN, DECISIONS, DECISION_BYTES, FORGOTTEN,
    LATENCY, LEAD, LATE, BYTES_BEFORE,
    CONNECTIONS, CONNECTION_BYTES, CONCEALING, UNNAMED_HOSTED, LOOKUPS,
    PACKETS, BYTES, DECODED, UNDECODED, EVENTS, LOST_PACKETS, LOST_BYTES,
    UNWRITTEN, FINDINGS, FINDING_CHANGES, DEADLINE, LEDGER_ENTRIES, CHECKPOINT,
    OUTBOX_FOLDED, SINK_WAITING, SINK_OLDEST, SINK_DEAD, SINK_FAILING,
    SHED, OWNERS, RELOADS, RELOAD_FAILED, LAST_RELOAD,
    START, LAST_PACKET, CAPTURING, FLOWS, QUEUED, SERIES, FOLDED,
    BUILD, CATALOGUE, POLICY, DATASET,
)  # fmt: skip

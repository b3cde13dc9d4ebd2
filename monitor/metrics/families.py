"""Every metric that there is: its name, type, labels, and what it says. The registry and the guide follow it.

Here stand those of connections, packets, and the sensor itself. Pure.
"""

from monitor.metrics.families_kept import (
    BUILD,
    CATALOGUE,
    CHANGES,
    CHECKPOINT,
    DATASET,
    DEADLINE,
    EXPIRY,
    FINDING_CHANGES,
    FINDINGS,
    LAST_RELOAD,
    LEDGER_ENTRIES,
    MOST_SPOOL,
    OUTBOX_FOLDED,
    PARCELS,
    POLICY,
    RELOAD_FAILED,
    RELOADS,
    SINK_DEAD,
    SINK_FAILING,
    SINK_OLDEST,
    SINK_WAITING,
    SPOOL,
    UNPUBLISHED,
)
from monitor.metrics.family import DECIDED, ENDPOINT, OWNER, RULED, Family

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
DESTINATIONS = Family(
    "residency_destination_connections_total",
    "counter",
    "LLM-related connections that ended, by the one country that the evidence points to.",
    (*OWNER, "country", "outcome"),
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
HANDSHAKE = Family(
    "residency_handshake_rtt_seconds",
    "histogram",
    "Of LLM-related connections that ended: from the first SYN to the SYN-ACK; of QUIC and DTLS, from the"
    " client's first datagram to the first answer.",
    ENDPOINT,
    (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0),
)
FIRST_BYTE = Family(
    "residency_first_byte_seconds",
    "histogram",
    "Of LLM-related connections that ended: from the client's first payload byte to the server's first after"
    " it. Under TLS these are the hellos, not a request and its answer.",
    ENDPOINT,
    (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0),
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
ECH = Family(
    "residency_ech_connections_total",
    "counter",
    "Connections whose hello had ECH, counted in their class too; reason is offered, or grease where it is"
    " taken for GREASE.",
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
START = Family("residency_start_timestamp_seconds", "gauge", "When the sensor started, Unix time.")
LAST_PACKET = Family(
    "residency_last_packet_timestamp_seconds",
    "gauge",
    "Time of the latest packet, Unix time; 0 before the first.",
)
CAPTURING = Family("residency_capturing", "gauge", "1 while packets are captured, else 0.")
FLOWS = Family("residency_flow_table_flows", "gauge", "Flows that the sensor follows now.")
MOST_FLOWS = Family(
    "residency_flow_table_limit_flows",
    "gauge",
    "Flows that the sensor can follow at once: limits.flows for each capture thread, or for the folder.",
)
QUEUED = Family(
    "residency_queue_observations", "gauge", "Observations that wait between the sensor and the judgement."
)
SERIES = Family("residency_series", "gauge", "Series of this table now, each bucket counted.")
FOLDED = Family(
    "residency_folded_series_total",
    "counter",
    "How often something was counted under other, because there were too many series.",
)

FAMILIES = (
    VERDICTS, OPEN, DECISIONS, DECISION_BYTES, DESTINATIONS, FORGOTTEN,
    LATENCY, LEAD, LATE, BYTES_BEFORE, HANDSHAKE, FIRST_BYTE,
    CONNECTIONS, CONNECTION_BYTES, CONCEALING, ECH, UNNAMED_HOSTED, LOOKUPS,
    PACKETS, BYTES, DECODED, UNDECODED, EVENTS, LOST_PACKETS, LOST_BYTES,
    UNWRITTEN, FINDINGS, FINDING_CHANGES, DEADLINE, LEDGER_ENTRIES, CHECKPOINT,
    OUTBOX_FOLDED, SINK_WAITING, SINK_OLDEST, SINK_DEAD, SINK_FAILING,
    SPOOL, MOST_SPOOL, PARCELS, UNPUBLISHED,
    SHED, OWNERS, RELOADS, RELOAD_FAILED, LAST_RELOAD, CHANGES,
    START, LAST_PACKET, CAPTURING, FLOWS, MOST_FLOWS, QUEUED, SERIES, FOLDED,
    BUILD, CATALOGUE, POLICY, EXPIRY, DATASET,
)  # fmt: skip

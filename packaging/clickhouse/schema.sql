-- The tables of an archive in ClickHouse, for the ready questions of `residency query`. How to load Parquet files into
-- them, and how to ask: docs/82-archive.md. Columns are those of the files, and `class` is made of them.
-- What TTL says is the default of `ledger.retention_days`: put your own days there.

CREATE TABLE IF NOT EXISTS decisions
(
    first_packet DateTime64(9, 'UTC'),
    client Nullable(String),
    client_port Int32,
    server Nullable(String),
    server_port Int32,
    transport LowCardinality(Nullable(String)),
    vlan Nullable(Int32),
    tunnel LowCardinality(Nullable(String)),
    tenant LowCardinality(Nullable(String)),
    source_group LowCardinality(Nullable(String)),
    data_class LowCardinality(Nullable(String)),
    name Nullable(String),
    name_source LowCardinality(Nullable(String)),
    name_state LowCardinality(Nullable(String)),
    coverage LowCardinality(Nullable(String)),
    carrier LowCardinality(Nullable(String)),
    ech LowCardinality(Nullable(String)),
    ja4 Nullable(String),
    provider LowCardinality(Nullable(String)),
    possible Array(LowCardinality(String)),
    service LowCardinality(Nullable(String)),
    scope LowCardinality(Nullable(String)),
    region LowCardinality(Nullable(String)),
    countries Array(LowCardinality(String)),
    certainty LowCardinality(Nullable(String)),
    evidence Array(String),
    conflicts Array(String),
    outcome LowCardinality(Nullable(String)),
    rule LowCardinality(Nullable(String)),
    severity LowCardinality(Nullable(String)),
    exception LowCardinality(Nullable(String)),
    reasons Array(String),
    packets_up Int64,
    packets_down Int64,
    bytes_up Int64,
    bytes_down Int64,
    duration_ns Int64,
    handshake_rtt_ns Nullable(Int64),
    first_byte_ns Nullable(Int64),
    end_reason LowCardinality(Nullable(String)),
    sensor LowCardinality(Nullable(String)),
    ledger_index Nullable(Int64),
    source LowCardinality(String),
    day Date32,
    finding Nullable(String),
    country LowCardinality(String),
    class LowCardinality(String) MATERIALIZED coalesce(outcome, 'inventory')
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(day)
ORDER BY (tenant, day, first_packet)
TTL
    day + INTERVAL 366 DAY DELETE WHERE class = 'violation',
    day + INTERVAL 91 DAY DELETE WHERE class = 'indeterminate',
    day + INTERVAL 91 DAY DELETE WHERE class = 'unassigned',
    day + INTERVAL 91 DAY DELETE WHERE class = 'excepted',
    day + INTERVAL 8 DAY DELETE WHERE class = 'allow',
    day + INTERVAL 31 DAY DELETE WHERE class = 'inventory'
SETTINGS allow_nullable_key = 1;

CREATE TABLE IF NOT EXISTS coverage
(
    since DateTime64(9, 'UTC'),
    until DateTime64(9, 'UTC'),
    tenant LowCardinality(Nullable(String)),
    source_group LowCardinality(Nullable(String)),
    whole Bool,
    connections Int64,
    named Int64,
    bytes Int64,
    sni Int64,
    dns Int64,
    address Int64,
    ambiguous Int64,
    concealed Int64,
    concealing Int64,
    midstream Int64,
    lost Int64,
    packets Nullable(Int64),
    unread Nullable(Int64),
    shed Nullable(Int64),
    left_over Nullable(Int64),
    unwritten Nullable(Int64),
    blind Array(String),
    sensor LowCardinality(Nullable(String)),
    ledger_index Nullable(Int64),
    source LowCardinality(String),
    day Date32
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(day)
ORDER BY (tenant, day, since)
TTL day + INTERVAL 366 DAY
SETTINGS allow_nullable_key = 1;

"""What a configuration says of each sink: every key of an item of ``sinks``, and nothing else. Pure.

A secret never stands in the configuration: a ``..._file`` names the file whose first line it is.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from monitor.policy.words import Severity, Word, Words

Format = Literal["native", "ocsf", "ecs", "cef"]
JsonFormat = Literal["native", "ocsf", "ecs"]
Seconds = Annotated[float, Meta(gt=0, le=86_400)]
Batch = Annotated[int, Meta(ge=1, le=10_000)]
TcpPort = Annotated[int, Meta(ge=1, le=65_535)]


class Tls(Struct, frozen=True, forbid_unknown_fields=True):
    """How a TLS server is known, and this end to it. Without ``ca`` the system's store says so."""

    ca: Word | None = None
    certificate: Word | None = None
    key: Word | None = None
    server_name: Word | None = None  # where it is not the host of the address


class SinkOptions(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", kw_only=True):
    """What all sinks have. ``severity`` is the least that one gets, ``checkpoints`` whether it gets them.

    ``tenants`` are those whose events it gets, by default all; what no tenant owns is then not for it.
    """

    name: Word
    tenants: Words | None = None
    severity: Severity | None = None
    checkpoints: bool = False
    batch: Batch = 100
    timeout_seconds: Seconds = 10.0


class JsonlOptions(SinkOptions, frozen=True, tag="jsonl", kw_only=True):
    """A file of JSON lines, rotated by size and age."""

    path: Word
    format: JsonFormat = "native"
    rotate_bytes: Annotated[int, Meta(ge=4_096)] = 104_857_600
    rotate_hours: Annotated[int, Meta(ge=1, le=8_784)] = 24
    keep: Annotated[int, Meta(ge=1, le=10_000)] = 30  # rotated files


class WebhookOptions(SinkOptions, frozen=True, tag="webhook", kw_only=True):
    """An HTTP server that takes POST requests; each body is signed where there is a secret."""

    url: Word
    format: JsonFormat = "native"
    secret_file: Word | None = None
    token_file: Word | None = None  # Authorization: Bearer
    tls: Tls = Tls()


class SyslogOptions(SinkOptions, frozen=True, tag="syslog", kw_only=True):
    """A syslog server (RFC 5424), over TCP (RFC 6587, octet counting) or TLS (RFC 5425)."""

    host: Word
    port: TcpPort = 6_514
    transport: Literal["tls", "tcp"] = "tls"
    format: Format = "cef"
    facility: Literal["local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"] = (
        "local0"
    )
    tls: Tls = Tls()


class AlertmanagerOptions(SinkOptions, frozen=True, tag="alertmanager", kw_only=True):
    """Prometheus Alertmanager, API v2: open findings are posted anew inside its ``resolve_timeout``."""

    url: Word
    resolve_timeout_seconds: Annotated[float, Meta(ge=10, le=86_400)] = 300.0
    token_file: Word | None = None
    tls: Tls = Tls()
    labels: dict[str, str] = {}


class RedisOptions(SinkOptions, frozen=True, tag="redis", kw_only=True):
    """A Redis stream, cut to about ``max_length`` entries."""

    url: Word
    stream: Word = "residency:events"
    format: JsonFormat = "native"
    max_length: Annotated[int, Meta(ge=1)] = 1_000_000
    password_file: Word | None = None
    tls: Tls = Tls()


class KafkaOptions(SinkOptions, frozen=True, tag="kafka", kw_only=True):
    """A Kafka topic. ``options`` are librdkafka's, as they are."""

    brokers: Words
    topic: Word = "residency-events"
    format: JsonFormat = "native"
    options: dict[str, str | int | float | bool] = {}
    password_file: Word | None = None  # sasl.password


class SmtpOptions(SinkOptions, frozen=True, tag="smtp", kw_only=True):
    """Mail: one message a batch."""

    host: Word
    sender: Word
    recipients: Words
    port: TcpPort = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: Word | None = None
    password_file: Word | None = None
    tls: Tls = Tls()


AnySink = (
    JsonlOptions
    | WebhookOptions
    | SyslogOptions
    | AlertmanagerOptions
    | RedisOptions
    | KafkaOptions
    | SmtpOptions
)

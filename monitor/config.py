"""The daemon's configuration: every key that `residency.yaml` may hold, and nothing else.

Values only; they are read and checked by ``monitor.settings``. Pure.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from monitor.policy.words import Word
from sensors.limits import Limits, NameLimits

Positive = Annotated[int, Meta(ge=1)]
Natural = Annotated[int, Meta(ge=0)]

RING_BYTES = 67_108_864  # of one capture thread
METRICS_PORT = 9_477


class Capture(Struct, frozen=True, forbid_unknown_fields=True):
    """Where packets come from: ``interfaces``, or a folder to ``watch`` that rotated captures are put into.

    ``snaplen`` is how many bytes of a packet are copied: "auto" (whole handshakes and DNS, little of bulk
    data), "full", or a number. ``threads`` and ``ring_bytes`` are for each interface and each thread.
    """

    engine: Literal["auto", "native", "dpkt"] = "auto"
    interfaces: tuple[Word, ...] = ()
    watch: Word | None = None
    promiscuous: bool = False
    threads: Positive = 1
    ring_bytes: Positive = RING_BYTES
    snaplen: Literal["auto", "full"] | Positive = "auto"


class Location(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the sensor stands: degrees north and east."""

    latitude: float
    longitude: float
    name: Word | None = None


class Retention(Struct, frozen=True, forbid_unknown_fields=True):
    """How many days decisions are kept, by outcome; "inventory" are those made without a policy."""

    violation: Positive = 365
    indeterminate: Positive = 90
    unassigned: Positive = 90
    excepted: Positive = 90
    allow: Positive = 7
    inventory: Positive = 30


class Decisions(Struct, frozen=True, forbid_unknown_fields=True):
    """Where decisions are written."""

    folder: Word = "/var/lib/residency/decisions"
    retention_days: Retention = Retention()


class Pseudonyms(Struct, frozen=True, forbid_unknown_fields=True):
    """Whether client addresses are replaced wherever they are written. A key for each tenant; keys rotate."""

    enabled: bool = False
    keys: Word = "/var/lib/residency/keys"
    rotate_days: Positive = 30


class Privacy(Struct, frozen=True, forbid_unknown_fields=True):
    """What protects the people whose traffic is watched."""

    pseudonyms: Pseudonyms = Pseudonyms()


class Metrics(Struct, frozen=True, forbid_unknown_fields=True):
    """Where `/metrics`, `/healthz` and `/readyz` listen, and how many series there may be."""

    address: Word = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65_535)] = METRICS_PORT
    max_series: Positive = 10_000


class Security(Struct, frozen=True, forbid_unknown_fields=True):
    """What the process gives up once it has opened what it needs. ``user`` counts where it starts as root."""

    user: Word = "residency"
    seccomp: bool = True
    landlock: bool = True


class Log(Struct, frozen=True, forbid_unknown_fields=True):
    """What is logged, on stderr. ``format`` "auto" is text on a terminal, JSON elsewhere."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "text", "json"] = "auto"


class Config(Struct, frozen=True, forbid_unknown_fields=True):
    """`residency.yaml`. Paths are absolute, or count from the file's folder."""

    version: Literal[1]
    capture: Capture
    sensor: Word | None = None  # its name in metrics and decisions; the host's name otherwise
    policy: Word | None = None
    catalogs: tuple[Word, ...] = ()
    data: Word | None = None  # the store of data sets
    geoip: tuple[Word, ...] = ()
    location: Location | None = None
    decisions: Decisions = Decisions()
    privacy: Privacy = Privacy()
    processes: bool = False  # say which process of this host opened a connection
    metrics: Metrics = Metrics()
    security: Security = Security()
    log: Log = Log()
    limits: Limits = Limits()
    name_limits: NameLimits = NameLimits()

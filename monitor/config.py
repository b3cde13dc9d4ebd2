"""The daemon's configuration: every key that `residency.yaml` may hold, and nothing else.

Values and their bounds only; they are read and checked by ``monitor.settings``. Pure.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from monitor.policy.words import Word
from monitor.sink_options import AnySink
from sensors.limits import Limits, NameLimits

MAX_THREADS = 64
MIN_RING_BYTES = 1_048_576
MAX_RING_BYTES = 4_294_967_296
RING_BYTES = 67_108_864  # of one capture thread
MIN_SNAPLEN = 96  # an Ethernet frame's headers down to TCP's options
MAX_SNAPLEN = 262_144  # as libpcap has it: the largest frame that offloads put together
METRICS_PORT = 9_477
MIN_SPOOL_BYTES = 67_108_864  # what is read of a capture at once fits in half of it
MAX_SPOOL_BYTES = 2**44
SPOOL_BYTES = 2**30
READ_STATE = "watched.json"  # below the folder `state`: which captures of `watch` were read

EngineChoice = Literal["auto", "native", "dpkt"]
Threads = Annotated[int, Meta(ge=1, le=MAX_THREADS)]
RingBytes = Annotated[int, Meta(ge=MIN_RING_BYTES, le=MAX_RING_BYTES)]
Snaplen = Annotated[int, Meta(ge=MIN_SNAPLEN, le=MAX_SNAPLEN)]
Days = Annotated[int, Meta(ge=1, le=36_500)]
Port = Annotated[int, Meta(ge=0, le=65_535)]  # 0 is any that is free
Series = Annotated[int, Meta(ge=100, le=1_000_000)]


class Capture(Struct, frozen=True, forbid_unknown_fields=True):
    """Where packets come from: ``interfaces``, or a folder to ``watch`` that rotated captures are put into.

    ``snaplen`` is how many bytes of a packet are copied: "auto" (whole handshakes and DNS, little of bulk
    data), "full", or a number. ``threads`` are for each interface, ``ring_bytes`` for each thread.
    """

    engine: EngineChoice = "auto"
    interfaces: tuple[Word, ...] = ()
    watch: Word | None = None
    promiscuous: bool = False
    threads: Threads = 1
    ring_bytes: RingBytes = RING_BYTES
    snaplen: Literal["auto", "full"] | Snaplen = "auto"


class Location(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the sensor stands: degrees north and east."""

    latitude: Annotated[float, Meta(ge=-90, le=90)]
    longitude: Annotated[float, Meta(ge=-180, le=180)]
    name: Word | None = None


class Retention(Struct, frozen=True, forbid_unknown_fields=True):
    """How many days decisions are kept, by outcome; "inventory" are those made without a policy.

    "coverage" are the statements of how much could be seen.
    """

    violation: Days = 365
    indeterminate: Days = 90
    unassigned: Days = 90
    excepted: Days = 90
    allow: Days = 7
    inventory: Days = 30
    coverage: Days = 365


class Ledger(Struct, frozen=True, forbid_unknown_fields=True):
    """Where decisions are recorded, and the file of the key that signs them, made where it is missing."""

    folder: Word = "/var/lib/residency/ledger"
    key: Word = "/var/lib/residency/keys/ledger.key"
    retention_days: Retention = Retention()


class Pseudonyms(Struct, frozen=True, forbid_unknown_fields=True):
    """Whether client addresses are replaced wherever they are written. A key for each tenant; keys rotate."""

    enabled: bool = False
    keys: Word = "/var/lib/residency/keys"
    rotate_days: Days = 30


class Privacy(Struct, frozen=True, forbid_unknown_fields=True):
    """What protects the people whose traffic is watched."""

    pseudonyms: Pseudonyms = Pseudonyms()


class Metrics(Struct, frozen=True, forbid_unknown_fields=True):
    """Where `/metrics`, `/healthz` and `/readyz` listen, and how many series there may be."""

    address: Word = "127.0.0.1"
    port: Port = METRICS_PORT
    max_series: Series = 10_000


class Security(Struct, frozen=True, forbid_unknown_fields=True):
    """What the process gives up once it has opened what it needs. ``user`` counts where it starts as root."""

    user: Word = "residency"
    seccomp: bool = True
    landlock: bool = True


class Log(Struct, frozen=True, forbid_unknown_fields=True):
    """What is logged, on stderr. ``format`` "auto" is text on a terminal, JSON elsewhere."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "text", "json"] = "auto"


class Outbox(Struct, frozen=True, forbid_unknown_fields=True):
    """What waits for the sinks: so many events at most, and for one sink none longer than ``dead_after``."""

    max_events: Annotated[int, Meta(ge=100, le=10_000_000)] = 100_000
    dead_after: Word = "72h"


class Publish(Struct, frozen=True, forbid_unknown_fields=True):
    """Whether what is observed goes to those who correlate elsewhere: into a spool, for `residency publish`.

    ``key`` is the fleet's file that slots of clients follow from. With ``judge: false`` that is all that is
    done.
    """

    key: Word
    spool: Word = "/var/lib/residency/spool"
    judge: bool = True
    spool_bytes: Annotated[int, Meta(ge=MIN_SPOOL_BYTES, le=MAX_SPOOL_BYTES)] = SPOOL_BYTES
    linger_ms: Annotated[int, Meta(ge=10, le=10_000)] = 200


class Listening(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the publisher's `/metrics`, `/healthz` and `/readyz` listen."""

    port: Port
    address: Word = "127.0.0.1"


class Kafka(Struct, frozen=True, forbid_unknown_fields=True):
    """Where `residency publish` writes. ``options`` are librdkafka's, as they are."""

    options: dict[str, str | int | float | bool]
    topic: Word = "residency.observations"
    password_file: Word | None = None  # sasl.password
    metrics: Listening | None = None


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
    ledger: Ledger = Ledger()
    state: Word = "/var/lib/residency/state"  # findings, and what waits for the sinks
    outbox: Outbox = Outbox()
    sinks: tuple[AnySink, ...] = ()
    publish: Publish | None = None
    kafka: Kafka | None = None
    privacy: Privacy = Privacy()
    processes: bool = False  # say which process of this host opened a connection
    metrics: Metrics = Metrics()
    security: Security = Security()
    log: Log = Log()
    limits: Limits = Limits()
    name_limits: NameLimits = NameLimits()

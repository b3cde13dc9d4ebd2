"""The configuration of a fleet's correlators: every key that the file may hold, and nothing else.

It begins with ``fleet:``, which no sensor's has. Values and their bounds only; they are read and checked by
``monitor.fleet.settings``. Pure.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from monitor.config import Days, Location, Log, Metrics, Outbox, Retention
from monitor.policy.words import Word
from monitor.sink_options import AnySink
from sensors.limits import NameLimits

Topic = Annotated[str, Meta(pattern=r"^[a-zA-Z0-9._-]{1,249}$")]
Waiting = Annotated[float, Meta(ge=0.5, le=3_600)]
HeldBytes = Annotated[int, Meta(ge=1_048_576, le=2**40)]


class Kafka(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the brokers are: ``options`` are librdkafka's, as they are; a password is in a file."""

    options: dict[str, str | int | float | bool]
    password_file: Word | None = None


class Topics(Struct, frozen=True, forbid_unknown_fields=True):
    """What sensors publish to, and what is decided."""

    observations: Topic = "residency.observations"
    decisions: Topic = "residency.decisions"


class Groups(Struct, frozen=True, forbid_unknown_fields=True):
    """The consumer groups: of those who correlate, and of those who record."""

    correlate: Word = "residency-correlate"
    record: Word = "residency-record"


class Merging(Struct, frozen=True, forbid_unknown_fields=True):
    """How sensors are waited for, and how much is read again when a partition changes hands.

    A parcel waits at most ``hold_seconds`` for others, ``held_bytes`` of a partition may wait; who says
    nothing for ``patience_seconds`` is not waited for. ``window`` is of the brokers' time. ``coverage`` is
    how long the windows are for which sensors' coverage is told: the same for all correlators.
    """

    hold_seconds: Waiting = 10.0
    patience_seconds: Waiting = 60.0
    held_bytes: HeldBytes = 67_108_864
    window: Word = "2h"
    coverage: Word = "5m"


class Pseudonyms(Struct, frozen=True, forbid_unknown_fields=True):
    """Whether clients' addresses are replaced before anything is decided of them is published.

    Keys follow from the ``secret``, a file that all correlators have.
    """

    enabled: bool = False
    secret: Word | None = None
    rotate_days: Days = 30


class Privacy(Struct, frozen=True, forbid_unknown_fields=True):
    """What protects the people whose traffic is watched."""

    pseudonyms: Pseudonyms = Pseudonyms()


class Ledger(Struct, frozen=True, forbid_unknown_fields=True):
    """The file of the key that signs all ledgers, made where it is missing, and how long records are kept."""

    key: Word = "/var/lib/residency/keys/ledger.key"
    retention_days: Retention = Retention()


class FleetConfig(Struct, frozen=True, forbid_unknown_fields=True):
    """A correlator's file. Paths are absolute, or count from the file's folder.

    ``location`` is where the sensors stand, if they all stand there. ``root`` is where what is decided is
    recorded, in a folder for each partition.
    """

    version: Literal[1]
    fleet: Word  # its name
    kafka: Kafka
    topics: Topics = Topics()
    groups: Groups = Groups()
    merging: Merging = Merging()
    policy: Word | None = None
    catalogs: tuple[Word, ...] = ()
    data: Word | None = None
    geoip: tuple[Word, ...] = ()
    location: Location | None = None
    root: Word = "/var/lib/residency/fleet"
    ledger: Ledger = Ledger()
    outbox: Outbox = Outbox()
    sinks: tuple[AnySink, ...] = ()
    privacy: Privacy = Privacy()
    metrics: Metrics = Metrics()
    log: Log = Log()
    name_limits: NameLimits = NameLimits()

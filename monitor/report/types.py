"""The facts of a report: all that any form of it shows. Frozen values.

Lists are in the order in which they are shown, and bounded; ``left_out`` says what the bounds cut. Times
ending in ``_ns`` are Unix time; those of packets but where it says otherwise.
"""

from typing import Literal

import msgspec

from monitor.behaviours import Behaviour
from monitor.counts import FlowCount
from monitor.findings.types import Finding, What
from monitor.tally import Destination
from monitor.types import Concealment, Coverage, Outcome
from sensors.observations import Count, FlowKey

SCHEMA = "residency-report/1"

InputKind = Literal["replay", "ledger", "findings"]
Judgement = Outcome | Literal["inventory"]  # "inventory" where no policy judged
JUDGEMENTS: tuple[Judgement, ...] = (
    "violation", "indeterminate", "unassigned", "excepted", "allow", "inventory",
)  # fmt: skip


class Period(msgspec.Struct, frozen=True):
    """From ``since_ns`` to before ``until_ns``; null is no bound."""

    since_ns: int | None = None
    until_ns: int | None = None


class Checkpoint(msgspec.Struct, frozen=True):
    """How far a ledger went when it was read: what a reader compares with one kept elsewhere.

    ``root`` is base64, as checkpoints have it; ``key`` is the verifier key that the ledger names itself.
    """

    origin: str
    size: int
    root: str
    key: str


class Input(msgspec.Struct, frozen=True):
    """One thing that was read. ``name`` is its path as it was given.

    ``sha256`` is that of the file that was read (decisions.jsonl or findings.jsonl), null for a ledger, which
    has ``checkpoint``. ``decisions`` are those inside the period and of the tenant. ``captures`` are what a
    replay read. ``problems`` count records that could not be used, by reason; ``erased`` are decisions that
    retention deleted, by class.
    """

    kind: InputKind
    name: str
    decisions: int = 0
    tenant: str | None = None
    sha256: str | None = None
    checkpoint: Checkpoint | None = None
    captures: tuple[str, ...] = ()
    problems: dict[str, int] = {}
    erased: dict[str, int] = {}


class Loaded(msgspec.Struct, frozen=True):
    """What decisions were made with, from ``at_ns`` (the host's clock) on; null where one run had it all.

    ``policy`` is "id@hash", null where none judged. ``tool`` and ``catalogue`` are empty where an input does
    not say them.
    """

    input: int  # number in ``inputs``
    at_ns: int | None
    tool: str
    catalogue: str
    policy: str | None
    datasets: tuple[str, ...] = ()


class PolicyText(msgspec.Struct, frozen=True):
    """A policy that judged. ``text`` is null where none of the inputs holds it, and none was given."""

    version: str
    sha256: str | None = None
    text: str | None = None


class GroupSeen(msgspec.Struct, frozen=True):
    """How much of a source group's traffic could be named; all null: clients that no group owns."""

    tenant: str | None
    source_group: str | None
    connections: FlowCount
    named: FlowCount


class SensorSeen(msgspec.Struct, frozen=True):
    """What one sensor, or one replay, read. ``watched_ns`` is the time that its windows cover, added up.

    ``unseen`` are spans of the period (since, until) that no window covers; ``blind`` are sentences why
    nobody can tell what passed. ``lost`` are packets that were not wholly observed, by reason.
    """

    name: str
    input: int
    first_ns: int | None
    last_ns: int | None
    packets: int
    lost: dict[str, Count] = {}
    watched_ns: int | None = None
    unseen: tuple[tuple[int, int], ...] = ()
    blind: tuple[str, ...] = ()


class Seen(msgspec.Struct, frozen=True):
    """How much could be seen, over all inputs. ``says`` is the sentence that belongs to every "not seen".

    ``known`` is whether any input says anything of it. ``coverage`` is of all connections, LLM-related or
    not; ``concealing`` is that class by kind.
    ``bytes_known`` is false where some inputs count connections alone: then bytes are those of the others.
    ``cautions`` are sentences, such as that coverage is that of whole captures though a period was asked for.
    """

    says: str
    connections: FlowCount
    named: FlowCount
    coverage: dict[Coverage, FlowCount]
    concealing: dict[Concealment, FlowCount]
    ech_offered: FlowCount
    address_hosting: FlowCount
    groups: tuple[GroupSeen, ...] = ()
    sensors: tuple[SensorSeen, ...] = ()
    known: bool = True
    bytes_known: bool = True
    complete: bool = True
    cautions: tuple[str, ...] = ()


class Bucket(msgspec.Struct, frozen=True):
    """Connections that started within ``width_ns`` from ``start_ns`` on, by judgement; without zeros."""

    start_ns: int
    counts: dict[Judgement, int]


class Timeline(msgspec.Struct, frozen=True):
    """Buckets in order, all of one width, those without connections left out."""

    width_ns: int
    buckets: tuple[Bucket, ...] = ()


class Reference(msgspec.Struct, frozen=True):
    """Where a connection can be looked up: in an input, record or line ``index`` (from 0), and by packets.

    ``flow.client`` is empty and ``flow.client_port`` 0 where clients are withheld.
    """

    input: int
    index: int
    ts_ns: int  # its first packet
    flow: FlowKey
    server_name: str | None
    bytes_up: int
    bytes_down: int


class Step(msgspec.Struct, frozen=True):
    """One change of a finding."""

    at_ns: int
    what: What
    why: str


class Found(msgspec.Struct, frozen=True):
    """A finding as it stood at the end of the period, with its first connections and what happened to it."""

    finding: Finding
    input: int
    references: tuple[Reference, ...] = ()
    steps: tuple[Step, ...] = ()


class ExceptionUsed(msgspec.Struct, frozen=True):
    """An exception that excused connections. What the policy says of it is null where no input holds that.

    ``last_day`` is the last on which it counts, as 2026-09-30.
    """

    id: str
    policy: str | None
    count: FlowCount
    first_ns: int
    last_ns: int
    groups: tuple[str, ...] = ()  # tenant/source group
    ticket: str | None = None
    approved_by: str | None = None
    reason: str | None = None
    last_day: str | None = None


class People(msgspec.Struct, frozen=True):
    """How rows about few clients were treated: see `monitor.report.people`.

    A destination's ``clients`` and a finding's ``client_count`` are 0 where they are fewer than the least;
    the former also where a row stands for several.
    """

    least_clients: int = 5
    addresses: bool = False  # whether addresses of clients are shown


class Facts(msgspec.Struct, frozen=True):
    """All of a report. ``seen_period`` spans the first packets of the connections in it.

    ``destinations`` are rows of LLM-related connections, worst outcome first; ``related`` is their sum, with
    those that ``left_out`` counts. ``outcomes`` is null where no policy judged any of them.
    """

    title: str
    tenant: str | None
    period: Period
    seen_period: Period
    inputs: tuple[Input, ...]
    loaded: tuple[Loaded, ...]
    policies: tuple[PolicyText, ...]
    seen: Seen
    related: FlowCount
    outcomes: dict[Outcome, FlowCount] | None
    destinations: tuple[Destination, ...]
    timeline: Timeline
    findings: tuple[Found, ...]
    exceptions: tuple[ExceptionUsed, ...]
    behaviours: tuple[Behaviour, ...]
    people: People
    left_out: dict[str, int] = {}
    limits: tuple[str, ...] = ()
    tool: str = ""
    schema: str = SCHEMA

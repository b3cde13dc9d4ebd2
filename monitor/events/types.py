"""What leaves through the sinks. Frozen values; as JSON they follow ``monitor/data/event.schema.json``."""

import msgspec

from monitor.findings.types import Change
from monitor.policy.words import Severity


class Basis(msgspec.Struct, frozen=True):
    """What a finding rests on: program, policy, catalogue and data sets, each with its version.

    ``limits`` are sentences: what this evidence cannot show.
    """

    tool: str
    sensor: str
    policy: str | None = None
    catalogue: str | None = None
    datasets: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()


class FindingEvent(msgspec.Struct, frozen=True, tag="finding", tag_field="type"):
    """A finding changed."""

    key: str  # the idempotency key: the same for each repetition, different for all else
    at_ns: int
    change: Change
    basis: Basis


class SummaryEvent(msgspec.Struct, frozen=True, tag="summary", tag_field="type"):
    """Events that there was no room for, folded into numbers. They are in the ledger, one by one."""

    key: str
    at_ns: int
    sensor: str
    tenant: str | None
    severity: Severity
    events: int
    first_ns: int
    last_ns: int
    findings: tuple[str, ...] = ()  # identifiers, the first of them


class CheckpointEvent(msgspec.Struct, frozen=True, tag="checkpoint", tag_field="type"):
    """A ledger's signed checkpoint, to be kept where the sensor's host cannot reach it."""

    key: str
    at_ns: int
    sensor: str
    tenant: str | None
    checkpoint: str  # a C2SP signed note, with its line breaks


Event = FindingEvent | SummaryEvent | CheckpointEvent

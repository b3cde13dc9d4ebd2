"""Findings and events for the tests of the outbox."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from monitor.events.types import Basis, CheckpointEvent, Event, FindingEvent
from monitor.findings.types import Change, Finding, Sample, State, What
from monitor.outbox.reading import OutboxReader
from monitor.outbox.store import Outbox
from monitor.policy.words import FindingKind, Severity
from monitor.types import Evidence, Subject
from tests.observed import START_NS, flow_key

NOW_NS = START_NS + 3_600_000_000_000  # 2026-03-10
SENSOR = "edge"
BASIS = Basis("1.0", SENSOR, "eu-crm@0123456789ab", "3", ("aws 2026-03-01",), ("A limit.",))
FOREVER = NOW_NS + 365 * 86_400 * 1_000_000_000


def finding(  # noqa: PLR0917
    number: int = 0,
    severity: Severity = "medium",
    tenant: str | None = "acme",
    state: State = "open",
    kind: FindingKind = "violation",
    revision: int = 1,
) -> Finding:
    """Return a finding whose identifier ends with a number."""
    sample = Sample(
        START_NS + number,
        flow_key(port=443),
        "bedrock-runtime.us-east-1.amazonaws.com",
        (
            Evidence(
                "name", "bedrock-runtime.us-east-1.amazonaws.com", "The name says us-east-1.", "catalogue 3"
            ),
        ),
        reasons=("The rule allows EU alone.",),
    )
    return Finding(
        f"RF-{number:012x}",
        kind,
        Subject(tenant, "crm", "personal"),
        "RES-010",
        severity,
        "crm reached Amazon Bedrock in us-east-1, outside RES-010",
        opened_ns=START_NS + number,
        first_ns=START_NS + number,
        last_ns=START_NS + number + 1_000,
        deadline_ns=FOREVER,
        provider="aws",
        service="Amazon Bedrock",
        scope="region",
        region="us-east-1",
        countries=("US",),
        certainty="observed",
        state=state,
        revision=revision,
        count=3,
        bytes_up=12_000,
        bytes_down=90_000,
        clients=("10.20.1.5",),
        client_count=1,
        sample=sample,
        remediation="Point the integration at eu-central-1.",
        references=("GDPR Art. 44",),
    )


def event(found: Finding, what: What = "opened") -> FindingEvent:
    """Return the event of a finding as it is."""
    change = Change(what, found.last_ns, "The first connection outside policy.", found)
    return FindingEvent(change.key, found.last_ns, change, BASIS)


def events(first: int, count: int, severity: Severity = "medium", tenant: str | None = "acme") -> list[Event]:
    """Return the first events of so many findings."""
    return [event(finding(number, severity, tenant)) for number in range(first, first + count)]


def checkpoint(number: int) -> CheckpointEvent:
    """Return a ledger's checkpoint."""
    return CheckpointEvent(f"checkpoint-{number}", NOW_NS, SENSOR, "acme", "residency/edge/acme\n1\nAA==\n\n")


def opened(folder: Path, max_events: int = 1_000) -> Outbox:
    """Return the outbox of a folder."""
    return Outbox(folder, max_events, SENSOR, NOW_NS)


def queue(folder: Path) -> list[Event]:
    """Return what waits, in order; nothing is handed out."""
    reader = OutboxReader(folder)
    found = [parcel.event for parcel in reader.peek(0, 1_000_000)]
    reader.close()
    return found


@contextmanager
def file_limit(size: int) -> Iterator[None]:
    """Let no file grow beyond a size: the system takes a part of a write, and refuses the next."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

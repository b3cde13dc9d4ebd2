"""Events and findings as the rows of the tables. Pure."""

from typing import Final

import msgspec

from monitor.events.types import CheckpointEvent, Event, FindingEvent, SummaryEvent
from monitor.findings.transitions import CLOSED
from monitor.findings.types import Finding
from monitor.policy.words import Severity

# The lower, the sooner it is folded. A critical violation comes last of all.
TURNS: Final[dict[Severity, int]] = {"low": 0, "medium": 1, "high": 2, "critical": 4}
SUMMARY_TURN: Final = 3
LAST_TURN: Final = 5
CHECKPOINT_SEVERITY: Final[Severity] = "low"  # a later one says more

_encode = msgspec.json.Encoder().encode
_event: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)
_finding_event = msgspec.json.Decoder(FindingEvent)
_summary = msgspec.json.Decoder(SummaryEvent)
_finding = msgspec.json.Decoder(Finding)

EventRow = tuple[str, int, str, str | None, str | None, int, bytes]
FindingRow = tuple[str, int, bytes | None, bytes | None]


def is_open(finding: Finding) -> bool:
    """Tell whether there is still something to do about a finding."""
    return finding.state not in CLOSED


def event_row(event: Event) -> EventRow:
    """Return (key, turn, severity, tenant, finding, at_ns, body)."""
    about: tuple[int, Severity, str | None, str | None]
    match event:
        case FindingEvent(change=change):
            finding = change.finding
            turn = TURNS[finding.severity]
            if finding.severity == "critical" and finding.kind == "violation":
                turn = LAST_TURN
            about = (turn, finding.severity, finding.subject.tenant, finding.id)
        case SummaryEvent(severity=severity, tenant=tenant):
            about = (SUMMARY_TURN, severity, tenant, None)
        case CheckpointEvent(tenant=tenant):
            about = (TURNS[CHECKPOINT_SEVERITY], CHECKPOINT_SEVERITY, tenant, None)
    return (event.key, *about, event.at_ns, _encode(event))


def finding_row(finding: Finding, told: tuple[FindingEvent, bytes] | None) -> FindingRow:
    """Return (id, is_open, body, event); ``told`` is the last event about it that comes with it, if any."""
    if told is None:
        return finding.id, is_open(finding), _encode(finding), None
    same = told[0].change.finding == finding
    return finding.id, is_open(finding), None if same else _encode(finding), told[1]


def event_of(body: bytes) -> Event:
    """Return an event of its JSON. Raises msgspec.DecodeError."""
    return _event.decode(body)


def finding_event_of(body: bytes) -> FindingEvent:
    """Return a finding's event of its JSON. Raises msgspec.DecodeError."""
    return _finding_event.decode(body)


def summary_of(body: bytes) -> SummaryEvent:
    """Return a summary of its JSON. Raises msgspec.DecodeError."""
    return _summary.decode(body)


def finding_of(body: bytes | None, event: bytes | None) -> Finding:
    """Return a finding of its row's last two columns. Raises msgspec.DecodeError."""
    return finding_event_of(event or b"").change.finding if body is None else _finding.decode(body)

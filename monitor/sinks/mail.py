"""A batch of events as one mail that a person can act on. Pure: the same batch gives the same bytes.

Names come from hostile traffic: whatever could end a line or a header is replaced before it gets there.
"""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from monitor.events.parts import PRODUCT, amount, sources
from monitor.events.types import CheckpointEvent, Event, FindingEvent, SummaryEvent
from monitor.policy.words import SEVERITIES, Severity
from monitor.sink_options import SmtpOptions
from monitor.sinks.plain import plain, plain_ascii
from monitor.wording import describe_place, fact, facts, listed, moment, plural

KEYS = "X-Residency-Keys"
MAX_EVIDENCE = 10  # sentences of a finding
_MAX_KEY = 300
_SOURCE = "residency"


def mail(options: SmtpOptions, events: Sequence[Event]) -> EmailMessage:
    """Return the mail. Its Message-ID depends on the events' keys alone: a repetition has the same."""
    keys = [plain_ascii(event.key, _MAX_KEY) for event in events]
    digest = hashlib.sha256("\n".join(keys).encode()).hexdigest()[:32]
    message = EmailMessage(policy=SMTP)
    message["From"] = options.sender
    message["To"] = ", ".join(options.recipients)
    message["Subject"] = _subject(events)
    message["Date"] = format_datetime(_date(events[-1].at_ns))
    message["Message-ID"] = f"<{_SOURCE}.{digest}@{options.sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no answers of absent people
    message[KEYS] = " ".join(keys)
    text = "\n\n\n".join(_section(event) for event in events)
    message.set_content(text + "\n", cte="quoted-printable")
    return message


def _subject(events: Sequence[Event]) -> str:
    severities = {worst for event in events if (worst := _severity(event))}
    worst = next((each for each in SEVERITIES if each in severities), None)
    what = plural(len(events), "event")
    if len(events) == 1 and isinstance(events[0], FindingEvent):
        what = f"{events[0].change.what}: {plain(events[0].change.finding.title, 120)}"
    return f"[{_SOURCE}] {worst}: {what}" if worst else f"[{_SOURCE}] {what}"


def _severity(event: Event) -> Severity | None:
    if isinstance(event, FindingEvent):
        return event.change.finding.severity
    return event.severity if isinstance(event, SummaryEvent) else None


def _date(at_ns: int) -> datetime:
    """Return when it happened; a packet may say any time, and a mail needs one."""
    try:
        return datetime.fromtimestamp(at_ns // 1_000_000_000, UTC)
    except (OverflowError, ValueError, OSError):
        return datetime.fromtimestamp(0, UTC)


def _section(event: Event) -> str:
    if isinstance(event, FindingEvent):
        return _finding(event)
    if isinstance(event, SummaryEvent):
        return _summary(event)
    return _checkpoint(event)


def _finding(event: FindingEvent) -> str:
    change, finding = event.change, event.change.finding
    may_be = f"one of {listed(finding.possible, 'or')}" if finding.possible else "not known"
    service = f" ({finding.service})" if finding.service else ""
    why = f": {change.why}" if change.why != finding.title else ""
    state = "open, past its deadline" if finding.state == "lapsed" else finding.state
    lines = [
        plain(finding.title),
        _line("what", f"{change.what}, now {state}{why}"),
        _line("severity", f"{finding.severity}, rule {finding.rule}"),
        _line("whose", _whose(event)),
        _line("provider", f"{finding.provider or may_be}{service}"),
        _line("where", describe_place(finding.scope, finding.region, finding.countries)),
        _line("how much", amount(finding)),
        _line("when", f"{moment(finding.first_ns)} to {moment(finding.last_ns)} UTC"),
        *_lines("evidence", _evidence(event)),
        *_lines("limits", event.basis.limits),
        _line("deadline", f"{moment(finding.deadline_ns)} UTC"),
    ]  # fmt: skip
    if finding.remediation:
        lines.append(_line("remedy", finding.remediation))
    lines += [_line("next", f"residency findings show {finding.id}"), *_lines("based on", _basis(event))]
    return "\n".join(lines)


def _whose(event: FindingEvent) -> str:
    subject = event.change.finding.subject
    if subject.tenant is None:
        return "no source group owns these clients"
    words = [f"tenant {subject.tenant}", f"source group {subject.source_group}"]
    return ", ".join([*words, f"data class {subject.data_class}"] if subject.data_class else words)


def _evidence(event: FindingEvent) -> list[str]:
    """Return what speaks for it, then what speaks against it, each from the first connection."""
    sample, certainty = event.change.finding.sample, event.change.finding.certainty
    if sample is None:
        return [f"certainty: {certainty}"]
    name = [f"first connection to the name {sample.server_name}"] if sample.server_name else []
    speaks = [f"{item.says} [{item.dataset}]" for item in sample.evidence]
    against = [f"against it: {item.says} [{item.dataset}]" for item in sample.conflicts]
    said = [f"certainty: {certainty}", *name, *speaks, *against, *sample.reasons]
    more = len(said) - MAX_EVIDENCE
    return said if more <= 0 else [*said[:MAX_EVIDENCE], f"and {more} more in the ledger"]


def _basis(event: FindingEvent) -> list[str]:
    basis = event.basis
    policy = [f"policy {basis.policy}"] if basis.policy else []
    return [f"{PRODUCT} {basis.tool}, sensor {basis.sensor}", *policy, *sources(basis)]


def _summary(event: SummaryEvent) -> str:
    lines = [
        f"{plural(event.events, 'event')} folded into one: there was no room to tell each",
        _line("severity", f"{event.severity} at most"),
        _line("whose", f"tenant {event.tenant}" if event.tenant else "no tenant"),
        _line("when", f"{moment(event.first_ns)} to {moment(event.last_ns)} UTC"),
        _line("where", f"each of them is in the ledger of sensor {event.sensor}"),
    ]
    shown = [f"residency findings show {each}" for each in event.findings]
    return "\n".join([*lines, *_lines("next", shown)])


def _checkpoint(event: CheckpointEvent) -> str:
    """Return a signed note, as it is: its line breaks are part of what is signed."""
    whose = f"tenant {event.tenant}" if event.tenant else "no tenant"
    note = "\n".join(plain(line, 2_000) for line in event.checkpoint.split("\n"))
    return f"Checkpoint of the ledger of sensor {plain(event.sensor)}, {plain(whose)}: keep it\n\n{note}"


def _line(label: str, text: str) -> str:
    return fact(label, plain(text))


def _lines(label: str, texts: Sequence[str]) -> list[str]:
    return facts(label, [plain(text) for text in texts])

"""What an operator asks for, done: to the ledger first, then to the findings' state and the outbox."""

from monitor.files import InputError
from monitor.findings.actions import ActionError
from monitor.outbox.actions import Answer, Operated, Request
from monitor.outbox.schema import OutboxError
from monitor.recording.core import Recording
from monitor.recording.records import Filing
from monitor.recording.troubles import trouble


def act(recording: Recording, filing: Filing, request: Request, now_ns: int) -> Answer:
    """Do what a request asks for; return what became of it. Never raises for what the disk does."""
    known = recording.book.get(request.action.finding)
    if known is not None and known.subject.tenant in recording.behind:
        return Answer("refused", "nothing changed: its ledger cannot be read; the daemon's log says why")
    try:
        changes = recording.book.act(request.action, now_ns)
    except ActionError as error:
        return Answer("refused", str(error))
    operated = Operated(request.action, request.uid, request.at_ns)
    finding = changes[-1].finding
    tenant = finding.subject.tenant
    recording.owe_record(tenant, filing.note("operator", operated, now_ns))
    recording.owe(changes, now_ns)
    why = changes[-1].why
    try:
        recording.settle(now_ns)
    except (OSError, OutboxError, InputError) as error:
        if not recording.is_settled(tenant):  # it may be another tenant's ledger
            return Answer("pending", f"{why}; not durable yet: {trouble(error)}", finding)
    return Answer("done", why, finding)

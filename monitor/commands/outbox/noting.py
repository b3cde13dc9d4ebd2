"""Notes on findings whose events a person dropped for a sink: an operator's action, which the ledger keeps.

The daemon takes notes; where none runs, nothing is noted, and that is said.
"""

import time
from collections.abc import Iterator
from pathlib import Path

from monitor.commands.base import caller
from monitor.commands.outbox.base import Place
from monitor.courier.progress import dead_letters
from monitor.events.types import Event, FindingEvent
from monitor.files import InputError
from monitor.findings.actions import Comment
from monitor.outbox.actions import ask, new_request
from monitor.outbox.owning import is_owned
from monitor.outbox.reading import OutboxReader
from monitor.wording import plural

MAX_NOTED = 20  # findings of one command
MAX_LOOKED_AT = 100_000  # events
PATIENCE_SECONDS = 5.0  # to wait for the daemon, which is then asked no more
PAGE = 500


def findings_of(place: Place, sink: str, key: str | None) -> list[str]:
    """Return the findings whose events a drop is about, each once: of one key, or of all dead letters."""
    events: Iterator[Event] = (each.event for each in dead_letters(place.state, sink))
    found = [_finding(each) for each in events if key in (None, each.key)]
    if key is not None and not found:
        found = [_finding(each) for each in _waiting(place.state) if each.key == key]
    return list(dict.fromkeys(each for each in found if each is not None))


def note_dropped(state: Path, sink: str, findings: list[str]) -> list[str]:
    """Comment on findings that events about them were dropped; return what to say of what was not noted."""
    if not findings:
        return []
    if not is_owned(state):
        return [f"not noted on {plural(len(findings), 'finding')}: no daemon runs"]
    said: list[str] = []
    for each in findings[:MAX_NOTED]:
        now_ns = time.time_ns()
        text = f"An event about it was dropped for the sink {sink}, which will not get it."
        request = new_request(Comment(finding=each, by=caller(), text=text), now_ns)
        try:
            answer = ask(state, request, PATIENCE_SECONDS)
        except InputError as error:
            return [*said, f"not noted on {each}: {error}"]
        if answer.status not in ("done", "pending"):
            said.append(f"not noted on {each}: {answer.says}")
        if answer.status in ("not-taken", "unknown"):
            return said
    if len(findings) > MAX_NOTED:
        said.append(f"not noted on {plural(len(findings) - MAX_NOTED, 'finding')} more")
    return said


def _waiting(state: Path) -> Iterator[Event]:
    try:
        queue = OutboxReader(state)
    except InputError:
        return
    try:
        seq, left = 0, MAX_LOOKED_AT
        while left and (page := queue.peek(seq, min(PAGE, left))):
            yield from (each.event for each in page)
            seq, left = page[-1].seq, left - len(page)
    finally:
        queue.close()


def _finding(event: Event) -> str | None:
    return event.change.finding.id if isinstance(event, FindingEvent) else None

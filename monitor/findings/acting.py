"""What a person's action makes of a finding, and in which words. Checked here, whoever made the action.

A cure is confirmed by a person, and only where silence is evidence: nothing came, and it could be seen.
"""

from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from monitor.findings.actions import (
    MAX_TEXT,
    Acknowledge,
    Action,
    ActionError,
    Comment,
    ConfirmCure,
    Reopen,
    StartCure,
    Waive,
)
from monitor.findings.silence import lacks
from monitor.findings.transitions import Happening, after
from monitor.findings.types import Cure, Finding, Note, Waiver
from monitor.policy.findings import SilenceLimits
from monitor.policy.quantities import MAX_WINDOW_NS
from monitor.wording import moment

MAX_SILENCE_AGE_NS = 3_600 * 1_000_000_000  # older evidence says nothing of the time since
_NAMES: dict[type[Action], Happening] = {
    Acknowledge: "acknowledge",
    StartCure: "start-cure",
    ConfirmCure: "confirm-cure",
    Waive: "waive",
    Comment: "comment",
    Reopen: "reopen",
}
_MENDS = {
    "matching regex": "write one line of printable text",
    "length >= 1": "write something",
    "length <= ": f"write less: 200 characters of a name, {MAX_TEXT} of a text",
}


class Acted(NamedTuple):
    """The finding after an action, and the sentence about it."""

    finding: Finding
    why: str


def checked(action: Action) -> Action:
    """Return the action. Raises ActionError where a field holds what it may not."""
    try:
        return msgspec.convert(msgspec.to_builtins(action), type(action))
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at ")
        name = where.strip("`$.") or "value"
        mend = next((mend for sign, mend in _MENDS.items() if sign in what), "see what it may be")
        raise ActionError(f"{_NAMES[type(action)]}: {name!r} is not as it has to be", mend) from None


def acted(finding: Finding, action: Action, limits: SilenceLimits, now_ns: int) -> Acted:
    """Return what an action makes of a finding; ``now_ns`` is the clock's time. Raises ActionError."""
    state = after(finding, _NAMES[type(action)])
    if isinstance(action, ConfirmCure):
        _require_silence(finding, action, limits, now_ns)
    elif isinstance(action, Waive):
        _require_end(action, now_ns)
    fields, why = _effect(action, now_ns)
    return Acted(replace(finding, state=state, **fields), why)


def _effect(action: Action, now_ns: int) -> tuple[dict[str, Any], str]:
    """Return the fields that an action sets, and the sentence about it."""
    if isinstance(action, StartCure):
        cure = Cure(Note(now_ns, action.by, action.plan), action.owner_role)
        return {"cure": cure}, f"{action.by} started the cure, owned by {action.owner_role}: {action.plan}"
    note = Note(now_ns, action.by, action.text)
    if isinstance(action, Acknowledge):
        said = f": {action.text}" if action.text else ""
        return {"acknowledged": note}, f"{action.by} acknowledged it{said}"
    fields: dict[str, Any]
    if isinstance(action, ConfirmCure):
        fields = {"cured": note, "silence": action.silence, "waiver": None}
        since = moment(action.silence.since_ns)
        return fields, f"{action.by} confirmed the cure, after silence since {since} UTC: {action.text}"
    if isinstance(action, Waive):
        waiver = Waiver(note, action.ticket, action.until_ns)
        until = f"until {moment(action.until_ns)} UTC under {action.ticket}"
        fields = {"waiver": waiver, "cured": None, "silence": None}
        return fields, f"{action.by} waived it {until}: {action.text}"
    if isinstance(action, Reopen):
        return {}, f"{action.by} opened it again: {action.text}"
    return {}, f"{action.by} said: {action.text}"


def _require_silence(finding: Finding, action: ConfirmCure, limits: SilenceLimits, now_ns: int) -> None:
    """Refuse a cure without evidence of silence. Raises ActionError with all that is missing."""
    found = action.silence
    missing = []
    if finding.last_ns >= found.since_ns:
        missing.append(
            f"a connection began at {moment(finding.last_ns)} UTC, after the silence is said to begin"
        )
    elif finding.alive_ns >= found.since_ns:
        missing.append(
            f"a connection lived at {moment(finding.alive_ns)} UTC, after the silence is said to begin"
        )
    if not now_ns - MAX_SILENCE_AGE_NS <= found.until_ns <= now_ns:
        missing.append(f"it ends at {moment(found.until_ns)} UTC, which is not now")
    missing += lacks(found, limits)
    if missing:
        problem = f"silence is no evidence that finding {finding.id} is cured: {'; '.join(missing)}"
        raise ActionError(problem, "wait until enough was seen, or waive it under a ticket")


def _require_end(action: Waive, now_ns: int) -> None:
    if not now_ns < action.until_ns <= now_ns + MAX_WINDOW_NS:
        problem = f"a waiver cannot last until {moment(action.until_ns)} UTC"
        raise ActionError(problem, "name a day to come, within 366 days")

"""What operators ask of a running daemon, through a spool in the state folder, and what it answers."""

import os
from collections import Counter
from pathlib import Path
from typing import Literal

import msgspec

from monitor.findings.actions import Action
from monitor.findings.types import Finding
from monitor.outbox.spool import NoAnswerError, Spool, new_name

SPOOL = "actions"  # below the state folder
TIMEOUT_SECONDS = 15.0

Status = Literal["done", "refused", "pending", "not-taken", "unknown"]


class Answer(msgspec.Struct, frozen=True):
    """What became of a request: ``says`` is a sentence, ``finding`` how it stands then.

    "done" is durable. "refused" and "not-taken" changed nothing. "pending" is done, and becomes durable once
    the disk takes it. "unknown": the daemon ended, or was slow; the finding itself tells.
    """

    status: Status
    says: str
    finding: Finding | None = None


class Request(msgspec.Struct, frozen=True):
    """An action, as it was asked for. ``uid`` is the user who wrote the file."""

    name: str
    uid: int
    at_ns: int
    action: Action


class Operated(msgspec.Struct, frozen=True):
    """What the ledger keeps of a request: the action with who did it, and the user who wrote the file."""

    action: Action
    uid: int
    asked_ns: int


class _Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What stands in a request's file."""

    at_ns: int
    action: Action


_asked = msgspec.json.Decoder(_Asked)
_answer = msgspec.json.Decoder(Answer)
_LOOK = "look at the finding"
_ENDED = msgspec.json.encode(Answer("unknown", f"the daemon ended before it answered; {_LOOK}"))


def action_name(action: Action) -> str:
    """Return what an action is called in files and logs: "start-cure"."""
    return str(type(action).__struct_config__.tag)


def new_request(action: Action, now_ns: int) -> Request:
    """Return a request of this process' user, under a name that nobody else has."""
    return Request(new_name(now_ns), os.geteuid(), now_ns, action)


def ask(state: Path, request: Request, timeout: float = TIMEOUT_SECONDS) -> Answer:
    """Hand a request to the daemon, and wait for its answer so many seconds. Raises InputError."""
    data = msgspec.json.encode(_Asked(request.at_ns, request.action))
    try:
        return _answer.decode(_spool(state).ask(request.name, data, timeout))
    except NoAnswerError as error:
        if error.taken:
            return Answer("unknown", f"{error}; {_LOOK}")
        return Answer("not-taken", "the daemon did not take it in time, and it is taken back; try again")
    except msgspec.DecodeError as error:
        return Answer("unknown", f"the answer cannot be read ({error}); {_LOOK}")


def make_spool(state: Path) -> None:
    """Make the spool, as its owner, where there is none."""
    _spool(state).make()


def take(state: Path, limit: int, refused: Counter[str] | None = None) -> list[Request]:
    """Return what was asked, the oldest first, at most ``limit``; see ``Spool.take``."""
    counts = Counter[str]() if refused is None else refused
    spool, found = _spool(state), []
    for each in spool.take(limit, counts):
        try:
            asked = _asked.decode(each.data)
        except (msgspec.DecodeError, RecursionError) as error:
            counts["not a request"] += 1
            said = f"this is no request that the daemon knows: {error}"
            spool.answer(each.name, msgspec.json.encode(Answer("refused", said)))
        else:
            found.append(Request(each.name, each.uid, asked.at_ns, asked.action))
    return found


def answer(state: Path, request: Request, said: Answer) -> None:
    """Answer a request that was taken. An asker who is gone, or a full disk, does not matter."""
    _spool(state).answer(request.name, msgspec.json.encode(said))


def _spool(state: Path) -> Spool:
    return Spool(state / SPOOL, _ENDED)

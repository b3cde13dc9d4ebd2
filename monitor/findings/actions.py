"""What a person may do about a finding. Frozen values, as they stand in files and in the ledger.

`Book.act` checks them again, also where they did not come out of a file, and says what is wrong in one line.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from monitor.findings.silence import Silence
from monitor.policy.words import ONE_LINE, Word

MAX_TEXT = 2_000  # characters
Text = Annotated[str, Meta(max_length=MAX_TEXT, pattern=ONE_LINE)]
Sentence = Annotated[str, Meta(min_length=1, max_length=MAX_TEXT, pattern=ONE_LINE)]


class ActionError(Exception):
    """An action that cannot be taken: what is wrong, and what to do instead."""

    def __init__(self, problem: str, mend: str) -> None:
        super().__init__(f"{problem}; {mend}")
        self.problem = problem
        self.mend = mend


class _Action(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type"):
    """``finding`` is its identifier, ``by`` the person."""

    finding: Word
    by: Word


class Acknowledge(_Action, frozen=True, tag="acknowledge"):
    """Somebody has seen it, and looks into it."""

    text: Text = ""


class StartCure(_Action, frozen=True, tag="start-cure"):
    """Somebody does something about it: the plan, and the role that owns it."""

    plan: Sentence
    owner_role: Word


class ConfirmCure(_Action, frozen=True, tag="confirm-cure"):
    """Somebody says that it is cured, and no flow came since; ``silence`` is how well that could be seen."""

    text: Sentence
    silence: Silence


class Waive(_Action, frozen=True, tag="waive"):
    """Somebody puts up with it until a time (``until_ns``, since the epoch), under a ticket."""

    text: Sentence
    ticket: Word
    until_ns: int


class Comment(_Action, frozen=True, tag="comment"):
    """Somebody says something of it. Nothing else changes."""

    text: Sentence


class Reopen(_Action, frozen=True, tag="reopen"):
    """Somebody opens a closed finding again."""

    text: Sentence


Action = Acknowledge | StartCure | ConfirmCure | Waive | Comment | Reopen

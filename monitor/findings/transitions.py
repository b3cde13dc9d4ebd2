"""The states of a finding and what moves it, as one table.

A row is a state, a column is what happens, the value is the state afterwards: ``=`` is the same, ``-`` is
refused. "flow" is one that was to be expected, "returned" one that began after the cure, or in the silence
that it rests on or later, or after the end of the waiver.
"""

from typing import Literal, get_args

from monitor.findings.actions import ActionError
from monitor.findings.types import Finding, State

Happening = Literal[
    "flow", "returned", "deadline",
    "acknowledge", "start-cure", "confirm-cure", "waive", "comment", "reopen",
]  # fmt: skip

STATES: tuple[State, ...] = get_args(State)
HAPPENINGS: tuple[Happening, ...] = get_args(Happening)
CLOSED: frozenset[State] = frozenset({"cured", "excepted"})
_TABLE = """
              flow  returned  deadline  acknowledge   start-cure  confirm-cure  waive     comment  reopen
open          =     =         lapsed    acknowledged  curing      cured         excepted  =        -
acknowledged  =     =         lapsed    -             curing      cured         excepted  =        -
curing        =     =         lapsed    -             =           cured         excepted  =        -
lapsed        =     =         =         =             =           cured         excepted  =        -
cured         =     open      =         -             -           -             -         =        open
excepted      =     open      =         -             -           cured         =         =        open
"""


def _read(table: str) -> dict[tuple[State, Happening], State | None]:
    states: dict[str, State] = {state: state for state in STATES}
    head, *rows = (line.split() for line in table.strip().splitlines())
    happenings = [next(each for each in HAPPENINGS if each == name) for name in head]
    return {
        (states[state], happening): states.get(state if after == "=" else after)
        for state, *cells in rows
        for happening, after in zip(happenings, cells, strict=True)
    }


TABLE = _read(_TABLE)


def after(finding: Finding, happening: Happening) -> State:
    """Return the state of a finding afterwards. Raises ActionError where that cannot happen to it now."""
    state = TABLE[finding.state, happening]
    if state is not None:
        return state
    if finding.state in CLOSED:
        raise ActionError(f"finding {finding.id} is {finding.state}", "reopen it first, or comment on it")
    if happening == "reopen":
        raise ActionError(f"finding {finding.id} is {finding.state}, not closed", "comment on it instead")
    raise ActionError(f"finding {finding.id} is {finding.state} already", "start its cure, or comment on it")

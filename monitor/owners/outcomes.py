"""What can come of the question whose a connection is. Each question is counted under exactly one. Pure.

attributed
    The socket was found, and a process that holds it.
not-local
    The client's address is not one of this host's network namespace.
gone
    No such socket, or one that no process holds any more: it was short-lived, or another namespace's.
ambiguous
    Several sockets may have sent the datagrams, or processes of different names hold the socket.
unreadable
    The socket was found; its process may not be looked at, or ended meanwhile.
unfound
    The socket was found; no process that was looked at, within the bounds, holds it.
unanswered
    The kernel or the helper did not answer in time, or not in a way that can be understood.
busy
    Too many questions, or too much waiting for answers, within a second.
"""

from typing import Literal, get_args

import msgspec

from monitor.types import Owner
from sensors.observations import FlowKey

OwnerOutcome = Literal[
    "attributed", "not-local", "gone", "ambiguous", "unreadable", "unfound", "unanswered", "busy"
]

OUTCOMES: tuple[OwnerOutcome, ...] = get_args(OwnerOutcome)


DATAGRAM_BYTES = 4_096  # of a question or an answer, at most


class Question(msgspec.Struct, frozen=True, array_like=True):
    """What the daemon asks its helper."""

    number: int
    flow: FlowKey


class Answer(msgspec.Struct, frozen=True, array_like=True):
    """What the helper answers. An owner may be known in part where the outcome is not "attributed"."""

    number: int
    outcome: OwnerOutcome
    owner: Owner | None = None


class Ready(msgspec.Struct, frozen=True, array_like=True):
    """What the helper says first: whether it can answer."""

    problem: str | None = None

"""What comes out: behaviours, and the connections that they rest on. Frozen values."""

import hashlib
from typing import Literal, Protocol

import msgspec

from monitor.policy.words import Severity
from monitor.types import Decision, Subject
from sensors.observations import FlowKey

BehaviourKind = Literal[
    "dual-exposure", "gateway-bypass", "relay-suspected", "unusual-upload", "console-access"
]
Part = Literal["within-policy", "outside-policy", "inbound", "call"]


class Rest(msgspec.Struct, frozen=True):
    """One connection that a behaviour rests on, and what part it has there. ``ts_ns`` is its first packet."""

    ts_ns: int
    flow: FlowKey
    part: Part

    def order(self) -> tuple[int, tuple[str, int, str, int, str, int, str]]:
        """A key to sort by."""
        return self.ts_ns, self.flow.order()


class Behaviour(msgspec.Struct, frozen=True):
    """Something that several connections show together, or one by its size or its client.

    ``id`` depends on the kind, whose it is and what was reached, never on time or order: a later one
    replaces an earlier one with the same id. ``source`` is the client's address, null where it is a whole
    group. ``first_ns`` and ``last_ns`` are first packets. ``what`` is a sentence for people. ``counts`` are
    connections by what they were, ``bytes_up`` what these carried up, on the wire (of a relay: the calls);
    ``rests_on`` are the first of them.
    """

    kind: BehaviourKind
    id: str
    severity: Severity
    first_ns: int
    last_ns: int
    subject: Subject
    source: str | None
    what: str
    counts: dict[str, int]
    bytes_up: int
    rests_on: tuple[Rest, ...]


class Watcher(Protocol):
    """Looks for one kind. Decisions come in any order; the same ones give the same behaviours at the end."""

    kind: BehaviourKind

    @property
    def forgotten(self) -> int:
        """What the bounds left out."""

    def offer(self, decision: Decision) -> tuple[Behaviour, ...]:
        """Take a decision; return the behaviours that it begins or doubles."""

    def finish(self) -> tuple[Behaviour, ...]:
        """Return all behaviours as they stand."""


def behaviour_id(kind: BehaviourKind, subject: Subject, *key: str | None) -> str:
    """Return the identifier of a behaviour, the same in every run."""
    text = msgspec.json.encode([kind, subject.tenant, subject.source_group, *key])
    return hashlib.sha256(text).hexdigest()[:16]


def is_due(count: int) -> bool:
    """Whether a count has just reached a power of two: then a behaviour that goes on comes out again."""
    return count & (count - 1) == 0

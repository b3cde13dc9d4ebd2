"""What the behaviours of single connections share: they are added up by client and endpoint."""

from abc import ABC, abstractmethod
from typing import NamedTuple

from monitor.behaviours.piles import Pile
from monitor.behaviours.tables import Table
from monitor.behaviours.types import Behaviour, BehaviourKind, behaviour_id, is_due
from monitor.policy.words import Severity
from monitor.types import Decision, Subject

MAX_CASES = 20_000  # of one kind


class Key(NamedTuple):
    """What is one case: whose it is, who opened the connections, and what was reached."""

    subject: Subject
    client: str
    reached: str


class CaseWatcher(ABC):
    """Looks for the cases of one kind: what is left to say is which connections are, and in what words."""

    kind: BehaviourKind

    def __init__(self) -> None:
        self._piles: Table[tuple[Key, Severity], Pile] = Table(MAX_CASES)

    @property
    def forgotten(self) -> int:
        """Cases that had to go."""
        return self._piles.forgotten

    @abstractmethod
    def offer(self, decision: Decision) -> tuple[Behaviour, ...]:
        """Take a decision; return the case that it begins or doubles."""

    def finish(self) -> tuple[Behaviour, ...]:
        """Return all cases as they stand."""
        return tuple(self._behaviour(*key, pile) for key, pile in self._piles.items())

    @abstractmethod
    def _say(self, key: Key, pile: Pile) -> str:
        """A case in words."""

    def _add(self, decision: Decision, reached: str, severity: Severity) -> tuple[Behaviour, ...]:
        """Add a connection; return its case where it is new or has doubled."""
        connection = decision.connection
        key = Key(connection.subject, connection.flow.client, reached), severity
        pile = self._piles.get(key, Pile)
        pile.add_decision(decision, "call")
        return (self._behaviour(*key, pile),) if is_due(pile.flows) else ()

    def _behaviour(self, key: Key, severity: Severity, pile: Pile) -> Behaviour:
        return Behaviour(
            kind=self.kind,
            id=behaviour_id(self.kind, *key),
            severity=severity,
            first_ns=pile.first_ns,
            last_ns=pile.last_ns,
            subject=key.subject,
            source=key.client,
            what=self._say(key, pile),
            counts={"connections": pile.flows},
            bytes_up=pile.bytes_up,
            rests_on=tuple(pile.rests),
        )

"""Console access: a client outside the permitted networks reached a web interface or control plane."""

from monitor.behaviours.cases import CaseWatcher, Key
from monitor.behaviours.piles import Pile
from monitor.behaviours.roles import Roles
from monitor.behaviours.types import Behaviour, BehaviourKind
from monitor.behaviours.wording import who
from monitor.catalog.hostmatch import Addresses
from monitor.policy.networks import Network
from monitor.policy.section import Consoles
from monitor.types import Decision
from monitor.wording import plural

_CALLED = {"web": "web interface", "control": "control plane"}


class ConsoleAccessWatcher(CaseWatcher):
    """Looks for consoles that are reached from elsewhere."""

    kind: BehaviourKind = "console-access"

    def __init__(
        self, asked: Consoles, networks: tuple[Network, ...], groups: frozenset[str], roles: Roles
    ) -> None:
        super().__init__()
        self._asked = asked
        self._networks = Addresses(networks)
        self._groups = groups
        self._roles = roles

    def offer(self, decision: Decision) -> tuple[Behaviour, ...]:
        """Take a decision; return the access that it begins or doubles."""
        connection, attribution = decision.connection, decision.attribution
        if attribution.provider is None or connection.subject.source_group in self._groups:
            return ()
        role = self._roles.find(decision)
        if role not in self._asked.roles or self._networks.hold(connection.flow.client):
            return ()
        reached = f"{_CALLED[role]} of {attribution.provider}"
        if attribution.service is not None:
            reached = f"{reached} ({attribution.service})"
        return self._add(decision, reached, self._asked.severity)

    def _say(self, key: Key, pile: Pile) -> str:
        return (
            f"{who(key.subject, key.client)} reached the {key.reached} from outside the permitted networks:"
            f" {plural(pile.flows, 'connection')}"
        )

"""Unusual upload: one connection to a provider carried more up than the limit for its client's data class."""

from monitor.behaviours.cases import CaseWatcher, Key
from monitor.behaviours.piles import Pile
from monitor.behaviours.types import Behaviour, BehaviourKind
from monitor.behaviours.wording import who
from monitor.policy.behaviours import Limit
from monitor.types import Decision
from monitor.wording import plural, size


class UnusualUploadWatcher(CaseWatcher):
    """Looks for large uploads."""

    kind: BehaviourKind = "unusual-upload"

    def __init__(self, limits: tuple[Limit, ...]) -> None:
        super().__init__()
        self._limits = {limit.item.data_class: limit for limit in limits}

    def offer(self, decision: Decision) -> tuple[Behaviour, ...]:
        """Take a decision; return the upload that it begins or doubles."""
        provider, connection = decision.attribution.provider, decision.connection
        limit = self._limits.get(connection.subject.data_class or "")
        if provider is None or limit is None or connection.totals.bytes_up <= limit.max_bytes:
            return ()
        return self._add(decision, provider, limit.item.severity)

    def _say(self, key: Key, pile: Pile) -> str:
        limit = self._limits[key.subject.data_class or ""]
        return (
            f"{who(key.subject, key.client)} had {plural(pile.flows, 'connection')} that ended at"
            f" {pile.endpoints()} and carried more up than {size(limit.max_bytes)}, the limit for data class"
            f" {key.subject.data_class}; the largest carried {size(pile.largest_bytes)}"
        )

"""Gateway bypass: a client that is to use an LLM gateway reached a provider directly.

A gateway's own connections are no bypass, nor is one to any gateway, nor one to an endpoint that takes
no prompts.
"""

from monitor.behaviours.cases import CaseWatcher, Key
from monitor.behaviours.piles import Pile
from monitor.behaviours.roles import Roles
from monitor.behaviours.types import Behaviour, BehaviourKind
from monitor.behaviours.wording import who
from monitor.catalog.endpoints import Role
from monitor.catalog.hostmatch import Addresses, NameIndex, normal_name
from monitor.policy.behaviours import GatewayAt
from monitor.policy.section import Gateway
from monitor.policy.words import SEVERITIES
from monitor.types import Connection, Decision
from monitor.wording import plural

_TAKE_NO_PROMPTS: frozenset[Role | None] = frozenset({"auth", "cdn", "control", "media", "telemetry"})


class GatewayBypassWatcher(CaseWatcher):
    """Looks for clients that go round their gateway."""

    kind: BehaviourKind = "gateway-bypass"

    def __init__(self, gateways: tuple[GatewayAt, ...], roles: Roles) -> None:
        super().__init__()
        self._roles = roles
        self._addresses = Addresses(network for each in gateways for network in each.networks)
        self._hosts: NameIndex[bool] = NameIndex()
        self._of_group: dict[str, list[Gateway]] = {}
        for gateway, _ in gateways:
            for host in gateway.hosts:
                self._hosts.add(host.lower(), value=True)
            for group in gateway.groups:
                self._of_group.setdefault(group, []).append(gateway)
        self._hosts.seal()

    def offer(self, decision: Decision) -> tuple[Behaviour, ...]:
        """Take a decision; return the bypass that it begins or doubles."""
        provider, connection = decision.attribution.provider, decision.connection
        gateways = self._of_group.get(connection.subject.source_group or "")
        if provider is None or not gateways or self._is_gateway(connection):
            return ()
        if self._roles.find(decision) in _TAKE_NO_PROMPTS:
            return ()
        severity = min((gateway.severity for gateway in gateways), key=SEVERITIES.index)
        return self._add(decision, provider, severity)

    def _is_gateway(self, connection: Connection) -> bool:
        """Whether either end is a gateway, by its address, or by the name it was called by."""
        if self._addresses.hold(connection.flow.client) or self._addresses.hold(connection.flow.server):
            return True
        live = (normal_name(name.value) for name in connection.names if name.state == "live")
        return any(name is not None and self._hosts.match(name) for name in live)

    def _say(self, key: Key, pile: Pile) -> str:
        gateways = self._of_group.get(key.subject.source_group or "", [])
        declared = " or ".join(repr(gateway.name) for gateway in gateways)
        return (
            f"{who(key.subject, key.client)} reached {pile.endpoints()} directly, though gateway {declared}"
            f" is declared for it: {plural(pile.flows, 'connection')}"
        )

"""All behaviours that a policy asks for, behind one door: decisions in, behaviours out."""

from monitor.behaviours.console_access import ConsoleAccessWatcher
from monitor.behaviours.dual_exposure import DualExposureWatcher
from monitor.behaviours.gateway_bypass import GatewayBypassWatcher
from monitor.behaviours.latency import LatencyMeter, LatencyReport
from monitor.behaviours.relay import RelayWatcher
from monitor.behaviours.roles import Roles
from monitor.behaviours.types import Behaviour, BehaviourKind, Watcher
from monitor.behaviours.unusual_upload import UnusualUploadWatcher
from monitor.catalog import Catalog
from monitor.policy.behaviours import Asked
from monitor.policy.words import SEVERITIES
from monitor.types import Connection, Decision

MAX_WAITING = 10_000  # behaviours that inbound connections began, until somebody asks


class Behaviours:
    """Asks every watcher that the policy calls for. Without such a policy it does nothing."""

    def __init__(self, asked: Asked | None, catalog: Catalog) -> None:
        self.asked = asked is not None
        self._relay = RelayWatcher(*asked.relay) if asked and asked.relay else None
        self._meter = LatencyMeter(*asked.latency) if asked and asked.latency else None
        self._watchers = _watchers(asked, catalog) if asked else []
        if self._relay is not None:
            self._watchers.append(self._relay)
        self._ranges = tuple(map(str, asked.relay[2])) if asked and asked.relay else ()
        self._waiting: dict[str, Behaviour] = {}

    def kinds(self) -> tuple[BehaviourKind, ...]:
        """Return what is looked for."""
        return tuple(watcher.kind for watcher in self._watchers)

    def client_prefixes(self) -> tuple[str, ...]:
        """Return whose connections have to be handed out, although they are for no LLM, in CIDR notation."""
        return self._ranges

    def arrived(self, connection: Connection) -> None:
        """Take any connection, LLM-related or not, but no lookup.

        What it begins comes out with the next decision.
        """
        if self._relay is None:
            return
        for behaviour in self._relay.arrived(connection):
            if len(self._waiting) < MAX_WAITING:
                self._waiting[behaviour.id] = behaviour

    def offer(self, decision: Decision) -> list[Behaviour]:
        """Take a decision; return the behaviours that began or doubled."""
        if self._meter is not None:
            self._meter.offer(decision)
        found = list(self._waiting.values())
        self._waiting.clear()
        for watcher in self._watchers:
            found += watcher.offer(decision)
        return found

    def finish(self) -> tuple[Behaviour, ...]:
        """Return all behaviours as they stand, worst first, then by kind and time."""
        found = [behaviour for watcher in self._watchers for behaviour in watcher.finish()]
        return tuple(sorted(found, key=rank))

    def latency(self) -> LatencyReport | None:
        """Return the latencies, where they are asked for."""
        return self._meter.report() if self._meter is not None else None

    def forgotten(self) -> int:
        """Return how much the bounds left out."""
        return sum(watcher.forgotten for watcher in self._watchers)


def _watchers(asked: Asked, catalog: Catalog) -> list[Watcher]:
    """Make the watchers of decisions alone."""
    roles = Roles(catalog)
    watchers: list[Watcher] = []
    if asked.dual_exposure is not None:
        watchers.append(DualExposureWatcher(*asked.dual_exposure))
    if asked.gateways:
        watchers.append(GatewayBypassWatcher(asked.gateways, roles))
    if asked.upload_limits:
        watchers.append(UnusualUploadWatcher(asked.upload_limits))
    if asked.consoles is not None:
        watchers.append(ConsoleAccessWatcher(*asked.consoles, roles))
    return watchers


def rank(behaviour: Behaviour) -> tuple[int, str, int, str]:
    """Return a key to sort behaviours by: worst first, then by kind and time."""
    return SEVERITIES.index(behaviour.severity), behaviour.kind, behaviour.first_ns, behaviour.id

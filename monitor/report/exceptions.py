"""Which exceptions excused connections, and what the policy says of them. Pure, bounded."""

from collections.abc import Iterable, Mapping

import msgspec

from monitor.counts import FlowCount
from monitor.policy.schema import Exemption
from monitor.report.people import FEW
from monitor.report.types import ExceptionUsed
from monitor.types import Decision

MAX_EXCEPTIONS = 1_000
MAX_GROUPS = 100  # of one exception, that are listed
MAX_CLIENTS = 100_000  # told apart in all groups of all exceptions together
_NO_GROUP = "no source group"

Key = tuple[str, str | None]  # the exception, the version of its policy
Group = tuple[str | None, str | None]  # the tenant, the source group


class _Use(msgspec.Struct):
    first_ns: int
    last_ns: int
    count: FlowCount = msgspec.field(default_factory=FlowCount)
    groups: dict[Group, set[str]] = msgspec.field(default_factory=dict)

    def at(self, ts_ns: int) -> None:
        self.first_ns, self.last_ns = min(self.first_ns, ts_ns), max(self.last_ns, ts_ns)


class Exceptions:
    """Adds up by exception and policy. ``left_out`` are uses of those that there was no room for."""

    def __init__(self) -> None:
        self.left_out = 0
        self._uses: dict[Key, _Use] = {}
        self._clients = 0

    def add(self, decision: Decision, policy: str | None) -> None:
        """Count a connection that is excused."""
        if decision.exception is None:
            return
        use = self._use((decision.exception, policy), decision.ts_ns)
        if use is None:
            return
        use.count.add(decision.connection)
        subject, client = decision.connection.subject, decision.connection.flow.client
        group = subject.tenant, subject.source_group
        if group not in use.groups and len(use.groups) >= MAX_GROUPS:
            return
        clients = use.groups.setdefault(group, set())
        if client not in clients and self._clients < MAX_CLIENTS:
            clients.add(client)
            self._clients += 1

    def noted(self, exception: str, policy: str | None, ts_ns: int) -> None:
        """Note a use whose connections may not be there any more: retention keeps that record longer."""
        self._use((exception, policy), ts_ns)

    def used(
        self, exemptions: Mapping[str, Iterable[Exemption]], least_clients: int
    ) -> tuple[ExceptionUsed, ...]:
        """Return the exceptions by identifier; ``exemptions`` are those of each policy, by its version.

        A group of which fewer clients than that are known is not named.
        """
        said = {(each.id, policy): each for policy, of in exemptions.items() for each in of}
        keys = sorted(self._uses, key=lambda key: (key[0], key[1] or ""))
        return tuple(
            _used(key, self._uses[key], said.get((key[0], key[1] or "")), least_clients) for key in keys
        )

    def _use(self, key: Key, ts_ns: int) -> _Use | None:
        use = self._uses.get(key)
        if use is None:
            if len(self._uses) >= MAX_EXCEPTIONS:
                self.left_out += 1
                return None
            use = self._uses[key] = _Use(ts_ns, ts_ns)
        use.at(ts_ns)
        return use


def _named(group: Group, clients: int, least_clients: int) -> str:
    tenant, name = group
    name = FEW if name is not None and clients < least_clients else name
    return "/".join(part for part in (tenant, name) if part) or _NO_GROUP


def _used(key: Key, use: _Use, exemption: Exemption | None, least_clients: int) -> ExceptionUsed:
    groups = {_named(group, len(clients), least_clients) for group, clients in use.groups.items()}
    found = ExceptionUsed(key[0], key[1], use.count, use.first_ns, use.last_ns, tuple(sorted(groups)))
    if exemption is None:
        return found
    return msgspec.structs.replace(
        found,
        ticket=exemption.ticket,
        approved_by=exemption.approved_by,
        reason=exemption.reason,
        last_day=exemption.last_day.isoformat(),
    )

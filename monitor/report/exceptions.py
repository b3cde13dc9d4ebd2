"""Which exceptions excused connections, and what the policy says of them. Pure, bounded."""

from collections.abc import Iterable, Mapping

import msgspec

from monitor.counts import FlowCount
from monitor.policy.schema import Exemption
from monitor.report.types import ExceptionUsed
from monitor.types import Decision

MAX_EXCEPTIONS = 1_000
MAX_GROUPS = 100  # of one exception, that are listed
_NO_GROUP = "no source group"

Key = tuple[str, str | None]  # the exception, the version of its policy


class _Use(msgspec.Struct):
    first_ns: int
    last_ns: int
    count: FlowCount = msgspec.field(default_factory=FlowCount)
    groups: set[str] = msgspec.field(default_factory=set)

    def at(self, ts_ns: int) -> None:
        self.first_ns, self.last_ns = min(self.first_ns, ts_ns), max(self.last_ns, ts_ns)


class Exceptions:
    """Adds up by exception and policy. ``left_out`` are uses of those that there was no room for."""

    def __init__(self) -> None:
        self.left_out = 0
        self._uses: dict[Key, _Use] = {}

    def add(self, decision: Decision, policy: str | None) -> None:
        """Count a connection that is excused."""
        if decision.exception is None:
            return
        use = self._use((decision.exception, policy), decision.ts_ns)
        if use is None:
            return
        use.count.add(decision.connection)
        if len(use.groups) < MAX_GROUPS:
            subject = decision.connection.subject
            parts = [part for part in (subject.tenant, subject.source_group) if part]
            use.groups.add("/".join(parts) or _NO_GROUP)

    def noted(self, exception: str, policy: str | None, ts_ns: int) -> None:
        """Note a use whose connections may not be there any more: retention keeps that record longer."""
        self._use((exception, policy), ts_ns)

    def used(self, exemptions: Mapping[str, Iterable[Exemption]]) -> tuple[ExceptionUsed, ...]:
        """Return the exceptions by identifier; ``exemptions`` are those of each policy, by its version."""
        said = {(each.id, policy): each for policy, of in exemptions.items() for each in of}
        keys = sorted(self._uses, key=lambda key: (key[0], key[1] or ""))
        return tuple(_used(key, self._uses[key], said.get((key[0], key[1] or ""))) for key in keys)

    def _use(self, key: Key, ts_ns: int) -> _Use | None:
        use = self._uses.get(key)
        if use is None:
            if len(self._uses) >= MAX_EXCEPTIONS:
                self.left_out += 1
                return None
            use = self._uses[key] = _Use(ts_ns, ts_ns)
        use.at(ts_ns)
        return use


def _used(key: Key, use: _Use, exemption: Exemption | None) -> ExceptionUsed:
    found = ExceptionUsed(key[0], key[1], use.count, use.first_ns, use.last_ns, tuple(sorted(use.groups)))
    if exemption is None:
        return found
    return msgspec.structs.replace(
        found,
        ticket=exemption.ticket,
        approved_by=exemption.approved_by,
        reason=exemption.reason,
        last_day=exemption.last_day.isoformat(),
    )

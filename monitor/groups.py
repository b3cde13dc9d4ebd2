"""The source groups of a policy by number, so that an engine can count by group. Pure.

Number 0 is of the clients that no group owns; without a policy that is all of them. Numbers are bounded:
the groups that come last in a policy with too many share the last number, and how many they are is said.
"""

from collections.abc import Iterable
from typing import Literal

import msgspec

from monitor.types import Subject
from sensors.interest import MAX_GROUPS

UNASSIGNED = 0
_LAST = MAX_GROUPS - 1

GroupKind = Literal["group", "unassigned", "folded"]
Key = tuple[str | None, str | None]


class SourceGroup(msgspec.Struct, frozen=True):
    """Whose connections are counted together: a group, clients that none owns, or groups beyond the bound.

    ``groups`` is how many groups of the policy that is.
    """

    kind: GroupKind
    tenant: str | None = None
    source_group: str | None = None
    groups: int = 1


class SourceGroups(msgspec.Struct, frozen=True):
    """All of them by number; ``prefixes`` are the clients' networks, each with its number."""

    rows: tuple[SourceGroup, ...] = (SourceGroup("unassigned", groups=0),)
    numbers: dict[Key, int] = {}
    prefixes: tuple[tuple[str, int], ...] = ()

    def number(self, subject: Subject) -> int:
        """Return the number of a subject's group."""
        return self.numbers.get((subject.tenant, subject.source_group), UNASSIGNED)


def number_groups(networks: Iterable[tuple[str, Subject]]) -> SourceGroups:
    """Number the groups in the order in which their networks (CIDR notation) stand."""
    numbers: dict[Key, int] = {}
    prefixes = []
    for network, subject in networks:
        key = subject.tenant, subject.source_group
        number = numbers.setdefault(key, min(len(numbers) + 1, _LAST))
        prefixes.append((network, number))
    rows = [SourceGroup("group", *key) for key in list(numbers)[:_LAST]]
    folded = len(numbers) - _LAST
    if folded > 0:
        rows[-1] = SourceGroup("folded", groups=folded + 1)
    return SourceGroups((*SourceGroups().rows, *rows), numbers, tuple(prefixes))

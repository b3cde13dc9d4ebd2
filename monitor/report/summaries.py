"""What a report reads of a replay's `summary.json`. Frozen values; all else in it is passed over."""

from typing import Literal

import msgspec

from monitor.counts import FlowCount
from monitor.coverage import ClassCounts
from monitor.groups import GroupKind
from monitor.summary import Versions
from monitor.types import Concealment, Coverage
from sensors.observations import Accounting, Count


class Classes(msgspec.Struct, frozen=True, kw_only=True):
    """How many connections were in which class: of all, or of one group."""

    coverage: dict[Coverage, FlowCount]
    concealing: dict[Concealment, FlowCount]
    ech_offered: FlowCount
    address_hosting: FlowCount

    def add_to(self, counts: ClassCounts) -> None:
        """Add these to counts."""
        for name, count in self.coverage.items():
            counts.coverage[name].include(count)
        for kind, count in self.concealing.items():
            counts.concealing[kind].include(count)
        counts.ech_offered.include(self.ech_offered)
        counts.address_hosting.include(self.address_hosting)


class Group(Classes, frozen=True, kw_only=True):
    """The classes of one source group."""

    kind: GroupKind
    tenant: str | None
    source_group: str | None
    groups: int


class SummaryRead(Classes, frozen=True, kw_only=True):
    """The document. Read strictly: what says another schema is no summary of a replay."""

    schema: Literal["residency-summary/1"]
    versions: Versions
    inputs: tuple[str, ...]
    complete: bool
    accounting: Accounting
    gaps: dict[str, Count]
    coverage_by_group: tuple[Group, ...]
    llm_related: FlowCount

"""How much of the traffic could be named, and why the rest could not: the counts of one source group. Pure.

Every connection is in exactly one class. Sub-counts look at connections that are in a class already: which
offered ECH, and which have no name but an address where LLM endpoints are hosted.
"""

from collections.abc import Iterable, Mapping

import msgspec

from monitor.counts import FlowCount, total
from monitor.types import Concealment, Connection, Coverage
from sensors.connections import GroupCounted

COVERAGE_CLASSES: tuple[Coverage, ...] = (
    "sni", "dns", "address", "ambiguous", "concealed", "concealing", "midstream", "lost",
)  # fmt: skip
NAMED: tuple[Coverage, ...] = ("sni", "dns")
UNRESOLVED: tuple[Coverage, ...] = ("address", "midstream", "lost")  # there is no name at all
CONCEALMENTS: tuple[Concealment, ...] = ("doh", "dot", "doq", "vpn", "relay")
_PARTS = 10_000  # shares are given to this part of one


class ClassCounts(msgspec.Struct, kw_only=True):
    """Connections by coverage class, with sub-counts, and lookups beside them.

    ``concealing`` is that class by kind. ``ech_offered`` are hellos whose outer name is known to be one: in
    class "concealed", unless something else named the server. ``ech_grease`` have an ECH extension that is
    taken for GREASE, which looks the same; if one was not, its name is the outer one. ``address_hosting`` are
    those without any name at an address where LLM endpoints are hosted; of these ``address_attributed`` were
    attributed all the same, so that they stand among the decisions.
    """

    coverage: dict[Coverage, FlowCount] = msgspec.field(
        default_factory=lambda: {name: FlowCount() for name in COVERAGE_CLASSES}
    )
    concealing: dict[Concealment, FlowCount] = msgspec.field(
        default_factory=lambda: {kind: FlowCount() for kind in CONCEALMENTS}
    )
    ech_offered: FlowCount = msgspec.field(default_factory=FlowCount)
    ech_grease: FlowCount = msgspec.field(default_factory=FlowCount)
    address_hosting: FlowCount = msgspec.field(default_factory=FlowCount)
    address_attributed: FlowCount = msgspec.field(default_factory=FlowCount)
    lookups: FlowCount = msgspec.field(default_factory=FlowCount)

    def add(self, connection: Connection, kind: Concealment | None = None) -> None:
        """Count a connection in its class, or, by kind, in the class of those that hide others."""
        self.coverage[connection.coverage if kind is None else "concealing"].add(connection)
        if kind is not None:
            self.concealing[kind].add(connection)
        ech = connection.hello.ech if connection.hello is not None else "none"
        if ech == "offered":
            self.ech_offered.add(connection)
        elif ech == "grease":
            self.ech_grease.add(connection)

    def take(self, counted: GroupCounted) -> None:
        """Count what an engine counted."""
        for name, flows in counted.coverage.items():
            self.coverage[name].include(flows)
        self.ech_offered.include(counted.ech_offered)
        self.ech_grease.include(counted.ech_grease)
        self.address_hosting.include(counted.address_hosting)
        self.lookups.include(counted.lookups)

    def connections(self) -> FlowCount:
        """Return the sum over all classes."""
        return total(self.coverage.values())

    def named(self) -> FlowCount:
        """Return the sum over the classes that have one name."""
        return named_of(self.coverage)


def named_of(coverage: Mapping[Coverage, FlowCount]) -> FlowCount:
    """Return the sum over the classes that have one name."""
    return total(coverage[name] for name in NAMED)


def add_up(parts: Iterable[ClassCounts]) -> ClassCounts:
    """Add the counts of groups up."""
    result = ClassCounts()
    for part in parts:
        for name, count in part.coverage.items():
            result.coverage[name].include(count)
        for kind, count in part.concealing.items():
            result.concealing[kind].include(count)
        for field in ("ech_offered", "ech_grease", "address_hosting", "address_attributed", "lookups"):
            getattr(result, field).include(getattr(part, field))
    return result


def share(part: int, whole: int) -> float | None:
    """Return a share, cut off and not rounded up, so that only all of it is 1; None of nothing."""
    return part * _PARTS // whole / _PARTS if whole else None

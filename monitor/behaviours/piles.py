"""Connections added up: the sum, the ends and the first few are the same in whatever order they came."""

from bisect import insort

import msgspec

from monitor.behaviours.types import Part, Rest
from monitor.types import Attribution, Decision
from sensors.connections import Totals

MAX_RESTS = 4  # connections that are named, the first ones
MAX_LABELS = 6  # endpoints that are named
MANY_COUNTRIES = 3  # more are counted, not listed


class Pile(msgspec.Struct):
    """Connections of one kind."""

    flows: int = 0
    bytes_up: int = 0
    largest_bytes: int = 0
    last: Rest | None = None
    rests: list[Rest] = []
    labels: list[str] = []
    more_labels: bool = False

    def add(self, rest: Rest, totals: Totals, label: str | None = None) -> None:
        """Add one connection."""
        self.flows += 1
        self.bytes_up += totals.bytes_up
        self.largest_bytes = max(self.largest_bytes, totals.bytes_up)
        self._remember(rest)
        if self.last is None or rest.order() > self.last.order():
            self.last = rest
        if label is not None:
            self._name(label)

    def add_decision(self, decision: Decision, part: Part) -> None:
        """Add the connection of a decision."""
        connection = decision.connection
        rest = Rest(decision.ts_ns, connection.flow, part)
        self.add(rest, connection.totals, endpoint(decision.attribution))

    def merge(self, other: "Pile") -> None:
        """Add all connections of another pile."""
        self.flows += other.flows
        self.bytes_up += other.bytes_up
        self.largest_bytes = max(self.largest_bytes, other.largest_bytes)
        for rest in other.rests:
            self._remember(rest)
        if other.last is not None and (self.last is None or other.last.order() > self.last.order()):
            self.last = other.last
        for label in other.labels:
            self._name(label)
        self.more_labels |= other.more_labels

    @property
    def first_ns(self) -> int:
        """The first packet of the first connection."""
        return self.rests[0].ts_ns

    @property
    def last_ns(self) -> int:
        """The first packet of the last connection."""
        return self.last.ts_ns if self.last is not None else self.first_ns

    def endpoints(self) -> str:
        """Return the endpoints for a sentence."""
        named = ", ".join(self.labels) or "none"
        return f"{named} and others" if self.more_labels else named

    def _remember(self, rest: Rest) -> None:
        if len(self.rests) >= MAX_RESTS and rest.ts_ns > self.rests[-1].ts_ns:
            return
        insort(self.rests, rest, key=Rest.order)
        del self.rests[MAX_RESTS:]

    def _name(self, label: str) -> None:
        if label in self.labels:
            return
        insort(self.labels, label)
        self.more_labels |= len(self.labels) > MAX_LABELS
        del self.labels[MAX_LABELS:]


def endpoint(attribution: Attribution) -> str:
    """Return what an endpoint is called in a sentence: its provider, and the place where there is one."""
    provider = attribution.provider or "unknown"
    if attribution.region is not None:
        return f"{provider} {attribution.region}"
    if attribution.scope == "global":
        return f"{provider} (global)"
    if not attribution.countries:
        return provider
    countries = attribution.countries
    where = "/".join(countries) if len(countries) <= MANY_COUNTRIES else f"{len(countries)} countries"
    return f"{provider} ({where})"

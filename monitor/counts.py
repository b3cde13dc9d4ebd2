"""Flows and their bytes, as they add up. Pure."""

from collections.abc import Iterable

import msgspec

from monitor.types import Connection
from sensors.connections import Flows


class FlowCount(msgspec.Struct):
    """Flows and their bytes both ways, on the wire."""

    flows: int = 0
    bytes_up: int = 0
    bytes_down: int = 0

    def add(self, connection: Connection) -> None:
        """Count one connection."""
        self.flows += 1
        self.bytes_up += connection.totals.bytes_up
        self.bytes_down += connection.totals.bytes_down

    def include(self, counted: "Flows | FlowCount") -> None:
        """Count what was counted elsewhere."""
        self.flows += counted.flows
        self.bytes_up += counted.bytes_up
        self.bytes_down += counted.bytes_down

    def bytes(self) -> int:
        """Return the bytes both ways."""
        return self.bytes_up + self.bytes_down


def total(counts: Iterable[FlowCount]) -> FlowCount:
    """Add counts up."""
    result = FlowCount()
    for count in counts:
        result.include(count)
    return result

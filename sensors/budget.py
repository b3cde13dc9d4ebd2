"""How much all flows together may hold of first messages that are not whole yet.

When it is used up, the flow that has been held longest is given up: new ones are still read, and memory
stays bounded however many flows are left unfinished.
"""

from collections import OrderedDict

from sensors.flows import Flow


class ReadingBudget:
    """The bytes held by flow, in the order in which the flows began to hold any. ``given_up`` counts."""

    def __init__(self, limit_bytes: int) -> None:
        self.given_up = 0
        self._limit_bytes = limit_bytes
        self._held: OrderedDict[Flow, int] = OrderedDict()
        self._total_bytes = 0

    def note(self, flow: Flow) -> None:
        """Take note of what a flow holds now, and give up the oldest while it is too much."""
        held = flow.held_bytes()
        before = self._held.pop(flow, 0) if not held else self._held.get(flow, 0)
        if held:
            self._held[flow] = held
        self._total_bytes += held - before
        while self._total_bytes > self._limit_bytes:
            oldest, freed = self._held.popitem(last=False)
            self._total_bytes -= freed
            self.given_up += 1
            oldest.mark_read(low=True)
            oldest.mark_read(low=False)

    def forget(self, flow: Flow) -> None:
        """A flow ended."""
        self._total_bytes -= self._held.pop(flow, 0)

"""Which events a sink gets."""

from collections.abc import Callable

import msgspec

from monitor.events.types import CheckpointEvent, Event, FindingEvent
from monitor.policy.words import SEVERITIES
from monitor.sink_options import SinkOptions


def wants(options: SinkOptions) -> Callable[[Event], bool]:
    """Return what tells whether a sink gets an event: of its severity or worse; checkpoints if asked for."""
    least = options.severity or SEVERITIES[-1]
    enough = frozenset(SEVERITIES[: SEVERITIES.index(least) + 1])
    checkpoints = options.checkpoints

    def wanted(event: Event) -> bool:
        if isinstance(event, CheckpointEvent):
            return checkpoints
        if isinstance(event, FindingEvent):
            return event.change.finding.severity in enough
        return event.severity in enough

    return wanted


class Terms(msgspec.Struct, frozen=True):
    """On what terms a sink is served: what it gets, and after how long an event is put aside."""

    wanted: Callable[[Event], bool]
    dead_after_ns: int

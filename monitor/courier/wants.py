"""Which events a sink gets."""

from collections.abc import Callable

import msgspec

from monitor.events.types import CheckpointEvent, Event, FindingEvent
from monitor.policy.words import SEVERITIES
from monitor.sink_options import SinkOptions


def wants(options: SinkOptions) -> Callable[[Event], bool]:
    """Return what tells whether a sink gets an event: of its tenants, and of its severity or worse.

    Checkpoints are for those who ask for them.
    """
    least = options.severity or SEVERITIES[-1]
    enough = frozenset(SEVERITIES[: SEVERITIES.index(least) + 1])
    checkpoints = options.checkpoints

    tenants = options.tenants

    def wanted(event: Event) -> bool:
        if isinstance(event, FindingEvent):
            tenant, is_enough = event.change.finding.subject.tenant, event.change.finding.severity in enough
        elif isinstance(event, CheckpointEvent):
            tenant, is_enough = event.tenant, checkpoints
        else:
            tenant, is_enough = event.tenant, event.severity in enough
        return is_enough and (tenants is None or tenant in tenants)

    return wanted


class Terms(msgspec.Struct, frozen=True):
    """On what terms a sink is served: what it gets, and after how long an event is put aside."""

    wanted: Callable[[Event], bool]
    dead_after_ns: int

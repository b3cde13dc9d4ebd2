"""Events: what leaves through the sinks, in our own form and in those that others read. Pure."""

from monitor.events.cef import cef
from monitor.events.ecs import ecs
from monitor.events.limits import limits_of
from monitor.events.native import native, read_native
from monitor.events.ocsf import ocsf
from monitor.events.render import render
from monitor.events.types import Basis, CheckpointEvent, Event, FindingEvent, SummaryEvent

__all__ = [
    "Basis",
    "CheckpointEvent",
    "Event",
    "FindingEvent",
    "SummaryEvent",
    "cef",
    "ecs",
    "limits_of",
    "native",
    "ocsf",
    "read_native",
    "render",
]

"""Whether numbers that a file says can be numbers of packets at all: those of 64 bits. Pure.

JSON has whole numbers of any length; a sum of bytes that no float holds would end in an error far from here.
"""

from collections.abc import Iterable

import msgspec

from monitor.types import Decision

LEAST, MOST = -(1 << 63), (1 << 64) - 1


def are_sound(value: object) -> bool:
    """Tell whether all whole numbers in a value, of whatever type, have 64 bits at most."""
    if isinstance(value, int):
        return LEAST <= value <= MOST
    parts: Iterable[object] = ()
    if isinstance(value, msgspec.Struct):
        parts = (getattr(value, field) for field in value.__struct_fields__)
    elif isinstance(value, dict):
        parts = value.values()
    elif isinstance(value, tuple | list):
        parts = value
    return all(are_sound(part) for part in parts)


def is_sound(decision: Decision) -> bool:
    """Tell the same of those numbers of a decision that a report adds up or shows."""
    totals = decision.connection.totals
    return (
        LEAST <= decision.ts_ns <= MOST
        and LEAST <= totals.bytes_up <= MOST
        and LEAST <= totals.bytes_down <= MOST
        and LEAST <= decision.connection.flow.server_port <= MOST
        and LEAST <= decision.connection.flow.client_port <= MOST
    )

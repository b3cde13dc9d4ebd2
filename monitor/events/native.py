"""Our own form of an event: all of it, as JSON, in the order of its fields. Pure.

``monitor/data/event.schema.json`` describes it; every field is always there, and `type` comes first.
"""

import msgspec

from monitor.events.types import Event

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Event, strict=True).decode


def native(event: Event) -> bytes:
    """Return the event as one JSON object without line breaks. Times are whole nanoseconds (64 bits)."""
    return _encode(event)


def read_native(line: bytes) -> Event:
    """Return the event that `native` wrote. Raises ``msgspec.DecodeError`` for anything else."""
    event: Event = _decode(line)
    return event

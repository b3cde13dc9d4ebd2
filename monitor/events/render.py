"""An event in the form that a sink is configured to send. Pure: same event, same bytes."""

from collections.abc import Callable

import msgspec

from monitor.events.cef import cef
from monitor.events.ecs import ecs
from monitor.events.native import native
from monitor.events.ocsf import ocsf
from monitor.events.types import Event
from monitor.sink_options import Format

_encode = msgspec.json.Encoder().encode
_FORMS: dict[Format, Callable[[Event], bytes]] = {
    "native": native,
    "ocsf": lambda event: _encode(ocsf(event)),
    "ecs": lambda event: _encode(ecs(event)),
    "cef": lambda event: cef(event).encode(),
}


def render(event: Event, form: Format) -> bytes:
    """Return the event as UTF-8 text on one line, without the line break at its end."""
    return _FORMS[form](event)

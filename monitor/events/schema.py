"""The JSON Schema (2020-12) of our own events, made of the types themselves. Pure.

What msgspec says of a type is what it accepts; a receiver wants what we write. So every field is required,
and no other is allowed. `python -m tools.event_schema` renews ``monitor/data/event.schema.json``.
"""

from typing import Any

import msgspec

from monitor.events.types import CheckpointEvent, FindingEvent, SummaryEvent

DIALECT = "https://json-schema.org/draft/2020-12/schema"
IDENTIFIER = "urn:residency-monitor:event:1"
_EVENTS = (FindingEvent, SummaryEvent, CheckpointEvent)
_REFERENCES = "#/$defs/{name}"


def event_schema() -> dict[str, Any]:
    """Return the schema of one event. It is strict: a field that is missing or unknown makes it fail."""
    references, components = msgspec.json.schema_components(_EVENTS, ref_template=_REFERENCES)
    return {
        "$schema": DIALECT,
        "$id": IDENTIFIER,
        "title": "An event of Residency Monitor",
        "oneOf": list(references),
        "$defs": {name: _strict(components[name]) for name in sorted(components)},
    }


def _strict(component: dict[str, Any]) -> dict[str, Any]:
    """Close a definition, and leave out what only counts where a value is read."""
    fields = {name: _written(field) for name, field in component["properties"].items()}
    said = " ".join(component["description"].replace("``", "`").split())
    closed = {"properties": fields, "required": list(fields), "additionalProperties": False}
    return component | closed | {"description": said}


def _written(field: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in field.items() if key != "default"}

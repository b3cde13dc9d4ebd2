"""Makes `monitor/data/event.schema.json` of the types of events: python -m tools.event_schema."""

import json
from pathlib import Path

from monitor.events.schema import event_schema

FILE = Path(__file__).parents[1] / "monitor" / "data" / "event.schema.json"


def text() -> str:
    """Return the file as it is to be."""
    return json.dumps(event_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")

"""Reads the shapes of countries that the package holds: the map of the report is drawn with them."""

import msgspec

from monitor.builtin import DATA
from monitor.report.charts.types import Atlas


def read_atlas() -> Atlas:
    """The built-in map of the world."""
    return msgspec.json.decode((DATA / "world.json").read_bytes(), type=Atlas)

"""Reads the files that the pure modules work on: the built-in data, the user's files, and GeoIP databases.

Together with `monitor.files` and `monitor.geoip`, which it offers to others, the only place that touches
files on the way from a name to an attribution.
"""

import importlib.resources
from collections.abc import Sequence
from importlib.resources.abc import Traversable
from pathlib import Path

from monitor.catalog import Catalog, compile_catalog
from monitor.documents import Source
from monitor.files import InputError, read_source
from monitor.geoip import GeoIp
from monitor.jurisdictions import Jurisdictions, compile_jurisdictions

__all__ = ["GeoIp", "InputError", "load_catalog", "load_jurisdictions", "read_source"]


def load_catalog(extra: Sequence[Path] = (), jurisdictions: Jurisdictions | None = None) -> Catalog:
    """The built-in catalogue with the user's files on top. Raises InputError and DocumentError."""
    data = importlib.resources.files("monitor") / "data"
    files = sorted((data / "catalog").iterdir(), key=lambda file: file.name)
    sources = [_built_in(file) for file in files if file.name.endswith(".yaml")]
    own = [read_source(path) for path in extra]
    return compile_catalog(
        sources, _built_in(data / "regions.csv"), jurisdictions or load_jurisdictions(), own
    )


def load_jurisdictions() -> Jurisdictions:
    """The built-in sets of countries."""
    data = importlib.resources.files("monitor") / "data"
    return compile_jurisdictions(_built_in(data / "jurisdictions.yaml"))


def _built_in(file: Traversable) -> Source:
    return Source(file.name, file.read_text(encoding="utf-8"))

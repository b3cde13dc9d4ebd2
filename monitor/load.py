"""Reads the files that the pure modules work on: the built-in data, the user's files, and GeoIP databases.

Together with `monitor.builtin`, `monitor.files` and `monitor.geoip`, the only place that touches files on the
way from a name to an attribution.
"""

from collections.abc import Sequence
from pathlib import Path

from monitor.builtin import built_in_catalog, read_country_extents, read_files, read_jurisdictions
from monitor.catalog import Catalog, compile_catalog
from monitor.files import InputError, read_source
from monitor.geography import Extents
from monitor.geoip import GeoIp
from monitor.jurisdictions import Jurisdictions

__all__ = ["GeoIp", "InputError", "load_catalog", "load_extents", "load_jurisdictions", "read_source"]


def load_catalog(extra: Sequence[Path] = (), jurisdictions: Jurisdictions | None = None) -> Catalog:
    """The built-in catalogue with the user's files on top. Raises InputError and DocumentError."""
    files = read_files()
    own = [read_source(path) for path in extra]
    known = jurisdictions or load_jurisdictions()
    return compile_catalog(built_in_catalog(files, known), [*files.catalog, files.regions], known, own)


def load_jurisdictions() -> Jurisdictions:
    """The built-in sets of countries."""
    return read_jurisdictions()


def load_extents() -> Extents:
    """The built-in extents of countries."""
    return read_country_extents()

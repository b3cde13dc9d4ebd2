"""Distances on Earth: from the sensor to a place, and to the nearest point that a country may have. Pure.

What is returned is never more than the real distance, so that whoever rules out what is too far away can only
err towards ruling out too little.
"""

import csv
import functools
import hashlib
import math
from collections.abc import Callable, Mapping

import msgspec

from monitor.documents import DocumentError, Problem, Source

COLUMNS = ("country", "name", "latitude", "longitude", "radius_km")
# The smallest radius of curvature of WGS 84 (north-south, at the equator): on a sphere of this radius, with
# the same latitudes and longitudes, no way along the surface comes out longer than it is.
EARTH_KM = 6_335.0


class Site(msgspec.Struct, frozen=True):
    """Where the sensor stands: degrees north and east, and what people call it."""

    latitude: float
    longitude: float
    name: str | None = None

    def __str__(self) -> str:
        place = f"({self.latitude:g}, {self.longitude:g})"
        return f"{self.name} {place}" if self.name else place


class Cap(msgspec.Struct, frozen=True):
    """A circle on the sphere."""

    latitude: float
    longitude: float
    radius_km: float


class Extents:
    """Every country's caps: together they cover all of it, and more."""

    def __init__(self, caps: Mapping[str, tuple[Cap, ...]], version: str) -> None:
        self.caps = caps
        self.version = version

    def distance_km(self, site: Site, country: str) -> float | None:
        """Return how far the country is at least; None where nothing is known of its extent."""
        caps = self.caps.get(country)
        if caps is None:
            return None
        return min(max(0.0, distance_km(site, cap.latitude, cap.longitude) - cap.radius_km) for cap in caps)


def distance_km(site: Site, latitude: float, longitude: float) -> float:
    """Return how far a place is at least, along the surface (haversine)."""
    north, other_north = math.radians(site.latitude), math.radians(latitude)
    east = math.radians(longitude - site.longitude)
    half = (
        math.sin((other_north - north) / 2) ** 2
        + math.cos(north) * math.cos(other_north) * math.sin(east / 2) ** 2
    )
    return 2 * EARTH_KM * math.asin(math.sqrt(min(half, 1.0)))


def read_extents(source: Source) -> Extents:
    """Return the table's countries. Raises DocumentError with the line of the first mistake."""
    rows = csv.reader(source.text.splitlines(), strict=True)
    caps: dict[str, list[Cap]] = {}
    if tuple(next(rows, ())) != COLUMNS:
        raise _error(source, 1, "another header", f"write {','.join(COLUMNS)}")
    for row in rows:
        try:
            country, _, latitude, longitude, radius_km = row
            caps.setdefault(country, []).append(Cap(float(latitude), float(longitude), float(radius_km)))
        except ValueError:
            mend = f"write {','.join(COLUMNS)}, the last three as numbers"
            raise _error(source, rows.line_num, f"no cap: {','.join(row)}", mend) from None
    digest = hashlib.sha256(source.text.encode()).hexdigest()
    version = f"extents of countries, Natural Earth 4.1 ({source.path} {digest[:12]})"
    return Extents({country: tuple(each) for country, each in caps.items()}, version)


def nearest(site: Site, extents: Extents) -> Callable[[str], float | None]:
    """Return a function that gives each country's distance from the site, and computes it once."""
    return functools.lru_cache(len(extents.caps) + 1)(lambda country: extents.distance_km(site, country))


def _error(source: Source, line: int, problem: str, mend: str) -> DocumentError:
    return DocumentError([Problem(source.path, line, problem, mend)])

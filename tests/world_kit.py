"""A simulated geography: sites on Earth whose countries are known, and how long light takes between them.

`places.csv` holds points drawn inside the borders of countries (Natural Earth 1:10m by way of world-atlas
2.0.2), one for a small country, three for a large one. The cities of `regions.csv` come beside them.
"""

import csv
import functools
import math
import random
from pathlib import Path
from typing import NamedTuple

from monitor.attribution import Location
from monitor.catalog import Catalog
from monitor.geography import Extents
from monitor.load import load_extents
from tests.catalog_help import built_in, compiled

LIGHT_KM_PER_MS = 299.792458
SHORTEST_EARTH_KM = 6_335.439  # the smallest radius of curvature: no real way is shorter than on this sphere
NS_PER_MS = 1_000_000
PLACES = Path(__file__).with_name("places.csv")
HOST = "llm.example"
CATALOG = """\
providers: [{id: llm, name: An LLM}]
defaults: {provider: llm, service: API, scope: unknown, source: test, date: 2026-01-01, verified: full}
endpoints: [{host: llm.example, address: unicast}, {host: edge.example, address: anycast}]
"""


class Place(NamedTuple):
    """A site, and the country that it is in."""

    country: str
    latitude: float
    longitude: float


@functools.cache
def extents() -> Extents:
    return load_extents()


@functools.cache
def catalog() -> Catalog:
    return compiled(CATALOG)


class GeoByAddress:
    """A GeoIP data set that places each address that it gave out."""

    def __init__(self) -> None:
        self._countries: dict[str, str] = {}

    def address(self, country: str) -> str:
        """Return the address of a server that the data set places in a country."""
        number = len(self._countries)
        address = f"20.{number >> 16}.{number >> 8 & 255}.{number & 255}"
        self._countries[address] = country
        return address

    def locate(self, address: str) -> Location | None:
        """Return the country."""
        return Location(self._countries[address], None, "made up (test, 2026-01-01)")


def drawn() -> list[Place]:
    """Return the points of `places.csv`."""
    with PLACES.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [Place(row["country"], float(row["latitude"]), float(row["longitude"])) for row in rows]


def cities() -> list[Place]:
    """Return the cities of `regions.csv`, each once."""
    regions = built_in().regions.values()
    found = {
        Place(each.country, each.latitude, each.longitude)
        for each in regions
        if each.latitude is not None and each.longitude is not None
    }
    return sorted(found)


def sites(rng: random.Random) -> list[Place]:
    """Return 200 sites: half of them cities with regions, half anywhere in all countries."""
    return rng.sample(cities(), 100) + rng.sample(drawn(), 100)


def light_ms(one: Place, other: Place) -> float:
    """Return how long light takes there and back, along the shortest way that Earth could have."""
    first, second = _vector(one), _vector(other)
    cosine = sum(left * right for left, right in zip(first, second, strict=True))
    return 2 * SHORTEST_EARTH_KM * math.acos(max(-1.0, min(1.0, cosine))) / LIGHT_KM_PER_MS


def _vector(place: Place) -> tuple[float, float, float]:
    north, east = math.radians(place.latitude), math.radians(place.longitude)
    return math.cos(north) * math.cos(east), math.cos(north) * math.sin(east), math.sin(north)

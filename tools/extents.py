"""Makes `monitor/data/countries.csv`: caps that cover each country, from Natural Earth's borders.

    npm pack world-atlas@2.0.2 && tar xzf world-atlas-2.0.2.tgz
    pip install numpy pycountry
    python tools/extents.py package/countries-10m.json > monitor/data/countries.csv

A country's borders, and a grid of points inside, are put into groups around centres that lie far apart. Each
group becomes a cap, a circle on a sphere: a place, and a radius with some slack. A country also gets what
depends on it, and what it holds or claims: too large an extent refutes less, too small a one would be wrong.
"""

import csv
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pycountry

Points = npt.NDArray[np.float64]  # rows of longitude and latitude, or of unit vectors

EARTH_KM = 6_335.0  # as in monitor/physics.py
SLACK_KM = 80  # half a grid cell, what the borders leave out (islets, territorial sea), rounding
GRID_DEGREES = 0.5
STEP_DEGREES = 0.2  # along borders
CAP_KM = 300  # what is smaller is not divided
MOST_CAPS = 20

# ISO codes that Natural Earth has within another country (or territory): west, south, east, north.
PARTS: dict[str, tuple[str, tuple[tuple[float, float, float, float], ...]]] = {
    "BQ": ("NL", ((-68.6, 11.9, -68.0, 12.5), (-63.4, 17.3, -62.8, 17.8))),
    "BV": ("NO", ((3.0, -55.0, 4.0, -54.0),)),
    "CC": ("Indian Ocean Ter.", ((96.5, -12.5, 97.2, -11.5),)),
    "CX": ("Indian Ocean Ter.", ((105.3, -10.8, 105.9, -10.2),)),
    "GF": ("FR", ((-55.0, 2.0, -51.0, 6.0),)),
    "GP": ("FR", ((-62.0, 15.7, -60.9, 16.7),)),
    "MQ": ("FR", ((-61.4, 14.2, -60.6, 15.1),)),
    "RE": ("FR", ((55.0, -21.6, 56.0, -20.7),)),
    "SJ": ("NO", ((8.0, 73.9, 36.0, 82.0), (-10.0, 70.5, -7.0, 71.5))),
    "TK": ("NZ", ((-173.0, -9.8, -170.8, -8.3),)),
    "YT": ("FR", ((44.8, -13.2, 45.5, -12.4),)),
}
# What a country's extent covers beside its own borders: what a data set may call by its code.
WITH = {
    "AU": "NF CX CC HM|Ashmore and Cartier Is.|Indian Ocean Ter.|Coral Sea Is.",
    "CN": "HK MO TW|Spratly Is.|Scarborough Reef",
    "CY": "|N. Cyprus|Cyprus U.N. Buffer Zone|Dhekelia|Akrotiri",
    "DK": "GL FO",
    "FI": "AX",
    "FR": "BL GF GP MF MQ NC PF PM RE TF WF YT|Clipperton I.",
    "GB": "AI BM FK GG GI GS IM IO JE KY MS PN SH TC VG|Dhekelia|Akrotiri",
    "IL": "PS",
    "IN": "|Siachen Glacier",
    "KZ": "|Baikonur",
    "MA": "EH",
    "NL": "AW BQ CW SX",
    "NO": "BV SJ",
    "NZ": "CK NU TK",
    "PH": "|Spratly Is.|Scarborough Reef",
    "PK": "|Siachen Glacier",
    "RS": "XK",
    "RU": "|Baikonur",
    "SO": "|Somaliland",
    "UA": "",
    "US": "AS GU MP PR UM VI|USNB Guantanamo Bay",
    "VN": "|Spratly Is.",
}
# Islands that the borders leave out: east, north.
ISLETS: dict[str, tuple[tuple[float, float], ...]] = {
    "BR": ((-29.35, 0.92),),
    "CA": ((-59.9, 43.93),),
    "CL": (
        (-105.36, -26.47),
        (-80.1, -26.29),
    ),
    "CN": ((112.33, 16.83),),
    "CO": ((-81.6, 4.0),),
    "DK": ((15.19, 55.32),),
    "FJ": (
        (177.05, -12.5),
        (174.6, -21.7),
    ),
    "GR": ((29.59, 36.15),),
    "JP": (
        (153.98, 24.29),
        (136.08, 20.42),
    ),
    "KI": ((169.54, -0.86),),
    "KR": ((131.87, 37.24),),
    "MH": ((160.9, 9.8),),
    "MX": (
        (-118.3, 29.0),
        (-110.97, 18.8),
        (-114.73, 18.36),
    ),
    "MY": ((113.84, 7.37),),
    "NZ": (
        (-177.92, -29.25),
        (169.14, -52.54),
        (166.3, -50.7),
        (178.8, -49.7),
    ),
    "PT": ((-15.87, 30.14),),
    "PW": ((131.12, 3.0),),
    "SB": (
        (168.8, -12.3),
        (159.4, -5.3),
    ),
    "SH": (
        (-12.28, -37.11),
        (-9.93, -40.33),
        (-14.37, -7.95),
    ),
    "TF": (
        (54.52, -15.89),
        (47.3, -11.55),
        (40.36, -22.37),
        (42.75, -17.05),
    ),
    "TO": ((-175.63, -15.6),),
    "TW": (
        (119.95, 26.16),
        (116.72, 20.7),
        (114.37, 10.38),
    ),
    "VN": ((112.33, 16.83),),
}
# Corners of land that several countries are said to have: every one of them covers it.
CRIMEA = ((32.4, 45.4), (33.6, 44.4), (36.7, 45.4), (33.7, 46.2), (34.5, 45.2))


def main(path: str) -> None:
    """Print the table."""
    shapes = _shapes(json.loads(Path(path).read_text(encoding="utf-8")))
    for code, (parent, boxes) in PARTS.items():
        shapes[code] = _clipped(shapes.get(parent), boxes)
    for code, islets in ISLETS.items():
        shapes[code] = np.concatenate([shapes[code], np.array(islets)])
    covered = {code: points for code, points in shapes.items() if len(code) == 2}
    for code, text in WITH.items():
        codes, *names = text.split("|")
        covered[code] = np.concatenate([shapes[each] for each in (code, *codes.split(), *names)])
    for code in ("RU", "UA"):
        covered[code] = np.concatenate([covered[code], np.array(CRIMEA)])
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(("country", "name", "latitude", "longitude", "radius_km"))
    for code in sorted(covered):
        for latitude, longitude, radius_km in _caps(covered[code]):
            writer.writerow((code, _name(code), latitude, longitude, radius_km))


def _name(code: str) -> str:
    country = pycountry.countries.get(alpha_2=code)
    return "Kosovo" if country is None else getattr(country, "common_name", country.name)


def _shapes(atlas: dict[str, Any]) -> dict[str, Points]:
    """Return the points of every country by ISO code, of a territory that has none by its name."""
    scale, move = (np.array(atlas["transform"][key]) for key in ("scale", "translate"))
    arcs = [np.cumsum(np.array(arc), axis=0) * scale + move for arc in atlas["arcs"]]
    codes = {each.numeric: each.alpha_2 for each in pycountry.countries}
    found: dict[str, list[Points]] = {}
    for geometry in atlas["objects"]["countries"]["geometries"]:
        name = geometry["properties"]["name"]
        code = "XK" if name == "Kosovo" else codes.get(geometry.get("id"), name)
        for key in dict.fromkeys((code, name)):  # a part with a country's own number also by its name
            found.setdefault(key, []).append(_points(list(_rings(geometry, arcs))))
    return {code: np.concatenate(parts) for code, parts in found.items()}


def _rings(geometry: dict[str, Any], arcs: Sequence[Points]) -> Iterator[Points]:
    polygons = [geometry["arcs"]] if geometry["type"] == "Polygon" else geometry["arcs"]
    for ring in (ring for polygon in polygons for ring in polygon):
        yield np.concatenate([arcs[index] if index >= 0 else arcs[~index][::-1] for index in ring])


def _points(rings: Sequence[Points]) -> Points:
    """Return points along the rings, none far from the next, and points of a grid inside them."""
    lines = np.concatenate([np.stack([ring[:-1], ring[1:]], axis=1) for ring in rings])
    steps = np.ceil(np.abs(lines[:, 1] - lines[:, 0]).max(axis=1) / STEP_DEGREES).astype(int)
    border = [
        start + (end - start) * np.linspace(0, 1, step + 1)[:, None]
        for (start, end), step in zip(lines, np.maximum(steps, 1), strict=True)
    ]
    return np.concatenate([*border, *_inside(lines)])


def _inside(lines: Points) -> Iterator[Points]:
    """Yield points inside, one parallel after the other (even-odd rule)."""
    south, north = lines[:, :, 1].min(), lines[:, :, 1].max()
    for latitude in np.arange(np.ceil(south / GRID_DEGREES), north / GRID_DEGREES) * GRID_DEGREES + 1e-7:
        (x0, y0), (x1, y1) = lines[:, 0].T, lines[:, 1].T
        crosses = (y0 > latitude) != (y1 > latitude)
        run = (latitude - y0[crosses]) / (y1 - y0)[crosses]
        at = np.sort(x0[crosses] + run * (x1 - x0)[crosses])
        for west, east in zip(at[::2], at[1::2], strict=True):
            longitudes = np.linspace(west, east, int((east - west) / GRID_DEGREES) + 2)
            yield np.stack([longitudes, np.full_like(longitudes, latitude)], axis=1)


def _clipped(points: Points | None, boxes: Iterable[tuple[float, float, float, float]]) -> Points:
    """Return a country's points in each box; of a box without any, the corners."""
    parts = []
    for west, south, east, north in boxes:
        corners = np.array([(west, south), (west, north), (east, south), (east, north)])
        part = corners[:0]
        if points is not None:
            x, y = points.T
            part = points[(west <= x) & (x <= east) & (south <= y) & (y <= north)]
        parts.append(part if len(part) else corners)
    return np.concatenate(parts)


def _caps(points: Points) -> Iterator[tuple[float, float, int]]:
    """Yield latitude, longitude and radius of caps that hold all points."""
    vectors = _vectors(points)
    heads = [vectors[0]]
    nearest = _angles(vectors, vectors[0])
    while nearest.max() * EARTH_KM > CAP_KM and len(heads) < MOST_CAPS:
        heads.append(vectors[nearest.argmax()])
        nearest = np.minimum(nearest, _angles(vectors, heads[-1]))
    group = np.argmin([_angles(vectors, head) for head in heads], axis=0)
    for index in range(len(heads)):
        held = vectors[group == index]
        middle = _middle(held)
        latitude = round(float(np.degrees(np.arcsin(middle[2]))), 2)
        longitude = round(float(np.degrees(np.arctan2(middle[1], middle[0]))), 2)
        angle = _angles(held, _vectors(np.array([[longitude, latitude]]))[0]).max()
        yield latitude, longitude, int(np.ceil(angle * EARTH_KM)) + SLACK_KM


def _middle(vectors: Points) -> Points:
    """Return a centre whose farthest point is about as near as can be (steps towards the farthest)."""
    middle: Points = vectors.mean(axis=0)
    for step in range(1, 200):
        middle /= np.linalg.norm(middle)
        middle = middle + (vectors[_angles(vectors, middle).argmax()] - middle) / (step + 1)
    middle /= np.linalg.norm(middle)
    return middle


def _vectors(points: Points) -> Points:
    longitude, latitude = np.radians(points).T
    parts = np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)
    return np.stack(parts, axis=1)


def _angles(vectors: Points, other: Points) -> Points:
    angles: Points = np.arccos(np.clip(vectors @ other, -1, 1))
    return angles


if __name__ == "__main__":
    main(sys.argv[1])

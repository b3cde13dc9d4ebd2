"""Makes `monitor/data/world.json`: the shapes of countries that the report's map draws, from Natural Earth.

    npm pack world-atlas@2.0.2 && tar xzf world-atlas-2.0.2.tgz
    pip install pycountry
    python -m tools.world_shapes package/countries-50m.json > monitor/data/world.json

Borders are simplified where they are shared, so that neighbours still meet; Europe, which the map shows
enlarged, keeps more. Every country of `monitor/data/countries.csv` gets a point for its mark: the place in
its largest part that is farthest from a border, and its largest cap where it has no shape of its own.
Antarctica is left out, and territories without an ISO code are land without a country.
"""

import csv
import hashlib
import itertools
import json
import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pycountry

from tools.equal_earth import MIDDLE_DEGREES, SOUTH_DEGREES, WIDTH, Point, inside, place, turned

Ring = list[Point]

COUNTRIES = Path(__file__).parents[1] / "monitor" / "data" / "countries.csv"
SOURCE = "Natural Earth 4.1, 1:50m, as world-atlas 2.0.2 has it; Equal Earth projection"
EUROPE = (-11.5, 34.3, 34.0, 70.6)  # west, south, east, north: what is shown enlarged
TOLERANCE, TOLERANCE_EUROPE = 6.0, 1.5  # units by which a simplified border may be off
LEAST_AREA, LEAST_AREA_EUROPE = 160.0, 30.0  # square units of an island that is drawn
ISLAND_PARTS = 8  # into how many tolerances the length of an island divides at least: a small one stays one
GRID = 24  # lines each way of the search for a point that is far from the borders


def main(path: str) -> None:
    """Write the map for the borders in a TopoJSON file of world-atlas."""
    content = Path(path).read_bytes()
    rings = _countries(json.loads(content))
    rows = list(csv.DictReader(COUNTRIES.read_text(encoding="utf-8").splitlines()))
    codes = sorted({row["country"] for row in rows})
    world = {
        "source": SOURCE,
        "licence": "public domain",
        "sha256": hashlib.sha256(content).hexdigest(),
        "width": WIDTH,
        "height": round(place(MIDDLE_DEGREES, SOUTH_DEGREES)[1]),
        "europe": _frame(EUROPE),
        "names": {code: _name(code) for code in codes},
        "points": {code: _mark(rings.get(code), rows, code) for code in codes if code != "AQ"},
        "shapes": {
            code: _path(parts) for code, parts in sorted(rings.items()) if code in codes and _path(parts)
        },
        "land": "".join(_path(parts) for code, parts in sorted(rings.items()) if code not in codes),
    }
    json.dump(world, sys.stdout, ensure_ascii=False, indent=0, separators=(",", ":"))
    sys.stdout.write("\n")


def _frame(box: tuple[float, float, float, float]) -> list[int]:
    """Return the rectangle around a box of degrees: x, y, width, height."""
    west, south, east, north = box
    corners = [place(x, y) for x in (west, east) for y in (south, north)]
    left, top = min(x for x, _ in corners), min(y for _, y in corners)
    right, bottom = max(x for x, _ in corners), max(y for _, y in corners)
    return [round(each) for each in (left, top, right - left, bottom - top)]


def _countries(atlas: dict[str, Any]) -> dict[str, list[Ring]]:
    """Return the rings of every country by ISO code, of a territory that has none by its name."""
    arcs = [_simplified(arc) for arc in _arcs(atlas)]
    codes = {each.numeric: each.alpha_2 for each in pycountry.countries}
    found: dict[str, list[Ring]] = {}
    for geometry in atlas["objects"]["countries"]["geometries"]:
        name = geometry["properties"]["name"]
        code = "XK" if name == "Kosovo" else codes.get(geometry.get("id"), name)
        if code != "AQ":
            found.setdefault(code, []).extend(_rings(geometry, arcs))
    return {code: kept for code, rings in found.items() if (kept := _kept(rings))}


def _arcs(atlas: dict[str, Any]) -> Iterator[list[Point]]:
    """Yield the arcs as degrees east and north (TopoJSON: quantized, each point relative to the last)."""
    (scale_x, scale_y), (move_x, move_y) = (atlas["transform"][key] for key in ("scale", "translate"))
    for arc in atlas["arcs"]:
        x = y = 0
        points = []
        for step_x, step_y in arc:
            x, y = x + step_x, y + step_y
            points.append((x * scale_x + move_x, y * scale_y + move_y))
        yield points


def _simplified(arc: list[Point]) -> list[Point]:
    """Return an arc without the points that a straight line misses by little (Douglas, Peucker 1973)."""
    flat = [place(longitude, latitude) for longitude, latitude in _unbroken(arc)]
    west, south, east, north = EUROPE
    in_europe = any(west < x < east and south < y < north for x, y in arc)
    limit = TOLERANCE_EUROPE if in_europe else TOLERANCE
    keep = {0, len(flat) - 1}
    spans = [(0, len(flat) - 1)]
    if flat[0] == flat[-1]:  # a whole ring: its farthest point divides it
        half = max(range(len(flat)), key=lambda index: math.dist(flat[0], flat[index]))
        keep.add(half)
        spans = [(0, half), (half, len(flat) - 1)]
        limit = min(limit, math.dist(flat[0], flat[half]) / ISLAND_PARTS)
    while spans:
        first, last = spans.pop()
        inner = range(first + 1, last)
        if not inner:
            continue
        off, at = max((_off(flat[index], flat[first], flat[last]), index) for index in inner)
        if off > limit:
            keep.add(at)
            spans += [(first, at), (at, last)]
    return [arc[index] for index in sorted(keep)]


def _off(point: Point, start: Point, end: Point) -> float:
    """Return how far a point is from the line between two others."""
    length = math.dist(start, end)
    if not length:
        return math.dist(point, start)
    along = sum((p - s) * (e - s) for p, s, e in zip(point, start, end, strict=True)) / length**2
    along = min(max(along, 0.0), 1.0)
    return math.dist(point, [s + along * (e - s) for s, e in zip(start, end, strict=True)])


def _unbroken(points: Sequence[Point]) -> list[Point]:
    """Return points whose longitudes do not leap where they cross the 180th meridian."""
    result = [points[0]]
    for longitude, latitude in points[1:]:
        leap = round((longitude - result[-1][0]) / 360)
        result.append((longitude - 360 * leap, latitude))
    return result


def _rings(geometry: dict[str, Any], arcs: Sequence[list[Point]]) -> Iterator[Ring]:
    """Yield the rings of a geometry in units of the map."""
    polygons = [geometry["arcs"]] if geometry["type"] == "Polygon" else geometry["arcs"]
    for ring in (ring for polygon in polygons for ring in polygon):
        parts = [arcs[index] if index >= 0 else arcs[~index][::-1] for index in ring]
        points = _unbroken([point for part in parts for point in part[:-1]])
        mean = sum(longitude for longitude, _ in points) / len(points)
        turn = mean - turned(mean)
        yield [place(longitude - turn, latitude) for longitude, latitude in points]


def _kept(rings: Sequence[Ring]) -> list[Ring]:
    """Return the rings that are large enough to be seen, and the largest in any case; largest first."""
    x, y, width, height = _frame(EUROPE)
    kept: list[Ring] = []
    for ring in sorted(rings, key=_area, reverse=True):
        in_europe = x < ring[0][0] < x + width and y < ring[0][1] < y + height
        if not kept or _area(ring) >= (LEAST_AREA_EUROPE if in_europe else LEAST_AREA):
            kept.append(ring)
    return [ring for ring in kept if len(ring) > 2]


def _area(ring: Ring) -> float:
    pairs = zip(ring, [*ring[1:], ring[0]], strict=True)
    return abs(sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in pairs)) / 2


def _path(rings: Sequence[Ring]) -> str:
    """Return rings as SVG path data: whole numbers, each relative to the last."""
    parts = []
    for ring in rings:
        points = [(round(x), round(y)) for x, y in ring]
        steps = [
            f"{x - x0} {y - y0}" for (x0, y0), (x, y) in itertools.pairwise(points) if (x, y) != (x0, y0)
        ]
        if len(steps) > 1:
            parts.append(f"M{points[0][0]} {points[0][1]}l{' '.join(steps)}z".replace(" -", "-"))
    return "".join(parts)


def _mark(rings: list[Ring] | None, rows: Sequence[dict[str, str]], code: str) -> list[int]:
    """Return where a country's mark belongs."""
    if rings:
        x, y = _inmost(rings[0])
    else:
        caps = [row for row in rows if row["country"] == code]
        cap = max(caps, key=lambda row: float(row["radius_km"]))
        x, y = place(turned(float(cap["longitude"])), float(cap["latitude"]))
    return [round(x), round(y)]


def _inmost(ring: Ring) -> Point:
    """Return the point of a grid that lies in the ring and farthest from its border."""
    xs, ys = [x for x, _ in ring], [y for _, y in ring]
    edges = list(zip(ring, [*ring[1:], ring[0]], strict=True))
    best, found = -1.0, ring[0]
    for row in range(1, GRID):
        y = min(ys) + (max(ys) - min(ys)) * row / GRID
        for column in range(1, GRID):
            point = min(xs) + (max(xs) - min(xs)) * column / GRID, y
            if inside(point, ring):
                room = min(_off(point, start, end) for start, end in edges)
                best, found = max((best, found), (room, point))
    return found


def _name(code: str) -> str:
    country = pycountry.countries.get(alpha_2=code)
    return "Kosovo" if country is None else getattr(country, "common_name", country.name)


if __name__ == "__main__":
    main(sys.argv[1])

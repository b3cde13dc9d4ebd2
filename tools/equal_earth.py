"""The projection of the report's map, and places on it: for `tools/world_shapes.py` and its tests. Pure."""

import math

Point = tuple[float, float]

WIDTH = 12_000  # units of the map; whole numbers are exact enough
MIDDLE_DEGREES = 11.0  # the meridian in the middle: the map's edges run through the Bering Strait
NORTH_DEGREES, SOUTH_DEGREES = 83.7, -56.0  # Greenland, Cape Horn


def project(longitude: float, latitude: float) -> Point:
    """Return a place on the map: the Equal Earth projection, of a sphere.

    Source: Savric, Patterson, Jenny: The Equal Earth map projection. International Journal of Geographical
    Information Science 33 (3), 2019, equations 1 to 4.
    """
    a1, a2, a3, a4 = 1.340264, -0.081106, 0.000893, 0.003796
    root = math.sqrt(3)
    t = math.asin(root / 2 * math.sin(math.radians(latitude)))
    slope = 9 * a4 * t**8 + 7 * a3 * t**6 + 3 * a2 * t**2 + a1
    x = 2 * root * math.radians(longitude - MIDDLE_DEGREES) * math.cos(t) / (3 * slope)
    return x, a4 * t**9 + a3 * t**7 + a2 * t**3 + a1 * t


def place(longitude: float, latitude: float) -> Point:
    """Return a place in units of the map, from its upper left corner."""
    half, _ = project(180.0 + MIDDLE_DEGREES, 0.0)
    _, top = project(0.0, NORTH_DEGREES)
    x, y = project(longitude, latitude)
    return (x + half) * WIDTH / (2 * half), (top - y) * WIDTH / (2 * half)


def turned(longitude: float) -> float:
    """Return a longitude by the same meridian that lies within half a turn of the middle."""
    return longitude - 360 * math.floor((longitude - MIDDLE_DEGREES + 180) / 360)


def inside(point: Point, ring: list[Point]) -> bool:
    """Say whether a point lies in a ring (even-odd rule)."""
    x, y = point
    crossed = [
        (x0, y0, x1, y1)
        for (x0, y0), (x1, y1) in zip(ring, [*ring[1:], ring[0]], strict=True)
        if (y0 > y) != (y1 > y)
    ]
    return sum(x < x0 + (x1 - x0) * (y - y0) / (y1 - y0) for x0, y0, x1, y1 in crossed) % 2 == 1

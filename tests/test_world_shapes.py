"""The map of the world that the package holds: its countries are where they are on Earth."""

import csv
import re
from pathlib import Path

import pytest

from monitor.builtin import DATA
from monitor.report.atlas import read_atlas
from tools.equal_earth import WIDTH, Point, inside, place, turned

ATLAS = read_atlas()
CITIES = """
DE 52.52 13.40 | FR 48.85 2.35 | US 38.90 -77.04 | US 64.84 -147.72 | SG 1.36 103.82 | IE 53.35 -6.90
JP 36.2 138.2 | AU -33.0 148.0 | BR -15.79 -47.88 | IN 28.61 77.21 | CN 39.90 116.40 | GB 52.4 -1.5
CH 46.95 7.45 | NL 52.09 5.12 | SE 59.5 16.0 | RU 66.0 -173.0 | RU 55.75 37.62 | NZ -43.9 171.0
ZA -29.0 26.0 | CA 45.42 -75.70 | KR 36.5 127.9 | LU 49.75 6.15
"""


def rings(code: str) -> list[list[Point]]:
    found = []
    for ring in re.findall(r"M([^lz]+)l([^z]+)z", ATLAS.shapes[code]):
        start, steps = (list(map(int, re.findall(r"-?\d+", part))) for part in ring)
        points = [(float(start[0]), float(start[1]))]
        for x, y in zip(steps[::2], steps[1::2], strict=True):
            points.append((points[-1][0] + x, points[-1][1] + y))
        found.append(points)
    return found


def countries_at(latitude: float, longitude: float) -> list[str]:
    point = place(turned(longitude), latitude)
    return [code for code in ATLAS.shapes if sum(inside(point, ring) for ring in rings(code)) % 2]


@pytest.mark.parametrize(
    "city", [each.split() for line in CITIES.strip().splitlines() for each in line.split("|")]
)
def test_cities_lie_in_their_countries(city: tuple[str, str, str]) -> None:
    code, latitude, longitude = city
    assert countries_at(float(latitude), float(longitude)) == [code]


def test_every_country_has_a_name_and_a_point_on_the_map() -> None:
    rows = csv.DictReader((DATA / "countries.csv").read_text(encoding="utf-8").splitlines())
    codes = {each["country"] for each in rows}
    assert ATLAS.names.keys() == codes
    assert codes - ATLAS.points.keys() == {"AQ"}
    assert ATLAS.shapes.keys() < codes
    assert len(ATLAS.shapes) > 220
    outside = [
        code for code, (x, y) in ATLAS.points.items() if not (0 <= x <= WIDTH and 0 <= y <= ATLAS.height)
    ]
    assert outside == []


def test_points_lie_in_the_largest_part_of_their_countries() -> None:
    """All but those whose shape is thinner than a unit of the map."""
    beside = [code for code in ATLAS.shapes if not inside(ATLAS.points[code], rings(code)[0])]
    assert len(beside) < 6, beside


def test_it_says_where_it_is_from_and_is_small() -> None:
    assert ATLAS.licence == "public domain"
    assert "Natural Earth" in ATLAS.source
    assert re.fullmatch(r"[0-9a-f]{64}", ATLAS.sha256)
    assert len(Path(str(DATA / "world.json")).read_bytes()) < 90_000
    assert ATLAS.width == WIDTH
    x, y, width, height = ATLAS.europe
    for code in ("DE", "PT", "FI", "GR", "IE"):
        assert x < ATLAS.points[code][0] < x + width
        assert y < ATLAS.points[code][1] < y + height


def test_the_projection_is_equal_earth() -> None:
    """The largest y and x of a unit sphere, as PROJ's ``+proj=eqearth`` has them."""
    half = place(11.0 + 180.0, 0.0)[0] - place(11.0, 0.0)[0]
    assert half == pytest.approx(WIDTH / 2)
    top, equator = place(11.0, 90.0)[1], place(11.0, 0.0)[1]
    assert (equator - top) / half == pytest.approx(1.3173627591574133 / 2.7066299836960748)

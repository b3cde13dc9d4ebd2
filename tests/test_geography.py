"""Extents of countries: whole countries lie inside their caps, and no distance comes out too long."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.documents import DocumentError, Source
from monitor.geography import COLUMNS, Extents, Site, distance_km, read_extents
from tests.catalog_help import built_in, load_jurisdictions
from tests.world_kit import LIGHT_KM_PER_MS, Place, cities, drawn, extents, light_ms

# Ends of countries, and parts that lie far from the rest; in degrees north and east.
ENDS = """
US 71.39 -156.48 | US 18.91 -155.68 | US 24.55 -81.80 | US 44.81 -66.95 | US 52.92 172.43 | US 13.44 144.79
US 18.47 -66.11 | US 18.34 -64.90 | US -14.28 -170.70 | US 15.21 145.75 | US 19.28 166.65
PR 18.47 -66.11 | GU 13.44 144.79 | VI 18.34 -64.90 | AS -14.28 -170.70 | MP 15.21 145.75 | UM 28.21 -177.38
FR 4.92 -52.31 | FR 16.24 -61.53 | FR 14.60 -61.07 | FR -20.88 55.45 | FR -12.78 45.23 | FR -22.27 166.46
FR -17.54 -149.57 | FR 46.78 -56.18 | FR 17.90 -62.85 | FR 42.04 9.01 | FR 48.45 -5.10 | FR -49.35 70.22
GF 4.92 -52.31 | GP 16.24 -61.53 | MQ 14.60 -61.07 | RE -20.88 55.45 | YT -12.78 45.23 | NC -22.27 166.46
NL 12.15 -68.27 | NL 17.48 -62.98 | NL 17.63 -63.24 | NL 12.52 -70.03 | NL 12.11 -68.93 | NL 18.03 -63.05
NL 53.49 6.14 | BQ 12.15 -68.27 | BQ 17.63 -63.24 | NO 78.22 15.65 | NO 71.17 25.78 | NO 70.92 -8.72
NO -54.42 3.36 | SJ 78.22 15.65 | SJ 70.92 -8.72 | SJ 80.66 25.0 | ES 28.12 -15.43 | ES 27.81 -17.89
ES 35.89 -5.32 | ES 35.29 -2.94 | ES 39.89 4.27 | PT 37.74 -25.67 | PT 39.45 -31.13 | PT 32.65 -16.91
GB 60.85 -0.89 | GB 49.92 -6.30 | GB 54.60 -5.93 | GB 36.14 -5.35 | GB -51.70 -57.85 | GB 32.29 -64.78
GB 49.19 -2.11 | GB 54.15 -4.48 | GB -15.93 -5.72 | GB -7.31 72.42 | GI 36.14 -5.35 | JE 49.19 -2.11
DK 64.18 -51.74 | DK 62.01 -6.77 | DK 83.6 -33.0 | DK 55.10 14.70 | GL 76.53 -68.70 | FO 62.01 -6.77
FI 60.10 19.94 | AX 60.10 19.94 | FI 70.09 27.95 | IT 35.51 12.61 | IT 36.90 14.8 | GR 36.15 29.59
GR 34.80 24.08 | CL -27.12 -109.37 | CL -33.64 -78.83 | EC -0.74 -90.31 | CR 5.53 -87.06 | AU -29.04 167.95
AU -10.42 105.68 | AU -12.19 96.83 | AU -42.88 147.33 | AU -54.62 158.86 | CX -10.42 105.68 | CC -12.19 96.83
NZ -43.95 -176.56 | NZ -21.21 -159.78 | NZ -9.38 -171.25 | TK -9.38 -171.25
JP 24.34 124.16 | JP 27.09 142.19
JP 45.52 141.94 | CN 22.32 114.17 | CN 22.20 113.55 | CN 25.03 121.56 | CN 39.47 75.99 | CN 18.25 109.51
CN 53.48 122.37 | HK 22.32 114.17 | MO 22.20 113.55 | TW 25.03 121.56 | TW 24.45 118.38 | TW 26.16 119.95
RU 54.71 20.51 | RU 64.73 177.52 | RU 66.16 -169.80 | RU 44.95 34.10 | RU 80.62 58.05 | RU 43.10 131.87
UA 44.95 34.10 | UA 44.61 33.52 | UA 48.62 22.29 | IN 11.62 92.73 | IN 10.57 72.64 | IN 34.16 77.58
IN 27.48 95.0 | BR -3.85 -32.42 | BR -20.51 -29.32 | BR -7.98 -73.99 | ZA -46.90 37.75 | MA 27.15 -13.20
IL 31.50 34.47 | IL 31.90 35.20 | CY 35.19 33.36 | CY 34.59 32.99 | YE 12.65 54.02 | KI 1.87 -157.43
KI 1.33 172.98 | FM 9.51 138.12 | FM 5.32 163.0 | SC -9.4 46.4 | MU -19.70 63.42 | MU -10.4 56.6
MY 1.55 110.34 | MY 5.98 116.07 | ID 5.55 95.32 | ID -8.49 140.40 | CO 12.58 -81.70 | VE 15.67 -63.62
HN 17.40 -83.94 | EG 22.34 31.62 | RS 42.66 21.17 | XK 42.66 21.17 | SO 9.56 44.06 | KZ 45.96 63.31
CA 83.11 -69.9 | CA 41.73 -82.68 | CA 47.56 -52.71 | CA 62.43 -140.88 | AR -54.81 -68.30 | GQ -1.43 5.63
BR 0.92 -29.35 | CA 43.93 -59.9 | CL -26.47 -105.36 | CL -26.29 -80.1 | CN 16.83 112.33 | CO 4.0 -81.6
DK 55.32 15.19 | FJ -12.5 177.05 | FJ -21.7 174.6 | GR 36.15 29.59 | JP 24.29 153.98 | JP 20.42 136.08
KI -0.86 169.54 | KR 37.24 131.87 | MH 9.8 160.9 | MX 29.0 -118.3 | MX 18.8 -110.97 | MX 18.36 -114.73
MY 7.37 113.84 | NZ -29.25 -177.92 | NZ -52.54 169.14 | NZ -50.7 166.3 | NZ -49.7 178.8 | PT 30.14 -15.87
PW 3.0 131.12 | SB -12.3 168.8 | SB -5.3 159.4 | SH -37.11 -12.28 | SH -40.33 -9.93 | SH -7.95 -14.37
TF -15.89 54.52 | TF -11.55 47.3 | TF -22.37 40.36 | TF -17.05 42.75 | TO -15.6 -175.63 | TW 26.16 119.95
TW 20.7 116.72 | TW 10.38 114.37 | VN 16.83 112.33 | GB -37.11 -12.28 | FR -15.89 54.52 | CN 26.16 119.95
PF -23.12 -134.97 | PF -8.91 -140.10 | CU 21.86 -84.95 | BS 26.53 -78.70 | AQ -77.85 166.67 | AQ -62.2 -58.96
"""


def ends() -> list[Place]:
    parts = [each.split() for line in ENDS.strip().splitlines() for each in line.split("|")]
    return [Place(country, float(latitude), float(longitude)) for country, latitude, longitude in parts]


@pytest.mark.parametrize("places", [cities(), drawn(), ends()], ids=["cities", "drawn", "ends"])
def test_places_lie_inside_their_countries(places: list[Place]) -> None:
    outside = [
        place
        for place in places
        if extents().distance_km(Site(place.latitude, place.longitude), place.country) != 0
    ]
    assert outside == []


def test_every_country_has_an_extent() -> None:
    assert load_jurisdictions().countries - extents().caps.keys() == set()
    assert {region.country for region in built_in().regions.values()} <= extents().caps.keys()


@pytest.mark.parametrize(
    ("country", "site", "least_km"),
    [
        ("US", Site(50.11, 8.68), 4_500),  # from Frankfurt
        ("IE", Site(50.11, 8.68), 700),
        ("DE", Site(1.35, 103.82), 9_000),  # from Singapore
        ("AU", Site(53.35, -6.26), 10_000),
    ],
)
def test_extents_are_not_so_wide_that_they_are_useless(country: str, site: Site, least_km: float) -> None:
    distance = extents().distance_km(site, country)
    assert distance is not None
    assert distance > least_km


def test_a_country_without_extent_has_no_distance() -> None:
    assert extents().distance_km(Site(0, 0), "ZZ") is None


LATITUDES, LONGITUDES = st.floats(-90, 90), st.floats(-180, 180)


@given(LATITUDES, LONGITUDES, LATITUDES, LONGITUDES)
def test_a_distance_is_that_on_the_smallest_sphere(
    latitude: float, longitude: float, other_latitude: float, other_longitude: float
) -> None:
    there = distance_km(Site(latitude, longitude), other_latitude, other_longitude)
    light = light_ms(Place("", latitude, longitude), Place("", other_latitude, other_longitude))
    assert math.isclose(there, light * LIGHT_KM_PER_MS / 2, rel_tol=1e-3, abs_tol=1)
    assert 0 <= there <= 20_000


@pytest.mark.parametrize(
    ("one", "other", "geodesic_km"),  # on WGS 84
    [
        (Site(0, 0), (1, 0), 110.574),
        (Site(0, 0), (0, 1), 111.320),
        (Site(89, 0), (90, 0), 111.694),
        (Site(50.1109, 8.6821), (40.7128, -74.0060), 6_220),
        (Site(0, 0), (90, 0), 10_001.966),
        (Site(90, 0), (-90, 0), 20_003.931),
    ],
)
def test_a_distance_is_never_longer_than_it_is(
    one: Site, other: tuple[float, float], geodesic_km: float
) -> None:
    assert 0.98 * geodesic_km < distance_km(one, *other) < geodesic_km


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("DE,Germany,50,9", "table:2: error: no cap: DE,Germany,50,9"),
        ("DE,Germany,50,9,far", "table:2: error: no cap: DE,Germany,50,9,far"),
    ],
)
def test_a_mistake_in_the_table_is_named(row: str, says: str) -> None:
    with pytest.raises(DocumentError, match=says):
        read_extents(Source("table", f"{','.join(COLUMNS)}\n{row}\n"))
    with pytest.raises(DocumentError, match="another header"):
        read_extents(Source("table", row))


def test_the_version_changes_with_the_table() -> None:
    versions = {_table(radius).version for radius in (1, 2)}
    assert len(versions) == 2


def _table(radius_km: int) -> Extents:
    return read_extents(Source("table", f"{','.join(COLUMNS)}\nDE,Germany,50,9,{radius_km}\n"))

"""What charts are made of and come to. Frozen values."""

import msgspec


class Chart(msgspec.Struct, frozen=True):
    """A picture: a whole ``<svg>`` element, its title, and what it shows in a sentence or two."""

    svg: str
    title: str
    describes: str


class Atlas(msgspec.Struct, frozen=True):
    """The shapes of countries, by ISO 3166-1 alpha-2 code: `monitor/data/world.json`.

    Shapes are SVG path data in whole units of a map of ``width`` by ``height``; ``land`` are those of no
    country. ``points`` are where a country's mark belongs; some countries have one and no shape. ``europe``
    is the rectangle that is shown enlarged: x, y, width, height.
    """

    source: str
    licence: str
    sha256: str  # of the file that it was made of
    width: int
    height: int
    europe: tuple[int, int, int, int]
    names: dict[str, str]
    points: dict[str, tuple[int, int]]
    shapes: dict[str, str]
    land: str = ""
